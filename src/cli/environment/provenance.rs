//! Finds the provenance of an apply: from the variables of the pipeline, else from git.

use std::path::Path;

use super::base_manifest::git;
use crate::cli::settings::{Settings, variable};
use crate::store::Provenance;

/// The maximum length of an id or a branch that git prints, in bytes.
const GIT_LIMIT: u64 = 1024;

/// Returns the provenance of an apply of a manifest in this folder.
pub(in crate::cli) async fn find(
    settings: &Settings,
    folder: &Path,
    message: Option<&str>,
) -> Provenance {
    let CiRun {
        url,
        commit,
        branch,
    } = CiRun::of(&variable);
    let commit = match commit {
        Some(commit) => Some(commit),
        None => git_line(folder, "rev-parse --verify --quiet").await,
    };
    let branch = match branch {
        Some(branch) => Some(branch),
        // A checkout of a commit has no branch.
        None => git_line(folder, "symbolic-ref --short --quiet").await,
    };
    Provenance {
        who: settings.who.clone(),
        ci_run: url,
        commit,
        branch,
        message: message.map(str::to_owned),
    }
}

/// Returns what git prints about `HEAD`; none if there is no git or no repository.
async fn git_line(folder: &Path, command: &str) -> Option<String> {
    let answer = git(folder, command, "HEAD", GIT_LIMIT).await.ok()?;
    answer.line()
}

/// The facts that a pipeline gives its jobs in variables.
#[derive(Debug, Default, PartialEq, Eq)]
struct CiRun {
    url: Option<String>,
    commit: Option<String>,
    branch: Option<String>,
}

impl CiRun {
    /// Reads the variables of GitHub Actions, GitLab, Azure DevOps and Jenkins.
    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name));
        if let (Some(server), Some(repository), Some(run)) = (
            variable("GITHUB_SERVER_URL"),
            variable("GITHUB_REPOSITORY"),
            variable("GITHUB_RUN_ID"),
        ) {
            return Self {
                url: Some(format!("{server}/{repository}/actions/runs/{run}")),
                commit: variable("GITHUB_SHA"),
                // The head of a pull request, whose own ref is a merge.
                branch: first(&["GITHUB_HEAD_REF", "GITHUB_REF_NAME"]),
            };
        }
        if let Some(url) = first(&["CI_JOB_URL", "CI_PIPELINE_URL"]) {
            return Self {
                url: Some(url),
                commit: variable("CI_COMMIT_SHA"),
                branch: first(&["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"]),
            };
        }
        if let (Some(server), Some(project), Some(build)) = (
            variable("SYSTEM_COLLECTIONURI"),
            variable("SYSTEM_TEAMPROJECT"),
            variable("BUILD_BUILDID"),
        ) {
            let server = server.trim_end_matches('/');
            let project = project.replace(' ', "%20");
            return Self {
                url: Some(format!("{server}/{project}/_build/results?buildId={build}")),
                commit: variable("BUILD_SOURCEVERSION"),
                branch: variable("BUILD_SOURCEBRANCHNAME"),
            };
        }
        if let Some(url) = variable("BUILD_URL") {
            return Self {
                url: Some(url),
                commit: variable("GIT_COMMIT"),
                branch: first(&["CHANGE_BRANCH", "GIT_BRANCH", "BRANCH_NAME"]),
            };
        }
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_are_known_by_their_variables() {
        for (variables, expected) in [
            (&[][..], [None, None, None]),
            // Too little to make a URL of.
            (
                &[("GITHUB_SHA", "c"), ("GITHUB_RUN_ID", "7")],
                [None, None, None],
            ),
            (
                &[
                    ("GITHUB_SERVER_URL", "https://github.com"),
                    ("GITHUB_REPOSITORY", "acme/release"),
                    ("GITHUB_RUN_ID", "7"),
                    ("GITHUB_SHA", "c"),
                    ("GITHUB_REF_NAME", "main"),
                ],
                [
                    Some("https://github.com/acme/release/actions/runs/7"),
                    Some("c"),
                    Some("main"),
                ],
            ),
            (
                &[
                    ("CI_JOB_URL", "https://gitlab.example.com/acme/-/jobs/7"),
                    ("CI_COMMIT_SHA", "c"),
                    ("CI_COMMIT_REF_NAME", "main"),
                ],
                [
                    Some("https://gitlab.example.com/acme/-/jobs/7"),
                    Some("c"),
                    Some("main"),
                ],
            ),
            (
                &[
                    ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/"),
                    ("SYSTEM_TEAMPROJECT", "The Release"),
                    ("BUILD_BUILDID", "7"),
                    ("BUILD_SOURCEVERSION", "c"),
                    ("BUILD_SOURCEBRANCHNAME", "main"),
                ],
                [
                    Some("https://dev.azure.com/acme/The%20Release/_build/results?buildId=7"),
                    Some("c"),
                    Some("main"),
                ],
            ),
            (
                &[
                    ("BUILD_URL", "https://ci.example.com/job/release/7/"),
                    ("GIT_COMMIT", "c"),
                    ("GIT_BRANCH", "origin/main"),
                ],
                [
                    Some("https://ci.example.com/job/release/7/"),
                    Some("c"),
                    Some("origin/main"),
                ],
            ),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let [url, commit, branch] = expected.map(|fact| fact.map(str::to_owned));
            let expected = CiRun {
                url,
                commit,
                branch,
            };
            assert_eq!(CiRun::of(&variable), expected);
        }
    }
}

//! A run of a solution: the request that starts it, and its record in the lists of runs.

use std::sync::Arc;

use crate::ident::{JobId, Owner, SolutionId, SolutionName, Version};

/// The state of a run. An open set: the documents name five words and never list those that the
/// filter accepts (docs/platform.md, 8.17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Running.
    Running,
    /// Ended with success.
    Complete,
    /// Ended with a failure.
    Failed,
    /// Cancelled by a user.
    Cancelled,
    /// Waiting for a person at a checkpoint; it does not continue by itself.
    StoppedAtCheckpoint,
    /// Any other word, kept unchanged. `PENDING`, `QUEUED` and `PAUSED` are known from the Job API.
    Other(Arc<str>),
}

impl RunState {
    /// Parses the server's word.
    pub fn new(word: &str) -> Self {
        match word {
            "RUNNING" => Self::Running,
            "COMPLETE" => Self::Complete,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            "STOPPED_AT_CHECKPOINT" => Self::StoppedAtCheckpoint,
            other => Self::Other(Arc::from(other)),
        }
    }

    /// Returns the server's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::StoppedAtCheckpoint => "STOPPED_AT_CHECKPOINT",
            Self::Other(word) => word,
        }
    }

    /// Returns whether a run in this state does not continue by itself. An unknown word does not
    /// count as an end.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Complete | Self::Failed | Self::Cancelled | Self::StoppedAtCheckpoint => true,
            Self::Running => false,
            Self::Other(word) => &**word == "PAUSED",
        }
    }
}

/// The solution to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunTarget {
    /// The id of a record.
    Id(SolutionId),
    /// A solution by name. Without an owner the platform takes `IB_DEPLOYED`, and without a version
    /// the most recently created one, which need not be the highest (docs/platform.md, 8.20, 8.21).
    Name {
        /// The name.
        name: SolutionName,
        /// The version.
        version: Option<Version>,
        /// The owner.
        owner: Option<Owner>,
    },
}

/// A request to start a run. It always contains an id that the caller chose, by which the run can
/// be found if the answer is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The run's id, at most 50 characters.
    pub id: JobId,
    /// The folder of the input files, on the platform.
    pub input_dir: String,
    /// The folder for the results; without it the platform creates a folder within the input
    /// folder.
    pub output_dir: Option<String>,
    /// The settings, in the form that a flow binary takes.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl RunRequest {
    /// The space for the results, `OWNER/SPACE`. Lists of runs show the caller's own spaces only,
    /// unless they name one (the API page, `output_repo`).
    pub fn output_repo(&self) -> Option<String> {
        let path = self.output_dir.as_ref().unwrap_or(&self.input_dir);
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next()) {
            (Some(owner), Some(space)) if !owner.is_empty() && !space.is_empty() => {
                Some(format!("{owner}/{space}"))
            }
            _ => None,
        }
    }
}

/// A filter for a list of runs. An empty filter matches everything; of several values one must
/// match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// The ids of solutions. The list of a single solution has exactly one.
    pub solution_ids: Vec<SolutionId>,
    /// True to read the list of that single solution, instead of the list of all.
    pub is_of_one: bool,
    /// The users who started the run.
    pub users: Vec<String>,
    /// The ids of runs.
    pub ids: Vec<JobId>,
    /// The states, in the platform's words.
    pub states: Vec<String>,
    /// The owners of solutions.
    pub owners: Vec<String>,
    /// The names of solutions.
    pub names: Vec<String>,
    /// The spaces of the output, `OWNER/SPACE`.
    pub output_repos: Vec<String>,
    /// The key by which the server sorts.
    pub sort_by: Option<&'static str>,
    /// `ASCENDING` or `DESCENDING`.
    pub order: Option<&'static str>,
    /// The maximum number of runs to show; all if it is absent.
    pub limit: Option<u64>,
    /// The number of runs to skip.
    pub offset: u64,
}

impl RunFilter {
    /// Returns the filter for the RUNNING runs of a solution whose results go to these spaces, or
    /// to those of the token's user if there are none.
    pub fn running(solution: &SolutionId, spaces: impl IntoIterator<Item = String>) -> Self {
        Self {
            solution_ids: vec![solution.clone()],
            is_of_one: true,
            states: vec![RunState::Running.as_str().to_owned()],
            output_repos: spaces.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// The record of a run in a list. Every field except the id may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run's id.
    pub id: JobId,
    /// The solution that runs.
    pub solution_id: Option<SolutionId>,
    /// The platform's internal id of the user who started it.
    pub account_id: Option<String>,
    /// The state.
    pub state: Option<RunState>,
    /// The start, in milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// The end, in milliseconds since 1970.
    pub completed_at_ms: Option<i64>,
    /// The time it ran, in milliseconds. A duration, although the page calls it otherwise
    /// (docs/platform.md, 8.12).
    pub time_taken_ms: Option<i64>,
    /// The server's message.
    pub message: Option<String>,
    /// The path of the results.
    pub output_folder: Option<String>,
}

/// A list of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunList {
    /// The runs, each once, in the server's order.
    pub runs: Vec<RunRecord>,
    /// The reason why there may be more runs, if so.
    pub incomplete: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_the_results() {
        for (input, output, expected) in [
            ("acme/prod/fs/Drive/in", None, Some("acme/prod")),
            ("/acme/prod/fs/Drive/in", None, Some("acme/prod")),
            (
                "acme/prod/fs/Drive/in",
                Some("ann/own/fs/D/out"),
                Some("ann/own"),
            ),
            ("acme", None, None),
            ("acme//in", None, None),
        ] {
            let request = RunRequest {
                id: JobId::parse("r").unwrap(),
                input_dir: input.to_owned(),
                output_dir: output.map(str::to_owned),
                settings: serde_json::Map::new(),
            };
            assert_eq!(
                request.output_repo().as_deref(),
                expected,
                "{input} {output:?}"
            );
        }
    }

    #[test]
    fn words_are_kept_and_ends_are_known() {
        for word in [
            "RUNNING",
            "COMPLETE",
            "FAILED",
            "CANCELLED",
            "STOPPED_AT_CHECKPOINT",
        ] {
            let state = RunState::new(word);
            assert_eq!(state.as_str(), word);
            assert!(!matches!(state, RunState::Other(_)));
            assert_eq!(state.is_end(), word != "RUNNING");
        }
        assert!(RunState::new("PAUSED").is_end());
        assert!(!RunState::new("REVIEWING").is_end());
        assert_eq!(RunState::new("REVIEWING").as_str(), "REVIEWING");
    }
}

//! A run of a solution: how it is asked for, and how the lists of runs tell of it.

use std::sync::Arc;

use crate::ident::{JobId, Owner, SolutionId, SolutionName, Version};

/// The state of a run. Open: the documents name five words and never list those that the filter
/// takes (docs/platform.md, 8.17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// At work.
    Running,
    /// Ended well.
    Complete,
    /// Ended badly.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It waits for a human at a checkpoint, and does not go on by itself.
    StoppedAtCheckpoint,
    /// Any other word, kept as it came. `PENDING`, `QUEUED` and `PAUSED` are known from the Job
    /// API.
    Other(Arc<str>),
}

impl RunState {
    /// The five documented states.
    pub const DOCUMENTED: [&'static str; 5] = [
        "RUNNING",
        "COMPLETE",
        "FAILED",
        "CANCELLED",
        "STOPPED_AT_CHECKPOINT",
    ];

    /// Takes the server's word.
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

    /// The server's word.
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

    /// Returns whether a run in this state goes no further by itself. An unknown word is no end.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Complete | Self::Failed | Self::Cancelled | Self::StoppedAtCheckpoint => true,
            Self::Running => false,
            Self::Other(word) => &**word == "PAUSED",
        }
    }
}

/// Which solution is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunTarget {
    /// One record.
    Id(SolutionId),
    /// By name. The platform takes `IB_DEPLOYED` where no owner is named, and the most recently
    /// created version, which need not be the highest, where no version is (docs/platform.md, 8.20,
    /// 8.21).
    Name {
        /// The name.
        name: SolutionName,
        /// The version.
        version: Option<Version>,
        /// The owner.
        owner: Option<Owner>,
    },
}

/// What a run works on. It always goes out with an id of the caller's choice, by which it can be
/// found again if the answer is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The run's id, at most 50 characters.
    pub id: JobId,
    /// The folder of the input files, on the platform.
    pub input_dir: String,
    /// The folder for the results; the platform makes one within the input folder otherwise.
    pub output_dir: Option<String>,
    /// The settings, as for a flow binary.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl RunRequest {
    /// The space that the results go to, `OWNER/SPACE`. Lists of runs show the caller's own spaces
    /// only, unless they name one (the API page, `output_repo`).
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

/// Which runs a list is to show. An empty filter lets everything pass; of several values one must
/// fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Solutions. The list of one solution has exactly one.
    pub solution_ids: Vec<SolutionId>,
    /// True if the list of that one solution is meant, instead of the list of all.
    pub is_of_one: bool,
    /// Who started the run.
    pub users: Vec<String>,
    /// Run ids.
    pub ids: Vec<JobId>,
    /// States, in the platform's words.
    pub states: Vec<String>,
    /// Owners of solutions.
    pub owners: Vec<String>,
    /// Names of solutions.
    pub names: Vec<String>,
    /// Spaces of the output, `OWNER/SPACE`.
    pub output_repos: Vec<String>,
    /// What the server sorts by.
    pub sort_by: Option<&'static str>,
    /// `ASCENDING` or `DESCENDING`.
    pub order: Option<&'static str>,
    /// How many runs to show at most; all without it.
    pub limit: Option<u64>,
    /// How many to pass over.
    pub offset: u64,
}

/// One run, as a list tells of it. All but the id may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: JobId,
    /// The solution that runs.
    pub solution_id: Option<SolutionId>,
    /// The platform's private id of who started it.
    pub account_id: Option<String>,
    /// Its state.
    pub state: Option<RunState>,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// When it ended.
    pub completed_at_ms: Option<i64>,
    /// How long it worked, in milliseconds. A duration, whatever the page calls it
    /// (docs/platform.md, 8.12).
    pub time_taken_ms: Option<i64>,
    /// The server's message.
    pub message: Option<String>,
    /// Where the results lie.
    pub output_folder: Option<String>,
}

/// A list of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunList {
    /// The runs, each once, in the server's order.
    pub runs: Vec<RunRecord>,
    /// Why there may be more, where that is so.
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
        for word in RunState::DOCUMENTED {
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

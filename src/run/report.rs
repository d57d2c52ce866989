//! The report of a run or a job, as plain data.

use crate::ident::{JobId, SolutionId};

/// The state of a run or job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job was started, and was not polled yet.
    Started,
    /// The job is in progress.
    InProgress,
    /// The job succeeded.
    Done,
    /// The job failed.
    Failed {
        /// The reason, in the server's words.
        message: String,
    },
    /// No answer shows the state (docs/platform.md, U3).
    NotKnown {
        /// The last answer.
        detail: String,
    },
}

impl JobOutcome {
    /// Returns the word for the state in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::InProgress => "at_work",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::NotKnown { .. } => "not_known",
        }
    }

    /// Returns the state for people.
    pub fn label(&self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::NotKnown { .. } => "not known",
            Self::Started | Self::Done | Self::Failed { .. } => self.word(),
        }
    }

    /// Returns the reason of a failure, or the last answer if the state is not known.
    pub fn reason(&self) -> Option<&String> {
        match self {
            Self::Failed { message } => Some(message),
            Self::NotKnown { detail } => Some(detail),
            Self::Started | Self::InProgress | Self::Done => None,
        }
    }

    /// Returns whether the state is final.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Done | Self::Failed { .. })
    }
}

/// The known facts about a run or job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// The id.
    pub id: JobId,
    /// The state, as solform understands it.
    pub outcome: JobOutcome,
    /// The server's word for its state.
    pub state: Option<String>,
    /// The completed share, 0 to 1. Only runs have it.
    pub progress: Option<f64>,
    /// The server's message.
    pub message: Option<String>,
    /// The start time, in milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// The duration, in milliseconds.
    pub time_taken_ms: Option<i64>,
    /// The folder that holds the results.
    pub output_folder: Option<String>,
    /// The solutions of the job: the one that ran, or the ones that a deploy made.
    pub solution_ids: Vec<SolutionId>,
    /// True if the start was sent twice, because the first answer was lost.
    pub sent_twice: bool,
}

impl JobReport {
    /// Returns a report with no other facts yet.
    pub fn new(id: JobId, outcome: JobOutcome) -> Self {
        Self {
            id,
            outcome,
            state: None,
            progress: None,
            message: None,
            started_at_ms: None,
            time_taken_ms: None,
            output_folder: None,
            solution_ids: Vec::new(),
            sent_twice: false,
        }
    }
}

/// An event while a run is started and watched.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The start is sent again, or its effect is checked.
    Retrying {
        /// The pause before it.
        after: std::time::Duration,
        /// True if the server may have accepted the start, so that solform checks for it.
        is_ambiguous: bool,
        /// The error of the last attempt.
        why: String,
    },
    /// The answer changed.
    Answered {
        /// The server's word, or the reason why there is none.
        word: String,
        /// The completed share, 0 to 1.
        progress: Option<f64>,
    },
}

//! What became of a run or a job, for whoever asked. Plain data.

use crate::ident::{JobId, SolutionId};

/// How a run or job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It was started; nobody has looked yet.
    Started,
    /// It is at work.
    AtWork,
    /// It ended well.
    Done,
    /// It ended badly.
    Failed {
        /// Why, in the server's words.
        message: String,
    },
    /// No answer tells (docs/platform.md, U3).
    NotKnown {
        /// What the last answer was.
        detail: String,
    },
}

impl JobOutcome {
    /// The word for it, the same in every format.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::AtWork => "at_work",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::NotKnown { .. } => "not_known",
        }
    }

    /// Returns whether nothing more will come of it.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Done | Self::Failed { .. })
    }
}

/// Everything that is known of a run or job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Its id.
    pub id: JobId,
    /// How it stands.
    pub outcome: JobOutcome,
    /// The server's word for its state.
    pub state: Option<String>,
    /// The share that is done, 0 to 1. Only runs tell it.
    pub progress: Option<f64>,
    /// The server's message.
    pub message: Option<String>,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// How long it worked, in milliseconds.
    pub time_taken_ms: Option<i64>,
    /// Where the results lie.
    pub output_folder: Option<String>,
    /// The solutions that it is about: the one that ran, or the ones that a deploy made.
    pub solution_ids: Vec<SolutionId>,
    /// True if its start was sent twice, as the first answer was lost.
    pub sent_twice: bool,
}

impl JobReport {
    /// A report that tells nothing yet.
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

/// What happens while a run is started and watched.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The start is sent again, or looked for.
    Retrying {
        /// After what pause.
        after: std::time::Duration,
        /// True if it may have been taken, and is looked for.
        is_ambiguous: bool,
        /// Why.
        why: String,
    },
    /// The answer is another one than before.
    Answered {
        /// The server's word, or why there is none.
        word: String,
        /// The share that is done, 0 to 1.
        progress: Option<f64>,
    },
}

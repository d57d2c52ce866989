//! What a job's status means: at work, over, or nothing that can be relied on (docs/platform.md,
//! "Jobs").

use crate::ident::SolutionId;

/// One answer about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// The job is at work, in the server's own word.
    Pending {
        /// The word, such as `PENDING` or `RUNNING`.
        word: String,
    },
    /// The job came to an end.
    Finished(JobResult),
    /// The answer says nothing about the job: poll on, until the deadline.
    NoAnswer(NoAnswer),
}

/// How a job ended, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// Well.
    Done {
        /// The ids that the result names, in its order. Often none (docs/platform.md, U2).
        solution_ids: Vec<SolutionId>,
    },
    /// Badly.
    Failed {
        /// The server's message, or its state word where it gave none.
        message: String,
    },
}

/// An answer that says nothing about the job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// 404: unknown, expired, or not yet known.
    #[error("the server does not know the job")]
    UnknownJob,
    /// An empty body, `{}`, or an object without `state`.
    #[error("the answer has no state")]
    NoState,
    /// `status: ERROR` without a state.
    #[error("the status request was refused: {message}")]
    Refused {
        /// The server's message.
        message: String,
    },
    /// A state word that nobody knows.
    #[error("the state `{word}` is not known")]
    UnknownWord {
        /// The word.
        word: String,
    },
}

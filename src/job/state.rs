//! The meaning of a job's status: in progress, ended, or no reliable information (docs/platform.md,
//! "Jobs").

use crate::ident::SolutionId;

/// An answer about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// The job is in progress, with the server's word, such as `PENDING` or `RUNNING`.
    Pending(String),
    /// The job has ended.
    Finished(JobResult),
    /// The answer has no information about the job: the caller polls on, until the deadline.
    NoAnswer(NoAnswer),
}

/// The result of a job, as the job itself reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// Success.
    Done {
        /// The ids in the result, in its order. Often empty (docs/platform.md, U2).
        solution_ids: Vec<SolutionId>,
    },
    /// Failure, with the server's message, or the state word if there is no message.
    Failed(String),
}

/// An answer without information about the job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// 404: unknown, expired, or not yet known.
    #[error("the server does not know the job")]
    UnknownJob,
    /// An empty body, `{}`, or an object without `state`.
    #[error("the answer has no state")]
    NoState,
    /// `status: ERROR` without a state, with the server's message.
    #[error("the status request was refused: {0}")]
    Refused(String),
    /// An unknown state word.
    #[error("the state `{0}` is not known")]
    UnknownWord(String),
}

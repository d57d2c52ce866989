//! The events of an apply, as values: the executor emits them, and the renderers show them.

use std::time::Duration;

use super::report::StepReport;
use crate::ident::{Address, JobId};
use crate::outcome::WriteKind;
use crate::plan::{ActionKind, VerifiedRun};

/// An event of an apply.
#[derive(Debug)]
pub enum ApplyEvent<'a> {
    /// A step started: its precondition is being checked.
    StepStarted {
        /// The change.
        address: Address,
        /// The kind of the change.
        kind: ActionKind,
    },
    /// A part of a package was uploaded.
    Uploading {
        /// The change.
        address: Address,
        /// The number of bytes that were sent.
        done: u64,
        /// The number of bytes of the package.
        total: u64,
    },
    /// The server accepted a write and processes it in a job.
    JobStarted {
        /// The change.
        address: Address,
        /// The call that started it.
        call: WriteKind,
        /// The job; `None` if the server did not name one.
        job: Option<JobId>,
    },
    /// The answer about a job changed.
    JobAnswered {
        /// The change.
        address: Address,
        /// The job.
        job: JobId,
        /// The server's word, or the reason why the answer is not usable.
        word: String,
    },
    /// A run of a verification is started.
    RunStarted {
        /// The change.
        address: Address,
        /// The declared name of the run.
        name: String,
        /// The run.
        run: JobId,
    },
    /// The answer about a run changed.
    RunAnswered {
        /// The change.
        address: Address,
        /// The declared name of the run.
        name: String,
        /// The run.
        run: JobId,
        /// The server's word, or the reason why the answer is not usable.
        word: String,
    },
    /// A run of a verification has its result.
    RunEnded {
        /// The change.
        address: Address,
        /// The result.
        run: &'a VerifiedRun,
    },
    /// The version must not be taken out of service before its RUNNING runs have ended.
    WaitingForRuns {
        /// The change.
        address: Address,
        /// The number of runs.
        runs: usize,
    },
    /// A call is sent again after a pause.
    Retrying {
        /// The change.
        address: Address,
        /// The call.
        call: WriteKind,
        /// The longest pause.
        after: Duration,
        /// True if the server may have accepted the call, so that solform first checks for its
        /// effect.
        is_ambiguous: bool,
        /// The error of the last attempt.
        why: String,
    },
    /// A step ended.
    StepFinished(&'a StepReport),
    /// The first interrupt was received: no step starts any more, and running steps finish.
    Draining {
        /// The number of steps in progress.
        in_progress: usize,
    },
}

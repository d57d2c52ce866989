//! The events of an apply, as values: the executor emits them, and the renderers show them.

use std::time::Duration;

use crate::ident::{Address, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::ActionKind;

/// An event of an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyEvent {
    /// A step started: its precondition is being checked.
    StepStarted {
        /// The change.
        address: Address,
        /// The kind of the change.
        kind: ActionKind,
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
    StepFinished {
        /// The change.
        address: Address,
        /// The kind of the change.
        kind: ActionKind,
        /// The outcome of the change.
        outcome: OutcomeKind,
        /// True if the after-image was live before anything was sent.
        was_already: bool,
        /// The duration of the step.
        took: Duration,
        /// The record that is live, if there is one.
        id: Option<SolutionId>,
        /// The reason why the change is not done, or a remark on one that is done.
        why: Option<String>,
        /// The jobs that the step started, in order.
        jobs: Vec<JobId>,
        /// The calls that were sent a second time.
        sent_twice: Vec<WriteKind>,
    },
    /// The first interrupt was received: no step starts any more, and running steps finish.
    Draining {
        /// The number of steps in progress.
        in_progress: usize,
    },
}

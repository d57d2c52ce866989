//! What happens during an apply, as values: the executor tells, renderers speak.

use std::time::Duration;

use crate::ident::{Address, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::ActionKind;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyEvent {
    /// A change's step began: its precondition is being looked at.
    StepStarted {
        /// The change.
        address: Address,
        /// What is done.
        kind: ActionKind,
    },
    /// A write was taken by the server, which works on it in a job.
    JobStarted {
        /// The change.
        address: Address,
        /// The call that started it.
        call: WriteKind,
        /// The job; none where the server named none.
        job: Option<JobId>,
    },
    /// A job's answer changed.
    JobAnswered {
        /// The change.
        address: Address,
        /// The job.
        job: JobId,
        /// The server's word, or why the answer says nothing.
        word: String,
    },
    /// A call is tried again after a while.
    Retrying {
        /// The change.
        address: Address,
        /// The call.
        call: WriteKind,
        /// How long it waits, at the most.
        after: Duration,
        /// True if the call may have been taken, so that its effect is looked for meanwhile.
        is_ambiguous: bool,
        /// Why.
        why: String,
    },
    /// A change's step came to its end.
    StepFinished {
        /// The change.
        address: Address,
        /// What was done.
        kind: ActionKind,
        /// How it ended.
        outcome: OutcomeKind,
        /// How long it took.
        took: Duration,
        /// The record that is live, where one is.
        id: Option<SolutionId>,
        /// Why it is not done, or what is to be known of one that is.
        why: Option<String>,
        /// Jobs that it started, in order.
        jobs: Vec<JobId>,
        /// Calls that were sent a second time.
        sent_twice: Vec<WriteKind>,
    },
    /// The first interrupt was seen: nothing new starts, what is in progress ends.
    Draining {
        /// Steps at work.
        at_work: usize,
    },
}

//! The known facts about a change that the user abandons.

use std::time::Duration;

use crate::ident::{Address, JobId, SolutionId};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;

/// A change that the user abandons, with all known facts about it.
#[derive(Debug)]
pub struct Abandoned<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The id of the apply.
    pub apply: &'a str,
    /// The change.
    pub address: &'a Address,
    /// The last write that was sent.
    pub call: Option<WriteKind>,
    /// The id of its job, if the server returned one.
    pub job: Option<&'a JobId>,
    /// The time since the write was sent.
    pub age: Option<Duration>,
    /// The server's current answer about the job.
    pub last_answer: Option<&'a str>,
    /// The record that a failed deploy left, if this record is abandoned.
    pub orphaned: Option<&'a SolutionId>,
    /// The live records of the version, of every owner.
    pub live: &'a [LiveVersion],
    /// The time for which no apply deploys the version; `None` if the next apply may deploy it.
    pub hold: Option<Duration>,
}

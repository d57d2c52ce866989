//! Fault rules: which requests meet with which trouble.
//!
//! A rule names requests (by method, operation, address, body), says which of them it strikes (all,
//! those after the first few, a seeded share), and what happens to them: an error in place of the
//! answer, before or after the work; a delay; a broken connection; a job that fails, hangs or is
//! lost; a late list; or other knobs for this one request. The first rule that strikes takes the
//! request.
//!
//! A rule is written as settings, the same on a command line, in a seed and over the control route:
//! `operation=deploy,skip=1,times=2,status=503,retry_after=3`.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

mod read;
mod rules;

pub use read::FaultError;
pub(crate) use rules::{FaultRules, Strike};

use super::knobs::ErrorBody;
use super::lag::Lag;
use super::options::JobPace;
use super::routes::Operation;

/// One fault rule. Made from text: `"operation=deploy,status=503,times=1".parse()`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fault {
    /// The method of the requests; every method if there is none.
    pub method: Option<String>,
    /// What the requests mean; anything if there is none.
    pub operation: Option<Operation>,
    /// A pattern (`*`, `?`) of their decoded path and query, `/path?query`; the query may be left
    /// out of the pattern.
    pub address: Option<String>,
    /// A pattern (`*`, `?`) of the first 64 KiB of their body.
    pub request: Option<String>,
    /// How many such requests pass before the first is struck.
    pub skip: u32,
    /// How many are struck; all if there is no number.
    pub times: Option<u32>,
    /// The share of them that is struck, from 0 to 1; all if there is none.
    pub probability: Option<f64>,
    /// What the choice of that share starts from; equal seeds choose equally.
    pub seed: Option<u64>,
    /// Whether an error comes before or after the work.
    pub when: When,
    /// The status of the answer in place of the real one.
    pub status: Option<u16>,
    /// The form of its body; with no status the answer is 200.
    pub body: Option<ErrorBody>,
    /// What the error says, in the body or in the job.
    pub text: Option<String>,
    /// The header `Retry-After` of the answer.
    pub retry_after: Option<RetryAfter>,
    /// How long the answer takes longer; after the work, if `when` says so.
    pub delay: Option<Duration>,
    /// What happens to the connection.
    pub connection: Option<ConnectionFault>,
    /// What happens to the job that the request starts.
    pub job: Option<JobFault>,
    /// How that job comes to its end.
    pub pace: Option<JobPace>,
    /// The number of list calls, or the time, after which lists show what the request and its job
    /// write.
    pub list_lag: Option<Lag>,
    /// Knobs that hold while the request is worked on: name and value.
    pub knobs: Vec<(String, String)>,
}

/// Whether an error comes before or after the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// The request does nothing.
    #[default]
    Before,
    /// The request does its work, and only the answer is lost.
    After,
}

/// The header `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many seconds, as a number.
    Seconds(u64),
    /// So many seconds from now on the world's clock, as a date.
    Date(u64),
    /// Any other text, good or not.
    Text(String),
}

/// What happens to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionFault {
    /// It closes without an answer.
    Drop,
    /// The answer's head promises a whole body, and the connection closes in the middle of it.
    Truncate,
    /// The body never ends.
    Endless,
}

/// What happens to the job that a request starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFault {
    /// It ends badly.
    Fail,
    /// It ends badly, and what it has made so far stays.
    LeaveRecord,
    /// It does nothing, and nobody knows its id.
    Lost,
    /// It does its work at once, but nobody knows its id.
    Forgotten,
    /// It takes twenty polls, or as long as `pace` says.
    Slow,
    /// It never ends.
    Stuck,
    /// A run ends as CANCELLED; another job fails.
    Cancel,
    /// A run ends as `STOPPED_AT_CHECKPOINT`; another job fails.
    Checkpoint,
}

impl Fault {
    /// Whether the answer is another than the one that the work gives.
    pub(crate) fn replaces_answer(&self) -> bool {
        self.status.is_some()
            || self.body.is_some()
            || self.retry_after.is_some()
            || self.connection == Some(ConnectionFault::Drop)
    }

    /// The pace of the job that the request starts, if the rule changes it.
    pub(crate) fn job_pace(&self) -> Option<JobPace> {
        self.pace.or(match self.job {
            Some(JobFault::Stuck) => Some(JobPace::Never),
            Some(JobFault::Slow) => Some(JobPace::Polls(20)),
            _ => None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.settings().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

/// A rule in force, and what it has done so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultStatus {
    /// Its number.
    pub id: u64,
    /// The rule as text.
    pub rule: String,
    /// How many requests it fits so far.
    pub matched: u32,
    /// How many it has struck.
    pub struck: u32,
}

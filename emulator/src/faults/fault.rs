//! The types of a fault rule.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::knobs::ErrorBody;
use crate::lag::Lag;
use crate::operation::Operation;
use crate::pace::JobPace;

/// A fault rule. Parse it from text: `"operation=deploy,status=503,times=1".parse()`. The default
/// has no effect and matches every request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fault {
    /// The HTTP method of the requests, in upper case; `None` matches every method.
    pub method: Option<String>,
    /// The operation of the requests; `None` matches every request.
    pub operation: Option<Operation>,
    /// A pattern (`*`, `?`) for the decoded path and query, `/path?query`. A pattern that fits the
    /// path alone matches too. `None` matches every address.
    pub address: Option<String>,
    /// A pattern (`*`, `?`) for the first 64 KiB of the body; `None` matches every body.
    pub request: Option<String>,
    /// The number of matching requests that pass before the first hit; 0 by default.
    pub skip: u32,
    /// The maximum number of hits; `None` for no limit.
    pub times: Option<u32>,
    /// The share of the matching requests that is hit, from 0 to 1; `None` for all.
    pub probability: Option<f64>,
    /// The seed of the random choice for `probability`. Equal seeds choose equally. `None` derives
    /// it from the emulator's `id_seed` and the number of the rule.
    pub seed: Option<u64>,
    /// The time of the effect: before or after the work of the request.
    pub when: When,
    /// The HTTP status of the error answer, from 200 to 599. `None` means 503 if `retry_after` is
    /// set, otherwise 200 if another setting replaces the answer.
    pub status: Option<u16>,
    /// The form of the body of the error answer.
    pub body: Option<ErrorBody>,
    /// The text of the error, in the body or in the job.
    pub text: Option<String>,
    /// The header `Retry-After` of the error answer.
    pub retry_after: Option<RetryAfter>,
    /// The delay of the answer: before the work, or after it if `when` is [`When::After`].
    pub delay: Option<Duration>,
    /// The effect on the connection.
    pub connection: Option<ConnectionFault>,
    /// The effect on the job that the request starts.
    pub job: Option<JobFault>,
    /// The pace of that job, in place of the emulator's.
    pub pace: Option<JobPace>,
    /// The number of list calls, or the time, after which lists show what the request and its job
    /// write.
    pub list_lag: Option<Lag>,
    /// The knobs for the duration of the request: name and value.
    pub knobs: Vec<(String, String)>,
}

/// The time of the effect: before or after the work of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The request does no work.
    #[default]
    Before,
    /// The request does its work, and only the answer is replaced.
    After,
}

/// A value of the header `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// A date that is this number of seconds after the current time of the world.
    Date(u64),
    /// Any other text, valid or not.
    Text(String),
}

/// The effect on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionFault {
    /// The connection closes without an answer.
    Drop,
    /// The head announces the full body, and the connection closes in the middle of the body.
    Truncate,
    /// The body never ends.
    Endless,
}

/// The effect on the job that the request starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobFault {
    /// The job fails, and its record is handled by the knob `failed_job_record`.
    Fail,
    /// The job fails, and the record that it has created stays.
    LeaveRecord,
    /// The job does nothing, and the server does not know its id.
    Lost,
    /// The job does its work at once, but the server does not know its id afterwards.
    Forgotten,
    /// The job ends after 20 polls, or as `pace` says.
    Slow,
    /// The job never ends.
    Stuck,
    /// A run ends as CANCELLED; another job fails.
    Cancel,
    /// A run ends as `STOPPED_AT_CHECKPOINT`; another job fails.
    Checkpoint,
}

impl Fault {
    /// Returns true if the job of the request does not do its work.
    pub(crate) fn prevents_work(&self) -> bool {
        match self.job {
            Some(JobFault::Fail | JobFault::Lost | JobFault::Cancel | JobFault::Checkpoint) => true,
            None
            | Some(
                JobFault::LeaveRecord | JobFault::Forgotten | JobFault::Slow | JobFault::Stuck,
            ) => false,
        }
    }

    /// Returns true if the rule replaces the answer of the work.
    pub(crate) fn replaces_answer(&self) -> bool {
        self.status.is_some()
            || self.body.is_some()
            || self.retry_after.is_some()
            || self.connection == Some(ConnectionFault::Drop)
    }

    /// Returns the text of the error that the rule causes.
    pub(crate) fn text(&self) -> &str {
        let text = self.text.as_deref();
        text.unwrap_or("a fault rule asks for this error")
    }

    /// Returns the pace of the job that the request starts, if the rule changes it.
    pub(crate) fn job_pace(&self) -> Option<JobPace> {
        self.pace.or(match self.job {
            Some(JobFault::Stuck) => Some(JobPace::Never),
            Some(JobFault::Slow) => Some(JobPace::Polls(20)),
            _ => None,
        })
    }
}

/// An active rule and its counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultStatus {
    /// The number of the rule, from 1 up.
    pub id: u64,
    /// The rule as text.
    pub rule: String,
    /// The number of requests that match the rule so far.
    pub matched: u32,
    /// The number of requests that the rule has hit.
    pub hits: u32,
}

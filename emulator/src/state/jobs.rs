//! The jobs of a world.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::tracked::Tracked;
use super::work::{Ending, Verdict, Work};
use crate::clock::Moment;
use crate::knobs::RunEnd;
use crate::lag::Lag;

/// The event that a pending job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wait {
    Until(u64),
    Polls(u32),
    /// Lists of runs that show the run.
    Lists(u32),
    /// The control route that ends the job.
    #[serde(rename = "hand")]
    Manual,
    #[serde(rename = "nothing")]
    Never,
}

/// The progress of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    Pending(Wait),
    Finished(Verdict),
}

/// A job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) work: Work,
    pub(crate) started_by: String,
    pub(crate) started_ms: u64,
    /// The nanoseconds within the millisecond of the start: run lists show nanoseconds.
    #[serde(default)]
    pub(crate) started_sub_ns: u32,
    pub(crate) progress: Progress,
    /// The end of the job, in milliseconds since 1970; 0 before.
    #[serde(default)]
    pub(crate) ended_ms: u64,
    #[serde(default)]
    pub(crate) ended_sub_ns: u32,
    /// The number of status calls that counted as polls.
    #[serde(default)]
    pub(crate) polls: u32,
    #[serde(default)]
    pub(crate) polls_after_end: u32,
    /// The end that a fault has planned for the job.
    #[serde(default, rename = "fate")]
    pub(crate) planned: PlannedEnd,
}

/// The end that a fault has planned for the job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedEnd {
    /// The end, if the fault chooses it.
    pub(crate) ending: Option<Ending>,
    /// True if the record that the job has created stays when the job fails.
    pub(crate) leaves_record: bool,
    pub(crate) list_lag: Option<Lag>,
}

impl Job {
    /// Returns the verdict of a job that has ended.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        match &self.progress {
            Progress::Pending(_) => None,
            Progress::Finished(verdict) => Some(verdict),
        }
    }

    /// Returns the error message of a job that has failed.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self.verdict() {
            Some(Verdict::Failed { message }) => Some(message),
            Some(Verdict::Done { .. } | Verdict::Stopped { .. }) | None => None,
        }
    }

    /// Returns the state of a run, in the words of the run lists.
    pub(crate) fn run_state(&self) -> &'static str {
        match self.verdict() {
            None => "RUNNING",
            Some(Verdict::Done { .. }) => RunEnd::Complete.word(),
            Some(Verdict::Failed { .. }) => RunEnd::Failed.word(),
            Some(Verdict::Stopped { end }) => end.word(),
        }
    }

    /// Returns the start in nanoseconds since 1970.
    pub(crate) fn started_ns(&self) -> u128 {
        nanoseconds(self.started_ms, self.started_sub_ns)
    }

    /// Returns the end in nanoseconds since 1970; 0 before the end.
    pub(crate) fn ended_ns(&self) -> u128 {
        nanoseconds(self.ended_ms, self.ended_sub_ns)
    }

    /// Returns the duration in nanoseconds; 0 before the end.
    pub(crate) fn time_taken_ns(&self) -> u128 {
        self.ended_ns().saturating_sub(self.started_ns())
    }

    /// Returns the part of the job that is done, from 0 to 1.
    pub(crate) fn share_done(&self, now_ms: u64) -> f64 {
        match self.progress {
            Progress::Finished(_) => 1.0,
            Progress::Pending(Wait::Polls(left)) => {
                f64::from(self.polls) / (f64::from(self.polls) + f64::from(left) + 1.0)
            }
            Progress::Pending(Wait::Until(due_ms)) => {
                let whole = due_ms.saturating_sub(self.started_ms).max(1);
                let passed = now_ms.saturating_sub(self.started_ms).min(whole);
                // Thousandths are precise enough, and exact.
                let thousandths = passed.saturating_mul(1_000) / whole;
                f64::from(u32::try_from(thousandths).unwrap_or(1_000)) / 1_000.0
            }
            Progress::Pending(Wait::Lists(_) | Wait::Manual | Wait::Never) => 0.0,
        }
    }
}

fn nanoseconds(milliseconds: u64, sub_ns: u32) -> u128 {
    u128::from(milliseconds) * 1_000_000 + u128::from(sub_ns)
}

/// All jobs, and the ids of those that have not ended.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) items: Tracked<String, Job>,
    /// The pending jobs, in the order of their start.
    pending: BTreeSet<(u64, String)>,
}

impl Jobs {
    /// Creates the jobs from a map, which does not count as a change.
    pub(crate) fn restored(items: BTreeMap<String, Job>) -> Self {
        let pending = items
            .values()
            .filter(|job| job.verdict().is_none())
            .map(|job| (job.sequence, job.id.clone()))
            .collect();
        Self {
            items: Tracked::restored(items),
            pending,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Job> {
        self.items.get(id)
    }

    /// Adds a pending job.
    pub(crate) fn insert(&mut self, job: Job) {
        self.pending.insert((job.sequence, job.id.clone()));
        self.items.insert(job.id.clone(), job);
    }

    /// Records the end of a pending job.
    pub(crate) fn finish(&mut self, id: &str, verdict: Verdict, now: Moment) {
        if let Some(job) = self.items.get_mut(id) {
            job.progress = Progress::Finished(verdict);
            (job.ended_ms, job.ended_sub_ns) = now;
            self.pending.remove(&(job.sequence, job.id.clone()));
        }
    }

    /// Returns the ids of the pending jobs, in the order of their start.
    pub(crate) fn pending_ids(&self) -> Vec<String> {
        self.pending.iter().map(|(_, id)| id.clone()).collect()
    }

    /// Returns the jobs whose time has come, by their times, which are in milliseconds since 1970.
    pub(crate) fn due(&self, now_ms: u64) -> Vec<(u64, String)> {
        let due = self
            .pending
            .iter()
            .filter_map(|(_, id)| match self.get(id)?.progress {
                Progress::Pending(Wait::Until(due_ms)) if due_ms <= now_ms => {
                    Some((due_ms, id.clone()))
                }
                Progress::Pending(_) | Progress::Finished(_) => None,
            });
        // The sort is stable: jobs of one time end in the order of their start.
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(due_ms, _)| *due_ms);
        due
    }
}

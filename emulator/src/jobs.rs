//! Jobs: work that is accepted now and ends later, by time, by polls or by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::clock::milliseconds;
use super::deploy::Deploy;
use super::faults::JobFault;
use super::knobs::{FirstAnswer, RunEnd};
use super::lag::Lag;
use super::options::JobPace;
use super::refusal::Refusal;
use super::runs::Run;
use super::tasks::Task;
use super::tracked::Tracked;
use super::world::World;

/// The work of a job, which is done at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    Deploy(Deploy),
    Delete {
        solution: String,
        /// The error message, if the job will fail.
        trouble: Option<String>,
    },
    Run(Run),
    Task(Task),
}

impl Work {
    /// Returns the word for the kind of work, for the control routes.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Delete { .. } => "delete",
            Self::Run(_) => "run",
            Self::Task(_) => "task",
        }
    }
}

/// The event that a pending job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wait {
    Until(u64),
    Polls(u32),
    Hand,
    Nothing,
}

/// The result of a job that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Done {
        solution: Option<String>,
    },
    Failed {
        message: String,
    },
    /// A run that neither completed nor failed.
    Stopped {
        end: RunEnd,
    },
}

/// The progress of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
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
    started_sub_ns: u32,
    progress: Progress,
    /// The end of the job, in milliseconds since 1970; 0 before.
    #[serde(default)]
    pub(crate) ended_ms: u64,
    #[serde(default)]
    ended_sub_ns: u32,
    /// The number of status calls that counted as polls.
    #[serde(default)]
    pub(crate) polls: u32,
    #[serde(default)]
    polls_after_end: u32,
    /// The end that a fault has planned for the job.
    #[serde(default, rename = "fate")]
    planned: PlannedEnd,
}

/// The end that a fault has planned for the job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PlannedEnd {
    /// The end, if the fault chooses it.
    ending: Option<Ending>,
    /// True if the record that the job has created stays when the job fails.
    leaves_record: bool,
    list_lag: Option<Lag>,
}

/// An end other than success that a fault, a control route or a caller chooses for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Failed(String),
    /// The end of a run; other jobs fail.
    Run(RunEnd),
}

impl Ending {
    /// Returns the error message for a job that is not a run.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Failed(message) => message.clone(),
            Self::Run(end) => format!("the job was ended as {}", end.word()),
        }
    }
}

impl Job {
    /// Returns the verdict of a job that has ended.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        match &self.progress {
            Progress::Pending(_) => None,
            Progress::Finished(verdict) => Some(verdict),
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
            Progress::Pending(Wait::Hand | Wait::Nothing) => 0.0,
        }
    }
}

fn nanoseconds(milliseconds: u64, sub_ns: u32) -> u128 {
    u128::from(milliseconds) * 1_000_000 + u128::from(sub_ns)
}

/// All jobs, and the ids of those that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    items: Tracked<String, Job>,
    /// The pending jobs, in the order of their start.
    pending: BTreeSet<(u64, String)>,
}

impl Jobs {
    /// Creates the jobs from the contents of a data folder, including pending ones.
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

    /// Returns all jobs, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.items.iter().map(|(_, job)| job)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Job> {
        self.items.get(&id.to_owned())
    }

    /// Returns the ids of the pending jobs, in the order of their start.
    pub(crate) fn pending_ids(&self) -> Vec<String> {
        self.pending.iter().map(|(_, id)| id.clone()).collect()
    }

    /// Returns the ids of the jobs whose time has come, in the order of their times.
    fn due_ids(&self, now_ms: u64) -> Vec<String> {
        let mut due: Vec<(u64, u64, &str)> = self
            .pending
            .iter()
            .filter_map(|(sequence, id)| match self.items.get(id)?.progress {
                Progress::Pending(Wait::Until(due_ms)) if due_ms <= now_ms => {
                    Some((due_ms, *sequence, id.as_str()))
                }
                Progress::Pending(_) | Progress::Finished(_) => None,
            })
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, _, id)| id.to_owned()).collect()
    }

    /// Returns the changes since the last [`settle`](Self::settle).
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&String, Option<&Job>)> {
        self.items.changes()
    }

    pub(crate) fn settle(&mut self) {
        self.items.settle();
    }
}

impl World {
    /// Starts a job and returns its id.
    pub(crate) fn start_job(&mut self, caller: &Caller, work: Work, pace: JobPace) -> String {
        let id = self.ids.next_id();
        self.start_job_as(id, caller, work, pace)
    }

    /// Starts a job under an id that is not in use.
    pub(crate) fn start_job_as(
        &mut self,
        id: String,
        caller: &Caller,
        work: Work,
        pace: JobPace,
    ) -> String {
        let now_ms = self.time.now_ms();
        let wait = match self.twist.pace.unwrap_or(pace) {
            JobPace::Immediate => Wait::Until(now_ms),
            JobPace::After(time) => Wait::Until(now_ms.saturating_add(milliseconds(time))),
            JobPace::Polls(count) => Wait::Polls(count),
            JobPace::Manual => Wait::Hand,
            JobPace::Never => Wait::Nothing,
        };
        let sequence = self.next_sequence();
        let job = Job {
            id: id.clone(),
            sequence,
            work,
            started_by: caller.name.clone(),
            // Jobs have finer times than records.
            started_ms: now_ms,
            started_sub_ns: self.time.sub_ns(),
            progress: Progress::Pending(wait),
            ended_ms: 0,
            ended_sub_ns: 0,
            polls: 0,
            polls_after_end: 0,
            planned: self.planned_end(),
        };
        self.jobs.items.insert(id.clone(), job);
        self.jobs.pending.insert((sequence, id.clone()));
        match self.twist.job {
            Some(JobFault::Lost) => {
                let ending = Ending::Failed("the job was lost".to_owned());
                self.end_job(&id, Some(&ending));
                self.jobs.items.remove(&id);
            }
            Some(JobFault::Forgotten) => {
                self.end_job(&id, None);
                self.jobs.items.remove(&id);
            }
            _ => self.finish_due_jobs(),
        }
        id
    }

    /// Returns the end that the fault of this request plans for its job.
    fn planned_end(&self) -> PlannedEnd {
        let text = self.twist.text.as_deref();
        let failed = || {
            Ending::Failed(
                text.unwrap_or("a fault rule asks for this error")
                    .to_owned(),
            )
        };
        PlannedEnd {
            ending: match self.twist.job {
                Some(JobFault::Fail | JobFault::LeaveRecord) => Some(failed()),
                Some(JobFault::Cancel) => Some(Ending::Run(RunEnd::Cancelled)),
                Some(JobFault::Checkpoint) => Some(Ending::Run(RunEnd::StoppedAtCheckpoint)),
                _ => None,
            },
            leaves_record: self.twist.job == Some(JobFault::LeaveRecord),
            list_lag: self.twist.list_lag,
        }
    }

    /// Ends the jobs whose time has come.
    pub(crate) fn finish_due_jobs(&mut self) {
        for id in self.jobs.due_ids(self.time.now_ms()) {
            self.end_job(&id, None);
        }
    }

    /// `GET /api/v1/jobs/status`: returns a job and counts the call as a poll. Returns `None` for
    /// an unknown id, and for a job that the knob `job_forgotten_after` has made the server forget.
    pub(crate) fn poll_job(&mut self, id: &str) -> Option<&Job> {
        let key = id.to_owned();
        let wait = match &self.jobs.items.get(&key)?.progress {
            Progress::Pending(wait) => Some(*wait),
            Progress::Finished(_) => None,
        };
        if let Some(Wait::Polls(left)) = wait {
            match left.checked_sub(1) {
                None => self.end_job(id, None),
                Some(left) => {
                    let job = self.jobs.items.get_mut(&key)?;
                    job.progress = Progress::Pending(Wait::Polls(left));
                }
            }
            let job = self.jobs.items.get_mut(&key)?;
            job.polls = job.polls.saturating_add(1);
        } else if self.knobs.job_first_answer != FirstAnswer::Normal {
            let job = self.jobs.items.get_mut(&key)?;
            job.polls = job.polls.saturating_add(1);
        }
        let limit = self.knobs.job_forgotten_after;
        if limit > 0 && self.jobs.items.get(&key)?.verdict().is_some() {
            let job = self.jobs.items.get_mut(&key)?;
            job.polls_after_end = job.polls_after_end.saturating_add(1);
            if job.polls_after_end > limit {
                return None;
            }
        }
        self.jobs.items.get(&key)
    }

    /// Ends a pending job by hand: successfully, or with the given end.
    pub(crate) fn finish_job(
        &mut self,
        id: &str,
        ending: Option<&Ending>,
    ) -> Result<&Job, Refusal> {
        match self.jobs.get(id).map(Job::verdict) {
            None => return Err(Refusal::NoSuchJob { id: id.to_owned() }),
            Some(Some(_)) => return Err(Refusal::JobIsOver { id: id.to_owned() }),
            Some(None) => self.end_job(id, ending),
        }
        let job = self.jobs.get(id);
        Ok(job.expect("invariant: a job that has ended is still known"))
    }

    /// Does the work of a pending job and records the verdict.
    fn end_job(&mut self, id: &str, ending: Option<&Ending>) {
        let Some(job) = self.jobs.get(id) else {
            return;
        };
        let (sequence, work, planned) = (job.sequence, job.work.clone(), job.planned.clone());
        let ending = ending.or(planned.ending.as_ref());
        let failure = ending.map(Ending::message);
        // Lists show the writes of the job as late as those of its request.
        let request_lag = mem::replace(&mut self.twist.list_lag, planned.list_lag);
        let verdict = match work {
            Work::Deploy(deploy) => {
                self.end_deploy(&deploy, failure.as_deref(), planned.leaves_record)
            }
            Work::Delete { solution, trouble } => {
                self.end_delete(&solution, trouble.as_deref(), failure.as_deref())
            }
            Work::Run(run) => self.end_run(id, &run, ending),
            Work::Task(task) => task.verdict(failure),
        };
        self.twist.list_lag = request_lag;
        let (now_ms, sub_ns) = (self.time.now_ms(), self.time.sub_ns());
        if let Some(job) = self.jobs.items.get_mut(&id.to_owned()) {
            job.progress = Progress::Finished(verdict);
            job.ended_ms = now_ms;
            job.ended_sub_ns = sub_ns;
        }
        self.jobs.pending.remove(&(sequence, id.to_owned()));
    }
}

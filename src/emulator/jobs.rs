//! Jobs: work that is accepted now and done later, by time, by polls or by hand.

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

/// What a job does at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    Deploy(Deploy),
    Delete {
        solution: String,
        /// Why the job is going to fail.
        trouble: Option<String>,
    },
    Run(Run),
    Task(Task),
}

impl Work {
    /// The word for the kind of work, for the control routes.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Delete { .. } => "delete",
            Self::Run(_) => "run",
            Self::Task(_) => "task",
        }
    }
}

/// What a pending job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wait {
    Until(u64),
    Polls(u32),
    Hand,
    Nothing,
}

/// How a job ended.
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

/// Where a job stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Pending(Wait),
    Finished(Verdict),
}

/// One job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) work: Work,
    pub(crate) started_by: String,
    pub(crate) started_ms: u64,
    /// The nanoseconds within the millisecond of its start: runs are listed with such times.
    #[serde(default)]
    started_sub_ns: u32,
    progress: Progress,
    /// When it ended; 0 before.
    #[serde(default)]
    pub(crate) ended_ms: u64,
    #[serde(default)]
    ended_sub_ns: u32,
    /// How many status calls have counted, and how many of them found it over.
    #[serde(default)]
    pub(crate) polls: u32,
    #[serde(default)]
    polls_after_end: u32,
    /// What a fault has in store for the job.
    #[serde(default)]
    fate: Fate,
}

/// What a fault has in store for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fate {
    /// How it ends, if it is made to.
    ending: Option<Ending>,
    /// What it has made so far stays then.
    leaves_record: bool,
    list_lag: Option<Lag>,
}

/// A bad end that somebody or something chooses for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Failed(String),
    /// For runs; other jobs fail.
    Run(RunEnd),
}

impl Ending {
    /// What a job that is no run says.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Failed(message) => message.clone(),
            Self::Run(end) => format!("the job was ended as {}", end.word()),
        }
    }
}

impl Job {
    /// The verdict of a job that is over.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        match &self.progress {
            Progress::Pending(_) => None,
            Progress::Finished(verdict) => Some(verdict),
        }
    }

    /// The nanoseconds since 1970 at which it started.
    pub(crate) fn started_ns(&self) -> u128 {
        nanoseconds(self.started_ms, self.started_sub_ns)
    }

    /// The nanoseconds since 1970 at which it ended; 0 before.
    pub(crate) fn ended_ns(&self) -> u128 {
        nanoseconds(self.ended_ms, self.ended_sub_ns)
    }

    /// The nanoseconds that a job that is over took; 0 before.
    pub(crate) fn time_taken_ns(&self) -> u128 {
        self.ended_ns().saturating_sub(self.started_ns())
    }

    /// How much of the job is done, from 0 to 1.
    pub(crate) fn share_done(&self, now_ms: u64) -> f64 {
        match self.progress {
            Progress::Finished(_) => 1.0,
            Progress::Pending(Wait::Polls(left)) => {
                f64::from(self.polls) / (f64::from(self.polls) + f64::from(left) + 1.0)
            }
            Progress::Pending(Wait::Until(due_ms)) => {
                let whole = due_ms.saturating_sub(self.started_ms).max(1);
                let passed = now_ms.saturating_sub(self.started_ms).min(whole);
                // Thousandths are fine enough, and exact.
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

/// All jobs, and which of them are not over.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    items: Tracked<String, Job>,
    /// In the order of their start.
    pending: BTreeSet<(u64, String)>,
}

impl Jobs {
    /// Takes over what was read from a data folder, jobs in flight included.
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

    /// All jobs, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.items.iter().map(|(_, job)| job)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Job> {
        self.items.get(&id.to_owned())
    }

    /// The ids of the jobs that are not over, in the order of their start.
    pub(crate) fn pending_ids(&self) -> Vec<String> {
        self.pending.iter().map(|(_, id)| id.clone()).collect()
    }

    /// The jobs whose time has come, in the order of their times.
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

    /// What was touched since the last [`settle`](Self::settle).
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&String, Option<&Job>)> {
        self.items.changes()
    }

    pub(crate) fn settle(&mut self) {
        self.items.settle();
    }
}

impl World {
    /// Accepts work and tells the id of its job.
    pub(crate) fn start_job(&mut self, caller: &Caller, work: Work, pace: JobPace) -> String {
        let id = self.ids.next_id();
        self.start_job_as(id, caller, work, pace)
    }

    /// Accepts work under an id that is free.
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
            // The resolution of records is not that of jobs.
            started_ms: now_ms,
            started_sub_ns: self.time.sub_ns(),
            progress: Progress::Pending(wait),
            ended_ms: 0,
            ended_sub_ns: 0,
            polls: 0,
            polls_after_end: 0,
            fate: self.fate(),
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

    /// What the fault of this request has in store for the job that it starts.
    fn fate(&self) -> Fate {
        let text = self.twist.text.as_deref();
        let failed = || Ending::Failed(text.unwrap_or("the fault rules want it so").to_owned());
        Fate {
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

    /// `GET /api/v1/jobs/status`: a look that also counts as a poll. An unknown id gives nothing,
    /// and so does one that the knob `job_forgotten_after` has made the server forget.
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

    /// Ends a job by hand: well, or as somebody chooses.
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

    /// Does the work of a pending job and notes the verdict.
    fn end_job(&mut self, id: &str, ending: Option<&Ending>) {
        let Some(job) = self.jobs.get(id) else {
            return;
        };
        let (sequence, work, fate) = (job.sequence, job.work.clone(), job.fate.clone());
        let ending = ending.or(fate.ending.as_ref());
        let failure = ending.map(Ending::message);
        // What the job writes comes as late to the lists as what its request wrote.
        let request_lag = mem::replace(&mut self.twist.list_lag, fate.list_lag);
        let verdict = match work {
            Work::Deploy(deploy) => {
                self.end_deploy(&deploy, failure.as_deref(), fate.leaves_record)
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

//! Jobs: work that is accepted now and ends later, by time, by polls or by hand.

use std::mem;
use std::time::Duration;

use crate::access::Caller;
use crate::clock::{Moment, milliseconds};
use crate::faults::{FAULT_TEXT, JobFault};
use crate::knobs::{FirstAnswer, RunEnd};
use crate::pace::JobPace;
use crate::refusal::Refusal;
use crate::state::jobs::{Job, PlannedEnd, Progress, Wait};
use crate::state::work::{Ending, Work};
use crate::state::world::World;

impl World {
    /// Begins an operation: moves the time on, and ends the jobs whose time has come.
    pub(crate) fn begin(&mut self) {
        self.pass_until(self.time.next());
    }

    /// Moves a logical clock forward, and ends the jobs whose time has come.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.pass_until(self.time.after(by));
    }

    /// Starts a job and returns its id.
    pub(crate) fn start_job(&mut self, caller: &Caller, work: Work, pace: JobPace) -> String {
        let id = self.counters.ids.next_id();
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
        let wait = match self.overrides.pace.unwrap_or(pace) {
            JobPace::Immediate => Wait::Until(now_ms),
            JobPace::After(time) => Wait::Until(now_ms.saturating_add(milliseconds(time))),
            JobPace::Polls(count) => Wait::Polls(count),
            JobPace::Manual => Wait::Manual,
            JobPace::Never => Wait::Never,
        };
        let job = Job {
            id: id.clone(),
            sequence: self.next_sequence(),
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
        self.jobs.insert(job);
        let lost = Ending::Failed("the job was lost".to_owned());
        let forgotten = match self.overrides.job {
            Some(JobFault::Lost) => Some(Some(&lost)),
            Some(JobFault::Forgotten) => Some(None),
            _ => None,
        };
        if let Some(ending) = forgotten {
            self.end_job(&id, ending);
            self.jobs.items.remove(&id);
        } else {
            self.pass_until((now_ms, self.time.sub_ns()));
        }
        id
    }

    /// Returns the end that the fault of this request plans for its job.
    fn planned_end(&self) -> PlannedEnd {
        let overrides = &self.overrides;
        let text = overrides.text.as_deref();
        PlannedEnd {
            ending: match overrides.job {
                Some(JobFault::Fail | JobFault::LeaveRecord) => {
                    Some(Ending::Failed(text.unwrap_or(FAULT_TEXT).to_owned()))
                }
                Some(JobFault::Cancel) => Some(Ending::Run(RunEnd::Cancelled)),
                Some(JobFault::Checkpoint) => Some(Ending::Run(RunEnd::StoppedAtCheckpoint)),
                _ => None,
            },
            leaves_record: overrides.job == Some(JobFault::LeaveRecord),
            list_lag: overrides.list_lag,
        }
    }

    /// Moves the time on, and ends the jobs whose time comes until then. Each ends at its own time:
    /// what clients see later does not depend on the time of their requests.
    fn pass_until(&mut self, moment: Moment) {
        for (due_ms, id) in self.jobs.due(moment.0) {
            self.time.move_to((due_ms, 0));
            self.end_job(&id, None);
        }
        self.time.move_to(moment);
    }

    /// `GET /api/v1/jobs/status`: returns a job and counts the call as a poll. Returns `None` for
    /// an unknown id, and for a job that the knob `job_forgotten_after` has made the server forget.
    pub(crate) fn poll_job(&mut self, id: &str) -> Option<&Job> {
        let counts = match self.jobs.get(id)?.progress {
            Progress::Pending(Wait::Polls(0)) => {
                self.end_job(id, None);
                true
            }
            Progress::Pending(Wait::Polls(left)) => {
                let job = self.jobs.items.get_mut(id)?;
                job.progress = Progress::Pending(Wait::Polls(left - 1));
                true
            }
            _ => self.knobs.job_first_answer != FirstAnswer::Normal,
        };
        if counts {
            let job = self.jobs.items.get_mut(id)?;
            job.polls = job.polls.saturating_add(1);
        }
        let limit = self.knobs.job_forgotten_after;
        if limit > 0 && self.jobs.get(id)?.verdict().is_some() {
            let job = self.jobs.items.get_mut(id)?;
            job.polls_after_end = job.polls_after_end.saturating_add(1);
            if job.polls_after_end > limit {
                return None;
            }
        }
        self.jobs.get(id)
    }

    /// Ends a pending job by hand: successfully, or with the given end.
    pub(crate) fn finish_job(
        &mut self,
        id: &str,
        ending: Option<&Ending>,
    ) -> Result<&Job, Refusal> {
        match self.jobs.get(id).map(Job::verdict) {
            None => return Err(Refusal::NoSuchJob(id.to_owned())),
            Some(Some(_)) => return Err(Refusal::JobIsOver(id.to_owned())),
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
        let (work, planned) = (job.work.clone(), job.planned.clone());
        let ending = ending.or(planned.ending.as_ref());
        let failure = ending.map(Ending::message);
        // Lists show the writes of the job as late as those of its request.
        let request_lag = mem::replace(&mut self.overrides.list_lag, planned.list_lag);
        let verdict = match work {
            Work::Deploy(deploy) => {
                self.end_deploy(&deploy, failure.as_deref(), planned.leaves_record)
            }
            Work::Delete {
                solution,
                failure: planned_failure,
            } => self.end_delete(&solution, planned_failure.as_deref(), failure.as_deref()),
            Work::Run(run) => self.end_run(id, &run, ending),
            Work::Task(task) => task.verdict(failure),
        };
        self.overrides.list_lag = request_lag;
        let (now_ms, sub_ns) = (self.time.now_ms(), self.time.sub_ns());
        self.jobs.finish(id, verdict, now_ms, sub_ns);
    }
}

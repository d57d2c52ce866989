//! Jobs: work that is accepted now and ends later, by time, by polls or by hand.

use std::mem;
use std::time::Duration;

use crate::access::Caller;
use crate::clock::{Moment, milliseconds};
use crate::faults::JobFault;
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
    pub(super) fn start_job(&mut self, caller: &Caller, work: Work, pace: JobPace) -> String {
        let id = self.counters.ids.next_id();
        self.start_job_as(id, caller, work, pace)
    }

    /// Starts a job under an id that is not in use.
    pub(super) fn start_job_as(
        &mut self,
        id: String,
        caller: &Caller,
        work: Work,
        pace: JobPace,
    ) -> String {
        let now = self.time.now();
        let (now_ms, sub_ns) = now;
        let wait = match self.fault.job_pace().unwrap_or(pace) {
            JobPace::After(time) => Wait::Until(now_ms.saturating_add(milliseconds(time))),
            JobPace::Polls(count) => Wait::Polls(count),
            JobPace::Lists(count) if matches!(work, Work::Run(_)) => Wait::Lists(count),
            JobPace::Immediate | JobPace::Lists(_) => Wait::Until(now_ms),
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
            started_sub_ns: sub_ns,
            progress: Progress::Pending(wait),
            ended_ms: 0,
            ended_sub_ns: 0,
            polls: 0,
            polls_after_end: 0,
            planned: self.planned_end(),
        };
        self.jobs.insert(job);
        if let Some(fault @ (JobFault::Lost | JobFault::Forgotten)) = self.fault.job {
            let lost = Ending::Failed("the job was lost".to_owned());
            self.end_job(&id, (fault == JobFault::Lost).then_some(&lost));
            self.jobs.items.remove(&id);
        } else {
            self.pass_until(now);
        }
        id
    }

    /// Returns the end that the fault of this request plans for its job.
    fn planned_end(&self) -> PlannedEnd {
        let fault = &self.fault;
        PlannedEnd {
            ending: match fault.job {
                Some(JobFault::Fail | JobFault::LeaveRecord) => {
                    Some(Ending::Failed(fault.text().to_owned()))
                }
                Some(JobFault::Cancel) => Some(Ending::Run(RunEnd::Cancelled)),
                Some(JobFault::Checkpoint) => Some(Ending::Run(RunEnd::StoppedAtCheckpoint)),
                _ => None,
            },
            leaves_record: fault.job == Some(JobFault::LeaveRecord),
            list_lag: fault.list_lag,
        }
    }

    /// Moves the time on, and ends the jobs whose time comes until then. Each ends at its own time:
    /// what clients see later does not depend on the time of their requests.
    fn pass_until(&mut self, moment: Moment) {
        for (due_ms, id) in self.jobs.due(moment.0) {
            self.move_time((due_ms, 0));
            self.end_job(&id, None);
        }
        self.move_time(moment);
    }

    /// `GET /api/v1/jobs/status`: returns a job and counts the call as a poll. Returns `None` for
    /// an unknown id, and for a job that the knob `job_forgotten_after` has made the server forget.
    pub(super) fn poll_job(&mut self, id: &str) -> Option<&Job> {
        let counts = match self.jobs.get(id)?.progress {
            Progress::Pending(Wait::Polls(left)) => {
                if left == 0 {
                    self.end_job(id, None);
                }
                true
            }
            _ => self.knobs.job_first_answer != FirstAnswer::Normal,
        };
        let limit = self.knobs.job_forgotten_after;
        let is_over = limit > 0 && self.jobs.get(id)?.verdict().is_some();
        if counts || is_over {
            let job = self.jobs.items.get_mut(id)?;
            if let Progress::Pending(Wait::Polls(left)) = &mut job.progress {
                *left = left.saturating_sub(1);
            }
            job.polls = job.polls.saturating_add(u32::from(counts));
            job.polls_after_end = job.polls_after_end.saturating_add(u32::from(is_over));
        }
        let job = self.jobs.get(id)?;
        (!is_over || job.polls_after_end <= limit).then_some(job)
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
    pub(super) fn end_job(&mut self, id: &str, ending: Option<&Ending>) {
        let Some(job) = self.jobs.get(id) else {
            return;
        };
        let (work, planned) = (job.work.clone(), job.planned.clone());
        let ending = ending.or(planned.ending.as_ref());
        let failure = ending.map(Ending::message);
        // Lists show the writes of the job as late as those of its request.
        let request_lag = mem::replace(&mut self.fault.list_lag, planned.list_lag);
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
        self.fault.list_lag = request_lag;
        self.jobs.finish(id, verdict, self.time.now());
    }
}

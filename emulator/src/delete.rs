//! Deletion of solutions: the check of the request, and the end of the delete job.

use super::access::Caller;
use super::jobs::{Ending, Verdict, Work};
use super::knobs::{
    DeleteActive, DeleteAnswer, DeleteMissing, DeleteReferenced, DeleteRunning, RunEnd,
};
use super::options::JobPace;
use super::refusal::Refusal;
use super::solutions::Solution;
use super::world::World;

impl World {
    /// `DELETE /api/v2/solutions/deployed/<id>`: starts a delete job and returns its id.
    pub(crate) fn delete(&mut self, caller: &Caller, id: &str) -> Result<String, Refusal> {
        let trouble = match self.own_solution(caller, id, "deleting a solution") {
            Ok(solution) if solution.deleting => {
                Self::delete_nothing(id, self.knobs.delete_repeated)?
            }
            Ok(solution) => self.delete_something(&solution.clone())?,
            Err(Refusal::NoSuchSolution { .. }) => {
                Self::delete_nothing(id, self.knobs.delete_missing)?
            }
            Err(refusal) => return Err(refusal),
        };
        if trouble.is_none() {
            self.change_solution(id, |solution| solution.deleting = true);
        }
        // A client cannot poll a job whose id is not in the answer.
        let hides_job_id = self.knobs.delete_answer != DeleteAnswer::JobId;
        let pace = match self.pace {
            JobPace::Polls(_) if hides_job_id => JobPace::Immediate,
            pace => pace,
        };
        let work = Work::Delete {
            solution: id.to_owned(),
            trouble,
        };
        Ok(self.start_job(caller, work, pace))
    }

    /// Checks the deletion of a record. Returns the error message of a job that will fail, or
    /// `None` if the job will delete the record.
    fn delete_something(&mut self, solution: &Solution) -> Result<Option<String>, Refusal> {
        let id = &solution.id;
        let (active, running, referenced) = (
            self.knobs.delete_active,
            self.knobs.delete_running,
            self.knobs.delete_referenced,
        );
        let is_active = solution.state == "ACTIVE";
        let runs = self.runs_in_flight(id);
        let refusal = if is_active && active != DeleteActive::Allowed {
            Refusal::StillActive { id: id.clone() }
        } else if !runs.is_empty()
            && matches!(running, DeleteRunning::Refused | DeleteRunning::JobError)
        {
            Refusal::StillRunning { id: id.clone() }
        } else if solution.referenced && referenced != DeleteReferenced::Allowed {
            Refusal::StillReferenced { id: id.clone() }
        } else {
            if running == DeleteRunning::Cascade {
                let cancelled = Ending::Run(RunEnd::Cancelled);
                for run in runs {
                    self.finish_job(&run, Some(&cancelled))?;
                }
            }
            return Ok(None);
        };
        let fails_in_job = match &refusal {
            Refusal::StillActive { .. } => active == DeleteActive::JobError,
            Refusal::StillRunning { .. } => running == DeleteRunning::JobError,
            _ => referenced == DeleteReferenced::JobError,
        };
        if fails_in_job {
            Ok(Some(refusal.to_string()))
        } else {
            Err(refusal)
        }
    }

    fn delete_nothing(id: &str, rule: DeleteMissing) -> Result<Option<String>, Refusal> {
        match rule {
            DeleteMissing::NotFound => Err(Refusal::NoSuchSolution { id: id.to_owned() }),
            DeleteMissing::JobDone => Ok(None),
            DeleteMissing::JobError => Ok(Some(format!("there is no solution `{id}`"))),
        }
    }

    /// Ends a delete job. `trouble` is the error message from the start of the job, `failure` the
    /// one of a fault.
    pub(crate) fn end_delete(
        &mut self,
        id: &str,
        trouble: Option<&str>,
        failure: Option<&str>,
    ) -> Verdict {
        let message = match (trouble, failure) {
            (None, None) => {
                self.drop_solution(id);
                return Verdict::Done { solution: None };
            }
            (None, Some(failure)) => {
                self.change_solution(id, |solution| solution.deleting = false);
                failure
            }
            // This job did not mark the record as deleting, but another job may have.
            (Some(trouble), _) => trouble,
        };
        Verdict::Failed {
            message: message.to_owned(),
        }
    }
}

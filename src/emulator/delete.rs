//! Deleting: what happens when the call is accepted, and what at the end of its job.

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
    /// `DELETE /api/v2/solutions/deployed/<id>`: starts a job and tells its id.
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
        // Nobody can poll a job whose id is not told.
        let untold = self.knobs.delete_answer != DeleteAnswer::JobId;
        let pace = match self.pace {
            JobPace::Polls(_) if untold => JobPace::Immediate,
            pace => pace,
        };
        let work = Work::Delete {
            solution: id.to_owned(),
            trouble,
        };
        Ok(self.start_job(caller, work, pace))
    }

    /// Why the job that deletes a record is going to fail, if it is.
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
        let is_told_by_job = match &refusal {
            Refusal::StillActive { .. } => active == DeleteActive::JobError,
            Refusal::StillRunning { .. } => running == DeleteRunning::JobError,
            _ => referenced == DeleteReferenced::JobError,
        };
        if is_told_by_job {
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

    /// The end of a delete job.
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
            // The job never meant to delete anything, and another one may be about to.
            (Some(trouble), _) => trouble,
        };
        Verdict::Failed {
            message: message.to_owned(),
        }
    }
}

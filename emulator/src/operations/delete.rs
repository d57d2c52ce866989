//! Deletion of solutions: the check of the request, and the end of the delete job.

use crate::access::Caller;
use crate::knobs::{
    DeleteActive, DeleteAnswer, DeleteMissing, DeleteReferenced, DeleteRunning, RunEnd,
};
use crate::pace::JobPace;
use crate::refusal::Refusal;
use crate::state::solutions::Solution;
use crate::state::work::{Ending, Verdict, Work};
use crate::state::world::World;

impl World {
    /// `DELETE /api/v2/solutions/deployed/<id>`: starts a delete job and returns its id.
    pub(crate) fn delete(&mut self, caller: &Caller, id: &str) -> Result<String, Refusal> {
        let failure = match self.own_solution(caller, id, "deleting a solution") {
            Ok(solution) if solution.deleting => {
                Self::delete_missing(id, self.knobs.delete_repeated)?
            }
            Ok(solution) => self.delete_present(&solution.clone())?,
            Err(Refusal::NoSuchSolution(_)) => Self::delete_missing(id, self.knobs.delete_missing)?,
            Err(refusal) => return Err(refusal),
        };
        if failure.is_none() {
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
            failure,
        };
        Ok(self.start_job(caller, work, pace))
    }

    /// Checks the deletion of a record. Returns the error message of a job that will fail, or
    /// `None` if the job will delete the record.
    fn delete_present(&mut self, solution: &Solution) -> Result<Option<String>, Refusal> {
        let id = &solution.id;
        let (active, running, referenced) = (
            self.knobs.delete_active,
            self.knobs.delete_running,
            self.knobs.delete_referenced,
        );
        let runs = self.runs_in_flight(id);
        let protects = matches!(running, DeleteRunning::Refused | DeleteRunning::JobError);
        let (refusal, fails_in_job) =
            if solution.state == "ACTIVE" && active != DeleteActive::Allowed {
                let refusal = Refusal::StillActive(id.clone());
                (refusal, active == DeleteActive::JobError)
            } else if !runs.is_empty() && protects {
                let refusal = Refusal::StillRunning(id.clone());
                (refusal, running == DeleteRunning::JobError)
            } else if solution.referenced && referenced != DeleteReferenced::Allowed {
                let refusal = Refusal::StillReferenced(id.clone());
                (refusal, referenced == DeleteReferenced::JobError)
            } else {
                if running == DeleteRunning::Cascade {
                    let cancelled = Ending::Run(RunEnd::Cancelled);
                    for run in runs {
                        self.finish_job(&run, Some(&cancelled))?;
                    }
                }
                return Ok(None);
            };
        if fails_in_job {
            Ok(Some(refusal.to_string()))
        } else {
            Err(refusal)
        }
    }

    fn delete_missing(id: &str, rule: DeleteMissing) -> Result<Option<String>, Refusal> {
        let missing = Refusal::NoSuchSolution(id.to_owned());
        match rule {
            DeleteMissing::NotFound => Err(missing),
            DeleteMissing::JobDone => Ok(None),
            DeleteMissing::JobError => Ok(Some(missing.to_string())),
        }
    }

    /// Ends a delete job. `failure` is the error message from the start of the job, `fault` the one
    /// of a fault.
    pub(crate) fn end_delete(
        &mut self,
        id: &str,
        failure: Option<&str>,
        fault: Option<&str>,
    ) -> Verdict {
        match (failure, fault) {
            (None, None) => {
                self.drop_solution(id);
                Verdict::Done { solution: None }
            }
            (None, Some(fault)) => {
                self.change_solution(id, |solution| solution.deleting = false);
                Verdict::failed(fault)
            }
            // This job did not mark the record as deleting, but another job may have.
            (Some(failure), _) => Verdict::failed(failure),
        }
    }
}

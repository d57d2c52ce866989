//! Deletion of solutions: the check of the request, and the end of the delete job.

use axum::http::StatusCode;
use serde_json::json;

use crate::access::Caller;
use crate::call::Call;
use crate::knobs::{DeleteAnswer, DeleteInUse, DeleteMissing, DeleteRunning, RunEnd};
use crate::pace::JobPace;
use crate::refusal::Refusal;
use crate::reply::{Answer, Reply, jobs};
use crate::state::solutions::Solution;
use crate::state::work::{Ending, Verdict, Work};
use crate::state::world::World;

/// `DELETE /api/v2/solutions/deployed/<id>`.
pub(super) fn delete(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let id = &call.parameter;
    let failure = match world.own_solution(caller, id, "deleting a solution") {
        Ok(solution) if solution.deleting => delete_missing(id, world.knobs.delete_repeated)?,
        Ok(solution) => world.delete_present(&solution.clone())?,
        Err(Refusal::NoSuchSolution(_)) => delete_missing(id, world.knobs.delete_missing)?,
        Err(refusal) => return Err(refusal),
    };
    if failure.is_none() {
        world.change_solution(id, |solution| solution.deleting = true);
    }
    let answer = world.knobs.delete_answer;
    let pace = match world.pace {
        // A client cannot poll a job whose id is not in the answer.
        JobPace::Polls(_) if answer != DeleteAnswer::JobId => JobPace::Immediate,
        pace => pace,
    };
    let work = Work::Delete {
        solution: id.clone(),
        failure,
    };
    let job = world.start_job(caller, work, pace);
    Ok(match answer {
        DeleteAnswer::JobId => jobs::job_started(&job),
        DeleteAnswer::EmptyObject => Reply::ok(&json!({})),
        DeleteAnswer::NoContent => Reply::empty(StatusCode::NO_CONTENT),
    })
}

fn delete_missing(id: &str, rule: DeleteMissing) -> Result<Option<String>, Refusal> {
    let missing = Refusal::NoSuchSolution(id.to_owned());
    match rule {
        DeleteMissing::NotFound => Err(missing),
        DeleteMissing::JobDone => Ok(None),
        DeleteMissing::JobError => Ok(Some(missing.to_string())),
    }
}

impl World {
    /// Checks the deletion of a record. Returns the error message of a job that will fail, or
    /// `None` if the job will delete the record.
    fn delete_present(&mut self, solution: &Solution) -> Result<Option<String>, Refusal> {
        let id = &solution.id;
        let runs = self.runs_in_flight(id);
        let knobs = &self.knobs;
        let running = match knobs.delete_running {
            DeleteRunning::Allowed | DeleteRunning::Cascade => DeleteInUse::Allowed,
            DeleteRunning::Refused => DeleteInUse::Refused,
            DeleteRunning::JobError => DeleteInUse::JobError,
        };
        let wrong_state = |reason| Refusal::WrongState(id.clone(), reason);
        let active = wrong_state("is ACTIVE; set it INACTIVE before deleting it");
        let in_flight = wrong_state("has runs in flight");
        let referenced = Refusal::StillReferenced(id.clone());
        let rules = [
            (solution.state == "ACTIVE", knobs.delete_active, active),
            (!runs.is_empty(), running, in_flight),
            (solution.referenced, knobs.delete_referenced, referenced),
        ];
        for (_, rule, refusal) in rules.into_iter().filter(|(applies, ..)| *applies) {
            match rule {
                DeleteInUse::Allowed => {}
                DeleteInUse::Refused => return Err(refusal),
                DeleteInUse::JobError => return Ok(Some(refusal.to_string())),
            }
        }
        if knobs.delete_running == DeleteRunning::Cascade {
            for run in runs {
                self.finish_job(&run, Some(&Ending::Run(RunEnd::Cancelled)))?;
            }
        }
        Ok(None)
    }

    /// Ends a delete job. `failure` is the error message from the start of the job, `fault` the one
    /// of a fault.
    pub(super) fn end_delete(
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

//! The Job API, and the newer address to which file operations refer.

use serde_json::json;

use crate::call::Call;
use crate::knobs::UnknownJob;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply};
use crate::state::jobs::Job;
use crate::state::work::{Verdict, Work};
use crate::state::world::World;

/// `GET /api/v1/jobs/status`. Errors of a v1 call are 200 with `ERROR` in the body. The parameter
/// `type` is ignored: clients omit it or send a wrong one.
pub(super) fn status(world: &mut World, call: &Call) -> Answer {
    let Some(id) = call.query.get("job_id") else {
        return Ok(reply::v1_error("`job_id` is missing"));
    };
    if let Some(job) = world.poll_job(id).cloned() {
        let now_ms = world.time.now_ms();
        return Ok(reply::jobs::job_status(&job, &world.knobs, now_ms));
    }
    match world.knobs.unknown_job {
        UnknownJob::Error => Ok(reply::v1_error(&format!("there is no job `{id}`"))),
        UnknownJob::NotFound => Err(Refusal::NoSuchJob(id.to_owned())),
        UnknownJob::EmptyObject => Ok(Reply::ok(&json!({}))),
        UnknownJob::Pending => Ok(Reply::ok(
            &json!({ "status": "OK", "state": "PENDING", "job_id": id }),
        )),
    }
}

/// `GET /api/v2/jobs/<id>`: the state of a file operation.
pub(super) fn file_status(world: &mut World, call: &Call) -> Answer {
    let id = &call.parameter;
    let job = world.jobs.get(id);
    let task = job.filter(|job| matches!(job.work, Work::Task(_)));
    let (state, message) = match task.map(Job::verdict) {
        None if id.starts_with(FILE_JOB) => ("COMPLETE", ""),
        None => return Err(Refusal::NoSuchJob(id.clone())),
        Some(None) => ("PENDING", ""),
        Some(Some(Verdict::Failed { message })) => ("FAILED", message.as_str()),
        Some(Some(Verdict::Done { .. } | Verdict::Stopped { .. })) => ("COMPLETE", ""),
    };
    Ok(Reply::ok(&json!({ "state": state, "message": message })))
}

/// The prefix of the ids of file deletions. These are not stored, because they cannot fail.
pub(super) const FILE_JOB: &str = "file-";

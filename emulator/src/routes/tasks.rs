//! The calls whose work the platform does in jobs of their own: file operations, the packager and
//! the marketplace, as far as the vendor's own toolkit uses them.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::call::{Call, Fields, flag_field, required_field, text_field};
use crate::knobs::LocationForm;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply, jobs};
use crate::state::work::TaskResult;
use crate::state::world::World;

pub(super) fn copy(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    file_task(world, caller, call, World::copy_node)
}

pub(super) fn rename(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    file_task(world, caller, call, World::move_node)
}

pub(super) fn extract(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    file_task(world, caller, call, World::extract)
}

/// Handles a call from `src_path` to `dst_path`. It is always accepted; the job reports the result.
fn file_task(
    world: &mut World,
    caller: &Caller,
    call: &Call,
    work: impl FnOnce(&mut World, &str, &str) -> TaskResult,
) -> Answer {
    let fields = call.object()?;
    let from = required_field(&fields, "src_path")?;
    let to = required_field(&fields, "dst_path")?;
    let outcome = work(world, &from, &to);
    let job = world.start_task(caller, outcome);
    Ok(accepted(world, call, &job))
}

/// Returns 202 with the address of the job, in the form that the knob asks for.
pub(super) fn accepted(world: &World, call: &Call, job: &str) -> Reply {
    let path = format!("/api/v2/jobs/{job}");
    let reply = Reply::empty(StatusCode::ACCEPTED);
    match world.knobs.location_form {
        LocationForm::Path => reply.with(header::LOCATION, &path),
        LocationForm::Url => {
            let host = call.header("host").unwrap_or("localhost");
            reply.with(header::LOCATION, &format!("http://{host}{path}"))
        }
        LocationForm::Missing => reply,
    }
}

/// `POST /api/v1/drives/<path>/copy`, the older way to copy. Other actions on drives are not
/// emulated.
pub(super) fn copy_in_drive(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let Some(from) = call.parameter.strip_suffix("/copy") else {
        return Err(call.no_such_route());
    };
    let to = required_field(&call.object()?, "new_full_path")?;
    let outcome = world.copy_node(from, &to);
    let job = world.start_task(caller, outcome);
    Ok(Reply::ok(&json!({ "status": "OK", "job_id": job })))
}

pub(super) fn compile(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let root = required_field(&fields, "flow_project_root")?;
    let binary = text_field(&fields, "predefined_binary_path")?;
    text_field(&fields, "binary_type")?;
    let settings = fields.get("settings").and_then(Value::as_object);
    let settings = settings.ok_or(Refusal::MissingField("settings"))?;
    flag_field(settings, "is_flow_v3")?;
    let flow = required_field(settings, "flow_file")?;
    let outcome = world.compile(&root, &flow, binary.as_deref());
    let job = world.start_task(caller, outcome);
    Ok(Reply::ok(&json!({ "status": "OK", "job_id": job })))
}

pub(super) fn create_package(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let content = required_field(&fields, "content_folder")?;
    let output = required_field(&fields, "output_folder")?;
    let outcome = world.create_package(&content, &output);
    Ok(v1_task(world, caller, &fields, outcome))
}

pub(super) fn publish(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let outcome = world.publish(&required_field(&fields, "ibsolution_path")?);
    Ok(v1_task(world, caller, &fields, outcome))
}

/// Returns the answer to a v1 call that waits for its work, unless `async` asks for a job. Errors
/// of a v1 call are 200 with `ERROR` in the body.
fn v1_task(world: &mut World, caller: &Caller, fields: &Fields, outcome: TaskResult) -> Reply {
    let wants_job = match fields.get("async") {
        Some(Value::String(text)) => text == "true",
        Some(value) => *value == Value::Bool(true),
        None => false,
    };
    if wants_job {
        return jobs::job_started(&world.start_task(caller, outcome));
    }
    match outcome {
        Ok(mut body) => {
            body.remove("solution_path");
            body.insert("status".to_owned(), json!("OK"));
            Reply::ok(&Value::Object(body))
        }
        Err(refusal) => reply::v1_error(&refusal.to_string()),
    }
}

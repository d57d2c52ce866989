//! The Deployed Solutions API.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::call::{Call, flag_field, required_field, text_field};
use crate::knobs::{DeleteAnswer, DeployAsync, PatchStyle, TrailingSlash};
use crate::operations::solutions::Patch;
use crate::pace::JobPace;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply, records};
use crate::state::jobs::Job;
use crate::state::lists::ListQuery;
use crate::state::work::Verdict;
use crate::state::world::World;

pub(super) fn deploy(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    if let Some(reply) = trailing_slash(world, call)? {
        return Ok(reply);
    }
    let fields = call.object()?;
    let path = required_field(&fields, "solution_path")?;
    let is_sync = world.knobs.deploy_async == DeployAsync::Honoured
        && [Some(&json!(false)), Some(&json!("false"))].contains(&fields.get("async"));
    if is_sync {
        world.overrides.pace.get_or_insert(JobPace::Immediate);
    }
    let job = world.deploy(caller, &path)?;
    let verdict = world.jobs.get(&job).and_then(Job::verdict);
    Ok(match verdict {
        Some(Verdict::Failed { message }) if is_sync => reply::v1_error(message),
        Some(_) if is_sync => Reply::ok(&json!({ "status": "OK" })),
        _ => reply::jobs::job_started(&job),
    })
}

pub(super) fn list(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    if let Some(reply) = trailing_slash(world, call)? {
        return Ok(reply);
    }
    let query = &call.query;
    let (limit, offset) = query.page()?;
    let query = ListQuery {
        limit,
        offset,
        state: query.text("state"),
        name: query.text("name"),
        author: query.text("author"),
        owner: query.text("owner"),
        visibility: query.text("visibility"),
    };
    let page = world.list_solutions(caller, &query)?;
    Ok(records::solution_page(&page, &world.knobs))
}

pub(super) fn get(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let solution = world.read_solution(caller, &call.parameter)?;
    Ok(records::solution(&solution, &world.knobs))
}

pub(super) fn patch(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let style = world.knobs.patch_style;
    let mut patch = Patch::default();
    if style != PatchStyle::Body {
        patch.state = call.query.text("state");
        patch.visibility = call.query.text("visibility");
    }
    if style != PatchStyle::Query && !call.body.is_empty() {
        let fields = call.object()?;
        // The body takes precedence, but the query is checked too.
        world.patch_words(&patch)?;
        patch.state = text_field(&fields, "state")?.or(patch.state);
        patch.visibility = text_field(&fields, "visibility")?.or(patch.visibility);
        patch.customizable = flag_field(&fields, "is_customizable")?;
    }
    let solution = world.patch_solution(caller, &call.parameter, &patch)?;
    Ok(records::patched_solution(&solution, &world.knobs))
}

/// Shares a solution with accounts, as the vendor's newer toolkit does. The answer of the platform
/// is not known.
pub(super) fn share(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let accounts = fields.get("orgs").and_then(Value::as_array);
    let accounts: Option<Vec<String>> = accounts.and_then(|accounts| {
        let names = accounts.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect()
    });
    let accounts = accounts.ok_or(Refusal::BadField("orgs", "a list of account ids"))?;
    let solution = world.share_solution(caller, &call.parameter, accounts)?;
    Ok(records::patched_solution(&solution, &world.knobs))
}

pub(super) fn delete(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let job = world.delete(caller, &call.parameter)?;
    Ok(match world.knobs.delete_answer {
        DeleteAnswer::JobId => reply::jobs::job_started(&job),
        DeleteAnswer::EmptyObject => Reply::ok(&json!({})),
        DeleteAnswer::NoContent => Reply::empty(StatusCode::NO_CONTENT),
    })
}

/// Returns the answer to an address with a slash at its end, if the knob does not accept the slash.
fn trailing_slash(world: &World, call: &Call) -> Result<Option<Reply>, Refusal> {
    let Some(path) = call.path.strip_suffix('/') else {
        return Ok(None);
    };
    let status = match world.knobs.trailing_slash {
        TrailingSlash::Accepted => return Ok(None),
        TrailingSlash::NotFound => return Err(call.no_such_route()),
        TrailingSlash::Redirected => StatusCode::PERMANENT_REDIRECT,
        TrailingSlash::Found => StatusCode::FOUND,
    };
    let mark = if call.raw_query.is_empty() { "" } else { "?" };
    let address = format!("{path}{mark}{}", call.raw_query);
    Ok(Some(Reply::empty(status).with(header::LOCATION, &address)))
}

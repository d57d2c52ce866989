//! The start of runs, and the lists of runs.

use serde_json::Value;

use crate::access::Caller;
use crate::call::{Call, Fields, filled_field, optional_field, required_field};
use crate::operations::run_list::RunQuery;
use crate::operations::runs::{RunRequest, RunTarget};
use crate::refusal::Refusal;
use crate::reply::{Answer, jobs};
use crate::state::solutions::PUBLIC_OWNER;
use crate::state::world::World;

pub(super) fn run(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let request = run_request(&call.object()?)?;
    let job = world.run_solution(caller, &call.parameter, &request)?;
    Ok(jobs::job_started(&job))
}

pub(super) fn run_by_name(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let fields = call.object()?;
    let owner = filled_field(&fields, "owner")?;
    let target = RunTarget {
        name: required_field(&fields, "name")?,
        version: filled_field(&fields, "version")?,
        owner: owner.unwrap_or_else(|| PUBLIC_OWNER.to_owned()),
    };
    let job = world.run_by_name(caller, &target, &run_request(&fields)?)?;
    Ok(jobs::job_started(&job))
}

fn run_request(fields: &Fields) -> Result<RunRequest, Refusal> {
    let object = |value: &Value| value.as_object().cloned();
    let settings = optional_field(fields, "settings", "a JSON object", object)?;
    Ok(RunRequest {
        input_dir: required_field(fields, "input_dir")?,
        output_dir: filled_field(fields, "output_dir")?,
        job_id: filled_field(fields, "job_id")?,
        settings: settings.unwrap_or_default(),
    })
}

pub(super) fn list(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let query = RunQuery {
        solutions: call.query.all("solution_id"),
        owners: call.query.all("owner"),
        names: call.query.all("name"),
        ..query_of(call)?
    };
    Ok(jobs::run_list(&world.list_runs(caller, &query)?))
}

/// Lists the runs of one solution. Fails if the solution does not exist.
pub(super) fn list_of_one(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let id = world.solution(caller, &call.parameter)?.id.clone();
    let query = RunQuery {
        solutions: vec![id],
        ..query_of(call)?
    };
    Ok(jobs::run_list(&world.list_runs(caller, &query)?))
}

/// Returns the parameters that both lists take.
fn query_of(call: &Call) -> Result<RunQuery, Refusal> {
    let query = &call.query;
    let (limit, offset) = query.page()?;
    Ok(RunQuery {
        users: query.all("user"),
        jobs: query.all("job_id"),
        states: query.all("state"),
        output_repos: query.all("output_repo"),
        limit,
        offset,
        sort_by: query.text("sort_by"),
        order: query.text("order"),
        context: call.header("ib-context").map(str::to_owned),
        ..RunQuery::default()
    })
}

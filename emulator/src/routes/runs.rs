//! The start of runs, and the lists of runs.

use serde_json::{Map, Value};

use super::call::{Call, required_field, text_field};
use crate::access::Caller;
use crate::refusal::Refusal;
use crate::reply::{Reply, jobs};
use crate::runs::{RunQuery, RunRequest, RunTarget};
use crate::solutions::PUBLIC_OWNER;
use crate::world::World;

pub(super) fn run(world: &mut World, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let request = run_request(&call.object()?)?;
    let job = world.run_solution(caller, &call.parameter, &request)?;
    Ok(jobs::job_started(&job))
}

pub(super) fn run_by_name(
    world: &mut World,
    caller: &Caller,
    call: &Call,
) -> Result<Reply, Refusal> {
    let fields = call.object()?;
    let owner = filled(&fields, "owner")?;
    let target = RunTarget {
        name: required_field(&fields, "name")?,
        version: filled(&fields, "version")?,
        owner: owner.unwrap_or_else(|| PUBLIC_OWNER.to_owned()),
    };
    let job = world.run_by_name(caller, &target, &run_request(&fields)?)?;
    Ok(jobs::job_started(&job))
}

fn run_request(fields: &Map<String, Value>) -> Result<RunRequest, Refusal> {
    Ok(RunRequest {
        input_dir: required_field(fields, "input_dir")?,
        output_dir: filled(fields, "output_dir")?,
        job_id: filled(fields, "job_id")?,
        settings: match fields.get("settings") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(settings)) => settings.clone(),
            Some(_) => {
                return Err(Refusal::BadField {
                    field: "settings",
                    expected: "a JSON object",
                });
            }
        },
    })
}

/// Returns a text field; an empty text counts as absent.
fn filled(fields: &Map<String, Value>, field: &'static str) -> Result<Option<String>, Refusal> {
    Ok(text_field(fields, field)?.filter(|text| !text.is_empty()))
}

pub(super) fn list(world: &mut World, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let solutions = call.query.all("solution_id");
    let owners = call.query.all("owner");
    let names = call.query.all("name");
    let query = RunQuery {
        solutions,
        owners,
        names,
        ..query_of(call)?
    };
    list_runs(world, caller, &query)
}

/// Lists the runs of one solution. Fails if the solution does not exist.
pub(super) fn list_of_one(
    world: &mut World,
    caller: &Caller,
    call: &Call,
) -> Result<Reply, Refusal> {
    let id = world.solution(caller, &call.parameter)?.id.clone();
    let query = RunQuery {
        solutions: vec![id],
        ..query_of(call)?
    };
    list_runs(world, caller, &query)
}

fn list_runs(world: &World, caller: &Caller, query: &RunQuery) -> Result<Reply, Refusal> {
    Ok(jobs::run_list(&world.list_runs(caller, query)?))
}

/// Returns the parameters that both lists take.
fn query_of(call: &Call) -> Result<RunQuery, Refusal> {
    let query = &call.query;
    Ok(RunQuery {
        users: query.all("user"),
        jobs: query.all("job_id"),
        states: query.all("state"),
        output_repos: query.all("output_repo"),
        limit: query.number("limit", 0, "a whole number from 1 up")?,
        offset: query
            .number("offset", 0, "a whole number from 0 up")?
            .unwrap_or(0),
        sort_by: query.text("sort_by"),
        order: query.text("order"),
        context: call.header("ib-context").map(str::to_owned),
        ..RunQuery::default()
    })
}

//! `jobs`: lists the runs of one solution, or of all solutions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use futures_util::StreamExt as _;

use super::get;
use crate::cli::args::{JobsArgs, SortKey, SortOrder};
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::ident::{Address, SolutionId};
use crate::job::{RunFilter, RunList};
use crate::render::{render_json, render_runs, runs_document};

/// The maximum number of solutions that the table shows by name: each name costs a request.
const NAMED: usize = 100;
/// The maximum number of concurrent requests.
const AT_ONCE: usize = 10;

pub(super) async fn run(
    args: &JobsArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let filter = filter(args, &session).await?;
    let list = session
        .reader()
        .runs(&filter)
        .await
        .map_err(|error| session.read_error(error))?;
    if args.json {
        let environment = &session.manifest().environment.name;
        render_json(&runs_document(environment, &list), io.document())?;
    } else {
        let names = names_of(&list, &session).await;
        render_runs(&list, &names, &mut io.out)?;
    }
    if let Some(why) = &list.incomplete {
        io.warn_incomplete(why)?;
    }
    if list.runs.is_empty() && args.output_repo.is_empty() {
        writeln!(
            io.err,
            "No runs. Runs whose results go to a space that the token's user does not own are shown only \
             with --output-repo OWNER/SPACE."
        )?;
    }
    Ok(ExitStatus::Success)
}

async fn filter(args: &JobsArgs, session: &Session) -> Result<RunFilter, CommandError> {
    let solution_ids = match &args.solution {
        Some(solution) => vec![get::the_one(session, solution).await?],
        None => args.solution_id.clone(),
    };
    Ok(RunFilter {
        is_of_one: args.solution.is_some(),
        solution_ids,
        users: args.user.clone(),
        ids: args.job_id.clone(),
        states: args
            .state
            .iter()
            .map(|state| state.as_str().to_owned())
            .collect(),
        owners: args.owner.clone(),
        names: args.name.clone(),
        output_repos: args.output_repo.clone(),
        sort_by: args.sort_by.map(SortKey::as_str),
        order: args.order.map(SortOrder::as_str),
        limit: args.limit,
        offset: args.offset,
    })
}

/// Returns the addresses of the solutions that ran. A solution that cannot be read keeps its id.
async fn names_of(list: &RunList, session: &Session) -> BTreeMap<SolutionId, Address> {
    let ids: BTreeSet<SolutionId> = list
        .runs
        .iter()
        .filter_map(|run| run.solution_id.clone())
        .take(NAMED)
        .collect();
    let reader = session.reader();
    let questions: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let reader = reader.clone();
            async move {
                let live = reader.get(&id).await.ok()??;
                Some((id, live.identity.address()))
            }
        })
        .collect();
    futures_util::stream::iter(questions)
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await
}

//! `jobs`: lists the runs of one solution, or of all solutions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::Args;
use futures_util::StreamExt as _;

use super::get;
use crate::cli::args::{ManifestArgs, Word, parse_space, word_parser};
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::ident::{Address, JobId, SolutionId};
use crate::job::{RunFilter, RunList};
use crate::render::{render_json, render_runs, runs_document};

/// The maximum number of solutions that the table shows by name: each name costs a request.
const NAMED: usize = 100;
/// The maximum number of concurrent requests.
const AT_ONCE: usize = 10;

/// List runs of one solution, or of all solutions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform jobs -e prod 'Form W-2@0.0.2'\n  \
    solform jobs -e prod --state FAILED --output-repo acme/prod --limit 20")]
pub(in crate::cli) struct JobsArgs {
    /// List only runs of this solution: `Name@version`, `owner:Name@version`, or a solution id
    #[arg(value_name = "ADDR|ID", conflicts_with_all = ["solution_id", "owner", "name"])]
    solution: Option<String>,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// List only runs of the solution with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = SolutionId::parse)]
    solution_id: Vec<SolutionId>,
    /// List only runs of solutions with this name; repeatable
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// List only runs of solutions of this owner; repeatable
    #[arg(long, value_name = "OWNER")]
    owner: Vec<String>,
    /// List only runs that this user started; repeatable
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// List only the run with this id; repeatable
    #[arg(long, value_name = "ID", value_parser = JobId::parse)]
    job_id: Vec<JobId>,
    /// List only runs in this state; repeatable
    #[arg(long, value_name = "STATE", value_parser = word_parser(&STATES), ignore_case = true)]
    state: Vec<&'static str>,
    /// List only runs whose results go to this space, OWNER/SPACE; repeatable. By default, the
    /// platform lists the spaces that the token's user owns
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    output_repo: Vec<String>,
    /// Maximum number of results; by default, all are shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Number of results to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Sort by this key; the platform's default is startTimeNs
    #[arg(long, value_name = "KEY", value_parser = word_parser(&SORT_KEYS), ignore_case = true)]
    sort_by: Option<&'static str>,
    /// Sort in this order; the platform's default is DESCENDING
    #[arg(long, value_name = "ORDER", value_parser = word_parser(&ORDERS), ignore_case = true)]
    order: Option<&'static str>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// The states that filter a list of runs: the documented ones, and the additional ones of the Job
/// API.
const STATES: [Word; 7] = [
    ("RUNNING", "In progress"),
    ("COMPLETE", "Succeeded"),
    ("FAILED", "Failed"),
    ("CANCELLED", "Cancelled by a user"),
    ("STOPPED_AT_CHECKPOINT", "Waits for a human"),
    ("PENDING", "Not started"),
    ("PAUSED", "Waits for a human"),
];

/// The sort keys of a list of runs.
const SORT_KEYS: [Word; 6] = [
    ("startTimeNs", "The start time"),
    ("name", "The solution's name"),
    ("version", "The solution's version"),
    ("username", "The user who started it"),
    ("timeTakenNs", "The duration"),
    ("state", "The state"),
];

/// The sort orders of a list of runs.
const ORDERS: [Word; 2] = [
    ("ASCENDING", "Lowest first"),
    ("DESCENDING", "Highest first"),
];

pub(super) async fn run(args: &JobsArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let session = session::open(&args.manifest, settings, io).await?;
    let filter = filter(args, &session).await?;
    let list = session.read(session.reader().runs(&filter)).await?;
    if args.json {
        let environment = &session.manifest().environment.name;
        render_json(&runs_document(environment, &list), io.document())?;
    } else if list.runs.is_empty() {
        writeln!(io.out, "No runs.")?;
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
            "Runs whose results go to a space that the token's user does not own are shown only \
             with --output-repo OWNER/SPACE."
        )?;
    }
    Ok(ExitStatus::Success)
}

async fn filter(args: &JobsArgs, session: &Session) -> Result<RunFilter> {
    let solution_ids = match &args.solution {
        Some(solution) => vec![get::single_id(session, solution).await?],
        None => args.solution_id.clone(),
    };
    Ok(RunFilter {
        is_of_one: args.solution.is_some(),
        solution_ids,
        users: args.user.clone(),
        ids: args.job_id.clone(),
        states: args.state.iter().map(ToString::to_string).collect(),
        owners: args.owner.clone(),
        names: args.name.clone(),
        output_repos: args.output_repo.clone(),
        sort_by: args.sort_by,
        order: args.order,
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

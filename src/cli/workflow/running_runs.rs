//! The RUNNING runs of the versions that a plan takes out of service.

use std::collections::BTreeMap;
use std::io;

use futures_util::StreamExt as _;

use crate::api::chain;
use crate::cli::environment::session::Session;
use crate::cli::io::Io;
use crate::ident::{Address, SolutionId};
use crate::job::RunFilter;
use crate::live::Coverage;
use crate::manifest::Drain;
use crate::plan::{Plan, RunningRuns};
use crate::render::words;

/// Lists the RUNNING runs of each version whose `drain` handles them, and adds their numbers to the
/// plan. A list that cannot be read is a warning: apply reads it again before the write.
pub(super) async fn count(session: &Session, plan: Plan, io: &mut Io) -> io::Result<Plan> {
    // If the list of versions is unconfirmed, nothing is applied.
    if matches!(plan.coverage, Coverage::Unproven(_)) {
        return Ok(plan);
    }
    let changes = plan.changes.iter();
    let drained = changes.filter_map(|change| Some((&change.address, change.drained()?)));
    let looks = drained.map(|(address, (drain, id))| look(session, address, drain, id));
    let looks: Vec<_> = looks.collect();
    let found: Vec<_> = futures_util::stream::iter(looks)
        .buffered(session.files().reads_at_once())
        .collect()
        .await;
    let mut unknown = Vec::new();
    let mut why = None;
    let mut all = BTreeMap::new();
    for (address, id, runs) in found {
        let runs = runs.unwrap_or_else(|(runs, cause)| {
            unknown.push(address.clone());
            why.get_or_insert(cause);
            runs
        });
        all.insert(id, runs);
    }
    if let Some(why) = why {
        let addresses = words::addresses(unknown.iter());
        io.warn(
            &format!("the number of RUNNING runs is unknown: {addresses}"),
            vec![why],
        )?;
    }
    Ok(plan.with_running_runs(&all))
}

type Looked = (
    Address,
    SolutionId,
    Result<RunningRuns, (RunningRuns, String)>,
);

/// Lists the RUNNING runs of one version; an error has the reason why their number is unknown.
async fn look(session: &Session, address: &Address, drain: &Drain, id: &SolutionId) -> Looked {
    let environment = &session.manifest().environment;
    let limit = drain.limit(environment.timeouts.run);
    let mut runs = RunningRuns {
        mode: drain.mode,
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        count: None,
        is_minimum: true,
        spaces: drain.spaces.clone(),
        user: environment.user.clone(),
    };
    let filter = RunFilter::running(id, drain.spaces.iter().cloned());
    let result = match session.reader().runs(&filter).await {
        Ok(list) => {
            runs.count = Some(list.runs.len());
            runs.is_minimum = drain.spaces.is_empty() || list.incomplete.is_some();
            Ok(runs)
        }
        Err(error) => Err((runs, chain(&error))),
    };
    (address.clone(), id.clone(), result)
}

//! The lists of runs: filters, order and pages.

use crate::access::Caller;
use crate::call::{Call, Query};
use crate::knobs::{RunSpaces, RunTies, UnknownFilterWord};
use crate::refusal::Refusal;
use crate::reply::{Answer, jobs};
use crate::state::jobs::{Job, Progress, Wait};
use crate::state::work::{Run, Work};
use crate::state::world::World;

/// The states of a run.
pub(crate) const RUN_STATES: [&str; 5] = [
    "RUNNING",
    "COMPLETE",
    "FAILED",
    "CANCELLED",
    "STOPPED_AT_CHECKPOINT",
];

/// `GET /api/v2/solutions/deployed/jobs`.
pub(super) fn list(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    world.list_runs(caller, call, None)
}

/// `GET /api/v2/solutions/deployed/<id>/jobs`. Fails if the solution does not exist.
pub(super) fn list_of_one(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    let solution = world.solution(caller, &call.parameter)?.id.clone();
    world.list_runs(caller, call, Some(&solution))
}

impl World {
    /// Lists the runs of one solution, or of those that the query asks for.
    fn list_runs(&mut self, caller: &Caller, call: &Call, solution: Option<&str>) -> Answer {
        let query = &call.query;
        let (limit, offset) = query.page()?;
        let sort = self.sort_key(query.get("sort_by"))?;
        let is_ascending = match query.get("order") {
            None | Some("DESCENDING") => false,
            Some("ASCENDING") => true,
            Some(_) => self.fallback_for_unknown(false, "order", "ASCENDING or DESCENDING")?,
        };
        if query.all("state").any(|state| !RUN_STATES.contains(&state)) {
            self.fallback_for_unknown((), "state", "a state of runs")?;
        }
        if query.all("output_repo").next().is_none() && self.knobs.run_spaces == RunSpaces::Required
        {
            return Err(Refusal::MissingField("output_repo"));
        }
        let limit = self.page_limit(limit)?;
        let is_listed = |world: &Self, (job, run): (&Job, &Run)| {
            let may_see = caller.admin || [&job.started_by, &run.owner].contains(&&caller.name);
            may_see
                && world.shows_space(caller, call, run)
                && passes(&call.query, solution, job, run)
        };
        self.end_listed_runs(is_listed);
        let mut runs: Vec<(&Job, &Run)> = self
            .jobs
            .items
            .values()
            .filter_map(|job| match &job.work {
                Work::Run(run) => Some((job, run)),
                Work::Deploy(_) | Work::Delete { .. } | Work::Task(_) => None,
            })
            .filter(|listed| is_listed(self, *listed))
            .collect();
        runs.sort_by(|a, b| {
            let ties = a.0.sequence.cmp(&b.0.sequence);
            let ties = match self.knobs.run_ties {
                RunTies::NewestFirst => ties,
                RunTies::OldestFirst => ties.reverse(),
            };
            // The descending order is the exact reverse, including runs that sort equally.
            let ascending = sort(a).cmp(&sort(b)).then(ties);
            if is_ascending {
                ascending
            } else {
                ascending.reverse()
            }
        });
        let page = runs.into_iter().skip(offset).take(limit);
        let counts = |job: &Job| matches!(job.progress, Progress::Pending(Wait::Lists(_)));
        let counting = page.clone().filter(|(job, _)| counts(job));
        let counting: Vec<String> = counting.map(|(job, _)| job.id.clone()).collect();
        let answer = jobs::run_list(page);
        for id in counting {
            if let Some(job) = self.jobs.items.get_mut(&id)
                && let Progress::Pending(Wait::Lists(left)) = &mut job.progress
            {
                *left = left.saturating_sub(1);
            }
        }
        Ok(answer)
    }

    /// Ends the runs that were shown as RUNNING in as many lists as their pace says.
    fn end_listed_runs(&mut self, is_listed: impl Fn(&Self, (&Job, &Run)) -> bool) {
        let ended = self.jobs.pending_ids().into_iter().filter(|id| {
            let job = self.jobs.get(id);
            job.is_some_and(|job| match (&job.progress, &job.work) {
                (Progress::Pending(Wait::Lists(0)), Work::Run(run)) => is_listed(self, (job, run)),
                _ => false,
            })
        });
        for id in ended.collect::<Vec<_>>() {
            self.end_job(&id, None);
        }
    }

    /// Returns true if the query asks for a space, or the knob `run_spaces` shows that of the run.
    fn shows_space(&self, caller: &Caller, call: &Call, run: &Run) -> bool {
        let owner = run.output.split('/').next();
        self.knobs.run_spaces != RunSpaces::Own
            || call.query.all("output_repo").next().is_some()
            || [Some(caller.name.as_str()), call.header("ib-context")].contains(&owner)
    }

    /// Returns the key that the runs are sorted by.
    fn sort_key(&self, sort_by: Option<&str>) -> Result<SortKey, Refusal> {
        let by_start: SortKey = |(job, _)| Key::Number(job.started_ns());
        Ok(match sort_by {
            None | Some("startTimeNs") => by_start,
            Some("name") => |(_, run)| Key::Text(run.name.clone()),
            Some("version") => |(_, run)| Key::Text(run.version.clone()),
            Some("username") => |(job, _)| Key::Text(job.started_by.clone()),
            Some("timeTakenNs") => |(job, _)| Key::Number(job.time_taken_ns()),
            Some("state") => |(job, _)| Key::Text(job.run_state().to_owned()),
            Some(_) => {
                let expected = "startTimeNs, name, version, username, timeTakenNs or state";
                self.fallback_for_unknown(by_start, "sort_by", expected)?
            }
        })
    }

    /// Handles a parameter with an unknown word: returns the fallback, or refuses the call.
    fn fallback_for_unknown<T>(
        &self,
        fallback: T,
        field: &'static str,
        expected: &'static str,
    ) -> Result<T, Refusal> {
        match self.knobs.unknown_filter_word {
            UnknownFilterWord::Compared => Ok(fallback),
            UnknownFilterWord::Refused => Err(Refusal::BadField(field, expected)),
        }
    }
}

/// Returns true if a run passes the filters of a query. A filter with several values matches a run
/// that has one of them. The list of one solution has no filters for solutions.
fn passes(query: &Query, solution: Option<&str>, job: &Job, run: &Run) -> bool {
    let is_in = |filter: &str, value: &str| {
        let mut wanted = query.all(filter).peekable();
        wanted.peek().is_none() || wanted.any(|wanted| wanted == value)
    };
    let mut parts = run.output.split('/');
    let owner = parts.next().unwrap_or_default();
    let space = format!("{owner}/{}", parts.next().unwrap_or_default());
    let is_of_solution = match solution {
        Some(id) => run.solution == id,
        None => {
            is_in("solution_id", &run.solution)
                && is_in("owner", &run.owner)
                && is_in("name", &run.name)
        }
    };
    is_of_solution
        && is_in("output_repo", &space)
        && is_in("user", &job.started_by)
        && is_in("job_id", &job.id)
        && is_in("state", job.run_state())
}

/// A function that returns the value to sort a run by.
type SortKey = fn(&(&Job, &Run)) -> Key;

/// A value to sort by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u128),
    Text(String),
}

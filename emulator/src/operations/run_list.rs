//! The lists of runs: filters, order and pages.

use crate::access::Caller;
use crate::knobs::{RunSpaces, RunTies, UnknownFilterWord};
use crate::refusal::Refusal;
use crate::state::jobs::Job;
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

/// The parameters of a list of runs. An empty filter matches every run; a filter with several
/// values matches a run that has one of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunQuery {
    pub(crate) solutions: Vec<String>,
    pub(crate) users: Vec<String>,
    pub(crate) jobs: Vec<String>,
    pub(crate) states: Vec<String>,
    pub(crate) owners: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) output_repos: Vec<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
    pub(crate) sort_by: Option<String>,
    pub(crate) order: Option<String>,
    /// The account in the header `IB-Context`.
    pub(crate) context: Option<String>,
}

impl World {
    /// `GET /api/v2/solutions/deployed/jobs`, and `.../<id>/jobs` with one solution in the query.
    pub(crate) fn list_runs(
        &self,
        caller: &Caller,
        query: &RunQuery,
    ) -> Result<Vec<(&Job, &Run)>, Refusal> {
        let sort = self.sort_key(query.sort_by.as_deref())?;
        let is_ascending = match query.order.as_deref() {
            None | Some("DESCENDING") => false,
            Some("ASCENDING") => true,
            Some(_) => self.fallback_for_unknown(false, "order", "ASCENDING or DESCENDING")?,
        };
        let is_unknown = |state: &String| !RUN_STATES.contains(&state.as_str());
        if query.states.iter().any(is_unknown) {
            self.fallback_for_unknown((), "state", "a state of runs")?;
        }
        if query.output_repos.is_empty() && self.knobs.run_spaces == RunSpaces::Required {
            return Err(Refusal::MissingField("output_repo"));
        }
        let limit = self.page_limit(query.limit)?;
        let mut runs: Vec<(&Job, &Run)> = self
            .jobs
            .iter()
            .filter_map(|job| match &job.work {
                Work::Run(run) => Some((job, run)),
                Work::Deploy(_) | Work::Delete { .. } | Work::Task(_) => None,
            })
            .filter(|(job, run)| {
                let may_see = caller.admin || [&job.started_by, &run.owner].contains(&&caller.name);
                may_see && self.passes(caller, query, job, run)
            })
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
        Ok(runs.into_iter().skip(query.offset).take(limit).collect())
    }

    fn passes(&self, caller: &Caller, query: &RunQuery, job: &Job, run: &Run) -> bool {
        let is_in = |wanted: &[String], value: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
        };
        let mut parts = run.output.split('/');
        let owner = parts.next().unwrap_or_default();
        let space = format!("{owner}/{}", parts.next().unwrap_or_default());
        let is_own_space = || owner == caller.name || query.context.as_deref() == Some(owner);
        let shows_space = !query.output_repos.is_empty()
            || self.knobs.run_spaces != RunSpaces::Own
            || is_own_space();
        shows_space
            && is_in(&query.output_repos, &space)
            && is_in(&query.solutions, &run.solution)
            && is_in(&query.users, &job.started_by)
            && is_in(&query.jobs, &job.id)
            && is_in(&query.states, job.run_state())
            && is_in(&query.owners, &run.owner)
            && is_in(&query.names, &run.name)
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

/// A function that returns the value to sort a run by.
type SortKey = fn(&(&Job, &Run)) -> Key;

/// A value to sort by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u128),
    Text(String),
}

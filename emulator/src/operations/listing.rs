//! The list of solutions: filters, order and pages.

use std::borrow::Cow;
use std::ops::Deref;

use super::solutions::check_word;
use crate::access::Caller;
use crate::knobs::{
    Filter, FiltersCombined, Knobs, LimitZero, ListOrder, OverLimit, RecordDuringJob, StateFilter,
    UnknownFilterWord,
};
use crate::package::VISIBILITIES;
use crate::refusal::Refusal;
use crate::state::lists::{ListQuery, Selection, SolutionPage};
use crate::state::solutions::{STATES, Solution};
use crate::state::world::World;

/// The page size of a list call without `limit`.
const DEFAULT_LIMIT: usize = 20;

impl World {
    /// `GET /api/v2/solutions/deployed`.
    pub(crate) fn list_solutions(
        &mut self,
        caller: &Caller,
        query: &ListQuery,
    ) -> Result<SolutionPage, Refusal> {
        let mut query = query.clone();
        if query.state.is_none() {
            match self.knobs.state_filter {
                StateFilter::Required => return Err(Refusal::MissingField("state")),
                StateFilter::ActiveOnly => query.state = Some("ACTIVE".to_owned()),
                StateFilter::Optional => {}
            }
        }
        if self.knobs.unknown_filter_word == UnknownFilterWord::Refused {
            check_word("state", query.state.as_deref(), &STATES)?;
            check_word("visibility", query.visibility.as_deref(), &VISIBILITIES)?;
        }
        let limit = self.page_limit(query.limit)?;
        self.list_lag.expire(self.time.now_ms());
        // A list is the same as the last time unless a record has changed. Writes that it does not
        // show yet, and a shuffled order, are the exceptions.
        let is_cacheable = self.list_lag.is_empty()
            && self.knobs.record_during_job != RecordDuringJob::HalfMade
            && self.knobs.list_order != ListOrder::Shuffled;
        let page = if is_cacheable {
            self.page_from_cache(caller, &query, limit)
        } else {
            self.page_from_records(caller, &query, limit)
        };
        self.list_calls += 1;
        self.list_lag.count_list();
        Ok(page)
    }

    fn page_from_cache(
        &mut self,
        caller: &Caller,
        query: &ListQuery,
        limit: usize,
    ) -> SolutionPage {
        let (knobs, solutions) = (&self.knobs, &self.solutions);
        let selection = Selection {
            caller: caller.clone(),
            query: ListQuery {
                limit: None,
                offset: 0,
                ..query.clone()
            },
            knobs: knobs.clone(),
        };
        let list = self.recent_lists.get(selection, solutions.revision(), || {
            let mut found: Vec<&Solution> = solutions
                .iter()
                .filter(|solution| is_listed(knobs, caller, query, solution))
                .collect();
            put_in_order(&mut found, knobs.list_order, 0);
            found.iter().map(|solution| solution.sequence).collect()
        });
        let (page, next_offset) = window(knobs, query, list, limit);
        SolutionPage {
            solutions: page
                .iter()
                .filter_map(|sequence| solutions.at(*sequence))
                .cloned()
                .collect(),
            next_offset,
        }
    }

    fn page_from_records(&self, caller: &Caller, query: &ListQuery, limit: usize) -> SolutionPage {
        let shown = self.list_lag.shown(&self.solutions);
        let mut found: Vec<Cow<'_, Solution>> = shown.into_iter().map(Cow::Borrowed).collect();
        if self.knobs.record_during_job == RecordDuringJob::HalfMade {
            for solution in found.iter_mut().filter(|solution| solution.deploying) {
                self.hide_unfinished(solution.to_mut());
            }
        }
        found.retain(|solution| is_listed(&self.knobs, caller, query, solution));
        put_in_order(&mut found, self.knobs.list_order, self.list_calls);
        let (page, next_offset) = window(&self.knobs, query, &found, limit);
        SolutionPage {
            solutions: page
                .iter()
                .map(|solution| solution.clone().into_owned())
                .collect(),
            next_offset,
        }
    }

    /// Returns the size of a page: the requested one within the cap, as the knobs ask for.
    pub(crate) fn page_limit(&self, asked: Option<usize>) -> Result<usize, Refusal> {
        let refused = |expected| Err(Refusal::BadField("limit", expected));
        match asked {
            None => Ok(DEFAULT_LIMIT.min(self.page_cap)),
            Some(0) => match self.knobs.limit_zero {
                LimitZero::Refused => refused("a whole number from 1 up"),
                LimitZero::Default => Ok(DEFAULT_LIMIT.min(self.page_cap)),
                LimitZero::Empty => Ok(0),
            },
            Some(limit) if limit > self.page_cap && self.knobs.over_limit == OverLimit::Refused => {
                refused("no more than the maximum page of this server")
            }
            Some(limit) => Ok(limit.min(self.page_cap)),
        }
    }
}

/// Returns the page of a list, and the offset of the next page as the answer announces it.
fn window<'a, T>(
    knobs: &Knobs,
    query: &ListQuery,
    list: &'a [T],
    limit: usize,
) -> (&'a [T], Option<usize>) {
    let end = query.offset.saturating_add(limit).min(list.len());
    let page = list.get(query.offset..end).unwrap_or_default();
    if end >= list.len() {
        return (page, None);
    }
    let asked = query.limit.unwrap_or(DEFAULT_LIMIT);
    let next = match knobs.over_limit {
        OverLimit::ClampedAnnounced => end.max(query.offset.saturating_add(asked)),
        OverLimit::Clamped | OverLimit::Refused => end,
    };
    (page, Some(next))
}

/// Sorts records from the order of creation into the order of lists.
fn put_in_order<S: Deref<Target = Solution>>(found: &mut [S], order: ListOrder, seed: u64) {
    match order {
        ListOrder::NewestFirst => found.reverse(),
        ListOrder::OldestFirst => {}
        ListOrder::ByName => {
            found.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        }
        ListOrder::Shuffled => fastrand::Rng::with_seed(seed).shuffle(found),
    }
}

/// Returns true if a list with these filters shows the record to the caller.
fn is_listed(knobs: &Knobs, caller: &Caller, query: &ListQuery, solution: &Solution) -> bool {
    let hidden = knobs.record_during_job == RecordDuringJob::Hidden;
    solution.is_visible_to(caller)
        && !(hidden && solution.deploying)
        && matches(knobs, query, solution)
}

/// Returns true if a record passes the filters of a call, combined as the knob asks for.
fn matches(knobs: &Knobs, query: &ListQuery, solution: &Solution) -> bool {
    let filters = [
        (Filter::Exact, query.state.as_deref(), &solution.state),
        (knobs.name_filter, query.name.as_deref(), &solution.name),
        (
            knobs.author_filter,
            query.author.as_deref(),
            &solution.author,
        ),
        (knobs.owner_filter, query.owner.as_deref(), &solution.owner),
        (
            knobs.visibility_filter,
            query.visibility.as_deref(),
            &solution.visibility,
        ),
    ];
    let mut results = filters
        .into_iter()
        .filter_map(|(filter, wanted, value)| Some(passes(filter, wanted?, value)))
        .peekable();
    match knobs.filters_combined {
        FiltersCombined::Any if results.peek().is_some() => results.any(|passed| passed),
        FiltersCombined::All | FiltersCombined::Any => results.all(|passed| passed),
        FiltersCombined::First => results.next().unwrap_or(true),
    }
}

/// Returns true if a value passes a filter.
fn passes(filter: Filter, wanted: &str, value: &str) -> bool {
    match filter {
        Filter::Exact => value == wanted,
        Filter::IgnoreCase => value.to_lowercase() == wanted.to_lowercase(),
        Filter::Prefix => value.starts_with(wanted),
        Filter::Ignored => true,
    }
}

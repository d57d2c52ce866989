//! The list of solutions: filters, order, pages and lag.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Deref;

use super::access::Caller;
use super::knobs::{
    Filter, FiltersCombined, Knobs, LimitZero, ListOrder, OverLimit, RecordDuringJob, StateFilter,
    UnknownFilterWord,
};
use super::lag::Remaining;
use super::refusal::Refusal;
use super::solutions::{STATES, Solution, Solutions, VISIBILITIES, unknown_word};
use super::world::World;

/// The page size of a list call without `limit`.
const DEFAULT_LIMIT: usize = 20;

/// Writes that lists do not show yet: for each changed record the old value that lists still show,
/// and the rest of its lag.
#[derive(Debug, Default)]
pub(crate) struct ListLag {
    stale: BTreeMap<u64, (Option<Solution>, Remaining)>,
}

impl ListLag {
    /// Records a write before it happens.
    pub(crate) fn note(&mut self, sequence: u64, before: Option<&Solution>, lag: Remaining) {
        self.stale
            .entry(sequence)
            .and_modify(|(_, left)| *left = lag)
            .or_insert_with(|| (before.cloned(), lag));
    }

    /// Counts one list call.
    fn count_call(&mut self) {
        for (_, left) in self.stale.values_mut() {
            left.count_read();
        }
    }

    /// Removes the writes that lists show from now on.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        self.stale.retain(|_, (_, left)| left.is_left(now_ms));
    }

    /// Returns the records as lists show them.
    fn shown<'a>(&'a self, solutions: &'a Solutions) -> Vec<Cow<'a, Solution>> {
        if self.stale.is_empty() {
            return solutions.iter().map(Cow::Borrowed).collect();
        }
        let mut shown: BTreeMap<u64, &Solution> = solutions
            .iter()
            .map(|solution| (solution.sequence, solution))
            .collect();
        for (sequence, (before, _)) in &self.stale {
            match before {
                Some(before) => shown.insert(*sequence, before),
                None => shown.remove(sequence),
            };
        }
        shown.into_values().map(Cow::Borrowed).collect()
    }
}

/// Writes that reads by id do not show yet: for each changed record the old value that reads still
/// show, and the rest of its lag.
#[derive(Debug, Default)]
pub(crate) struct ReadLag {
    stale: HashMap<String, (Option<Solution>, Remaining)>,
}

impl ReadLag {
    /// Records a write before it happens.
    pub(crate) fn note(
        &mut self,
        id: &str,
        before: Option<&Solution>,
        lag: Remaining,
        now_ms: u64,
    ) {
        self.stale.retain(|_, (_, left)| left.is_left(now_ms));
        self.stale
            .entry(id.to_owned())
            .and_modify(|(_, left)| *left = lag)
            .or_insert_with(|| (before.cloned(), lag));
    }

    /// Returns the view of a record for one read, and counts the read.
    pub(crate) fn look(&mut self, id: &str, now_ms: u64) -> Look {
        let Some((before, left)) = self.stale.get_mut(id) else {
            return Look::Present;
        };
        if !left.is_left(now_ms) {
            self.stale.remove(id);
            return Look::Present;
        }
        left.count_read();
        let before = before.clone();
        before.map_or(Look::Nothing, |before| Look::Past(Box::new(before)))
    }
}

/// The view of a record in a read by id.
#[derive(Debug)]
pub(crate) enum Look {
    /// The current record, or its absence.
    Present,
    /// The old record.
    Past(Box<Solution>),
    /// The absence of the record before it was created.
    Nothing,
}

/// The number of cached lists: about as many as one client reads in parallel.
const REMEMBERED: usize = 8;

/// A cache of the last lists, so that the cost of each further page depends on the page and not on
/// the number of records.
#[derive(Debug, Default)]
pub(crate) struct RecentLists {
    /// The revision of the records that the lists were computed from.
    revision: u64,
    lists: VecDeque<(Selection, Vec<u64>)>,
}

impl RecentLists {
    /// Returns the sequence numbers of the records of a list; computes them if they are not cached.
    fn get(
        &mut self,
        selection: Selection,
        revision: u64,
        make: impl FnOnce() -> Vec<u64>,
    ) -> &[u64] {
        if self.revision != revision {
            self.lists.clear();
            self.revision = revision;
        }
        let known = self.lists.iter().position(|(known, _)| *known == selection);
        let entry = known
            .and_then(|index| self.lists.remove(index))
            .unwrap_or_else(|| (selection, make()));
        self.lists.truncate(REMEMBERED - 1);
        self.lists.push_front(entry);
        &self.lists[0].1
    }
}

/// Everything except the records that decides which records a list shows and in which order.
#[derive(Debug, PartialEq, Eq)]
struct Selection {
    caller: String,
    is_admin: bool,
    /// The query without limit and offset.
    query: ListQuery,
    filters: [Filter; 4],
    combined: FiltersCombined,
    order: ListOrder,
    hidden: bool,
}

/// The parameters of a list call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
    pub(crate) state: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) visibility: Option<String>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct SolutionPage {
    pub(crate) solutions: Vec<Solution>,
    /// The offset of the next page, if there is one.
    pub(crate) next_offset: Option<usize>,
}

impl World {
    /// `GET /api/v2/solutions/deployed`.
    pub(crate) fn list_solutions(
        &mut self,
        caller: &Caller,
        query: &ListQuery,
    ) -> Result<SolutionPage, Refusal> {
        let mut state = query.state.clone();
        match self.knobs.state_filter {
            StateFilter::Required if state.is_none() => {
                return Err(Refusal::MissingField { field: "state" });
            }
            StateFilter::ActiveOnly if state.is_none() => state = Some("ACTIVE".to_owned()),
            StateFilter::Optional | StateFilter::Required | StateFilter::ActiveOnly => {}
        }
        if self.knobs.unknown_filter_word == UnknownFilterWord::Refused {
            refuse_unknown("state", state.as_deref(), &STATES)?;
            refuse_unknown("visibility", query.visibility.as_deref(), &VISIBILITIES)?;
        }
        let limit = self.page_limit(query.limit)?;
        let query = ListQuery {
            state,
            ..query.clone()
        };
        self.lag.expire(self.time.now_ms());
        // A list is the same as the last time unless a record has changed. Writes that it does not
        // show yet, and a shuffled order, are the exceptions.
        let is_cacheable = self.lag.stale.is_empty()
            && self.knobs.record_during_job != RecordDuringJob::HalfMade
            && self.knobs.list_order != ListOrder::Shuffled;
        let page = if is_cacheable {
            self.page_from_cache(caller, &query, limit)
        } else {
            self.page_from_records(caller, &query, limit)
        };
        self.list_calls += 1;
        self.lag.count_call();
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
            caller: caller.name.clone(),
            is_admin: caller.admin,
            query: ListQuery {
                limit: None,
                offset: 0,
                ..query.clone()
            },
            filters: [
                knobs.name_filter,
                knobs.author_filter,
                knobs.owner_filter,
                knobs.visibility_filter,
            ],
            combined: knobs.filters_combined,
            order: knobs.list_order,
            hidden: knobs.record_during_job == RecordDuringJob::Hidden,
        };
        let list = self.recent.get(selection, solutions.revision(), || {
            let mut found: Vec<&Solution> = solutions
                .iter()
                .filter(|solution| is_listed(knobs, caller, query, solution))
                .collect();
            put_in_order(&mut found, knobs.list_order, 0);
            found.iter().map(|solution| solution.sequence).collect()
        });
        let (page, next_offset) = window(list, query.offset, limit);
        let next_offset = announced(knobs, query, next_offset);
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
        let mut found: Vec<Cow<'_, Solution>> = self.lag.shown(&self.solutions);
        if self.knobs.record_during_job == RecordDuringJob::HalfMade {
            for solution in found.iter_mut().filter(|solution| solution.deploying) {
                self.unmake(solution.to_mut());
            }
        }
        found.retain(|solution| is_listed(&self.knobs, caller, query, solution));
        put_in_order(&mut found, self.knobs.list_order, self.list_calls);
        let (page, next_offset) = window(&found, query.offset, limit);
        let next_offset = announced(&self.knobs, query, next_offset);
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
        let refused = |expected| {
            Err(Refusal::BadField {
                field: "limit",
                expected,
            })
        };
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

/// Returns the page of a list that begins at an offset, and the offset of the next page.
fn window<T>(list: &[T], offset: usize, limit: usize) -> (&[T], Option<usize>) {
    let end = offset.saturating_add(limit).min(list.len());
    let goes_on = end < list.len() && offset < list.len();
    (
        list.get(offset..end).unwrap_or_default(),
        goes_on.then_some(end),
    )
}

/// Returns the `next_offset` of the answer, if there is a next page.
fn announced(knobs: &Knobs, query: &ListQuery, next: Option<usize>) -> Option<usize> {
    let next = next?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    Some(match knobs.over_limit {
        OverLimit::ClampedAnnounced => next.max(query.offset.saturating_add(limit)),
        OverLimit::Clamped | OverLimit::Refused => next,
    })
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

pub(crate) fn refuse_unknown(
    field: &'static str,
    word: Option<&str>,
    known: &[&str],
) -> Result<(), Refusal> {
    match word {
        Some(word) if !known.contains(&word) => Err(unknown_word(field)),
        _ => Ok(()),
    }
}

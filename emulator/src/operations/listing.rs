//! The list of solutions: filters, order and pages.

use std::borrow::Cow;
use std::ops::Deref;

use super::solutions::{check_word, trailing_slash};
use crate::access::Caller;
use crate::call::Call;
use crate::knobs::{
    Filter, FiltersCombined, LimitZero, ListOrder, OverLimit, RecordDuringJob, StateFilter,
    UnknownFilterWord,
};
use crate::refusal::Refusal;
use crate::reply::{Answer, records};
use crate::state::lists::{Filters, Selection};
use crate::state::solutions::Solution;
use crate::state::world::World;

/// The page size of a list call without `limit`.
const DEFAULT_LIMIT: usize = 20;

/// `GET /api/v2/solutions/deployed`.
pub(super) fn list(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    if let Some(reply) = trailing_slash(world, call)? {
        return Ok(reply);
    }
    let (asked, offset) = call.query.page()?;
    let mut filters = Filters {
        state: call.query.text("state"),
        name: call.query.text("name"),
        author: call.query.text("author"),
        owner: call.query.text("owner"),
        visibility: call.query.text("visibility"),
    };
    if filters.state.is_none() {
        match world.knobs.state_filter {
            StateFilter::Required => return Err(Refusal::MissingField("state")),
            StateFilter::ActiveOnly => filters.state = Some("ACTIVE".to_owned()),
            StateFilter::Optional => {}
        }
    }
    let knobs = world.knobs.clone();
    if knobs.unknown_filter_word == UnknownFilterWord::Refused {
        check_word("state", filters.state.as_deref())?;
        check_word("visibility", filters.visibility.as_deref())?;
    }
    let limit = world.page_limit(asked)?;
    // The page of a list with this length, and the offset of the next page as the answer
    // announces it.
    let window = |length: usize| {
        let end = offset.saturating_add(limit).min(length);
        let next = match knobs.over_limit {
            OverLimit::ClampedAnnounced => {
                end.max(offset.saturating_add(asked.unwrap_or(DEFAULT_LIMIT)))
            }
            OverLimit::Clamped | OverLimit::Refused => end,
        };
        (offset.min(length)..end, (end < length).then_some(next))
    };
    let selection = Selection {
        caller: caller.clone(),
        filters,
        knobs: knobs.clone(),
    };
    world.list_lag.expire(world.time.now_ms());
    // A list is the same as the last time unless a record has changed. Writes that it does not
    // show yet, and a shuffled order, are the exceptions.
    let is_cacheable = world.list_lag.is_empty()
        && knobs.record_during_job != RecordDuringJob::HalfMade
        && knobs.list_order != ListOrder::Shuffled;
    let reply = if is_cacheable {
        let solutions = &world.solutions;
        let list = world.recent_lists.get(selection, |selection| {
            let found = solutions.items.values();
            let found = found.filter(|solution| selection.shows(solution));
            let mut found: Vec<&Solution> = found.collect();
            put_in_order(&mut found, knobs.list_order, 0);
            found.iter().map(|solution| solution.sequence).collect()
        });
        let (page, next) = window(list.len());
        let page = list[page].iter();
        let page = page.filter_map(|sequence| solutions.items.get(sequence));
        records::solution_page(page, next, &knobs)
    } else {
        let shown = world.list_lag.shown(&world.solutions);
        let mut found: Vec<Cow<'_, Solution>> = shown.into_iter().map(Cow::Borrowed).collect();
        for solution in found.iter_mut().filter(|solution| solution.deploying) {
            world.hide_unfinished(solution.to_mut());
        }
        found.retain(|solution| selection.shows(solution));
        put_in_order(&mut found, knobs.list_order, world.list_calls);
        let (page, next) = window(found.len());
        let page = found[page].iter().map(Deref::deref);
        records::solution_page(page, next, &knobs)
    };
    world.list_calls += 1;
    world.list_lag.count_list();
    Ok(reply)
}

impl World {
    /// Returns the size of a page: the requested one within the cap, as the knobs ask for.
    pub(super) fn page_limit(&self, asked: Option<usize>) -> Result<usize, Refusal> {
        let refused = |expected| Err(Refusal::BadField("limit", expected));
        let (cap, knobs) = (self.page_cap, &self.knobs);
        match (asked, knobs.limit_zero) {
            (Some(0), LimitZero::Refused) => refused("a whole number from 1 up"),
            (Some(0), LimitZero::Empty) => Ok(0),
            (None | Some(0), _) => Ok(DEFAULT_LIMIT.min(cap)),
            (Some(limit), _) if limit > cap && knobs.over_limit == OverLimit::Refused => {
                refused("no more than the maximum page of this server")
            }
            (Some(limit), _) => Ok(limit.min(cap)),
        }
    }
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

impl Selection {
    /// Returns true if the list shows the record.
    fn shows(&self, solution: &Solution) -> bool {
        let hidden = self.knobs.record_during_job == RecordDuringJob::Hidden;
        solution.is_visible_to(&self.caller)
            && !(hidden && solution.deploying)
            && self.matches(solution)
    }

    /// Returns true if a record passes the filters of a call, combined as the knob asks for.
    fn matches(&self, solution: &Solution) -> bool {
        let (knobs, wanted) = (&self.knobs, &self.filters);
        let filters = [
            (Filter::Exact, &wanted.state, &solution.state),
            (knobs.name_filter, &wanted.name, &solution.name),
            (knobs.author_filter, &wanted.author, &solution.author),
            (knobs.owner_filter, &wanted.owner, &solution.owner),
            (
                knobs.visibility_filter,
                &wanted.visibility,
                &solution.visibility,
            ),
        ];
        let mut results = filters
            .into_iter()
            .filter_map(|(filter, wanted, value)| Some(passes(filter, wanted.as_deref()?, value)))
            .peekable();
        match knobs.filters_combined {
            FiltersCombined::Any if results.peek().is_some() => results.any(|passed| passed),
            FiltersCombined::All | FiltersCombined::Any => results.all(|passed| passed),
            FiltersCombined::First => results.next().unwrap_or(true),
        }
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

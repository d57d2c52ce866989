//! The order of the steps: which may start, and why one that is ready cannot be executed.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use super::context::ApplyContext;
use super::report::{Outcome, SkipReason};
use crate::ident::Address;
use crate::plan::{ActionKind, Change, Decided};

/// The order of the steps. A step finishes once, and then each step that depends on it waits for
/// one step fewer. Steps are identified by their index.
pub(super) struct Schedule<'a> {
    changes: &'a [&'a Change],
    ready: BTreeSet<usize>,
    /// The number of unfinished steps that each step waits for.
    waiting: Vec<usize>,
    waits_for: Vec<Vec<usize>>,
    dependants: Vec<Vec<usize>>,
    is_undone: Vec<bool>,
}

impl<'a> Schedule<'a> {
    /// Builds the order from `waits_for`, which holds addresses; they are unique in a plan.
    pub(super) fn new(changes: &'a [&'a Change]) -> Self {
        let indices: HashMap<&Address, usize> = changes
            .iter()
            .enumerate()
            .map(|(index, change)| (&change.address, index))
            .collect();
        let waits_for: Vec<Vec<usize>> = changes
            .iter()
            .map(|change| {
                let waits_for = change.waits_for.iter();
                waits_for
                    .filter_map(|address| indices.get(address).copied())
                    .collect()
            })
            .collect();
        let mut dependants = vec![Vec::new(); changes.len()];
        for (index, earlier) in waits_for.iter().enumerate() {
            for earlier in earlier {
                dependants[*earlier].push(index);
            }
        }
        let waiting: Vec<usize> = waits_for.iter().map(Vec::len).collect();
        let ready = (0..changes.len()).filter(|index| waiting[*index] == 0);
        Self {
            changes,
            ready: ready.collect(),
            waiting,
            waits_for,
            dependants,
            is_undone: vec![false; changes.len()],
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Returns the outcome of a ready step that cannot be executed.
    pub(super) fn obstacle(
        &self,
        index: usize,
        decided: Option<&Decided>,
        context: &ApplyContext<'_>,
    ) -> Option<Outcome> {
        let change = self.changes[index];
        let in_flight = context.history.write_in_flight(&change.identity);
        if let (Some(decided), None) = (decided, in_flight) {
            return Some(Outcome::of(decided));
        }
        let mut earlier = self.waits_for[index].iter();
        if let Some(earlier) = earlier.find(|earlier| self.is_undone[**earlier]) {
            let address = self.changes[*earlier].address.clone();
            return Some(Outcome::Skipped(SkipReason::Because(address)));
        }
        if context.interrupt.is_raised() {
            return Some(Outcome::Cancelled);
        }
        if let Some(write) = in_flight {
            let last_answer = "a call of an earlier apply is still in progress";
            return Some(Outcome::Unknown {
                job: write.job.clone(),
                last_answer: Some(last_answer.to_owned()),
            });
        }
        if change.action.kind() == ActionKind::Create
            && let Some(until_ms) = context.options.held_back_until(&change.identity)
        {
            return Some(Outcome::Skipped(SkipReason::HeldBack { until_ms }));
        }
        let is_late = Instant::now() >= context.shared.ends_at;
        is_late.then_some(Outcome::Skipped(SkipReason::OutOfTime))
    }

    pub(super) fn finish(&mut self, index: usize, is_done: bool) {
        self.is_undone[index] = !is_done;
        for dependant in std::mem::take(&mut self.dependants[index]) {
            self.waiting[dependant] -= 1;
            if self.waiting[dependant] == 0 {
                self.ready.insert(dependant);
            }
        }
    }
}

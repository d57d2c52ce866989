//! The writes that reads do not show yet.

use std::collections::BTreeMap;

use super::solutions::{Solution, Solutions};
use crate::lag::{Lag, Remaining};

/// A record that has changed, as reads still show it.
#[derive(Debug)]
pub(crate) struct StaleRecord {
    /// The record before the write; `None` if the write created it.
    pub(crate) before: Option<Solution>,
    left: Remaining,
}

/// The changed records that one kind of read still shows as they were, by id.
#[derive(Debug, Default)]
pub(crate) struct StaleRecords(BTreeMap<String, StaleRecord>);

impl StaleRecords {
    /// Records a write before it happens, unless reads show it at once.
    pub(crate) fn insert(&mut self, id: &str, before: Option<&Solution>, lag: Lag, now_ms: u64) {
        let Some(left) = Remaining::of(lag, now_ms) else {
            return;
        };
        self.expire(now_ms);
        self.0
            .entry(id.to_owned())
            .and_modify(|stale| stale.left = left)
            .or_insert_with(|| StaleRecord {
                before: before.cloned(),
                left,
            });
    }

    /// Removes the writes that reads show from now on.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        self.0.retain(|_, stale| stale.left.is_left(now_ms));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts one read of all records.
    pub(crate) fn count_list(&mut self) {
        for stale in self.0.values_mut() {
            stale.left.count_read();
        }
    }

    /// Counts one read of a record. Returns the stale record, if the read shows that one.
    pub(crate) fn count_read(&mut self, id: &str, now_ms: u64) -> Option<&StaleRecord> {
        let stale = self.0.get_mut(id);
        let stale = stale.filter(|stale| stale.left.is_left(now_ms))?;
        stale.left.count_read();
        Some(stale)
    }

    /// Returns the records as lists show them, in the order of their creation.
    pub(crate) fn shown<'a>(&'a self, solutions: &'a Solutions) -> Vec<&'a Solution> {
        let current = solutions.items.values();
        let current = current.filter(|solution| !self.0.contains_key(&solution.id));
        let stale = self.0.values().filter_map(|stale| stale.before.as_ref());
        let mut shown: Vec<_> = current.chain(stale).collect();
        shown.sort_by_key(|solution| solution.sequence);
        shown
    }
}

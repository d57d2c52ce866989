//! A cache of the last lists of solutions.

use std::collections::VecDeque;

use crate::access::Caller;
use crate::knobs::Knobs;

/// The number of cached lists: about as many as one client reads in parallel.
const CAPACITY: usize = 8;

/// A cache of the last lists, so that the cost of each further page depends on the page and not on
/// the number of records. Every write of a record clears it.
#[derive(Debug, Default)]
pub(crate) struct RecentLists(VecDeque<(Selection, Vec<u64>)>);

impl RecentLists {
    /// Returns the sequence numbers of the records of a list; computes them if they are not cached.
    pub(crate) fn get(
        &mut self,
        selection: Selection,
        compute: impl FnOnce(&Selection) -> Vec<u64>,
    ) -> &[u64] {
        let known = self.0.iter().position(|(known, _)| *known == selection);
        let entry = known.and_then(|index| self.0.remove(index));
        let entry = entry.unwrap_or_else(|| {
            let list = compute(&selection);
            (selection, list)
        });
        self.0.truncate(CAPACITY - 1);
        self.0.push_front(entry);
        &self.0[0].1
    }
}

/// Everything except the records that decides which records a list shows and in which order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) caller: Caller,
    pub(crate) filters: Filters,
    pub(crate) knobs: Knobs,
}

/// The filters of a list call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) state: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) visibility: Option<String>,
}

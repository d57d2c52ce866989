//! A cache of the last lists of solutions.

use std::collections::VecDeque;

use super::solutions::Solution;
use crate::access::Caller;
use crate::knobs::Knobs;

/// The number of cached lists: about as many as one client reads in parallel.
const CAPACITY: usize = 8;

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
    pub(crate) fn get(
        &mut self,
        selection: Selection,
        revision: u64,
        compute: impl FnOnce() -> Vec<u64>,
    ) -> &[u64] {
        if self.revision != revision {
            self.lists.clear();
            self.revision = revision;
        }
        let known = self.lists.iter().position(|(known, _)| *known == selection);
        let entry = known
            .and_then(|index| self.lists.remove(index))
            .unwrap_or_else(|| (selection, compute()));
        self.lists.truncate(CAPACITY - 1);
        self.lists.push_front(entry);
        &self.lists[0].1
    }
}

/// Everything except the records that decides which records a list shows and in which order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) caller: Caller,
    /// The query without limit and offset.
    pub(crate) query: ListQuery,
    pub(crate) knobs: Knobs,
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

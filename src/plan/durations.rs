//! The durations of earlier changes, and the expected duration of a plan, as values.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::ActionKind;
use crate::ident::{Address, SolutionName};

/// The number of durations of each kind, and of each kind and name, that count: the newest.
pub(super) const REMEMBERED: usize = 16;

/// The durations of the changes that earlier applies completed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PastDurations {
    of_name: BTreeMap<(ActionKind, SolutionName), Vec<u64>>,
    of_kind: BTreeMap<ActionKind, Vec<u64>>,
}

impl PastDurations {
    /// Adds the duration of a change, in milliseconds, after those of earlier ones.
    pub fn learn(&mut self, kind: ActionKind, name: &SolutionName, ms: u64) {
        let of_name = self.of_name.entry((kind, name.clone())).or_default();
        for durations in [of_name, self.of_kind.entry(kind).or_default()] {
            if durations.len() == REMEMBERED {
                durations.remove(0);
            }
            durations.push(ms);
        }
    }

    /// Returns true if no duration is known.
    pub(super) fn is_empty(&self) -> bool {
        self.of_kind.is_empty()
    }

    /// Returns the expected duration of a change, in milliseconds: the median of the same kind and
    /// name, else of the same kind.
    pub(super) fn of(&self, kind: ActionKind, name: &SolutionName) -> Option<u64> {
        let of_name = self.of_name.get(&(kind, name.clone()));
        let mut durations = of_name.or_else(|| self.of_kind.get(&kind))?.clone();
        durations.sort_unstable();
        durations.get(durations.len() / 2).copied()
    }
}

/// The expected duration of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTime {
    /// The duration of the whole.
    pub whole: Duration,
    /// The chain of changes, each waiting for the one before, that takes longest.
    pub path: Vec<Address>,
    /// The duration of this chain.
    pub path_time: Duration,
    /// The number of changes whose duration is not known, and not counted.
    pub unknown: usize,
}

//! The expected duration of a plan, from the durations of earlier applies. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use super::action::ActionKind;
use super::change::{Change, Plan};
use super::durations::{ExpectedTime, PastDurations};
use crate::ident::Address;

/// The shortest plan whose expected duration is shown.
const SHOWN: Duration = Duration::from_secs(1);

fn duration_of(change: &Change, past: &PastDurations) -> Option<u64> {
    past.of(change.action.kind(), &change.identity.name)
}

/// The maximum durations that a plan is compared with.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// The maximum duration of a deploy job.
    pub deploy: Duration,
    /// The maximum duration of a delete job.
    pub delete: Duration,
    /// The maximum duration of the apply.
    pub apply: Duration,
}

/// A time limit that is probably too short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShortTimeout {
    /// The limit of one change.
    #[error("`{address}` probably takes longer than `timeouts.{key}`")]
    OfChange {
        /// The change.
        address: Address,
        /// The key of the limit.
        key: &'static str,
    },
    /// The limit of the apply.
    #[error("the plan probably takes longer than `timeouts.apply`")]
    OfApply,
}

impl Plan {
    /// Returns the plan with the expected durations of its changes and of the whole. `parallelism`
    /// is the number of jobs at the same time.
    #[must_use]
    pub fn with_expected(mut self, past: &PastDurations, parallelism: usize) -> Self {
        self.expected = self.expected_time(past, parallelism);
        if self.expected.is_some() {
            for change in self.changes.iter_mut().filter(|change| !change.is_no_op()) {
                change.expected = duration_of(change, past).map(Duration::from_millis);
            }
        }
        self
    }

    /// Returns the expected duration; `None` if nothing is known, or if it is too short to be
    /// meaningful.
    pub fn expected_time(&self, past: &PastDurations, parallelism: usize) -> Option<ExpectedTime> {
        if past.is_empty() {
            return None;
        }
        let mut waiting: Vec<&Change> = self.to_do().collect();
        // Only what waits for nothing is waited for, except for replaces, which run in sequence.
        waiting.sort_by_key(|change| change.waits_for.len());
        let mut jobs: BinaryHeap<Reverse<u64>> =
            (0..parallelism.max(1)).map(|_| Reverse(0)).collect();
        let mut ends: HashMap<&Address, (u64, u64, Option<&Address>)> = HashMap::new();
        let mut unknown = 0;
        for change in &waiting {
            let known = duration_of(change, past);
            unknown += usize::from(known.is_none());
            let takes = known.unwrap_or_default();
            let before = || {
                change
                    .waits_for
                    .iter()
                    .filter_map(|it| ends.get_key_value(it))
            };
            let ready = before()
                .map(|(_, (end, ..))| *end)
                .max()
                .unwrap_or_default();
            let last = before().max_by_key(|(_, (_, chain, _))| *chain);
            let chain = last.map_or(0, |(_, (_, chain, _))| *chain) + takes;
            let last = last.map(|(address, _)| *address);
            let start = match change.action.kind() {
                ActionKind::Update | ActionKind::NoOp => ready,
                ActionKind::Create | ActionKind::Delete | ActionKind::Replace => {
                    let Reverse(free) = jobs.pop().unwrap_or(Reverse(0));
                    let start = free.max(ready);
                    jobs.push(Reverse(start + takes));
                    start
                }
            };
            ends.insert(&change.address, (start + takes, chain, last));
        }
        let whole = ends.values().map(|(end, ..)| *end).max()?;
        let whole = Duration::from_millis(whole);
        if whole < SHOWN {
            return None;
        }
        // Of equal chains, the first one in the order of the plan.
        let longest = waiting
            .iter()
            .rev()
            .max_by_key(|change| ends[&change.address].1)?;
        let path_time = Duration::from_millis(ends[&longest.address].1);
        let mut path = Vec::new();
        let mut next = Some(&longest.address);
        while let Some(address) = next {
            path.push(address.clone());
            next = ends[address].2;
        }
        path.reverse();
        Some(ExpectedTime {
            whole,
            path,
            path_time,
            unknown,
        })
    }

    /// Returns the time limits that are probably too short. The runs of a verification, and those
    /// that a change waits for, have limits of their own, so these changes are not compared.
    pub fn short_timeouts(&self, limits: &TimeLimits) -> Vec<ShortTimeout> {
        let Some(expected) = &self.expected else {
            return Vec::new();
        };
        let of_changes = self.to_do().filter_map(|change| {
            let (key, limit) = match change.action.kind() {
                ActionKind::Create if !change.action.is_verified() => ("deploy", limits.deploy),
                ActionKind::Delete if change.drain.is_none() => ("delete", limits.delete),
                _ => return None,
            };
            let address = change.address.clone();
            (change.expected? > limit).then_some(ShortTimeout::OfChange { address, key })
        });
        let of_apply = (expected.whole > limits.apply).then_some(ShortTimeout::OfApply);
        of_changes.chain(of_apply).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::durations::REMEMBERED;
    use super::super::testing::{declared, live, scenario};
    use super::*;
    use crate::ident::SolutionName;

    fn past(durations: &[(ActionKind, &str, u64)]) -> PastDurations {
        let mut past = PastDurations::default();
        for (kind, name, seconds) in durations {
            past.learn(*kind, &SolutionName::parse(name).unwrap(), seconds * 1000);
        }
        past
    }

    /// An upgrade of A and of B, and a new C.
    fn plan() -> Plan {
        let old = [live("A@1"), live("B@1")];
        let new = ["A@2", "B@2", "C@1"].map(declared);
        scenario().declare(new).live(old).plan()
    }

    #[test]
    fn the_duration_of_a_plan_follows_from_earlier_applies() {
        use ActionKind::{Create, Update};
        for (durations, parallelism, expected) in [
            (&[][..], 5, None),
            (&[(Update, "A", 0), (Create, "Z", 0)], 5, None),
            // Names without durations of their own take as long as others.
            (
                &[(Create, "A", 60), (Create, "Z", 30), (Update, "A", 2)],
                5,
                Some((62, "A@2 A@1", 62, 0)),
            ),
            // The median counts.
            (
                &[(Create, "A", 60), (Create, "A", 900), (Create, "A", 50)],
                5,
                Some((60, "A@2", 60, 2)),
            ),
            // One job at a time: 60 of A, then B and C.
            (
                &[(Create, "A", 60), (Create, "B", 10), (Create, "C", 20)],
                1,
                Some((90, "A@2", 60, 2)),
            ),
            (
                &[(Create, "A", 60), (Create, "B", 10), (Create, "C", 20)],
                2,
                Some((60, "A@2", 60, 2)),
            ),
        ] {
            let plan = plan().with_expected(&past(durations), parallelism);
            let found = plan.expected.as_ref().map(|found| {
                let path: Vec<&str> = found.path.iter().map(Address::as_str).collect();
                let (whole, chain) = (found.whole.as_secs(), found.path_time.as_secs());
                (whole, path.join(" "), chain, found.unknown)
            });
            let expected = expected
                .map(|(whole, path, chain, unknown)| (whole, path.to_owned(), chain, unknown));
            assert_eq!(found, expected, "{durations:?} {parallelism}");
        }
    }

    #[test]
    fn only_the_newest_durations_count() {
        let old = std::iter::repeat_n((ActionKind::Create, "A", 900), REMEMBERED);
        let new = std::iter::repeat_n((ActionKind::Create, "A", 10), REMEMBERED);
        let durations: Vec<_> = old.chain(new).collect();
        let plan = plan().with_expected(&past(&durations), 5);
        assert_eq!(plan.at("A@2").expected, Some(Duration::from_secs(10)));
    }

    #[test]
    fn short_timeouts_are_found() {
        use ActionKind::Create;
        let durations = past(&[(Create, "A", 60), (Create, "B", 10), (Create, "C", 10)]);
        let plan = plan().with_expected(&durations, 5);
        for (deploy, apply, expected) in [
            (60, 60, &[][..]),
            (
                59,
                60,
                &["`A@2` probably takes longer than `timeouts.deploy`"],
            ),
            (
                60,
                59,
                &["the plan probably takes longer than `timeouts.apply`"],
            ),
        ] {
            let found = plan.short_timeouts(&TimeLimits {
                deploy: Duration::from_secs(deploy),
                delete: Duration::from_secs(1),
                apply: Duration::from_secs(apply),
            });
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        }
    }
}

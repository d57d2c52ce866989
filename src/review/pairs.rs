//! The pairs of corresponding entries of both sides, within one name.

use std::collections::{BTreeMap, BTreeSet};

use super::policy_effect::serving;
use crate::attribute::State;
use crate::ident::{Identity, Owner, Version};
use crate::manifest::Desired;

/// An entry of the base and one of the head.
type Pair<'a> = (&'a Desired, &'a Desired);

/// The pairs of the entries of one name. Every entry is in exactly one of the lists, except that an
/// entry in `replaced` may also be in `same`.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    /// The entries with the same identity on both sides.
    pub(super) same: Vec<Pair<'a>>,
    /// The entries of the same version under different owners.
    pub(super) moved: Vec<Pair<'a>>,
    /// Two versions of one owner, of which the second replaces the first.
    pub(super) replaced: Vec<Pair<'a>>,
    /// The entries that only the base has.
    pub(super) removed: Vec<&'a Desired>,
    /// The entries that only the head has.
    pub(super) added: Vec<&'a Desired>,
}

impl<'a> Pairs<'a> {
    /// Pairs the entries of one name, which are ordered by identity on both sides.
    pub(super) fn of(base: &'a [Desired], head: &'a [Desired]) -> Self {
        let find = |entries: &'a [Desired], identity: &Identity| {
            let found = entries.binary_search_by(|entry| entry.identity.cmp(identity));
            found.ok().map(|index| &entries[index])
        };
        let mut pairs = Self::default();
        for before in base {
            match find(head, &before.identity) {
                Some(after) => pairs.same.push((before, after)),
                None => pairs.removed.push(before),
            }
        }
        let is_added = |after: &&Desired| find(base, &after.identity).is_none();
        pairs.added.extend(head.iter().filter(is_added));
        pairs.moved = pairs.find_moved();
        let moved = pairs.moved.clone();
        pairs.leave_out(&moved);
        pairs.replaced = pairs.find_replaced(base, head);
        let replaced = pairs.replaced.clone();
        pairs.leave_out(&replaced);
        pairs
    }

    /// Returns the versions that are removed under one owner only and added under one owner only.
    fn find_moved(&self) -> Vec<Pair<'a>> {
        let mut versions: BTreeMap<&Version, [Vec<&'a Desired>; 2]> = BTreeMap::new();
        for (side, entries) in [&self.removed, &self.added].into_iter().enumerate() {
            for entry in entries {
                let found = versions.entry(&entry.identity.version).or_default();
                found[side].push(entry);
            }
        }
        let pair = |[removed, added]: [Vec<&'a Desired>; 2]| {
            only(removed.into_iter()).zip(only(added.into_iter()))
        };
        versions.into_values().filter_map(pair).collect()
    }

    /// Returns, for each owner, the only active version of each side; otherwise the only removed
    /// and the only added version.
    fn find_replaced(&self, base: &'a [Desired], head: &'a [Desired]) -> Vec<Pair<'a>> {
        let moved: BTreeSet<&Identity> = self
            .moved
            .iter()
            .flat_map(|(before, after)| [&before.identity, &after.identity])
            .collect();
        let lists: [Vec<&'a Desired>; 4] = [
            serving(base).collect(),
            serving(head).collect(),
            present(&self.removed),
            present(&self.added),
        ];
        let mut owners: BTreeMap<&Owner, [Vec<&'a Desired>; 4]> = BTreeMap::new();
        for (index, entries) in lists.into_iter().enumerate() {
            for entry in entries {
                let found = owners.entry(&entry.identity.owner).or_default();
                found[index].push(entry);
            }
        }
        let pair = |[former, latter, removed, added]: [Vec<&'a Desired>; 4]| {
            let serving = only(former.into_iter()).zip(only(latter.into_iter()));
            match serving {
                Some((before, after)) if before.identity == after.identity => None,
                Some((before, after))
                    if !moved.contains(&before.identity) && !moved.contains(&after.identity) =>
                {
                    Some((before, after))
                }
                Some(_) | None => only(removed.into_iter()).zip(only(added.into_iter())),
            }
        };
        owners.into_values().filter_map(pair).collect()
    }

    /// Removes the paired entries from `removed` and `added`.
    fn leave_out(&mut self, paired: &[Pair<'a>]) {
        let [before, after]: [BTreeSet<&Identity>; 2] = [
            paired.iter().map(|(before, _)| &before.identity).collect(),
            paired.iter().map(|(_, after)| &after.identity).collect(),
        ];
        self.removed
            .retain(|entry| !before.contains(&entry.identity));
        self.added.retain(|entry| !after.contains(&entry.identity));
    }
}

/// Returns the entries that are not tombstones.
fn present<'a>(entries: &[&'a Desired]) -> Vec<&'a Desired> {
    let mut present = entries.to_vec();
    present.retain(|entry| entry.state != State::Absent);
    present
}

/// Returns the item if there is exactly one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

//! Which entry of one side answers to which of the other, within one name.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::serving;
use crate::attribute::State;
use crate::ident::{Identity, Owner, Version};
use crate::manifest::Desired;

/// An entry of the base and one of the head.
type Pair<'a> = (&'a Desired, &'a Desired);

/// How the entries of one name answer to one another. Every entry is in exactly one of the lists,
/// but that a version which takes another's place may also be in `same`.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a> {
    /// The same identity on both sides.
    pub(super) same: Vec<Pair<'a>>,
    /// The same version under another owner.
    pub(super) moved: Vec<Pair<'a>>,
    /// Another version of one owner in the place of the former.
    pub(super) replaced: Vec<Pair<'a>>,
    /// Only in the base.
    pub(super) removed: Vec<&'a Desired>,
    /// Only in the head.
    pub(super) added: Vec<&'a Desired>,
}

impl<'a> Pairs<'a> {
    /// Pairs the entries of one name, which are ordered by identity on both sides.
    pub(super) fn of(base: &'a [Desired], head: &'a [Desired]) -> Self {
        let find = |entries: &'a [Desired], identity: &Identity| {
            let found = entries.binary_search_by(|entry| entry.identity.cmp(identity));
            found.ok().map(|at| &entries[at])
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

    /// The versions that are removed once and added once, under two owners.
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

    /// For each owner the one version that serves, before and after; else the one that is removed
    /// and the one that is added.
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
        for (place, entries) in lists.into_iter().enumerate() {
            for entry in entries {
                let found = owners.entry(&entry.identity.owner).or_default();
                found[place].push(entry);
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

    /// Takes what is paired out of what is removed and added.
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

/// All but tombstones.
fn present<'a>(entries: &[&'a Desired]) -> Vec<&'a Desired> {
    let mut present = entries.to_vec();
    present.retain(|entry| entry.state != State::Absent);
    present
}

/// The item, if there is only one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

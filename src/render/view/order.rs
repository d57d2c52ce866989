//! The order of a plan's changes as a graph: the changes that wait for others, and those that
//! others wait for.

use std::collections::{BTreeMap, HashMap};

use crate::ident::Address;
use crate::plan::{Change, Plan};
use crate::render::view::plan::urgency;
use crate::render::words::count;

/// The maximum number of changes in the graph of a plan.
pub(in crate::render) const MAX_NODES: usize = 60;

/// The text for a plan in which no change waits for another one.
pub(in crate::render) const NO_ORDER: &str = "No change waits for another one.";

/// The order of the changes of a plan. Changes without an order are not part of it.
pub(in crate::render) struct Order<'a> {
    /// The groups of changes that depend on each other, those with a loss first.
    pub(in crate::render) groups: Vec<OrderGroup<'a>>,
    /// The number of changes in all groups.
    shown: usize,
    /// The number of changes that have an order.
    total: usize,
}

/// Changes that depend on each other.
#[derive(Default)]
pub(in crate::render) struct OrderGroup<'a> {
    /// The changes; each comes after those that it waits for.
    pub(in crate::render) nodes: Vec<OrderNode<'a>>,
    /// Pairs of indexes: the second change waits for the first one. A pair that follows from
    /// others is left out.
    pub(in crate::render) edges: Vec<(usize, usize)>,
}

/// A change with an order.
pub(in crate::render) struct OrderNode<'a> {
    pub(in crate::render) change: &'a Change,
    /// The length of the longest chain of changes that it waits for.
    pub(in crate::render) rank: usize,
}

impl<'a> Order<'a> {
    /// Returns the order of a plan, with at most `limit` changes.
    pub(in crate::render) fn of(plan: &'a Plan, limit: usize) -> Self {
        let changes: Vec<&Change> = plan.to_do().collect();
        let waits = waits(&changes);
        let sorted = sorted(&waits);
        let mut groups = grouped(&waits, &sorted);
        let total = groups.iter().map(Vec::len).sum();
        groups.sort_by_key(|group| {
            let most_urgent = group.iter().map(|index| urgency(changes[*index])).min();
            (most_urgent, group.iter().min().copied())
        });
        let mut order = Self {
            groups: Vec::new(),
            shown: 0,
            total,
        };
        for mut group in groups {
            if order.shown > 0 && order.shown + group.len() > limit {
                continue;
            }
            group.truncate(limit);
            order.shown += group.len();
            order.groups.push(OrderGroup::of(&group, &changes, &waits));
        }
        order
    }

    /// Returns the sentence about the changes that are left out, if there are any.
    pub(in crate::render) fn cut(&self) -> Option<String> {
        let Self { shown, total, .. } = self;
        (shown < total).then(|| {
            let all = count(*total, "change");
            format!("{shown} of {all} with an order are shown; those with a loss come first.")
        })
    }
}

/// Returns the indexes of the changes that each change waits for.
fn waits(changes: &[&Change]) -> Vec<Vec<usize>> {
    let indexes: HashMap<&Address, usize> = changes
        .iter()
        .enumerate()
        .map(|(index, change)| (&change.address, index))
        .collect();
    let found = |change: &&Change| {
        let waits_for = change.waits_for.iter();
        let found = waits_for.filter_map(|address| indexes.get(address).copied());
        found.collect()
    };
    changes.iter().map(found).collect()
}

/// Returns all indexes, each after those that it waits for. Those of a cycle, which a valid plan
/// does not have, are missing.
fn sorted(waits: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = waits.iter().map(Vec::len).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (index, earlier) in waits.iter().enumerate() {
        for earlier in earlier {
            waiting[*earlier].push(index);
        }
    }
    let mut sorted: Vec<usize> = (0..waits.len()).filter(|index| open[*index] == 0).collect();
    let mut next = 0;
    while let Some(&done) = sorted.get(next) {
        next += 1;
        for &index in &waiting[done] {
            open[index] -= 1;
            if open[index] == 0 {
                sorted.push(index);
            }
        }
    }
    sorted
}

/// Returns the groups of changes that depend on each other, each in the sorted order.
fn grouped(waits: &[Vec<usize>], sorted: &[usize]) -> Vec<Vec<usize>> {
    let mut roots: Vec<usize> = (0..waits.len()).collect();
    for (index, earlier) in waits.iter().enumerate() {
        for earlier in earlier {
            let (one, other) = (root(&mut roots, index), root(&mut roots, *earlier));
            roots[one] = other;
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &index in sorted {
        let root = root(&mut roots, index);
        groups.entry(root).or_default().push(index);
    }
    let groups = groups.into_values();
    groups.filter(|group| group.len() > 1).collect()
}

fn root(roots: &mut [usize], mut index: usize) -> usize {
    while roots[index] != index {
        roots[index] = roots[roots[index]];
        index = roots[index];
    }
    index
}

impl<'a> OrderGroup<'a> {
    /// Returns the graph of a sorted group.
    fn of(group: &[usize], changes: &[&'a Change], waits: &[Vec<usize>]) -> Self {
        let places: HashMap<usize, usize> = group
            .iter()
            .enumerate()
            .map(|(place, index)| (*index, place))
            .collect();
        let mut graph = Self::default();
        // For each node, the nodes that it waits for directly or indirectly.
        let mut before: Vec<Vec<bool>> = Vec::new();
        for (place, index) in group.iter().enumerate() {
            let waits = waits[*index].iter();
            let direct: Vec<usize> = waits
                .filter_map(|earlier| places.get(earlier).copied())
                .collect();
            let mut all = vec![false; group.len()];
            let ranks = direct.iter().map(|earlier| graph.nodes[*earlier].rank + 1);
            let rank = ranks.max().unwrap_or(0);
            let is_implied =
                |earlier: usize| direct.iter().any(|between| before[*between][earlier]);
            for &earlier in &direct {
                if !is_implied(earlier) {
                    graph.edges.push((earlier, place));
                }
                all[earlier] = true;
                for (known, found) in all.iter_mut().zip(&before[earlier]) {
                    *known |= *found;
                }
            }
            let change = changes[*index];
            graph.nodes.push(OrderNode { change, rank });
            before.push(all);
        }
        graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SupersededPolicy;
    use crate::plan::testing::{declared, live, scenario};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// Returns a plan of creates, in which each waits for the given others.
    fn plan(waits: &[(&str, &[&str])]) -> Plan {
        let names = waits.iter().map(|(name, _)| declared(name));
        let mut plan = scenario().declare(names).plan();
        for change in &mut plan.changes {
            let found = waits
                .iter()
                .find(|(name, _)| change.address == address(name));
            let (_, waits_for) = found.unwrap();
            change.waits_for = waits_for.iter().map(|name| address(name)).collect();
        }
        plan
    }

    /// Returns the addresses of a group with their ranks.
    fn ranks(group: &OrderGroup<'_>) -> Vec<(String, usize)> {
        let nodes = group.nodes.iter();
        let nodes = nodes.map(|node| (node.change.address.to_string(), node.rank));
        nodes.collect()
    }

    #[test]
    fn a_change_comes_after_what_it_waits_for() {
        let plan = plan(&[
            ("A@1", &["B@1", "C@1"]),
            ("B@1", &["C@1"]),
            ("C@1", &[]),
            ("Alone@1", &[]),
        ]);
        let order = Order::of(&plan, MAX_NODES);
        assert_eq!(order.groups.len(), 1);
        let nodes = ranks(&order.groups[0]);
        let expected = [("C@1", 0), ("B@1", 1), ("A@1", 2)];
        assert_eq!(nodes, expected.map(|(name, rank)| (name.to_owned(), rank)));
        // That A waits for C follows from the other two.
        assert_eq!(order.groups[0].edges, [(0, 1), (1, 2)]);
        assert_eq!(order.cut(), None);
    }

    #[test]
    fn losses_come_first_and_cut_changes_are_counted() {
        let deleting = declared("Z@2").superseding(SupersededPolicy::Delete, None);
        let plan = scenario()
            .declare([declared("A@2"), deleting])
            .live([live("A@1"), live("Z@1")])
            .plan();
        let order = Order::of(&plan, 2);
        let nodes = ranks(&order.groups[0]);
        assert_eq!(nodes, [("Z@2".to_owned(), 0), ("Z@1".to_owned(), 1)]);
        assert_eq!(order.groups.len(), 1);
        assert_eq!(
            order.cut().unwrap(),
            "2 of 4 changes with an order are shown; those with a loss come first."
        );
        // One group that is too large is cut itself.
        assert_eq!(Order::of(&plan, 1).groups[0].nodes.len(), 1);
    }

    #[test]
    fn a_cycle_ends() {
        let plan = plan(&[("A@1", &["B@1"]), ("B@1", &["A@1"])]);
        assert_eq!(Order::of(&plan, MAX_NODES).groups.len(), 0);
    }
}

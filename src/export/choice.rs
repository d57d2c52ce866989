//! Chooses the versions that an export declares.

use std::collections::{BTreeMap, BTreeSet};

use super::exported::{Exported, ExportedSolution, ExportedVersion, Left, Reach, WhyLeft};
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Owner, SolutionName, Version};
use crate::live::{LiveState, LiveVersion};
use crate::manifest::{Glob, Manifest};

/// A record that can be declared.
#[derive(Clone, Copy)]
struct Declarable<'a> {
    live: &'a LiveVersion,
    state: State,
    visibility: Option<Visibility>,
}

/// Returns the declarations for the live versions in reach.
pub fn export<'a>(live: &'a LiveState, manifest: &Manifest, reach: Reach) -> Exported<'a> {
    let scope = &manifest.scope;
    let mut left: Vec<Left> = live
        .unmanageable()
        .iter()
        .map(|record| Left {
            label: record.label.clone(),
            id: record.id.as_str().to_owned(),
            why: WhyLeft::Unmanageable(record.reason.clone()),
        })
        .collect();
    let mut names: Vec<NameChoice<'a>> = Vec::new();
    let by_name = live
        .versions()
        .chunk_by(|left, right| left.identity.name == right.identity.name);
    for of_name in by_name {
        let name = &of_name[0].identity.name;
        let in_reach: Vec<&LiveVersion> = of_name
            .iter()
            .filter(|version| {
                reach == Reach::All || manifest.covers(&version.identity, version.author.as_deref())
            })
            .collect();
        names.extend(choose(name, &in_reach, &mut left));
    }
    left.sort();
    let declared: Vec<Declarable<'a>> = names
        .iter()
        .flat_map(|choice| choice.declared.iter().copied())
        .collect();
    let owner = most_common(declared.iter().map(|one| &one.live.identity.owner));
    let visibility = declared
        .iter()
        .map(|one| one.visibility)
        .collect::<Option<Vec<Visibility>>>()
        .and_then(|all| most_common(all.into_iter()));
    let (owners, globs) = match reach {
        Reach::Managed => (scope.owners.clone(), scope.names.clone()),
        Reach::All => {
            let owners: BTreeSet<&Owner> = declared
                .iter()
                .map(|one| &one.live.identity.owner)
                .collect();
            let literals = owners.into_iter().map(Owner::as_str).map(Glob::literal);
            (literals.collect(), Vec::new())
        }
    };
    let is_everything = matches!(&globs[..], [only] if only.as_str() == "*");
    Exported {
        owners,
        names: if is_everything { Vec::new() } else { globs },
        owner,
        visibility,
        solutions: names
            .into_iter()
            .map(|choice| choice.without_defaults(owner, visibility))
            .collect(),
        left,
    }
}

/// The declared versions of one name; at least one.
struct NameChoice<'a> {
    name: &'a SolutionName,
    declared: Vec<Declarable<'a>>,
    keeps_the_rest: bool,
}

/// Chooses among the records of one name. `None` if none can be declared.
fn choose<'a>(
    name: &'a SolutionName,
    records: &[&'a LiveVersion],
    left: &mut Vec<Left>,
) -> Option<NameChoice<'a>> {
    let mut others: Vec<(&LiveVersion, WhyLeft)> = Vec::new();
    let mut by_version: BTreeMap<&Version, Vec<Declarable<'a>>> = BTreeMap::new();
    for records in records.chunk_by(|left, right| left.identity == right.identity) {
        // The newest record of an identity comes first. The declaration refers to it.
        let [newest, older @ ..] = records else {
            continue;
        };
        others.extend(older.iter().map(|record| (*record, WhyLeft::Older)));
        match declarable(newest) {
            Ok(one) => by_version
                .entry(&newest.identity.version)
                .or_default()
                .push(one),
            Err(why) => others.push((newest, why)),
        }
    }
    // A version is one key, so it has one owner: the owner with more versions of this name.
    let candidates = by_version.values().flatten();
    let counts = counted(candidates.map(|one| &one.live.identity.owner));
    let mut declared = Vec::with_capacity(by_version.len());
    for candidates in by_version.into_values() {
        let count = |one: &Declarable<'_>| counts.get(&one.live.identity.owner).copied();
        // Among equals, the first one is chosen: owners are in order.
        let chosen = candidates.iter().copied().rev().max_by_key(count);
        let Some(chosen) = chosen else { continue };
        for other in &candidates {
            if other.live.id != chosen.live.id {
                let owner = chosen.live.identity.owner.clone();
                others.push((other.live, WhyLeft::OtherOwner(owner)));
            }
        }
        declared.push(chosen);
    }
    declared.sort_by(|left, right| left.live.identity.natural_cmp(&right.live.identity));
    // The built-in policy would only take undeclared versions in service out of service.
    let keeps_the_rest = others.iter().any(|(other, _)| {
        other.state == LiveStateWord::Active
            && !declared
                .iter()
                .any(|one| one.live.identity == other.identity)
    });
    left.extend(others.into_iter().map(|(other, why)| Left {
        label: other.identity.full_address().as_str().to_owned(),
        id: other.id.as_str().to_owned(),
        why,
    }));
    (!declared.is_empty()).then_some(NameChoice {
        name,
        declared,
        keeps_the_rest,
    })
}

fn declarable(live: &LiveVersion) -> Result<Declarable<'_>, WhyLeft> {
    if live.identity.version.as_str().contains('@') {
        return Err(WhyLeft::At);
    }
    let state = match &live.state {
        LiveStateWord::Active | LiveStateWord::Production => State::Active,
        LiveStateWord::Inactive => State::Inactive,
        LiveStateWord::Other(word) => return Err(WhyLeft::State(word.to_string())),
    };
    let visibility = live.visibility.as_ref();
    Ok(Declarable {
        live,
        state,
        visibility: visibility.and_then(|word| Visibility::of_word(word.as_str())),
    })
}

impl<'a> NameChoice<'a> {
    /// Returns the solution without the values that equal the defaults.
    fn without_defaults(
        self,
        default_owner: Option<&Owner>,
        default_visibility: Option<Visibility>,
    ) -> ExportedSolution<'a> {
        let owner = same(self.declared.iter().map(|one| &one.live.identity.owner));
        let state = same(self.declared.iter().map(|one| one.state));
        let visibility = same(self.declared.iter().map(|one| one.visibility)).flatten();
        let versions = self
            .declared
            .iter()
            .map(|one| ExportedVersion {
                version: &one.live.identity.version,
                owner: Some(&one.live.identity.owner)
                    .filter(|its| owner.is_none() && Some(*its) != default_owner),
                state: Some(one.state).filter(|its| state.is_none() && *its != State::Active),
                visibility: one
                    .visibility
                    .filter(|its| visibility.is_none() && Some(*its) != default_visibility),
                live_words: words_beside(one.live),
            })
            .collect();
        ExportedSolution {
            name: self.name,
            owner: owner.filter(|its| Some(*its) != default_owner),
            state: state.filter(|its| *its != State::Active),
            visibility: visibility.filter(|its| Some(*its) != default_visibility),
            keeps_the_rest: self.keeps_the_rest,
            versions,
        }
    }
}

/// Returns the live words that differ from the declared ones.
fn words_beside(live: &LiveVersion) -> Vec<&str> {
    let state = Some(live.state.as_str()).filter(|_| live.state == LiveStateWord::Production);
    let visibility = match &live.visibility {
        Some(LiveVisibilityWord::Other(word)) => Some(word.as_str()),
        _ => None,
    };
    state.into_iter().chain(visibility).collect()
}

/// Returns the value if all are equal.
fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// Returns the most frequent value; among equals, the smallest.
fn most_common<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let most = counted(values)
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count);
    most.map(|(value, _)| value)
}

fn counted<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

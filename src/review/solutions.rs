//! The declared versions of both sides, for each solution that changes: the content of the matrix
//! of environments.

use std::collections::BTreeSet;

use crate::attribute::{State, Visibility};
use crate::ident::{Identity, SolutionName};
use crate::manifest::{Desired, Manifest, entries_of};

/// A solution whose declared versions change in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedSolution {
    /// The name.
    pub name: SolutionName,
    /// The versions in each environment, in the order of the environments.
    pub cells: Vec<Vec<DeclaredVersion>>,
}

/// A version that at least one side declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredVersion {
    /// The name, version and owner.
    pub identity: Identity,
    /// The declaration of the base; `None` if there is none.
    pub before: Option<DeclaredImage>,
    /// The declaration of the head; `None` if there is none.
    pub after: Option<DeclaredImage>,
    /// True if both sides declare it, with different packages.
    pub has_other_package: bool,
}

/// The declared values of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredImage {
    /// The state.
    pub state: State,
    /// The visibility; `None` if it is neither compared nor patched.
    pub visibility: Option<Visibility>,
}

word_enum! {
    /// The change of a declared version.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DeclaredChange {
        /// Only the head declares it.
        Added = "added",
        /// Only the base declares it.
        Removed = "removed",
        /// Its values differ.
        Changed = "changed",
        /// Both sides declare the same.
        Same = "none",
    }
}

impl DeclaredVersion {
    /// Returns the change.
    pub fn change(&self) -> DeclaredChange {
        match (self.before, self.after) {
            (None, Some(_)) => DeclaredChange::Added,
            (Some(_), None) => DeclaredChange::Removed,
            (before, after) if before != after || self.has_other_package => DeclaredChange::Changed,
            _ => DeclaredChange::Same,
        }
    }

    fn of(before: Option<&Desired>, after: Option<&Desired>) -> Option<Self> {
        let image = |entry: &Desired| DeclaredImage {
            state: entry.state,
            visibility: entry.visibility,
        };
        let package = |entry: &Desired| {
            let source = entry.source.as_deref();
            (
                entry.path.as_ref().map(|path| path.text.to_string()),
                source.map(|it| (it.origin.clone(), it.sha256.clone(), it.overwrite)),
            )
        };
        let both = before.zip(after);
        Some(Self {
            identity: after.or(before)?.identity.clone(),
            before: before.map(image),
            after: after.map(image),
            has_other_package: both
                .is_some_and(|(before, after)| package(before) != package(after)),
        })
    }
}

/// The two sides of one environment; a side is `None` if it does not declare the environment.
type Sides<'a> = (Option<&'a Manifest>, Option<&'a Manifest>);

/// Returns the solutions that change in at least one of these environments, by name.
pub fn reviewed_solutions(environments: &[Sides<'_>]) -> Vec<ReviewedSolution> {
    let mut names: BTreeSet<&SolutionName> = BTreeSet::new();
    for sides in environments {
        let (base, head) = desired(*sides);
        let all = base.iter().chain(head).map(|entry| &entry.identity.name);
        let all: BTreeSet<&SolutionName> = all.collect();
        names.extend(all.into_iter().filter(|name| {
            let versions = versions_of(*sides, name);
            let mut changes = versions.iter().map(DeclaredVersion::change);
            changes.any(|change| change != DeclaredChange::Same)
        }));
    }
    let row = |name: &SolutionName| ReviewedSolution {
        name: name.clone(),
        cells: environments
            .iter()
            .map(|sides| versions_of(*sides, name))
            .collect(),
    };
    names.into_iter().map(row).collect()
}

fn desired<'a>((base, head): Sides<'a>) -> (&'a [Desired], &'a [Desired]) {
    let entries = |manifest: Option<&'a Manifest>| {
        manifest.map_or(&[][..], |manifest| manifest.desired.as_slice())
    };
    (entries(base), entries(head))
}

/// Returns the versions of a name, in their natural order.
fn versions_of(sides: Sides<'_>, name: &SolutionName) -> Vec<DeclaredVersion> {
    let (base, head) = desired(sides);
    let (base, head) = (entries_of(base, name), entries_of(head, name));
    let find = |entries: &'_ [Desired], identity: &Identity| {
        let mut entries = entries.iter();
        entries.position(|entry| entry.identity == *identity)
    };
    let both = base.iter().map(|before| {
        let after = find(head, &before.identity).map(|index| &head[index]);
        DeclaredVersion::of(Some(before), after)
    });
    let new = head.iter();
    let new = new.filter(|after| find(base, &after.identity).is_none());
    let new = new.map(|after| DeclaredVersion::of(None, Some(after)));
    let mut versions: Vec<DeclaredVersion> = both.chain(new).flatten().collect();
    versions.sort_by(|one, other| one.identity.natural_cmp(&other.identity));
    versions
}

//! The choice of the versions that are promoted.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::error::PromotionError;
use super::row::{Decision, Direction, LeftOut, Promotion, PromotionRow};
use crate::attribute::State;
use crate::ident::{Digest, Owner, SolutionName, Version};
use crate::live::{LiveState, LiveVersion};
use crate::manifest::{Desired, Manifest, SourceOrigin, entries_of};
use crate::plan::ApplyHistory;

/// An environment with its live state.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The manifest of the environment.
    pub manifest: &'a Manifest,
    /// The live state; `None` if it could not be read.
    pub live: Option<&'a LiveState>,
    /// What earlier applies found about its versions; only needed of a source.
    pub history: Option<&'a ApplyHistory>,
}

impl Side<'_> {
    fn name(&self) -> &str {
        &self.manifest.environment.name
    }

    /// Returns the versions in service that the environment manages, the highest first; `None` if
    /// they are not known. If the environment declares the solution, only those of its owner count.
    fn in_service(&self, name: &SolutionName) -> Option<Vec<Version>> {
        let records = self.records_in_service(name)?.into_iter();
        let mut versions: Vec<Version> = records
            .map(|record| record.identity.version.clone())
            .collect();
        versions.sort_by(|left, right| right.natural_cmp(left));
        versions.dedup();
        Some(versions)
    }

    fn records_in_service(&self, name: &SolutionName) -> Option<Vec<&LiveVersion>> {
        let records = self.live.filter(|live| live.covers(name))?.named(name);
        let declared = self.declared(name);
        let is_declared = |owner: &Owner| {
            let mut owners = declared.iter().map(|entry| &entry.identity.owner);
            owners.any(|declared| self.manifest.is_one_owner(declared, owner))
        };
        let in_service = records
            .iter()
            .filter(|record| record.state.satisfies(State::Active))
            .filter(|record| {
                let author = record.author.as_deref();
                let is_own = declared.is_empty() || is_declared(&record.identity.owner);
                is_own && self.manifest.covers(&record.identity, author)
            });
        Some(in_service.collect())
    }

    /// Returns whether each record of the version that is in service passed the runs that are
    /// declared for it.
    fn has_passed(&self, name: &SolutionName, version: &Version) -> bool {
        let mut declared = self.declared(name).iter();
        let entry = declared.find(|entry| entry.identity.version == *version);
        let verification = entry.and_then(|entry| entry.verification.as_deref());
        let (Some(verification), Some(history)) = (verification, self.history) else {
            return false;
        };
        let check = verification.digest();
        let records = self.records_in_service(name).unwrap_or_default();
        let mut records = records
            .iter()
            .filter(|record| record.identity.version == *version);
        records.all(|record| history.has_passed(&record.id, &check))
    }

    fn declared(&self, name: &SolutionName) -> &[Desired] {
        entries_of(&self.manifest.desired, name)
    }
}

/// Compares two environments, and chooses what is promoted: the named solutions, or without names
/// all that the manifest declares for either environment. A named solution that cannot be promoted
/// is an error; without names it is left out. With `copies_packages`, the packages come from the
/// source too.
pub fn promote(
    from: Side<'_>,
    to: Side<'_>,
    file: &str,
    names: &BTreeSet<SolutionName>,
    copies_packages: bool,
) -> Result<Promotion, Vec<PromotionError>> {
    let is_named = !names.is_empty();
    let all = candidates(from.manifest, to.manifest);
    let names = if is_named { names } else { &all };
    let mut rows = Vec::with_capacity(names.len());
    let mut errors = Vec::new();
    for name in names {
        let mut row = row(from, to, name, is_named);
        row.copies_package = copies_packages && row.needs_package(from, to);
        if let Decision::LeaveOut(reason) = row.decision
            && is_named
        {
            errors.push(error(from, to, &row, reason));
        }
        rows.push(row);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Promotion {
        from: from.name().to_owned(),
        to: to.name().to_owned(),
        manifest: file.to_owned(),
        rows,
        is_written: false,
    })
}

/// Returns the names that the manifest declares for either environment.
pub fn candidates(from: &Manifest, to: &Manifest) -> BTreeSet<SolutionName> {
    let desired = from.desired.iter().chain(&to.desired);
    desired.map(|entry| entry.identity.name.clone()).collect()
}

fn row(from: Side<'_>, to: Side<'_>, name: &SolutionName, is_named: bool) -> PromotionRow {
    let live = from.in_service(name).unwrap_or_default();
    let declared = to.declared(name);
    let chosen = chosen(&live, from.declared(name));
    let decision = match chosen {
        None if live.is_empty() => Decision::LeaveOut(LeftOut::NotLive),
        None => Decision::LeaveOut(LeftOut::SeveralLive),
        Some(version) => match decide(version, declared, is_named) {
            Decision::Promote(..)
                if to.manifest.environment.require_verified && !from.has_passed(name, version) =>
            {
                Decision::LeaveOut(LeftOut::NotVerified)
            }
            decision => decision,
        },
    };
    PromotionRow {
        name: name.clone(),
        to: to.in_service(name),
        declared: declared
            .iter()
            .map(|entry| (entry.identity.version.clone(), entry.state))
            .collect(),
        position: declared.first().map(|entry| entry.position.clone()),
        decision,
        copies_package: false,
        has_digest: declared.iter().any(|entry| sha256_of(entry).is_some()),
        sha256: chosen.and_then(|version| {
            let mut entries = from.declared(name).iter();
            let entry = entries.find(|entry| entry.identity.version == *version);
            entry.and_then(sha256_of).cloned()
        }),
        from: live,
    }
}

fn sha256_of(entry: &Desired) -> Option<&Digest> {
    entry.source.as_deref()?.sha256.as_ref()
}

impl PromotionRow {
    /// Returns whether the package of the version must be copied: of a new version always, of one
    /// that is declared already if it is not in service, and comes from elsewhere until now.
    fn needs_package(&self, from: Side<'_>, to: Side<'_>) -> bool {
        let [entry] = to.declared(&self.name) else {
            return matches!(self.decision, Decision::Promote(..));
        };
        let version = &entry.identity.version;
        let source = entry.source.as_deref();
        let is_copied = source.is_some_and(|source| match &source.origin {
            SourceOrigin::Environment { name, .. } => name == from.name(),
            SourceOrigin::File(_) => false,
        });
        let is_live = self.to.as_ref().is_some_and(|live| live.contains(version));
        match self.decision {
            Decision::Promote(..) => true,
            Decision::Current => !is_live && !is_copied,
            Decision::LeaveOut(_) => false,
        }
    }
}

/// Returns the version to promote: the only one in service, or the only one of several that the
/// manifest declares ACTIVE for the source.
fn chosen<'a>(live: &'a [Version], declared: &[Desired]) -> Option<&'a Version> {
    let is_declared = |version: &&Version| {
        let mut entries = declared.iter();
        entries.any(|entry| entry.identity.version == **version && entry.state == State::Active)
    };
    match live {
        [only] => Some(only),
        several => {
            let mut declared = several.iter().filter(is_declared);
            let first = declared.next()?;
            declared.next().is_none().then_some(first)
        }
    }
}

fn decide(version: &Version, declared: &[Desired], is_named: bool) -> Decision {
    let is_declared = declared
        .iter()
        .any(|entry| entry.identity.version == *version && entry.state != State::Absent);
    match declared {
        _ if is_declared => Decision::Current,
        [] if is_named => Decision::Promote(version.clone(), Direction::New),
        [] => Decision::LeaveOut(LeftOut::NotDeclared),
        [entry] if entry.state == State::Absent => Decision::LeaveOut(LeftOut::Absent),
        [entry] => {
            let direction = match version.numeric_cmp(&entry.identity.version) {
                Some(Ordering::Greater) => Direction::Upgrade,
                Some(Ordering::Less) => Direction::Downgrade,
                Some(Ordering::Equal) | None => Direction::Incomparable,
            };
            Decision::Promote(version.clone(), direction)
        }
        _ => Decision::LeaveOut(LeftOut::SeveralDeclared),
    }
}

fn error(from: Side<'_>, to: Side<'_>, row: &PromotionRow, reason: LeftOut) -> PromotionError {
    let name = row.name.clone();
    let (source, target) = (from.name().to_owned(), to.name().to_owned());
    match reason {
        // A named solution that is not declared is added.
        LeftOut::NotLive | LeftOut::NotDeclared => PromotionError::NotLive {
            name,
            environment: source,
        },
        LeftOut::SeveralLive => PromotionError::SeveralLive {
            name,
            environment: source,
            versions: row.from.clone(),
        },
        LeftOut::NotVerified => PromotionError::NotVerified {
            name,
            environment: source,
            target,
        },
        LeftOut::SeveralDeclared => PromotionError::SeveralDeclared {
            name,
            environment: target,
            versions: row
                .declared
                .iter()
                .map(|(version, _)| version.clone())
                .collect(),
        },
        LeftOut::Absent => PromotionError::Absent {
            name,
            environment: target,
        },
    }
}

#[cfg(test)]
mod tests;

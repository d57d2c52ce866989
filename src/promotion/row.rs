//! A promotion as a value: one row for each solution.

use crate::attribute::State;
use crate::ident::{Digest, SolutionName, Version};
use crate::manifest::{Position, VersionEdit, VersionEdits};

/// The promotion of versions from one environment to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The environment whose live versions are promoted.
    pub from: String,
    /// The environment whose declaration changes.
    pub to: String,
    /// The manifest, as the user named it.
    pub manifest: String,
    /// The solutions, ordered by name.
    pub rows: Vec<PromotionRow>,
    /// True if the manifest was changed.
    pub is_written: bool,
}

/// A solution of a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRow {
    /// The name.
    pub name: SolutionName,
    /// The versions in service in the source, the highest first.
    pub from: Vec<Version>,
    /// The versions in service in the target, the highest first; `None` if they are not known.
    pub to: Option<Vec<Version>>,
    /// The versions that the manifest declares for the target, with their states.
    pub declared: Vec<(Version, State)>,
    /// The position of the declaration.
    pub position: Option<Position>,
    /// The decision.
    pub decision: Decision,
    /// True if the source's package becomes the `source` of the version in the target.
    pub copies_package: bool,
    /// True if the manifest declares the SHA-256 of the target's package.
    pub has_digest: bool,
    /// The SHA-256 of the version's package, if the manifest declares it for the source.
    pub sha256: Option<Digest>,
}

/// The decision about a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The target gets this version.
    Promote(Version, Direction),
    /// The target declares the version already.
    Current,
    /// The solution is left out.
    LeaveOut(LeftOut),
}

word_enum! {
    /// The direction of a promotion, from the declared version to the new one.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Direction {
        /// The target declares no version of the solution.
        New = "new",
        /// The new version is higher.
        Upgrade = "upgrade",
        /// The new version is lower.
        Downgrade = "downgrade",
        /// The versions have no order.
        Incomparable = "incomparable",
    }
}

word_enum! {
    /// The reason why a solution is left out of a promotion of all solutions.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LeftOut -> &'static str {
        /// No version of it is in service in the source.
        NotLive = "not-live" "not in service in the source",
        /// The manifest does not declare it for the target.
        NotDeclared = "not-declared" "not declared for the target; name it to promote it",
        /// The manifest deletes it in the target.
        Absent = "absent" "declared ABSENT",
        /// Several versions are in service in the source, and none is chosen.
        SeveralLive = "several-live" "several versions are in service in the source",
        /// The target takes only versions that passed their verification in the source.
        NotVerified = "not-verified" "has not passed its verification in the source",
        /// The manifest declares several versions for the target.
        SeveralDeclared = "several-declared" "several versions are declared with `versions`",
    }
}

impl PromotionRow {
    /// Returns whether the declared SHA-256 is that of another package, and the one of the promoted
    /// package is not known.
    pub fn needs_digest(&self) -> bool {
        self.replaces_digest() && self.sha256.is_none()
    }

    /// Returns whether the target's package becomes another one, and its SHA-256 is declared.
    fn replaces_digest(&self) -> bool {
        let is_other = matches!(self.decision, Decision::Promote(..)) || self.copies_package;
        self.has_digest && is_other
    }

    /// Returns whether the target declares the promoted version INACTIVE.
    pub fn stays_inactive(&self) -> bool {
        let mut declared = self.declared.iter();
        declared.any(|(version, state)| {
            let is_promoted = match &self.decision {
                Decision::Promote(..) => true,
                Decision::Current => self.from.contains(version),
                Decision::LeaveOut(_) => false,
            };
            is_promoted && *state == State::Inactive
        })
    }
}

impl LeftOut {
    /// Returns the reason as a phrase.
    pub fn phrase(self) -> &'static str {
        self.row()
    }
}

impl Promotion {
    /// Returns the changes of the manifest.
    pub fn edits(&self) -> VersionEdits {
        let edited = self.rows.iter().filter_map(|row| {
            let source = row.copies_package.then(|| self.from.clone());
            let (version, is_written) = match &row.decision {
                Decision::Promote(version, _) => (version, true),
                // The package of a version that is declared already.
                Decision::Current if source.is_some() => (&row.declared.first()?.0, false),
                Decision::Current | Decision::LeaveOut(_) => return None,
            };
            let edit = VersionEdit {
                version: version.clone(),
                is_written,
                source,
                sha256: row.sha256.clone().filter(|_| row.replaces_digest()),
            };
            Some((row.name.clone(), edit))
        });
        edited.collect()
    }

    /// Returns whether the manifest must change.
    pub fn has_changes(&self) -> bool {
        self.promoted() + self.copied() > 0
    }

    /// Returns the number of solutions whose package is copied.
    pub fn copied(&self) -> usize {
        self.rows.iter().filter(|row| row.copies_package).count()
    }

    /// Returns the number of solutions that get a version.
    pub fn promoted(&self) -> usize {
        self.count(|decision| matches!(decision, Decision::Promote(..)))
    }

    /// Returns the number of solutions whose version is declared already.
    pub fn current(&self) -> usize {
        self.count(|decision| matches!(decision, Decision::Current))
    }

    /// Returns the number of solutions that are left out.
    pub fn left_out(&self) -> usize {
        self.count(|decision| matches!(decision, Decision::LeaveOut(_)))
    }

    fn count(&self, is_counted: impl Fn(&Decision) -> bool) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| is_counted(&row.decision)).count()
    }
}

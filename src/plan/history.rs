//! The results of earlier applies, from their journals: an input of the plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::action::{Action, AfterImage};
use super::durations::PastDurations;
use super::package::PackageProblem;
use super::verified::VerificationRecord;
use crate::attribute::LiveStateWord;
use crate::ident::{Digest, Identity, JobId, Owner, SolutionId};
use crate::outcome::WriteKind;

/// The known facts about versions and records from the journals of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplyHistory {
    /// Records that an apply brought to their declared state and confirmed by reading.
    pub confirmed: BTreeSet<SolutionId>,
    /// Records that an apply deployed, each with the fingerprint of its package if that is known: a
    /// delete may match them under another owner than the declared one.
    pub deployed: BTreeMap<SolutionId, Option<Digest>>,
    /// Records that failed deploys left, each with the apply and the identity that it declared.
    pub orphaned: BTreeMap<SolutionId, OrphanedRecord>,
    /// Records that an interrupted apply deployed and did not bring to their declared state.
    pub unfinished: BTreeSet<SolutionId>,
    /// The deploys whose result is unknown.
    pub deploying: Vec<Deploying>,
    /// The writes whose result is unknown, the oldest apply first.
    pub in_flight: Vec<InFlight>,
    /// The versions whose deploy a user abandoned, with the time in milliseconds since 1970, and
    /// that no later apply brought to their declared state.
    pub abandoned_deploys: BTreeMap<Identity, u64>,
    /// The records that a delete deactivated and whose state was not set since, with their states
    /// before.
    pub deactivated: BTreeMap<SolutionId, LiveStateWord>,
    /// The results of verifications, the oldest first.
    pub verifications: Vec<VerificationRecord>,
    /// The versions that a replace deleted, and that no later apply deployed.
    pub deleted: BTreeSet<Identity>,
    /// The solutions that the last deploys made instead of the declared versions.
    pub made_other: BTreeMap<Identity, OtherMade>,
    /// The durations of the changes that are done.
    pub durations: PastDurations,
}

/// A solution that a deploy made instead of the declared version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherMade {
    /// The record, with the identity for people; `None` if it was not found.
    pub record: Option<(SolutionId, String)>,
    /// The package that was deployed.
    pub path: String,
}

impl OtherMade {
    /// Returns the reason why the package is not deployed again.
    pub fn problem(&self) -> PackageProblem {
        match self.record.clone() {
            Some((id, found)) => PackageProblem::MadeOther { found, id },
            None => PackageProblem::MadeUnknown,
        }
    }
}

impl ApplyHistory {
    /// Returns whether the action deploys a version that a replace of an earlier apply deleted.
    pub fn has_deleted(&self, action: &Action) -> bool {
        match action {
            Action::Create { after, .. } => self.deleted.contains(&after.identity),
            Action::Update { .. }
            | Action::Replace { .. }
            | Action::Delete { .. }
            | Action::NoOp { .. } => false,
        }
    }

    /// Returns what the last deploy of the same package made instead of the declared version. While
    /// it exists, the package is not deployed again: each deploy would add one more.
    ///
    /// A package that was inspected is known to be correct. If the record was not found,
    /// `--replace` deploys the package again.
    pub fn made_instead(
        &self,
        path: &str,
        after: &AfterImage,
        is_redeployed: bool,
    ) -> Option<&OtherMade> {
        let made = self.made_other.get(&after.identity)?;
        let is_unsafe = made.path == path
            && after.package.is_none()
            && (made.record.is_some() || !is_redeployed);
        is_unsafe.then_some(made)
    }

    /// Returns the last write of a version whose result is unknown: the version must not be
    /// written.
    pub fn write_in_flight(&self, identity: &Identity) -> Option<&InFlight> {
        let mut newest_first = self.in_flight.iter().rev();
        newest_first.find(|write| write.identity == *identity)
    }

    /// Returns whether an apply has begun to create a record, and has not brought it to its
    /// declared state.
    pub fn is_begun(&self, id: &SolutionId, identity: &Identity) -> bool {
        self.unfinished.contains(id)
            || self
                .deploying
                .iter()
                .any(|deploy| deploy.has_made(id, identity))
    }

    /// Returns whether a record was never in service: its create is half done, or has failed.
    pub fn never_served(&self, id: &SolutionId, identity: &Identity) -> bool {
        self.is_begun(id, identity) || self.orphaned.contains_key(id)
    }
}

/// A deploy of an earlier apply whose result is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploying {
    /// The declared version.
    pub identity: Identity,
    /// The records of the name before the deploy; none in journals of earlier versions of solform.
    pub known: Option<Vec<SolutionId>>,
}

impl Deploying {
    /// Returns whether the deploy has made a live record. The platform may file it under the other
    /// owner of the pair.
    fn has_made(&self, id: &SolutionId, identity: &Identity) -> bool {
        match &self.known {
            Some(known) => self.identity.is_same_version(identity) && !known.contains(id),
            None => self.identity == *identity,
        }
    }
}

/// A write of an earlier apply whose result is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InFlight {
    /// The version.
    pub identity: Identity,
    /// The last write that was sent.
    pub write: WriteKind,
    /// The job that the server named for it.
    pub job: Option<JobId>,
    /// The id of the apply that sent it.
    pub apply: String,
    /// The time of the request, in milliseconds since 1970.
    pub sent_at_ms: u64,
}

/// A record that a failed deploy left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrphanedRecord {
    /// The record.
    pub id: SolutionId,
    /// The version that the deploy was for.
    pub identity: Identity,
    /// The identity of the record, if it differs from that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Identity>,
    /// The id of the apply whose deploy failed.
    pub apply: String,
}

impl OrphanedRecord {
    /// Returns the same record with its live identity. `other_owner` is the other owner of the
    /// pair, which counts as the declared one.
    #[must_use]
    pub fn seen_as(&self, live: &Identity, other_owner: Option<&Owner>) -> Self {
        let is_declared = live.is_same_version(&self.identity)
            && (live.owner == self.identity.owner || Some(&live.owner) == other_owner);
        Self {
            made: (!is_declared).then(|| live.clone()),
            ..self.clone()
        }
    }

    /// Returns the identity of the record, as far as it is known.
    pub fn live(&self) -> &Identity {
        self.made.as_ref().unwrap_or(&self.identity)
    }
}

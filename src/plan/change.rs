//! The plan: every change, with its reasons and dependencies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use super::action::{Action, ActionKind, AfterImage, DeployTarget, Reason};
use super::content_drift::{ContentDrift, DriftCause};
use super::durations::ExpectedTime;
use super::field::{Decision, Field, FieldChange};
use super::history::{InFlight, OrphanedRecord};
use super::judgement::Judgement;
use super::loss::RollbackOf;
use super::origin::Origin;
use super::ownership::OwnerConflict;
use super::package::PackageProblem;
use super::running_runs::RunningRuns;
use super::verified::FailedVerification;
use crate::attribute::Visibility;
use crate::ident::{Address, ChangeKey, Digest, Identity, Owner, SolutionId};
use crate::live::Coverage;
use crate::manifest::{Code, Drain, SimilarName};

/// A plan: the changes that an apply would make. It is a pure function of manifest, live state and
/// options, sorted by identity. A plan file contains its changes in another form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan<C = Change> {
    /// The mode of the plan; in a file, its kind.
    #[serde(skip)]
    pub mode: Mode,
    /// The environment and the manifest.
    pub subject: Subject,
    /// The apply that is rolled back, and what is not restored; none for other plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackOf>,
    /// The completeness of the live state.
    pub coverage: Coverage,
    /// The changes: one for each version that is declared or that a policy covers, no-ops included.
    pub changes: Vec<C>,
    /// The number of live versions that the manifest leaves unmanaged.
    pub unmanaged: usize,
    /// The number of live versions in scope: the base of percentages.
    pub live_in_scope: usize,
    /// The number of changes that `--target` and `--exclude` left out, including no-ops and
    /// versions that were not listed.
    pub left_out: usize,
    /// The writes of earlier applies whose result is unknown.
    pub in_flight: Vec<InFlight>,
    /// The live records that failed deploys left, and that no change of this plan deletes.
    pub orphaned: Vec<OrphanedRecord>,
    /// The judgement by the policies of the manifest.
    #[serde(default, skip_serializing_if = "Judgement::is_silent")]
    pub judgement: Judgement,
    /// The expected duration; none if nothing is known, or if it is short.
    #[serde(skip)]
    pub expected: Option<ExpectedTime>,
}

impl<C> Plan<C> {
    /// Returns the same plan with its changes in another form.
    pub(super) fn with_changes<D>(&self, changes: Vec<D>) -> Plan<D> {
        Plan {
            changes,
            mode: self.mode,
            subject: self.subject.clone(),
            rollback: self.rollback.clone(),
            coverage: self.coverage.clone(),
            unmanaged: self.unmanaged,
            live_in_scope: self.live_in_scope,
            left_out: self.left_out,
            in_flight: self.in_flight.clone(),
            orphaned: self.orphaned.clone(),
            judgement: self.judgement.clone(),
            expected: self.expected.clone(),
        }
    }
}

impl Plan {
    /// Returns the changes that are not no-ops.
    pub fn to_do(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !change.is_no_op())
    }

    /// Returns the address of a version in output: the one of its change, if there is a change.
    pub fn address_of(&self, identity: &Identity) -> Address {
        self.changes
            .iter()
            .find(|change| change.identity == *identity)
            .map_or_else(|| identity.address(), |change| change.address.clone())
    }

    /// Adds a note to each change of a version whose name looks like another name.
    #[must_use]
    pub fn with_similar_names(mut self, similar: &[SimilarName<'_>]) -> Self {
        let mut others: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for name in similar {
            let declared = name.declared.identity.name.as_str();
            others.entry(declared).or_default().insert(name.live);
            others.entry(name.live).or_default().insert(declared);
        }
        if others.is_empty() {
            return self;
        }
        for change in &mut self.changes {
            let found = others.get(change.identity.name.as_str());
            if let Some(names) = found.filter(|_| !change.is_no_op()) {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                change.notes.push(Note::SimilarNames { names });
            }
        }
        self
    }

    /// Adds these notes to the changes of their versions.
    #[must_use]
    pub fn with_notes(mut self, notes: &BTreeMap<Identity, Note>) -> Self {
        for change in &mut self.changes {
            change.notes.extend(notes.get(&change.identity).cloned());
        }
        self
    }
}

word_enum! {
    /// The mode of a plan.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Mode {
        /// Converge the environment to the manifest.
        #[default]
        Converge = "converge",
        /// Delete the versions that the manifest declares.
        Destroy = "destroy",
        /// Restore what an earlier apply changed.
        Rollback = "rollback",
    }
}

/// The environment of a plan, and the manifest that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The environment's name.
    pub environment: String,
    /// The environment's URL, for comparison only.
    pub url: String,
    /// The digest of the resolved manifest.
    pub manifest: Digest,
}

/// A change of one version. A plan may contain 100,000, and nearly all of them do nothing, so that
/// a list without items is only a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The address in output and options; unique in the plan.
    pub address: Address,
    /// The declared identity, or the live one if nothing is declared.
    pub identity: Identity,
    /// The action to execute.
    pub action: Action,
    /// The reason, for explanation only.
    pub reason: Reason,
    /// The fields that differ, including differences that are left alone.
    pub fields: ThinVec<FieldChange>,
    /// The position in the manifest that declares it.
    pub origin: Option<Origin>,
    /// The changes that must be done first, in the order of the plan.
    pub waits_for: ThinVec<Address>,
    /// The declared versions that must be completely live when this version goes out of service;
    /// checked by [`Successor::is_live_among`].
    pub successors: ThinVec<Successor>,
    /// The handling of RUNNING runs before the version is taken out of service; `None` ignores
    /// them.
    pub drain: Option<Arc<Drain>>,
    /// The reasons why it may not be applied; empty if nothing prevents it.
    pub blocked: ThinVec<Block>,
    /// The notes for the reader.
    pub notes: ThinVec<Note>,
    /// The visibility that the package of a deploy names, for policies.
    pub package_visibility: Option<Visibility>,
    /// The expected duration, if the plan has one and earlier applies show it.
    pub expected: Option<Duration>,
}

impl Change {
    /// Returns the key of the change: no other change of any plan for the same live state has it.
    pub fn key(&self) -> ChangeKey {
        ChangeKey {
            identity: self.identity.clone(),
            record: self.record().cloned(),
        }
    }

    /// Returns the live record that it changes, if it changes one.
    pub(super) fn record(&self) -> Option<&SolutionId> {
        self.action.before().map(|before| &before.id)
    }

    /// Returns the handling of RUNNING runs, and their record, if the change must handle them.
    pub fn drained(&self) -> Option<(&Drain, &SolutionId)> {
        Some((self.drain.as_deref()?, self.record()?))
    }

    /// Returns the RUNNING runs of the version when the plan was made, if the change must handle
    /// them.
    pub fn running_runs(&self) -> Option<&RunningRuns> {
        self.notes.iter().find_map(|note| match note {
            Note::RunningRuns { runs } => Some(&**runs),
            _ => None,
        })
    }

    /// Returns whether the change does nothing.
    pub fn is_no_op(&self) -> bool {
        matches!(self.action, Action::NoOp { .. })
    }

    /// Returns the way to undo the change.
    pub fn undo(&self) -> Undo {
        match self.action.kind() {
            ActionKind::Create => Undo::ByDelete,
            ActionKind::Update => Undo::ByPatch,
            ActionKind::Replace | ActionKind::Delete => Undo::Irreversible,
            ActionKind::NoOp => Undo::Nothing,
        }
    }

    /// Returns whether the version goes out of service without a successor of its name.
    pub fn ends_service(&self) -> bool {
        self.notes.contains(&Note::NoSuccessor)
    }

    /// Returns whether the change writes to a live version whose visibility is unknown.
    pub fn lacks_visibility(&self) -> bool {
        let before = self.action.before();
        !self.is_no_op() && before.is_some_and(|before| before.visibility.is_none())
    }

    /// Returns whether the version becomes visible to everybody.
    pub fn becomes_public(&self) -> bool {
        self.fields.iter().any(|field| {
            field.field == Field::Visibility
                && field.decision == Decision::Apply
                && field.after.as_deref() == Some(Visibility::Public.as_str())
        })
    }

    /// Returns whether the server reports a state or visibility that is unknown to solform, while
    /// another one is declared.
    pub fn has_unknown_word(&self) -> bool {
        self.fields
            .iter()
            .any(|field| field.decision == Decision::UnknownWord)
    }

    /// Returns whether the version is left alone until the platform approves that it becomes
    /// public.
    pub fn waits_for_review(&self) -> bool {
        self.is_no_op() && self.notes.contains(&Note::WaitsForReview)
    }

    /// Returns whether a policy covers the version, and leaves it as it is.
    pub fn is_left_by_policy(&self) -> bool {
        match self.reason {
            Reason::Superseded { .. } | Reason::Undeclared => self.is_no_op(),
            Reason::Declared
            | Reason::Tombstone
            | Reason::Requested
            | Reason::RolledBack { .. }
            | Reason::ContentChanged { .. } => false,
        }
    }

    /// Returns whether the name looks like another name.
    pub fn has_similar_names(&self) -> bool {
        let is_similar = |note: &Note| matches!(note, Note::SimilarNames { .. });
        self.notes.iter().any(is_similar)
    }

    /// Returns the difference between the live contents and the source, whether it is the reason
    /// of the change or a note on it.
    pub fn content_drift(&self) -> Option<&ContentDrift> {
        let mut notes = self.notes.iter();
        match &self.reason {
            Reason::ContentChanged { drift } => Some(drift),
            _ => notes.find_map(|note| match note {
                Note::ContentDrift { drift, .. } => Some(&**drift),
                _ => None,
            }),
        }
    }

    /// Returns whether fewer users will see the version.
    pub fn narrows_visibility(&self) -> bool {
        let visibility = |text: &Option<Arc<str>>| text.as_deref().and_then(Visibility::of_word);
        let is_narrower = |note: &Note| match note {
            Note::VisibilityOfPackage { before, package } => {
                package.is_some_and(|package| package.is_narrower_than(*before))
            }
            _ => false,
        };
        self.notes.iter().any(is_narrower)
            || self.fields.iter().any(|field| {
                field.field == Field::Visibility
                    && field.decision == Decision::Apply
                    && visibility(&field.before)
                        .zip(visibility(&field.after))
                        .is_some_and(|(before, after)| after.is_narrower_than(before))
            })
    }
}

word_enum! {
    /// The way to undo a change.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Undo {
        /// There is nothing to undo.
        Nothing = "nothing",
        /// A patch that sets the values from before.
        ByPatch = "by-patch",
        /// A delete of the deployed version.
        ByDelete = "by-delete",
        /// Solform cannot undo it: the deployed record, its id and its job history are gone.
        Irreversible = "irreversible",
    }
}

/// A declared version that replaces another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// The address in output.
    pub address: Address,
    /// The state that must be live.
    pub after: AfterImage,
    /// The other owner of the pair, under which it may be live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_owner: Option<Owner>,
    /// The id, if it was live when the plan was made.
    pub id: Option<SolutionId>,
}

impl Successor {
    /// Returns the declared result of its deploy.
    pub fn target(&self) -> DeployTarget<'_> {
        DeployTarget {
            after: &self.after,
            other_owner: self.other_owner.as_ref(),
        }
    }
}

/// The reason why a change may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    /// A `protect` pattern of the environment covers the live version.
    Protected,
    /// The package cannot be deployed as what is declared.
    Package {
        /// The reason.
        problem: PackageProblem,
        /// The position of the path in the manifest.
        origin: Option<Origin>,
    },
    /// The owner or the author of the live version is not the declared one.
    Owner(OwnerConflict),
    /// The version did not pass its verification, with the same package and the same runs.
    Verification(FailedVerification),
}

impl Block {
    /// Returns the stable word of the block: for a package, the code of its problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Package { problem, .. } => problem.code().as_str(),
            Self::Owner(conflict) => conflict.code(),
            Self::Verification(_) => FailedVerification::CODE,
        }
    }

    /// Returns whether an earlier deploy of the package did not make the declared version.
    pub(super) fn is_earlier_deploy(&self) -> bool {
        let Self::Package { problem, .. } = self else {
            return false;
        };
        problem.code() == Code::PackageDeployedBefore
    }
}

/// A note about a change, in addition to its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Note {
    /// A version goes out of service without a successor of its name.
    NoSuccessor,
    /// The version is out of service between two steps of this change.
    OutOfServiceMeanwhile,
    /// The live visibility could not be read. That is not drift.
    VisibilityNotKnown,
    /// The version becomes public only after an approval on the platform.
    WaitsForReview,
    /// Apply skips the change until the platform approves that these successors become public.
    SuccessorWaitsForReview {
        /// The successors that wait for review.
        successors: Vec<Address>,
    },
    /// The package is more visible than declared: more users see the version until it is patched.
    ExposedUntilPatched {
        /// The visibility of the package.
        package: Visibility,
    },
    /// The package is PUBLIC: every user sees the version before it is verified.
    ExposedBeforeVerification,
    /// The visibility is not declared, so that the package decides about the visibility of a
    /// version that is replaced.
    VisibilityOfPackage {
        /// The live visibility.
        before: Visibility,
        /// The visibility of the package; `None` if the package does not name one, or was not
        /// inspected.
        package: Option<Visibility>,
    },
    /// The server reports a state or visibility that is unknown to solform.
    UnknownWord {
        /// The word.
        word: String,
    },
    /// More records of the same identity are live. The manifest refers to the newest one. The
    /// others are left alone, unless the manifest declares the version `ABSENT`.
    MoreRecords {
        /// The ids of the other records.
        ids: Vec<SolutionId>,
    },
    /// Records of the version are live under the other owner of the pair, and are left alone: a
    /// delete needs the exact owner. If the version has no other record, another user published
    /// them.
    RecordsOfOtherOwner {
        /// The ids of these records.
        ids: Vec<SolutionId>,
    },
    /// The job of its last deploy was abandoned, and may still end. The version is not deployed
    /// before this time, unless `--replace` names it.
    HeldBack {
        /// The time, in milliseconds since 1970.
        until_ms: u64,
    },
    /// The live record is under the other owner of the pair, and is identified by its id.
    FollowedOwner {
        /// The live owner.
        owner: Owner,
    },
    /// The source is not what is live, and the version is not replaced because of that.
    ContentDrift {
        /// The side that explains it.
        cause: DriftCause,
        /// The difference.
        drift: Box<ContentDrift>,
    },
    /// The name looks like other names, and differs from them.
    SimilarNames {
        /// The declared names for a live name, the live names for a declared one.
        names: Vec<String>,
    },
    /// The RUNNING runs of a version that goes out of service.
    RunningRuns {
        /// The runs, and what is declared about them.
        runs: Box<RunningRuns>,
    },
    /// A policy requires a delete, but the version may not be deleted, so it is deactivated, or
    /// stays out of service.
    DeactivatedInstead {
        /// The reason why it is not deleted.
        because: Block,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plan has a change for every version: 100,000 of both must fit into 128 MiB.
    #[test]
    fn a_change_is_small() {
        assert!(size_of::<Change>() <= 272, "{}", size_of::<Change>());
    }
}

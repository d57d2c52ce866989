//! The precondition of a change, checked right before its write.
//!
//! There are three results: ready, already done, or changed by others since the plan.

use serde::{Deserialize, Serialize};

use super::action::{ActionKind, DeployTarget, LiveImage, Patch};
use super::change::Successor;
use super::field::Field;
use super::package::{Inspection, PackageProblem};
use crate::attribute::LiveVisibilityWord;
use crate::ident::{Address, Digest, Identity, SolutionId};
use crate::live::LiveVersion;

/// The word in a difference for a visibility that cannot be read before the write.
const NOT_KNOWN: &str = "not known";

/// The result of checking a change against the live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreconditionResult {
    /// The live state is as planned: the write may be sent.
    Ready,
    /// The after-image is already live.
    Done,
    /// The version was changed by others since the plan.
    Moved(Vec<Difference>),
}

/// A difference between the plan and the live state before the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    /// The record is gone.
    Gone {
        /// The id of the record.
        id: SolutionId,
    },
    /// A record of the identity exists, which the plan did not show.
    Appeared {
        /// The id of the record.
        id: SolutionId,
        /// The state of the record.
        state: String,
    },
    /// A failed deploy of this plan left a record.
    Orphaned {
        /// The id of the record.
        id: SolutionId,
    },
    /// Name and version are live under another owner.
    OtherOwner {
        /// The live identity.
        identity: Identity,
    },
    /// A field has another value.
    Field {
        /// The field.
        field: Field,
        /// The plan's value.
        planned: String,
        /// The live value.
        live: String,
    },
    /// The id now belongs to another name or version.
    OtherIdentity {
        /// The identity in the plan.
        planned: Identity,
        /// The live identity.
        live: Identity,
    },
    /// The saved plan contains another value than the manifest declares.
    Declared {
        /// The field.
        field: Field,
        /// The saved plan's value.
        planned: String,
        /// The manifest's value.
        declared: String,
    },
    /// The package is not the one that was approved.
    Package {
        /// The fingerprint of the approved package.
        planned: Digest,
        /// The fingerprint of the current package; `None` if the package cannot be inspected.
        found: Option<Digest>,
    },
    /// The package does not match the declared version.
    PackageProblem {
        /// The reason.
        problem: PackageProblem,
    },
    /// The package was inspected for the plan, and cannot be inspected now.
    PackageUnreadable {
        /// The reason.
        why: String,
    },
    /// A new plan does not contain the change.
    NotPlanned {
        /// The action of the new plan on the version, if it contains one.
        instead: Option<ActionKind>,
    },
    /// It waits for a change that is not approved.
    WaitsFor {
        /// The address of that change.
        address: Address,
    },
    /// An earlier apply of the same plan executed the change, and it was undone since.
    UsedUp,
}

impl Difference {
    /// Returns the difference for a record that the plan did not contain.
    pub fn appeared(live: &LiveVersion) -> Self {
        Self::Appeared {
            id: live.id.clone(),
            state: live.state.as_str().to_owned(),
        }
    }

    /// Returns whether a patch explains the difference.
    pub(super) fn is_effect_of(&self, patch: Option<Patch>) -> bool {
        let Self::Field { field, .. } = self else {
            return false;
        };
        match field {
            // A change of visibility may also change the owner (docs/platform.md, U7).
            Field::Owner | Field::Visibility => {
                patch.is_some_and(|patch| patch.visibility().is_some())
            }
            Field::State => patch.is_some_and(|patch| patch.state().is_some()),
            Field::Path
            | Field::Source
            | Field::Size
            | Field::Sha256
            | Field::Fingerprint
            | Field::Overwrite
            | Field::Verify => false,
        }
    }

    /// Returns the planned side and the side that was found, for people.
    pub fn sides(&self) -> (String, String) {
        let value = |field: Field, value: &str| format!("{} = {value:?}", field.as_str());
        let approved = || "approved".to_owned();
        match self {
            Self::Gone { id } => (format!("live as {id}"), "not live".to_owned()),
            Self::Appeared { id, state } => (
                "not live".to_owned(),
                format!("live as {id}, state {state:?}"),
            ),
            Self::Orphaned { id } => (
                "deployed".to_owned(),
                format!(
                    "left by a failed deploy of this plan as {id}; deploy it again with --replace"
                ),
            ),
            Self::OtherOwner { identity } => (
                "not live under any owner".to_owned(),
                format!(
                    "live under owner {:?} (owner-differs)",
                    identity.owner.as_str()
                ),
            ),
            Self::Field {
                field,
                planned,
                live,
            } => (value(*field, planned), value(*field, live)),
            Self::OtherIdentity { planned, live } => (
                planned.full_address().to_string(),
                live.full_address().to_string(),
            ),
            Self::Declared {
                field,
                planned,
                declared,
            } => (value(*field, planned), value(*field, declared)),
            Self::Package { planned, found } => {
                let package = |digest: &Digest| format!("package = \"{digest}\"");
                let none = || "a package that cannot be inspected".to_owned();
                (package(planned), found.as_ref().map_or_else(none, package))
            }
            Self::PackageProblem { problem } => (
                "a package that can be deployed".to_owned(),
                problem.to_string(),
            ),
            Self::PackageUnreadable { why } => (
                "a package that could be inspected".to_owned(),
                format!("the package could not be inspected: {why}"),
            ),
            Self::NotPlanned { instead } => {
                let found = match instead {
                    Some(kind) => format!("in a new plan it {}", kind.phrase()),
                    None => "not in a new plan".to_owned(),
                };
                (approved(), found)
            }
            Self::WaitsFor { address } => (
                approved(),
                format!("waits for {address}, which is not approved"),
            ),
            Self::UsedUp => (
                "approved once".to_owned(),
                "applied already, and undone since".to_owned(),
            ),
        }
    }
}

/// Checks an update against the current record of its id.
///
/// A field that already has the value of the patch is not a difference, so that a patch that took
/// effect in part is sent again. All other fields must be as in the plan, even if the patch is
/// already done.
pub fn check_update(
    before: &LiveImage,
    patch: Patch,
    now: Option<&LiveVersion>,
) -> PreconditionResult {
    let Some(now) = now else {
        return PreconditionResult::Moved(vec![Difference::Gone {
            id: before.id.clone(),
        }]);
    };
    let missing = patch.missing_in(&now.state, now.visibility.as_ref());
    let done = match missing {
        Some(missing) => patch.without(missing),
        None => Some(patch),
    };
    let mut differences = compare_images(before, &LiveImage::of(now), NOT_KNOWN);
    differences.retain(|difference| !difference.is_effect_of(done));
    if !differences.is_empty() {
        PreconditionResult::Moved(differences)
    } else if missing.is_none() {
        PreconditionResult::Done
    } else {
        PreconditionResult::Ready
    }
}

/// Checks a delete against the current record of its id.
pub fn check_delete(before: &LiveImage, now: Option<&LiveVersion>) -> PreconditionResult {
    match now {
        None => PreconditionResult::Done,
        Some(now) => match compare_images(before, &LiveImage::of(now), NOT_KNOWN) {
            differences if differences.is_empty() => PreconditionResult::Ready,
            differences => PreconditionResult::Moved(differences),
        },
    }
}

impl Successor {
    /// Returns whether the successor is completely live among the records of its name, so that the
    /// version that it replaces may be taken out of service.
    pub fn is_live_among(&self, named: &[LiveVersion], deployed: Option<&SolutionId>) -> bool {
        self.record_among(named, deployed)
            .is_some_and(|live| self.after.is_proven_by(live))
    }

    /// Returns the successor's record among those of its name.
    ///
    /// It is found by its id if an apply deployed it or the plan showed one, because its owner may
    /// have changed with its visibility (docs/platform.md, U7). Otherwise it is found as the result
    /// of a deploy.
    pub fn record_among<'a>(
        &self,
        named: &'a [LiveVersion],
        deployed: Option<&SolutionId>,
    ) -> Option<&'a LiveVersion> {
        match deployed.or(self.id.as_ref()) {
            Some(id) => named
                .iter()
                .find(|live| live.id == *id && live.identity.is_same_version(&self.after.identity)),
            None => self.target().record_among(named),
        }
    }
}

impl DeployTarget<'_> {
    /// Returns the record that matches the deploy: the newest of the declared identity, otherwise
    /// of the other owner of the pair.
    pub fn record_among<'a>(&self, named: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
        let made = |is_declared: bool| {
            LiveVersion::newest(named.iter().filter(|live| {
                self.is_met_by(live) && (live.identity == self.after.identity) == is_declared
            }))
        };
        made(true).or_else(|| made(false))
    }

    /// Checks the deploy against every live record of the name.
    pub fn check_create(&self, named: &[LiveVersion]) -> PreconditionResult {
        let own = self.check_redeploy(named);
        if own != PreconditionResult::Ready {
            return own;
        }
        let elsewhere: Vec<Difference> = named
            .iter()
            .filter(|live| live.identity.is_same_version(&self.after.identity))
            .map(|live| Difference::OtherOwner {
                identity: live.identity.clone(),
            })
            .collect();
        if elsewhere.is_empty() {
            PreconditionResult::Ready
        } else {
            PreconditionResult::Moved(elsewhere)
        }
    }

    /// Checks the deploy of a replace, after its delete, against every live record of the name.
    ///
    /// Records of other owners existed beside the deleted version, so they do not prevent the new
    /// deploy: a refusal here would leave the version deleted.
    pub fn check_redeploy(&self, named: &[LiveVersion]) -> PreconditionResult {
        match self.record_among(named) {
            None => PreconditionResult::Ready,
            Some(live) if self.after.is_proven_by(live) => PreconditionResult::Done,
            Some(live) => PreconditionResult::Moved(vec![Difference::appeared(live)]),
        }
    }

    /// Compares the current package of the deploy with the one in the plan.
    ///
    /// A package that could not be inspected for the plan may be deployed without inspection. It
    /// differs only if it can be inspected now.
    pub fn compare_package(&self, path: &str, now: &Inspection) -> Vec<Difference> {
        let planned = &self.after.package;
        let problems = match now {
            Inspection::Missing => vec![PackageProblem::Missing {
                path: path.to_owned(),
            }],
            Inspection::Unreadable { why } => {
                let unreadable = Difference::PackageUnreadable { why: why.clone() };
                return planned.as_ref().map(|_| unreadable).into_iter().collect();
            }
            Inspection::Inspected(info) => {
                let problems = info.problems(&self.after.identity, self.other_owner);
                if problems.is_empty()
                    && let Some(planned) = planned
                    && *planned != info.fingerprint
                {
                    return vec![Difference::Package {
                        planned: planned.clone(),
                        found: Some(info.fingerprint.clone()),
                    }];
                }
                problems
            }
        };
        problems
            .into_iter()
            .map(|problem| Difference::PackageProblem { problem })
            .collect()
    }
}

/// Compares the image in the plan with another one. A visibility that the plan did not show is not
/// compared. One that it showed must be known again; `unknown` is the word for one that is not.
pub(super) fn compare_images(
    planned: &LiveImage,
    now: &LiveImage,
    unknown: &str,
) -> Vec<Difference> {
    let identity = &now.identity;
    let other = (!planned.identity.is_same_version(identity)).then(|| Difference::OtherIdentity {
        planned: planned.identity.clone(),
        live: identity.clone(),
    });
    let owner = (
        Field::Owner,
        planned.identity.owner.as_str(),
        identity.owner.as_str(),
    );
    let state = (Field::State, planned.state.as_str(), now.state.as_str());
    let visibility = planned.visibility.as_ref().map(|planned| {
        let live = now.visibility.as_ref().map(LiveVisibilityWord::as_str);
        (Field::Visibility, planned.as_str(), live.unwrap_or(unknown))
    });
    let fields = [owner, state].into_iter().chain(visibility);
    let moved = fields.filter(|(_, planned, live)| planned != live);
    let moved = moved.map(|(field, planned, live)| Difference::Field {
        field,
        planned: planned.to_owned(),
        live: live.to_owned(),
    });
    other.into_iter().chain(moved).collect()
}

#[cfg(test)]
mod tests;

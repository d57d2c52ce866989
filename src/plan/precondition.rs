//! The precondition of a change, checked right before its write.
//!
//! There are three results: ready, already done, or changed by others since the plan.

use serde::{Deserialize, Serialize};

use super::action::{ActionKind, AfterImage, LiveImage, Patch, is_made_by_deploy};
use super::change::{Field, Successor};
use super::package::{Inspection, PackageProblem};
use crate::ident::{Address, Digest, Identity, Owner, SolutionId};
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
        /// The fingerprint of the current package; `None` if there is no package that can be
        /// deployed.
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
                let none = || "no package that can be deployed".to_owned();
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
    let is_state_done = patch.state().map(|state| now.state.satisfies(state));
    let is_visibility_done = patch.visibility().map(|visibility| {
        now.visibility
            .as_ref()
            .is_some_and(|word| word.satisfies(visibility))
    });
    let differences: Vec<Difference> = compare(before, now)
        .into_iter()
        .filter(|difference| match difference {
            Difference::Field { field, .. } => match field {
                // A change of visibility may also change the owner (docs/platform.md, U7).
                Field::Owner | Field::Visibility => is_visibility_done != Some(true),
                Field::State => is_state_done != Some(true),
                Field::Path => true,
            },
            Difference::Gone { .. }
            | Difference::Appeared { .. }
            | Difference::Orphaned { .. }
            | Difference::OtherOwner { .. }
            | Difference::OtherIdentity { .. }
            | Difference::Declared { .. }
            | Difference::Package { .. }
            | Difference::PackageProblem { .. }
            | Difference::PackageUnreadable { .. }
            | Difference::NotPlanned { .. }
            | Difference::WaitsFor { .. }
            | Difference::UsedUp => true,
        })
        .collect();
    if !differences.is_empty() {
        PreconditionResult::Moved(differences)
    } else if is_state_done.unwrap_or(true) && is_visibility_done.unwrap_or(true) {
        PreconditionResult::Done
    } else {
        PreconditionResult::Ready
    }
}

/// Checks a delete against the current record of its id.
pub fn check_delete(before: &LiveImage, now: Option<&LiveVersion>) -> PreconditionResult {
    match now {
        None => PreconditionResult::Done,
        Some(now) => match compare(before, now) {
            differences if differences.is_empty() => PreconditionResult::Ready,
            differences => PreconditionResult::Moved(differences),
        },
    }
}

/// Compares the current package of a deploy with the one in the plan.
///
/// A package that could not be inspected for the plan may be deployed without inspection. It
/// differs only if it can be inspected now.
pub fn compare_package(
    path: &str,
    after: &AfterImage,
    other_owner: Option<&Owner>,
    now: &Inspection,
) -> Vec<Difference> {
    let problems = match now {
        Inspection::Missing => vec![PackageProblem::Missing {
            path: path.to_owned(),
        }],
        Inspection::Unreadable { why } => {
            let is_known = after.package.is_some();
            let unreadable = Difference::PackageUnreadable { why: why.clone() };
            return is_known.then_some(unreadable).into_iter().collect();
        }
        Inspection::Inspected(info) => {
            let problems = info.problems(&after.identity, other_owner);
            if problems.is_empty()
                && let Some(planned) = &after.package
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
                .find(|live| live.id == *id && same_solution(&self.after.identity, &live.identity)),
            None => deployed_among(&self.after, self.other_owner.as_ref(), named),
        }
    }
}

/// Checks the deploy of a replace, after its delete, against every live record of the name.
///
/// Records of other owners existed beside the deleted version, so they do not prevent the new
/// deploy: a refusal here would leave the version deleted.
pub fn check_redeploy(
    after: &AfterImage,
    other_owner: Option<&Owner>,
    named: &[LiveVersion],
) -> PreconditionResult {
    match deployed_among(after, other_owner, named) {
        None => PreconditionResult::Ready,
        Some(live) if after.is_proven_by(live) => PreconditionResult::Done,
        Some(live) => PreconditionResult::Moved(vec![Difference::Appeared {
            id: live.id.clone(),
            state: live.state.as_str().to_owned(),
        }]),
    }
}

/// Checks a deploy against every live record of the name.
pub fn check_create(
    after: &AfterImage,
    other_owner: Option<&Owner>,
    named: &[LiveVersion],
) -> PreconditionResult {
    let own = check_redeploy(after, other_owner, named);
    if own != PreconditionResult::Ready {
        return own;
    }
    let elsewhere: Vec<Difference> = named
        .iter()
        .filter(|live| same_solution(&after.identity, &live.identity))
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

/// Returns the record that matches a deploy: the newest of the declared identity, otherwise of the
/// other owner of the pair.
pub fn deployed_among<'a>(
    after: &AfterImage,
    other_owner: Option<&Owner>,
    named: &'a [LiveVersion],
) -> Option<&'a LiveVersion> {
    let made = |is_declared: bool| {
        LiveVersion::newest(named.iter().filter(|live| {
            is_made_by_deploy(after, other_owner, live)
                && (live.identity == after.identity) == is_declared
        }))
    };
    made(true).or_else(|| made(false))
}

fn same_solution(planned: &Identity, live: &Identity) -> bool {
    planned.name == live.name && planned.version == live.version
}

fn compare(before: &LiveImage, now: &LiveVersion) -> Vec<Difference> {
    let mut differences = Vec::new();
    if !same_solution(&before.identity, &now.identity) {
        differences.push(Difference::OtherIdentity {
            planned: before.identity.clone(),
            live: now.identity.clone(),
        });
    }
    let mut compare_field = |field, planned: &str, live: &str| {
        if planned != live {
            differences.push(Difference::Field {
                field,
                planned: planned.to_owned(),
                live: live.to_owned(),
            });
        }
    };
    compare_field(
        Field::Owner,
        before.identity.owner.as_str(),
        now.identity.owner.as_str(),
    );
    compare_field(Field::State, before.state.as_str(), now.state.as_str());
    // A visibility that the plan did not show is not compared. One that it showed must be known
    // again.
    if let Some(planned) = &before.visibility {
        let live = now
            .visibility
            .as_ref()
            .map_or(NOT_KNOWN, |word| word.as_str());
        compare_field(Field::Visibility, planned.as_str(), live);
    }
    differences
}

#[cfg(test)]
mod tests;

//! Whether a change still applies, judged at the moment of its write.
//!
//! Three answers: go ahead, it is done already, or somebody moved it since the plan.

use serde::{Deserialize, Serialize};

use super::action::{ActionKind, AfterImage, LiveImage, Patch, is_made_by_deploy};
use super::change::{Field, Successor};
use super::inspection::{Inspection, PackageProblem};
use crate::ident::{Address, Digest, Identity, Owner, SolutionId};
use crate::live::LiveVersion;

/// What a difference shows for a visibility that cannot be learned at the write.
const NOT_KNOWN: &str = "not known";

/// How a change stands against what is live now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreconditionResult {
    /// As planned: the write may be sent.
    Ready,
    /// The after-image is live already.
    Done,
    /// Somebody moved it since the plan.
    Moved(Vec<Difference>),
}

/// One difference between the plan and what is live at the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    /// The record is gone.
    Gone {
        /// Its id.
        id: SolutionId,
    },
    /// A record of the identity is there, which the plan did not see.
    Appeared {
        /// Its id.
        id: SolutionId,
        /// Its state.
        state: String,
    },
    /// Name and version are live under another owner.
    OtherOwner {
        /// That identity.
        identity: Identity,
    },
    /// A field has another value.
    Field {
        /// Which.
        field: Field,
        /// The plan's value.
        planned: String,
        /// The live value.
        live: String,
    },
    /// The id belongs to another name or version now.
    OtherIdentity {
        /// What the plan saw.
        planned: Identity,
        /// What is live.
        live: Identity,
    },
    /// The saved plan asks for another value than the manifest declares.
    Declared {
        /// Which.
        field: Field,
        /// The saved plan's value.
        planned: String,
        /// The manifest's value.
        declared: String,
    },
    /// The package is not the one that was approved.
    Package {
        /// The fingerprint of the approved one.
        planned: Digest,
        /// The fingerprint of the one that is there; none where there is none that can be deployed.
        found: Option<Digest>,
    },
    /// The package cannot be deployed as what is declared.
    PackageProblem {
        /// The reason.
        problem: PackageProblem,
    },
    /// The package was inspected for the plan, and cannot be inspected any more.
    PackageUnreadable {
        /// The reason.
        why: String,
    },
    /// A plan that is made now does not contain the change.
    NotPlanned {
        /// What it does with the version instead, where it contains it at all.
        instead: Option<ActionKind>,
    },
    /// It waits for a change that is not approved.
    WaitsFor {
        /// That change.
        address: Address,
    },
    /// An earlier apply of the same plan made the change, and it was undone since.
    UsedUp,
}

/// Judges an update by the record that its id has now.
///
/// What is where the patch puts it has not moved, so that a patch of which a part took hold is sent
/// again. Everything else must be as the plan saw it, also where the patch is done already.
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
                // A visibility may take the owner along (docs/platform.md, U7).
                Field::Owner | Field::Visibility => is_visibility_done != Some(true),
                Field::State => is_state_done != Some(true),
                Field::Path => true,
            },
            Difference::Gone { .. }
            | Difference::Appeared { .. }
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

/// Judges a delete by the record that its id has now.
pub fn check_delete(before: &LiveImage, now: Option<&LiveVersion>) -> PreconditionResult {
    match now {
        None => PreconditionResult::Done,
        Some(now) => match compare(before, now) {
            differences if differences.is_empty() => PreconditionResult::Ready,
            differences => PreconditionResult::Moved(differences),
        },
    }
}

/// Compares the package of a deploy, as it is now, with the one that the plan saw.
///
/// A package that could not be inspected for the plan may be deployed without inspection: it
/// differs only where it can be inspected now.
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
    /// Returns whether it is live in full among the records of its name, so that what it succeeds
    /// may go.
    pub fn is_live_among(&self, named: &[LiveVersion], deployed: Option<&SolutionId>) -> bool {
        self.record_among(named, deployed)
            .is_some_and(|live| self.after.is_proven_by(live))
    }

    /// Its record among those of its name.
    ///
    /// It is found by its id where a run has deployed it or the plan saw one, as its owner may have
    /// gone along with its visibility (docs/platform.md, U7); else as what a deploy of it makes.
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

/// Judges the deploy of a replace, after its delete, by every live record of the name.
///
/// Other owners' records of the version stood beside the deleted one, so they do not stand against
/// the new one: refusing here would leave the version deleted.
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

/// Judges a deploy by every live record of the name.
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

/// Returns the record that is what a deploy makes: the newest of the declared identity, else of the
/// other owner of the pair.
pub fn deployed_among<'a>(
    after: &AfterImage,
    other_owner: Option<&Owner>,
    named: &'a [LiveVersion],
) -> Option<&'a LiveVersion> {
    let is_elsewhere = |live: &LiveVersion| live.identity != after.identity;
    named
        .iter()
        .filter(|live| is_made_by_deploy(after, other_owner, live))
        .min_by(|left, right| {
            is_elsewhere(left)
                .cmp(&is_elsewhere(right))
                .then_with(|| left.newest_first(right))
        })
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
    // What the plan did not show is not compared; what it showed must be proven again.
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

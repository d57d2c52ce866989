//! Limits and protection: what a plan may not do, whatever the manifest declares.
//!
//! [`ApprovedPlan`] is what `apply` takes, and only [`approve`] makes one.

use super::change::{Block, Change, Origin, Plan};
use super::inspection::PackageProblem;
use super::summary::Summary;
use crate::ident::{Address, Identity};
use crate::live::{Coverage, Unproven};
use crate::manifest::{Limit, Limits};

/// The share of live versions in scope that a plan may delete where the manifest says nothing.
const DEFAULT_DESTROY: Limit = Limit::Percent(30);
/// The built-in limit counts from so many live versions up: three of five is a small estate's
/// ordinary change.
const DEFAULT_DESTROY_FROM: usize = 10;

/// Counts that a user named on the command line. They lift a limit for exactly that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// `--allow-destroy N`.
    pub destroy: Option<usize>,
    /// `--allow-change N`.
    pub change: Option<usize>,
}

/// Why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The live state may be incomplete, so that anything that looks absent may be there.
    #[error("the live state could not be proven complete")]
    Unproven(#[source] Unproven),
    /// The listing was by names, and not by this one: what looks absent may be there.
    #[error("`{address}` was not listed")]
    NotListed {
        /// The version.
        address: Address,
    },
    /// A protected version would be deleted.
    #[error("`{address}` is protected and must not be deleted")]
    Protected {
        /// The version.
        address: Address,
    },
    /// A package cannot be deployed as what is declared.
    #[error("`{address}`: {problem}")]
    Package {
        /// The version.
        address: Address,
        /// Its identity.
        identity: Identity,
        /// The reason.
        problem: PackageProblem,
        /// The position of the path in the manifest.
        origin: Option<Origin>,
    },
    /// More deletes than `max_destroy` allows.
    #[error("{planned} versions would be destroyed, and `max_destroy` allows {allowed}")]
    TooManyDestroys {
        /// Deletes and replaces in the plan.
        planned: usize,
        /// The limit as a count.
        allowed: usize,
    },
    /// More versions end service than `max_change` allows.
    #[error(
        "{planned} versions would stop serving without a successor, and `max_change` allows {allowed}"
    )]
    TooManyChanges {
        /// Versions that stop serving.
        planned: usize,
        /// The limit as a count.
        allowed: usize,
    },
    /// A share cannot be computed, as only some names were listed.
    #[error("a limit in percent needs the whole instance listed")]
    ScopeNotListed,
}

impl Refusal {
    /// The stable word of the refusal; all of one word are of one kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unproven(_) => "unproven",
            Self::NotListed { .. } => "not-listed",
            Self::Protected { .. } => "protected",
            Self::Package { problem, .. } => problem.code().as_str(),
            Self::TooManyDestroys { .. } => "too-many-destroys",
            Self::TooManyChanges { .. } => "too-many-changes",
            Self::ScopeNotListed => "scope-not-listed",
        }
    }

    /// What to do about it, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Unproven(_) | Self::NotListed { .. } => {
                "Run the command again; if it stays, look at the server or ask for fewer names with --target.".to_owned()
            }
            Self::Protected { address } => format!(
                "Remove the pattern that covers `{address}` from `protect` in a change of its own, if it really is to go."
            ),
            Self::Package { problem, .. } => problem.help().to_owned(),
            Self::TooManyDestroys { planned, .. } => format!(
                "Look at what is destroyed; if it is right, name the exact number: --allow-destroy {planned}."
            ),
            Self::TooManyChanges { planned, .. } => format!(
                "Look at what stops serving; if it is right, name the exact number: --allow-change {planned}."
            ),
            Self::ScopeNotListed => {
                "Run the command again without --target, or give the limit as a count.".to_owned()
            }
        }
    }
}

/// A plan that limits and protection allow. Only [`approve`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// A plan that may not be applied, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The plan, as it was.
    pub plan: Plan,
    /// Why; never empty.
    pub refusals: Vec<Refusal>,
}

/// Approves a plan, or says everything that stands against it.
pub fn approve(
    plan: Plan,
    limits: &Limits,
    overrides: &Overrides,
) -> Result<ApprovedPlan, Box<Refused>> {
    let refusals = judge(&plan, limits, overrides);
    if refusals.is_empty() {
        Ok(ApprovedPlan(plan))
    } else {
        Err(Box::new(Refused { plan, refusals }))
    }
}

/// Everything that stands against a plan.
pub fn judge(plan: &Plan, limits: &Limits, overrides: &Overrides) -> Vec<Refusal> {
    let summary = Summary::of(plan);
    let mut refusals = Vec::new();
    if let Coverage::Unproven(unproven) = &plan.coverage {
        refusals.push(Refusal::Unproven(unproven.clone()));
    }
    for change in &plan.changes {
        let address = || change.address.clone();
        if !change.is_no_op() && !is_listed(&plan.coverage, change) {
            refusals.push(Refusal::NotListed { address: address() });
        }
        refusals.extend(change.blocked.iter().map(|block| match block {
            Block::Protected => Refusal::Protected { address: address() },
            Block::Package { problem, origin } => Refusal::Package {
                address: address(),
                identity: change.identity.clone(),
                problem: problem.clone(),
                origin: origin.clone(),
            },
        }));
    }
    if needs_whole_listing(plan, limits, overrides) && matches!(plan.coverage, Coverage::Names(_)) {
        refusals.push(Refusal::ScopeNotListed);
    }
    refusals.extend(judge_destroys(plan, &summary, limits, overrides));
    refusals.extend(judge_changes(plan, &summary, limits, overrides));
    refusals
}

/// Whether the listing speaks of a change's name. What is unproven as a whole is told once.
fn is_listed(coverage: &Coverage, change: &Change) -> bool {
    match coverage {
        Coverage::Whole | Coverage::Unproven(_) => true,
        Coverage::Names(names) => names.contains(&change.identity.name),
    }
}

fn judge_destroys(
    plan: &Plan,
    summary: &Summary,
    limits: &Limits,
    overrides: &Overrides,
) -> Option<Refusal> {
    let planned = summary.destroy;
    if overrides.destroy == Some(planned) {
        return None;
    }
    let allowed = match limits.max_destroy {
        Some(limit) => allowed_by(limit, plan)?,
        None if plan.live_in_scope >= DEFAULT_DESTROY_FROM => allowed_by(DEFAULT_DESTROY, plan)?,
        None => return None,
    };
    (planned > allowed).then_some(Refusal::TooManyDestroys { planned, allowed })
}

fn judge_changes(
    plan: &Plan,
    summary: &Summary,
    limits: &Limits,
    overrides: &Overrides,
) -> Option<Refusal> {
    let planned = summary.ends_service;
    if overrides.change == Some(planned) {
        return None;
    }
    let allowed = allowed_by(limits.max_change?, plan)?;
    (planned > allowed).then_some(Refusal::TooManyChanges { planned, allowed })
}

/// Whether judging this plan needs to know how many live versions are in scope.
pub fn needs_whole_listing(plan: &Plan, limits: &Limits, overrides: &Overrides) -> bool {
    let summary = Summary::of(plan);
    let destroys_by_share = summary.destroy > 0
        && overrides.destroy != Some(summary.destroy)
        && !matches!(limits.max_destroy, Some(Limit::Count(_)));
    let changes_by_share = summary.ends_service > 0
        && overrides.change != Some(summary.ends_service)
        && matches!(limits.max_change, Some(Limit::Percent(_)));
    destroys_by_share || changes_by_share
}

/// A limit as a count; none where it is a share of what is not known.
fn allowed_by(limit: Limit, plan: &Plan) -> Option<usize> {
    match (limit, &plan.coverage) {
        (Limit::Count(count), _) => Some(count),
        (Limit::Percent(percent), Coverage::Whole) => {
            Some(plan.live_in_scope.saturating_mul(usize::from(percent)) / 100)
        }
        (Limit::Percent(_), Coverage::Names(_) | Coverage::Unproven(_)) => None,
    }
}

#[cfg(test)]
mod tests;

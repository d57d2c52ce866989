//! Limits and protection: the changes that a plan may never make, even if the manifest declares
//! them.
//!
//! `apply` takes an [`ApprovedPlan`], which only [`approve`] creates.

use std::collections::BTreeMap;

use super::approval::{Decided, NarrowedPlan, Spent};
use super::change::{Block, Change, Origin, Plan};
use super::options::Overrides;
use super::ownership::OwnerConflict;
use super::package::PackageProblem;
use super::summary::Summary;
use crate::ident::{Address, Identity};
use crate::live::{Coverage, Unproven};
use crate::manifest::{Limit, Limits};

/// The share of live versions in scope that a plan may delete if the manifest sets no limit.
const DEFAULT_DESTROY: Limit = Limit::Percent(30);
/// The number of live versions from which the built-in limit applies: in a small environment, three
/// of five is an ordinary change.
const DEFAULT_DESTROY_FROM: usize = 10;

/// The reason why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The live state may be incomplete, so that a version that looks absent may exist.
    #[error("the live state could not be proven complete")]
    Unproven(#[source] Unproven),
    /// Only some names were listed, and not this one: a version that looks absent may exist.
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
    /// A package does not match the declared version.
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
    /// An owner or an author blocks a change.
    #[error("`{address}` is blocked ({}): {conflict}", conflict.code())]
    Owner {
        /// The version.
        address: Address,
        /// The reason.
        conflict: OwnerConflict,
    },
    /// More deletes than `max_destroy` allows.
    #[error(
        "{} would be destroyed, and `max_destroy` allows {allowed}",
        versions(*planned)
    )]
    TooManyDestroys {
        /// Deletes and replaces in the plan.
        planned: usize,
        /// The limit as a count.
        allowed: usize,
    },
    /// More versions go out of service than `max_change` allows.
    #[error(
        "{} would stop serving without a successor, and `max_change` allows {allowed}",
        versions(*planned)
    )]
    TooManyChanges {
        /// The versions that go out of service without a successor.
        planned: usize,
        /// The limit as a count.
        allowed: usize,
    },
    /// A share cannot be computed, because only some names were listed.
    #[error("a limit in percent needs the whole instance listed")]
    ScopeNotListed,
}

/// `1 version`, `2 versions`.
fn versions(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} version{plural}")
}

impl Refusal {
    /// Returns the stable word of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unproven(_) => "unproven",
            Self::NotListed { .. } => "not-listed",
            Self::Protected { .. } => "protected",
            Self::Package { problem, .. } => problem.code().as_str(),
            Self::Owner { conflict, .. } => conflict.code(),
            Self::TooManyDestroys { .. } => "too-many-destroys",
            Self::TooManyChanges { .. } => "too-many-changes",
            Self::ScopeNotListed => "scope-not-listed",
        }
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Unproven(_) | Self::NotListed { .. } => {
                "Run the command again; if it stays, look at the server or ask for fewer names \
                 with --target."
                    .to_owned()
            }
            Self::Protected { address } => format!(
                "Remove the pattern that covers `{address}` from `protect` in a change of its own, \
                 if it really is to go."
            ),
            Self::Package { problem, .. } => problem.help(),
            Self::Owner { conflict, .. } => conflict.help(),
            Self::TooManyDestroys { planned, .. } => format!(
                "Look at what is destroyed; if it is right, name the exact number: --allow-destroy \
                 {planned}."
            ),
            Self::TooManyChanges { planned, .. } => format!(
                "Look at what stops serving; if it is right, name the exact number: --allow-change \
                 {planned}."
            ),
            Self::ScopeNotListed => {
                "Run the command again without --target, or give the limit as a count.".to_owned()
            }
        }
    }
}

/// A plan that limits and protection allow. Only [`approve`] and [`approve_narrowed`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan {
    plan: Plan,
    decided: BTreeMap<Address, Decided>,
}

impl ApprovedPlan {
    /// Returns the plan, with every change that is reported.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the end of a change that is not executed.
    pub fn decided(&self, address: &Address) -> Option<&Decided> {
        self.decided.get(address)
    }

    /// Returns whether the end of a change is known before anything is executed.
    pub fn has_decided(&self) -> bool {
        !self.decided.is_empty()
    }

    /// Returns whether anything is executed.
    pub fn has_changes(&self) -> bool {
        let mut changes = self.plan.changes.iter();
        changes.any(|change| !change.is_no_op() && !self.decided.contains_key(&change.address))
    }
}

/// A plan that may not be applied, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The plan, as it was.
    pub plan: Plan,
    /// The reasons; never empty.
    pub refusals: Vec<Refusal>,
}

/// Approves a plan, or returns every reason that prevents it.
pub fn approve(
    plan: Plan,
    limits: &Limits,
    overrides: &Overrides,
) -> Result<ApprovedPlan, Box<Refused>> {
    let refusals = judge(&plan, limits, overrides);
    if refusals.is_empty() {
        Ok(ApprovedPlan {
            plan,
            decided: BTreeMap::new(),
        })
    } else {
        Err(Box::new(Refused { plan, refusals }))
    }
}

/// Approves the rest of a saved plan, or returns every reason that prevents it. Limits apply to the
/// whole plan: the changes of earlier applies count, and the versions that they removed are in the
/// base. A number on the command line allows that many or fewer.
pub fn approve_narrowed(
    narrowed: NarrowedPlan,
    limits: &Limits,
    overrides: &Overrides,
) -> Result<ApprovedPlan, Box<Refused>> {
    let plan = narrowed.to_execute();
    let counts = Counts::of_rest(&plan, narrowed.spent);
    let refusals = judge_counts(&plan, &counts, limits, overrides);
    if refusals.is_empty() {
        Ok(ApprovedPlan {
            plan: narrowed.plan,
            decided: narrowed.decided,
        })
    } else {
        Err(Box::new(Refused { plan, refusals }))
    }
}

/// The counts that limits are compared with.
#[derive(Debug, Clone, Copy)]
struct Counts {
    /// Deletes and replaces.
    destroys: usize,
    /// The versions that go out of service without a successor.
    endings: usize,
    /// The live versions that percentages refer to.
    live: usize,
    /// True for the rest of a saved plan.
    is_rest: bool,
}

impl Counts {
    fn of(plan: &Plan) -> Self {
        let summary = Summary::of(plan);
        Self {
            destroys: summary.destroy,
            endings: summary.ends_service,
            live: plan.live_in_scope,
            is_rest: false,
        }
    }

    /// A plan that removes nothing more exceeds no limit, even after earlier applies.
    fn of_rest(plan: &Plan, spent: Spent) -> Self {
        let left = Self::of(plan);
        let total = |left: usize, done: usize| if left == 0 { 0 } else { left + done };
        Self {
            destroys: total(left.destroys, spent.destroyed),
            endings: total(left.endings, spent.ended_service),
            live: left.live + spent.gone,
            is_rest: true,
        }
    }

    fn is_allowed(&self, named: Option<usize>, planned: usize) -> bool {
        named.is_some_and(|named| named == planned || (self.is_rest && planned < named))
    }

    /// Returns whether the limits need the number of live versions in scope.
    fn need_whole_listing(&self, limits: &Limits, overrides: &Overrides) -> bool {
        let destroys_by_share = self.destroys > 0
            && !self.is_allowed(overrides.destroy, self.destroys)
            && !matches!(limits.max_destroy, Some(Limit::Count(_)));
        let endings_by_share = self.endings > 0
            && !self.is_allowed(overrides.change, self.endings)
            && matches!(limits.max_change, Some(Limit::Percent(_)));
        destroys_by_share || endings_by_share
    }
}

/// Returns every reason that prevents the apply of a plan.
pub fn judge(plan: &Plan, limits: &Limits, overrides: &Overrides) -> Vec<Refusal> {
    judge_counts(plan, &Counts::of(plan), limits, overrides)
}

fn judge_counts(
    plan: &Plan,
    counts: &Counts,
    limits: &Limits,
    overrides: &Overrides,
) -> Vec<Refusal> {
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
            Block::Owner(conflict) => Refusal::Owner {
                address: address(),
                conflict: conflict.clone(),
            },
        }));
    }
    if counts.need_whole_listing(limits, overrides) && matches!(plan.coverage, Coverage::Names(_)) {
        refusals.push(Refusal::ScopeNotListed);
    }
    refusals.extend(judge_destroys(plan, counts, limits, overrides));
    refusals.extend(judge_changes(plan, counts, limits, overrides));
    refusals
}

/// Returns whether the listing covers a change's name. An incomplete listing is reported once.
fn is_listed(coverage: &Coverage, change: &Change) -> bool {
    match coverage {
        Coverage::Whole | Coverage::Unproven(_) => true,
        Coverage::Names(names) => names.contains(&change.identity.name),
    }
}

fn judge_destroys(
    plan: &Plan,
    counts: &Counts,
    limits: &Limits,
    overrides: &Overrides,
) -> Option<Refusal> {
    let planned = counts.destroys;
    if counts.is_allowed(overrides.destroy, planned) {
        return None;
    }
    let allowed = match limits.max_destroy {
        Some(limit) => allowed_by(limit, plan, counts)?,
        None if counts.live >= DEFAULT_DESTROY_FROM => allowed_by(DEFAULT_DESTROY, plan, counts)?,
        None => return None,
    };
    (planned > allowed).then_some(Refusal::TooManyDestroys { planned, allowed })
}

fn judge_changes(
    plan: &Plan,
    counts: &Counts,
    limits: &Limits,
    overrides: &Overrides,
) -> Option<Refusal> {
    let planned = counts.endings;
    if counts.is_allowed(overrides.change, planned) {
        return None;
    }
    let allowed = allowed_by(limits.max_change?, plan, counts)?;
    (planned > allowed).then_some(Refusal::TooManyChanges { planned, allowed })
}

/// Returns whether the limits of this plan need the number of live versions in scope.
pub fn needs_whole_listing(plan: &Plan, limits: &Limits, overrides: &Overrides) -> bool {
    Counts::of(plan).need_whole_listing(limits, overrides)
}

/// Returns whether the limits of the rest of a saved plan need the number of live versions in
/// scope.
pub fn rest_needs_whole_listing(
    narrowed: &NarrowedPlan,
    limits: &Limits,
    overrides: &Overrides,
) -> bool {
    let counts = Counts::of_rest(&narrowed.to_execute(), narrowed.spent);
    counts.need_whole_listing(limits, overrides)
}

/// Returns a limit as a count; `None` if it is a share of an unknown number.
fn allowed_by(limit: Limit, plan: &Plan, counts: &Counts) -> Option<usize> {
    match (limit, &plan.coverage) {
        (Limit::Count(count), _) => Some(count),
        (Limit::Percent(percent), Coverage::Whole) => {
            Some(counts.live.saturating_mul(usize::from(percent)) / 100)
        }
        (Limit::Percent(_), Coverage::Names(_) | Coverage::Unproven(_)) => None,
    }
}

#[cfg(test)]
mod tests;

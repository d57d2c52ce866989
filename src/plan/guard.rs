//! Limits and protection: the changes that a plan may never make, even if the manifest declares
//! them.
//!
//! `apply` takes an [`ApprovedPlan`], which only [`approve`] creates.

use std::collections::BTreeMap;

use super::approval::{Decided, NarrowedPlan};
use super::change::{Block, Change, Plan};
use super::judgement::Violation;
use super::options::Overrides;
use super::origin::Origin;
use super::ownership::OwnerConflict;
use super::package::PackageProblem;
use super::progress::Spent;
use super::summary::Summary;
use super::verified::FailedVerification;
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
    /// The version did not pass its verification.
    #[error("`{address}` may not be brought into service: {failed}")]
    Verification {
        /// The change.
        address: Address,
        /// The reason.
        failed: FailedVerification,
    },
    /// A policy denies the plan.
    #[error("{0}")]
    Policy(Box<Violation>),
    /// The manifest has policies, and the plan was not judged by them.
    #[error("the plan was not judged by the policies of the manifest")]
    NotJudged,
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
            Self::Verification { .. } => FailedVerification::CODE,
            Self::Policy(violation) => violation.code(),
            Self::NotJudged => "not-judged",
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
            Self::Verification { .. } => FailedVerification::HELP.to_owned(),
            Self::Policy(violation) => violation.help().to_owned(),
            Self::NotJudged => "Make a new plan.".to_owned(),
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

/// A plan that limits and protection allow. Only [`approve`] makes one.
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
        let mut changes = self.plan.to_do();
        changes.any(|change| !self.decided.contains_key(&change.address))
    }
}

/// A plan that may not be applied, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The plan, without the changes that are not executed.
    pub plan: Plan,
    /// The reasons; never empty.
    pub refusals: Vec<Refusal>,
}

/// Approves a plan, or the rest of a saved plan, or returns every reason that prevents it.
pub fn approve(
    plan: impl Into<NarrowedPlan>,
    limits: &Limits,
    overrides: &Overrides,
) -> Result<ApprovedPlan, Box<Refused>> {
    let narrowed = plan.into();
    let refusals = judge_rest(&narrowed.to_execute(), narrowed.spent, limits, overrides);
    if refusals.is_empty() {
        Ok(ApprovedPlan {
            plan: narrowed.plan,
            decided: narrowed.decided,
        })
    } else {
        let plan = narrowed.to_execute().into_owned();
        Err(Box::new(Refused { plan, refusals }))
    }
}

/// Returns every reason that prevents the apply of a plan.
pub fn judge(plan: &Plan, limits: &Limits, overrides: &Overrides) -> Vec<Refusal> {
    judge_rest(plan, None, limits, overrides)
}

/// Returns whether the limits need the number of live versions in scope. `spent` are the counts of
/// earlier applies, if the plan is the rest of a saved plan.
pub fn needs_whole_listing(
    plan: &Plan,
    spent: Option<Spent>,
    limits: &Limits,
    overrides: &Overrides,
) -> bool {
    Counts::of(plan, spent, limits, overrides).need_live()
}

fn judge_rest(
    plan: &Plan,
    spent: Option<Spent>,
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
            Block::Verification(failed) => Refusal::Verification {
                address: address(),
                failed: failed.clone(),
            },
        }));
    }
    if plan.judgement.is_pending() {
        refusals.push(Refusal::NotJudged);
    }
    let denials = plan.judgement.denials().cloned();
    refusals.extend(denials.map(|denial| Refusal::Policy(Box::new(denial))));
    let counts = Counts::of(plan, spent, limits, overrides);
    if counts.need_live() && matches!(plan.coverage, Coverage::Names(_)) {
        refusals.push(Refusal::ScopeNotListed);
    }
    let live = (plan.coverage == Coverage::Whole).then_some(counts.live);
    let has_built_in = limits.max_destroy.is_none();
    let enough = live.filter(|live| !has_built_in || *live >= DEFAULT_DESTROY_FROM);
    let destroys = counts.destroys.exceeded(enough);
    refusals
        .extend(destroys.map(|(planned, allowed)| Refusal::TooManyDestroys { planned, allowed }));
    let endings = counts.endings.exceeded(live);
    refusals.extend(endings.map(|(planned, allowed)| Refusal::TooManyChanges { planned, allowed }));
    refusals
}

/// Returns whether the listing covers a change's name. An incomplete listing is reported once.
fn is_listed(coverage: &Coverage, change: &Change) -> bool {
    match coverage {
        Coverage::Whole | Coverage::Unproven(_) => true,
        Coverage::Names(names) => names.contains(&change.identity.name),
    }
}

/// The counts that limits are compared with.
struct Counts {
    /// Deletes and replaces.
    destroys: LimitedCount,
    /// The versions that go out of service without a successor.
    endings: LimitedCount,
    /// The live versions that percentages refer to.
    live: usize,
}

impl Counts {
    /// Limits apply to the whole of a saved plan: the changes of earlier applies count, and the
    /// versions that they removed are in the base.
    fn of(plan: &Plan, spent: Option<Spent>, limits: &Limits, overrides: &Overrides) -> Self {
        let summary = Summary::of(plan);
        let is_rest = spent.is_some();
        let spent = spent.unwrap_or_default();
        let count = |left: usize, done: usize, named: Option<usize>, limit: Option<Limit>| {
            // A plan that removes nothing more exceeds no limit, even after earlier applies.
            let planned = if left == 0 { 0 } else { left + done };
            // A number on the command line allows the rest of a saved plan that many or fewer.
            let is_named =
                named.is_some_and(|named| named == planned || (is_rest && planned < named));
            let limit = limit.filter(|_| !is_named);
            LimitedCount { planned, limit }
        };
        Self {
            destroys: count(
                summary.destroy,
                spent.destroyed,
                overrides.destroy,
                limits.max_destroy.or(Some(DEFAULT_DESTROY)),
            ),
            endings: count(
                summary.ends_service,
                spent.ended_service,
                overrides.change,
                limits.max_change,
            ),
            live: plan.live_in_scope + spent.gone,
        }
    }

    fn need_live(&self) -> bool {
        self.destroys.needs_live() || self.endings.needs_live()
    }
}

/// A number of versions with its limit.
struct LimitedCount {
    planned: usize,
    limit: Option<Limit>,
}

impl LimitedCount {
    /// Returns whether the limit is a share of the live versions.
    fn needs_live(&self) -> bool {
        self.planned > 0 && matches!(self.limit, Some(Limit::Percent(_)))
    }

    /// Returns the number with the allowed one, if it is greater. A share of an unknown number of
    /// live versions allows any number.
    fn exceeded(&self, live: Option<usize>) -> Option<(usize, usize)> {
        let allowed = match self.limit? {
            Limit::Count(count) => count,
            Limit::Percent(percent) => live?.saturating_mul(usize::from(percent)) / 100,
        };
        (self.planned > allowed).then_some((self.planned, allowed))
    }
}

#[cfg(test)]
mod tests;

//! The judgement of a plan by the policies of the manifest.
//!
//! A plan carries its judgement, and `guard` refuses a plan that a policy denies, or that was not
//! judged. A saved plan is judged again when it is applied: the time, and what was verified, are
//! inputs.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::AfterImage;
use super::approval::NarrowedPlan;
use super::change::{Change, Origin, Plan};
use super::guard::Refusal;
use super::history::ApplyHistory;
use super::succession::Successions;
use super::verified::{Verdict, VerificationRecord};
use crate::expression::{ChangeFacts, Facts, ImageFacts};
use crate::ident::{Digest, SolutionId};
use crate::manifest::{Enforcement, PlanPolicies};

/// The maximum number of changes that a violation names.
const MAX_NAMED: usize = 20;

/// The number of them in a sentence.
const IN_SENTENCE: usize = 3;

/// The result of judging a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// True if the manifest has policies, and the plan was not judged by them.
    #[serde(skip)]
    is_pending: bool,
    /// The policies whose condition is true, or could not be evaluated, in the order of the
    /// manifest.
    pub violations: Vec<Violation>,
}

/// A policy that a plan violates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The name of the policy.
    pub policy: String,
    /// The enforcement.
    pub enforcement: Enforcement,
    /// The reason, from the manifest.
    pub message: String,
    /// The addresses of the changes that violate it, as far as they are known; at most
    /// 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// The number of the other changes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
    /// The reason why the condition could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The position of the condition in the manifest.
    pub origin: Option<Origin>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.enforcement {
            Enforcement::Warn => "warns",
            Enforcement::Deny => "denies the plan",
        };
        if let Some(failure) = &self.failure {
            return write!(
                f,
                "policy `{}` {effect}, because it could not be judged: {failure}",
                self.policy
            );
        }
        write!(f, "policy `{}` {effect}: {}", self.policy, self.message)?;
        let (named, rest) = self.changes.split_at(self.changes.len().min(IN_SENTENCE));
        if named.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = named.iter().map(|address| format!("`{address}`")).collect();
        write!(f, " ({}", named.join(", "))?;
        match rest.len() + self.more {
            0 => f.write_str(")"),
            more => write!(f, " and {more} more)"),
        }
    }
}

impl Violation {
    /// The stable word of a policy that denies a plan.
    pub const CODE: &str = "policy-denied";

    /// The fix, as a sentence.
    pub const HELP: &str = "Change what the plan does, so that the policy allows it, or change the \
        policy in a change of its own.";
}

/// The facts that a judgement needs besides the plan.
#[derive(Debug, Clone)]
pub struct JudgementInputs<'a> {
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// The fingerprints of the packages that passed a verification in any environment.
    pub verified: BTreeSet<Digest>,
    /// What earlier applies of this environment found: they know the packages of live versions.
    pub history: &'a ApplyHistory,
}

impl ApplyHistory {
    /// Returns the fingerprints of the packages whose newest verification passed.
    pub fn verified_packages(&self) -> BTreeSet<Digest> {
        let mut verified = BTreeSet::new();
        for VerificationRecord {
            verified: found, ..
        } in &self.verifications
        {
            let Some(package) = &found.package else {
                continue;
            };
            if found.verdict == Verdict::Passed {
                verified.insert(package.clone());
            } else {
                verified.remove(package);
            }
        }
        verified
    }

    /// Returns the fingerprint of the package of a live record, if an apply has verified it.
    fn package_of(&self, record: &SolutionId) -> Option<&Digest> {
        let mut newest_first = self.verifications.iter().rev();
        let found = newest_first.find(|found| found.verified.record == *record)?;
        found.verified.package.as_ref()
    }
}

impl Judgement {
    /// Returns the judgement of a plan that was not judged yet.
    pub(super) fn pending(policies: &PlanPolicies) -> Self {
        Self {
            is_pending: !policies.list.is_empty(),
            violations: Vec::new(),
        }
    }

    /// Returns true if there is nothing to show.
    pub fn is_silent(&self) -> bool {
        self.violations.is_empty()
    }

    /// Returns the violations that only warn.
    pub fn warnings(&self) -> impl Iterator<Item = &Violation> {
        let violations = self.violations.iter();
        violations.filter(|violation| violation.enforcement == Enforcement::Warn)
    }

    /// Returns the reasons why the plan may not be applied.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Refusal> {
        let pending = self.is_pending.then_some(Refusal::NotJudged);
        let violations = self.violations.iter();
        let denied = violations.filter(|violation| violation.enforcement == Enforcement::Deny);
        pending
            .into_iter()
            .chain(denied.map(|violation| Refusal::Policy(Box::new(violation.clone()))))
    }
}

impl Plan {
    /// Judges the plan by the policies of its manifest. A plan without changes violates none.
    #[must_use]
    pub fn judged(mut self, policies: &PlanPolicies, inputs: &JudgementInputs<'_>) -> Self {
        self.judgement = judge(&self, policies, inputs);
        self
    }
}

impl NarrowedPlan {
    /// Judges what is left to execute of a saved plan.
    #[must_use]
    pub fn judged(mut self, policies: &PlanPolicies, inputs: &JudgementInputs<'_>) -> Self {
        self.plan.judgement = judge(&self.to_execute(), policies, inputs);
        self
    }
}

fn judge(plan: &Plan, policies: &PlanPolicies, inputs: &JudgementInputs<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if policies.list.is_empty() || plan.to_do().next().is_none() {
        return judgement;
    }
    let successions = Successions::of(plan);
    let changes = plan
        .to_do()
        .map(|change| facts_of(change, &successions, inputs.history));
    let now = i64::try_from(inputs.now_ms).ok();
    let now = now.and_then(|now| Timestamp::from_millisecond(now).ok());
    let now = now.unwrap_or(Timestamp::MAX);
    let facts = Facts::new(
        changes,
        &plan.subject.environment,
        &now.to_zoned_datetime(policies.timezone.clone()),
        inputs.verified.iter().map(Digest::as_str),
    );
    for policy in &policies.list {
        let (mut changes, failure) = match policy.expression.evaluate(&facts) {
            Ok(finding) if !finding.holds => continue,
            Ok(finding) => (finding.because_of, None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        let more = changes.len().saturating_sub(MAX_NAMED);
        changes.truncate(MAX_NAMED);
        judgement.violations.push(Violation {
            policy: policy.name.clone(),
            enforcement: policy.enforcement,
            message: policy.message.clone(),
            changes,
            more,
            failure,
            origin: Some(Origin::of(&policy.position)),
        });
    }
    judgement
}

/// Returns a change as policies see it.
fn facts_of<'a>(
    change: &'a Change,
    successions: &Successions<'_>,
    history: &'a ApplyHistory,
) -> ChangeFacts<'a> {
    let action = &change.action;
    let live = action.before();
    let before = live.map(|live| ImageFacts {
        name: Some(live.identity.name.as_str()),
        version: Some(live.identity.version.as_str()),
        owner: Some(live.identity.owner.as_str()),
        state: Some(live.state.as_str()),
        visibility: live.visibility.as_ref().map(|word| word.as_str()),
        package: None,
    });
    let before = before.unwrap_or_default();
    let is_patched = action.deploy().is_none();
    let after = |after: &'a AfterImage| {
        // Without a declaration, a patch leaves the visibility, and a deploy takes the package's.
        let declared = after.visibility.map(|visibility| visibility.as_str());
        let kept = before.visibility.filter(|_| is_patched);
        let of_package = change.package_visibility.filter(|_| !is_patched);
        let of_package = of_package.map(|visibility| visibility.as_str());
        let of_live = live.filter(|_| is_patched);
        let of_live = of_live.and_then(|live| history.package_of(&live.id));
        ImageFacts {
            name: Some(after.identity.name.as_str()),
            version: Some(after.identity.version.as_str()),
            owner: Some(after.identity.owner.as_str()),
            state: Some(after.state.as_str()),
            visibility: declared.or(kept).or(of_package),
            package: after.package.as_ref().or(of_live).map(Digest::as_str),
        }
    };
    ChangeFacts {
        address: change.address.as_str(),
        action: action.kind().as_str(),
        after: action.after().map(after).unwrap_or_default(),
        before: before.clone(),
        will_verify: action.is_verified(),
        succession: successions.of_change(change).map(|it| it.course.as_str()),
    }
}

#[cfg(test)]
mod tests;

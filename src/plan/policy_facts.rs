//! The judgement of a plan by the policies of the manifest: the changes as policies see them.
//!
//! A saved plan is judged again when it is applied: the time, and what was verified, are inputs.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::action::AfterImage;
use super::approval::NarrowedPlan;
use super::change::{Change, Plan};
use super::history::ApplyHistory;
use super::judgement::{Judgement, Violation};
use super::origin::Origin;
use super::succession::Successions;
use super::verified::{Verdict, VerificationRecord};
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::expression::{ChangeFacts, Facts, ImageFacts};
use crate::ident::{Digest, SolutionId};
use crate::manifest::PlanPolicies;

/// The maximum number of changes that a violation names.
const MAX_NAMED: usize = 20;

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

    /// Returns the fingerprints of the packages of the records that applies have verified.
    fn packages_of_records(&self) -> HashMap<&SolutionId, Option<&Digest>> {
        let found = self.verifications.iter().map(|found| &found.verified);
        // The newest one is last.
        found
            .map(|found| (&found.record, found.package.as_ref()))
            .collect()
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
    let packages = inputs.history.packages_of_records();
    let changes = plan
        .to_do()
        .map(|change| facts_of(change, &successions, &packages));
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
    packages: &HashMap<&SolutionId, Option<&'a Digest>>,
) -> ChangeFacts<'a> {
    let action = &change.action;
    let live = action.before();
    let before = live.map(|live| ImageFacts {
        name: Some(live.identity.name.as_str()),
        version: Some(live.identity.version.as_str()),
        owner: Some(live.identity.owner.as_str()),
        state: Some(live.state.as_str()),
        visibility: live.visibility.as_ref().map(LiveVisibilityWord::as_str),
        package: None,
    });
    let before = before.unwrap_or_default();
    let is_patched = action.deploy().is_none();
    let after = |after: &'a AfterImage| {
        // Without a declaration, a patch leaves the visibility, and a deploy takes the package's.
        let declared = after.visibility.map(Visibility::as_str);
        let kept = before.visibility.filter(|_| is_patched);
        let of_package = change.package_visibility.filter(|_| !is_patched);
        let of_package = of_package.map(Visibility::as_str);
        let of_live = live.filter(|_| is_patched);
        let of_live = of_live.and_then(|live| packages.get(&live.id).copied().flatten());
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

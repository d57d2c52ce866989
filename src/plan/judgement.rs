//! The result of judging a plan by the policies of the manifest.
//!
//! A plan carries its judgement, and `guard` refuses a plan that a policy denies, or that was not
//! judged.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use crate::manifest::{Code, Enforcement, PlanPolicies};

/// The maximum number of changes in a sentence.
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
    /// Returns the stable word of a policy that denies a plan, or warns.
    pub fn code(&self) -> &'static str {
        let code = match self.enforcement {
            Enforcement::Warn => Code::PolicyWarned,
            Enforcement::Deny => Code::PolicyDenied,
        };
        code.as_str()
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self.failure {
            None => {
                "Change what the plan does, so that the policy allows it, or correct the policy \
                 first, in a separate commit."
            }
            Some(_) => "Correct the condition of the policy.",
        }
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

    /// Returns true if the manifest has policies, and the plan was not judged by them.
    pub(super) fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// Returns the violations because of which the plan may not be applied.
    pub(super) fn denials(&self) -> impl Iterator<Item = &Violation> {
        let violations = self.violations.iter();
        violations.filter(|violation| violation.enforcement == Enforcement::Deny)
    }
}

//! The policies that plans are judged by.

use jiff::tz::TimeZone;

use super::position::Position;
use crate::expression::Expression;

/// The maximum number of policies of an environment.
pub(super) const MAX_POLICIES: usize = 50;

/// The policies of an environment, in the order of the file; those of the manifest come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPolicies {
    /// The policies.
    pub list: Vec<PlanPolicy>,
    /// The time zone of `now`.
    pub timezone: TimeZone,
}

impl Default for PlanPolicies {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            timezone: TimeZone::UTC,
        }
    }
}

impl PlanPolicies {
    /// Returns the name of the time zone.
    pub fn timezone_name(&self) -> &str {
        self.timezone.iana_name().unwrap_or("UTC")
    }

    /// Returns whether both judge every plan in the same way. Positions are not compared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.timezone == other.timezone && self.contents().eq(other.contents())
    }

    /// Returns the contents of the policies.
    pub(super) fn contents(&self) -> impl Iterator<Item = PolicyContent<'_>> {
        self.list.iter().map(PlanPolicy::content)
    }
}

/// The name, the effect, the condition and the message of a policy.
pub(super) type PolicyContent<'a> = (&'a str, Enforcement, &'a str, &'a str);

impl PlanPolicy {
    fn content(&self) -> PolicyContent<'_> {
        let Self {
            name,
            enforcement,
            expression,
            message,
            position: _, // A moved line changes nothing.
        } = self;
        (name, *enforcement, expression.text(), message)
    }
}

/// A policy: a condition that a plan must not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPolicy {
    /// The name.
    pub name: String,
    /// The effect if the condition is true.
    pub enforcement: Enforcement,
    /// The condition.
    pub expression: Expression,
    /// The reason, for people.
    pub message: String,
    /// The position of the condition.
    pub position: Position,
}

word_enum! {
    /// The effect of a policy whose condition is true. The order is from the weaker to the
    /// stronger.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    pub enum Enforcement {
        /// The plan has a warning.
        Warn = "warn",
        /// The plan cannot be applied.
        Deny = "deny",
    }
}

//! The review of a change to a manifest: its meaning for each environment, without a server.
//!
//! ```text
//! base Manifest -+
//!                +--review_environment--> findings --group_findings--> Review --> render
//! head Manifest -+
//! ```
//!
//! The review compares two checked manifests. It does not know the live state, so a
//! [`PolicyEffect`] is the effect on a version *if* it is live, by the policy of the head manifest.
//! If two values cannot be ordered, a finding reports only that they differ.

mod drain;
mod entries;
mod environment;
mod finding;
mod kind;
mod pairs;
mod plan_policies;
mod policies;
mod policy_effect;
mod protection;
mod settings;
mod solutions;
mod summary;
mod superseded;

pub use environment::review_environment;
pub use finding::{
    BaseCommit, DeclaredUpload, Effect, Finding, LeftAlone, PolicyEffect, Review, ReviewBase,
    ReviewGroup, Risk, Side, SidePosition, Whom, group_findings,
};
pub use kind::{Field, Kind, Sign};
pub use solutions::{
    DeclaredChange, DeclaredImage, DeclaredVersion, ReviewedSolution, reviewed_solutions,
};
pub use summary::ReviewSummary;

#[cfg(test)]
mod tests;

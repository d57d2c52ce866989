//! The manifest's own change: what it means, environment by environment, offline.
//!
//! ```text
//! base Manifest -+
//!                +--review_environment--> findings --group_findings--> Review --> render
//! head Manifest -+
//! ```
//!
//! A pure comparison of two checked manifests. Nothing here knows what is live, so a
//! [`PolicyEffect`] says what becomes of a version *if* it is live, by the policy of the head
//! manifest that will act on it. Where two values cannot be put in an order, a finding says that
//! they differ, and never which is more.

mod entries;
mod environment;
mod fate;
mod finding;
mod kind;
mod pairs;
mod policies;
mod protection;
mod settings;
mod summary;
mod superseded;

pub use environment::review_environment;
pub use finding::{
    BaseCommit, Effect, Finding, LeftAlone, PolicyEffect, Review, ReviewBase, ReviewGroup, Risk,
    Side, SidePosition, Whom, group_findings,
};
pub use kind::{Field, Kind};
pub use summary::ReviewSummary;

#[cfg(test)]
mod tests;

//! The roll-back of an earlier apply: what must be live again, from the journal of the apply and
//! the live state.
//!
//! The result is a declaration of the versions that the apply changed, so that the plan is made,
//! ordered and checked as every other plan. A version that others changed since is left out, and
//! what cannot be restored is named.

mod adjustment;
mod undo;

use std::sync::Arc;

use super::action::Reason;
use super::change::{Mode, Plan};
use super::inspection::entry_of;
use super::loss::{RollbackOf, Unrestored};
use super::origin::Origin;
use super::past_apply::Rollback;
use crate::manifest::Manifest;

pub use adjustment::{AdjustedKey, Adjustment, adjustments};
pub(super) use undo::target;

/// Makes the plan of a declaration the plan of a roll-back. `manifest` is the user's.
pub(super) fn as_rollback(
    mut plan: Plan,
    rollback: &Rollback,
    unrestored: Vec<Unrestored>,
    manifest: &Manifest,
) -> Plan {
    plan.mode = Mode::Rollback;
    plan.rollback = Some(RollbackOf {
        apply: rollback.apply.clone(),
        unrestored,
    });
    let apply = Arc::new(rollback.apply.clone());
    for change in &mut plan.changes {
        change.reason = Reason::RolledBack {
            apply: Arc::clone(&apply),
        };
        let entry = entry_of(manifest, &change.identity);
        change.origin = entry.map(|entry| Origin::of(&entry.position));
    }
    plan
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

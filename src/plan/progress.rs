//! The progress of a saved plan in earlier applies, from their journals.

use std::collections::HashMap;

use super::action::{Action, Patch};
use super::change::{Change, Mode};
use crate::attribute::State;
use crate::ident::{Address, Identity, SolutionId};
use crate::live::{LiveState, LiveVersion};
use crate::manifest::{Manifest, entries_of};

/// The live records by id.
pub(super) type Records<'a> = HashMap<&'a SolutionId, &'a LiveVersion>;

/// The progress of a plan in earlier applies, from the journals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanProgress {
    /// True if one of them ended with every change done.
    pub is_used_up: bool,
    /// The steps that sent a request.
    pub steps: Vec<PastWrite>,
}

/// A step of an earlier apply that sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastWrite {
    /// The action of the step.
    pub action: Action,
    /// True if a deploy was sent.
    pub is_deployed: bool,
    /// The patches that were sent and not refused, in order, each with its record.
    pub patches: Vec<(SolutionId, Patch)>,
    /// The patches that the server refused, each with its record.
    pub refused: Vec<(SolutionId, Patch)>,
    /// True if a delete was sent.
    pub is_deleted: bool,
    /// The record that is live since then.
    pub record: Option<SolutionId>,
    /// True if the step is completely done: no write is missing, and every result is known.
    pub is_done: bool,
}

impl PastWrite {
    /// Returns a step that has sent nothing yet.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            is_deployed: false,
            patches: Vec::new(),
            refused: Vec::new(),
            is_deleted: false,
            record: None,
            is_done: false,
        }
    }
}

impl PlanProgress {
    /// Returns whether a replaced version was already deployed again: then `--replace` is done, and
    /// the rest of the change is not a replace.
    pub fn has_replaced(&self, address: &Address) -> bool {
        self.steps.iter().any(|step| {
            let is_meant = |identity| address.means(identity);
            step.is_deployed
                && matches!(step.action, Action::Replace { .. })
                && step.action.identity().is_some_and(is_meant)
        })
    }

    /// Returns whether a deploy of the version was sent.
    pub(super) fn has_deployed(&self, identity: &Identity) -> bool {
        let is_of_version = |step: &PastWrite| step.action.identity() == Some(identity);
        self.steps
            .iter()
            .any(|step| step.is_deployed && is_of_version(step))
    }

    /// Returns the progress of an approved change.
    pub(super) fn of_change(&self, approved: &Change, live: &Records<'_>) -> HalfDone<'_> {
        let before = approved.record();
        let mut half = HalfDone::default();
        // Steps are in order, so that a deploy's record is known before its patch.
        for step in &self.steps {
            if step.action.identity() != Some(&approved.identity) {
                continue;
            }
            let record = step.action.before().map(|before| &before.id);
            let is_same = record == before || (record.is_some() && record == half.deployed);
            let is_redeploy = record.is_none() && half.is_deleted;
            if !is_same && !is_redeploy {
                continue;
            }
            half.is_patched |= !step.patches.is_empty();
            half.is_deleted |= step.is_deleted && before.is_some_and(|id| !live.contains_key(id));
            if step.is_deployed
                && let Some(record) = &step.record
            {
                half.deployed = Some(record);
            }
            for (id, set) in step.patches.iter().chain(&step.refused) {
                if half.deployed == Some(id) {
                    half.rest.get_or_insert(*set);
                }
            }
            half.is_done |= step.is_done;
        }
        half
    }
}

/// The progress of one change in earlier applies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HalfDone<'a> {
    pub(super) is_patched: bool,
    /// True if its record was deleted, and is gone.
    pub(super) is_deleted: bool,
    /// The record that the earlier applies deployed.
    pub(super) deployed: Option<&'a SolutionId>,
    /// The first patch after that deploy, also if the server refused it: all that was missing then.
    pub(super) rest: Option<Patch>,
    pub(super) is_done: bool,
}

/// The counts of earlier applies of a plan, for its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// The versions in scope that are gone. The base of percentages includes them.
    pub gone: usize,
    /// The deletes, including those of replaces.
    pub destroyed: usize,
    /// The versions that went out of service without a successor.
    pub ended_service: usize,
}

impl Spent {
    /// Adds the counts of one change.
    pub(super) fn count(
        &mut self,
        manifest: &Manifest,
        (live, records): (&LiveState, &Records<'_>),
        mode: Mode,
        change: &Change,
        half: HalfDone<'_>,
    ) {
        let Some(before) = change.action.before() else {
            return;
        };
        let is_in_scope = manifest.scope.contains(&before.identity);
        if half.is_deleted {
            self.destroyed += 1;
            self.gone += usize::from(is_in_scope && half.deployed.is_none());
        }
        let is_deactivated = half.is_patched
            && matches!(change.action, Action::Update { .. })
            && records
                .get(&before.id)
                .is_some_and(|live| !live.state.is_in_service());
        let has_ended =
            change.action.leaves_out_of_service() && (half.is_deleted || is_deactivated);
        if has_ended && !serves(manifest, live, mode, &before.identity) {
            self.ended_service += 1;
        }
    }
}

/// Returns whether a version of the name is in service, or will be when the plan is done.
fn serves(manifest: &Manifest, live: &LiveState, mode: Mode, identity: &Identity) -> bool {
    let declared = entries_of(&manifest.desired, &identity.name);
    let is_declared = declared.iter().any(|entry| entry.state == State::Active);
    (mode == Mode::Converge && is_declared)
        || live.named(&identity.name).iter().any(|version| {
            version.state.is_in_service() && manifest.scope.has_owner(&version.identity.owner)
        })
}

//! The apply that a roll-back undoes, from the journals. Pure: values in, values out.

use std::collections::BTreeMap;

use super::past::{PastApply, PastStep};
use crate::ident::SolutionId;
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{Action, KnownPackage, Rollback, UndoStep};

impl PastApply {
    /// Returns whether the apply changed a version, or may have. A deploy that failed changed none.
    pub fn has_effect(&self) -> bool {
        self.steps.iter().any(PastStep::has_effect)
    }
}

impl PastStep {
    fn has_effect(&self) -> bool {
        let Some(outcome) = self.outcome.as_ref().filter(|_| self.has_written()) else {
            return self.has_written();
        };
        let is_create = matches!(self.action, Some(Action::Create { .. }));
        match outcome.word {
            OutcomeKind::Done | OutcomeKind::Unknown => true,
            // A write before the one that failed changed the version that was live before.
            _ => {
                outcome.unfinished
                    || outcome.deleted
                    || (!is_create && self.patches(false).next().is_some())
            }
        }
    }

    fn has_written(&self) -> bool {
        let mut sendings = self.sendings.iter();
        sendings.any(|sent| sent.call != WriteKind::Upload && !sent.is_refused)
    }

    /// Returns what a roll-back must know of the step; none if its journal does not record the
    /// action.
    fn undo_step(&self) -> Option<UndoStep> {
        let has_written = self.has_written();
        if has_written && self.action.is_none() {
            return None;
        }
        let outcome = self.outcome.as_ref();
        let word = outcome.map(|outcome| outcome.word);
        let is_open = word.is_none_or(|word| word == OutcomeKind::Unknown);
        let made = outcome.and_then(|outcome| outcome.id.clone());
        Some(UndoStep {
            identity: self.identity()?.clone(),
            write: self.write().filter(|_| has_written),
            is_done: word == Some(OutcomeKind::Done),
            is_unknown: has_written && is_open,
            made: made.or_else(|| self.abandoned_record.clone()),
            made_other: outcome.and_then(|outcome| outcome.made.clone()),
        })
    }
}

/// Returns the roll-back of an apply, with the packages that all applies deployed; none if its
/// journal has the format of an early version of solform, which does not record the actions.
pub fn rollback_of(applies: &[PastApply], past: &PastApply) -> Option<Rollback> {
    let steps = past.steps.iter().map(PastStep::undo_step);
    Some(Rollback {
        apply: past.id.clone(),
        steps: steps.collect::<Option<Vec<UndoStep>>>()?,
        packages: packages(applies),
        lost: BTreeMap::new(),
    })
}

/// Returns the packages of the records that these applies deployed.
fn packages(applies: &[PastApply]) -> BTreeMap<SolutionId, KnownPackage> {
    let deployed = applies.iter().flat_map(|past| &past.steps);
    let deployed = deployed.filter_map(|step| {
        let (Action::Create { path, after, .. } | Action::Replace { path, after, .. }) =
            step.action.as_ref()?
        else {
            return None;
        };
        let id = step.outcome.as_ref()?.id.clone()?;
        let package = KnownPackage {
            path: path.clone(),
            fingerprint: after.package.clone(),
        };
        Some((id, package))
    });
    deployed.collect()
}

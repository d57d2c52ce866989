//! The changes that must handle the RUNNING runs of their version before it goes out of service.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::action::Action;
use super::change::{Change, Note, Plan};
use super::running_runs::RunningRuns;
use crate::ident::{SolutionId, SolutionName};
use crate::manifest::{Drain, Manifest, entries_of};

impl Manifest {
    /// Returns the handling of RUNNING runs before a version of a name is taken out of service.
    pub(super) fn drain_of(&self, name: &SolutionName) -> Option<&Arc<Drain>> {
        match entries_of(&self.desired, name).first() {
            Some(entry) => entry.drain.as_ref(),
            None => self.scope.drain.as_ref(),
        }
    }
}

/// Declares the handling of RUNNING runs for each change that takes a version away from them.
pub(super) fn declare_drains(manifest: &Manifest, changes: &mut [Change]) {
    for change in changes {
        let is_drained = match &change.action {
            Action::Update { .. } => change.action.takes_out_of_service(),
            // A run of a version that is out of service already may still be RUNNING.
            Action::Replace { .. } | Action::Delete { .. } => true,
            Action::Create { .. } | Action::NoOp { .. } => false,
        };
        if is_drained {
            change.drain = manifest.drain_of(&change.identity.name).cloned();
        }
    }
}

impl Plan {
    /// Adds the RUNNING runs to the changes that must handle them, by the ids of the records.
    #[must_use]
    pub fn with_running_runs(mut self, runs: &BTreeMap<SolutionId, RunningRuns>) -> Self {
        for change in &mut self.changes {
            let found = change.drained().and_then(|(_, id)| runs.get(id)).cloned();
            let note = found.map(|runs| Note::RunningRuns {
                runs: Box::new(runs),
            });
            change.notes.extend(note);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::manifest::{DrainMode, SupersededPolicy, Undeclared};
    use crate::plan::Mode;
    use crate::plan::testing::{declared, live, scenario};

    fn drain() -> Arc<Drain> {
        Arc::new(Drain {
            mode: DrainMode::Fail,
            timeout_ms: None,
            spaces: BTreeSet::new(),
        })
    }

    fn drained(plan: &Plan) -> Vec<&str> {
        let changes = plan.changes.iter();
        let drained = changes.filter(|change| change.drained().is_some());
        drained.map(|change| change.address.as_str()).collect()
    }

    /// A change that takes a version away from its runs must handle them, and no other.
    #[test]
    fn changes_that_end_a_version_handle_its_runs() {
        let with_drain = |text: &str| crate::manifest::Desired {
            drain: Some(drain()),
            ..declared(text)
        };
        let mut scenario = scenario()
            .declare([
                with_drain("Down@1").inactive(),
                with_drain("Gone@1").absent(),
                with_drain("New@2").superseding(SupersededPolicy::Delete, None),
                with_drain("Up@1"),
                with_drain("Same@1"),
                declared("Ignored@1").inactive(),
            ])
            .live([
                live("Down@1"),
                live("Gone@1").state("INACTIVE"),
                live("New@1"),
                live("New@0").state("INACTIVE"),
                live("Up@1").state("INACTIVE"),
                live("Same@1"),
                live("Ignored@1"),
                live("Other@1"),
            ]);
        assert_eq!(
            drained(&scenario.plan()),
            ["Down@1", "Gone@1", "New@0", "New@1"]
        );
        scenario.manifest.scope.undeclared = Undeclared::Deactivate;
        assert!(!drained(&scenario.plan()).contains(&"Other@1"));
        scenario.manifest.scope.drain = Some(drain());
        assert!(drained(&scenario.plan()).contains(&"Other@1"));
        scenario.options.mode = Mode::Destroy;
        assert!(drained(&scenario.plan()).contains(&"Same@1"));
    }
}

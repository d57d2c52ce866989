//! The apply that is rolled back, as its journal records it.

use std::collections::BTreeMap;

use super::change::{Block, Change, Plan};
use super::progress::PastWrite;
use crate::ident::{Digest, Identity, SolutionId, SolutionName};

/// An earlier apply that is rolled back, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollback {
    /// The id of the apply.
    pub apply: String,
    /// Its steps, in the order in which they began.
    pub steps: Vec<UndoStep>,
    /// The packages of the records that applies of this store deployed.
    pub packages: BTreeMap<SolutionId, KnownPackage>,
    /// The versions whose package cannot be deployed again, with the reason.
    pub lost: BTreeMap<Identity, String>,
}

/// A step of the apply that is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoStep {
    /// The version.
    pub identity: Identity,
    /// The writes; none if nothing was sent that the server did not refuse.
    pub write: Option<PastWrite>,
    /// True if the step ended as done.
    pub is_done: bool,
    /// True if the result of a write is not known.
    pub is_unknown: bool,
    /// The record that its deploy made, whatever its outcome.
    pub made: Option<SolutionId>,
    /// The identity of that record, if it is another solution than the declared one.
    pub made_other: Option<String>,
}

/// The package of a deployed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPackage {
    /// The path on the platform's file system.
    pub path: String,
    /// The fingerprint, if the package was inspected.
    pub fingerprint: Option<Digest>,
}

impl UndoStep {
    /// Returns the names that the roll-back must list.
    fn name(&self) -> &SolutionName {
        &self.identity.name
    }
}

impl Rollback {
    /// Returns the names of all versions that the apply changed.
    pub fn names(&self) -> impl Iterator<Item = &SolutionName> {
        self.steps.iter().map(UndoStep::name)
    }

    /// Returns the versions of a plan of this roll-back whose package cannot be deployed again,
    /// with the reason.
    pub fn undeployable(&self, plan: &Plan) -> BTreeMap<Identity, String> {
        let deleted = self.steps.iter().filter_map(|step| {
            let before = step.write.as_ref()?.action.before()?;
            let known = self.packages.get(&before.id)?;
            Some((&before.identity, known.fingerprint.as_ref()?))
        });
        let expected: BTreeMap<&Identity, &Digest> = deleted.collect();
        let problem = |change: &Change| {
            let (path, target) = change.action.deploy()?;
            let of_package = change.blocked.iter().find_map(|block| match block {
                Block::Package { problem, .. } => Some(problem.to_string()),
                Block::Protected | Block::Owner(_) | Block::Verification(_) => None,
            });
            let found = target.after.package.as_ref();
            let differs = || {
                let expected = expected.get(&change.identity)?;
                let is_other = found.is_some_and(|found| found != *expected);
                is_other.then(|| format!("`{path}` is another package now"))
            };
            let problem = of_package.or_else(differs)?;
            Some((change.identity.clone(), problem))
        };
        plan.changes.iter().filter_map(problem).collect()
    }
}

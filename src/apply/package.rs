//! Inspects packages on the platform's file system: for a plan, and again before a write that
//! cannot be undone.

use super::context::ApplyContext;
use super::report::Outcome;
use super::source::PlatformPackage;
use crate::api::{Files, chain};
use crate::package::{self, PackageError};
use crate::plan::{Action, Change, Inspection, PackageContents};

/// Inspects a package on the platform's file system.
pub async fn inspect_package(files: &Files, path: &str) -> Inspection {
    let keep = |_: &PackageContents| {};
    inspect_contents(files, path, keep).await
}

/// Inspects a package on the platform's file system. `keep` receives its contents.
pub async fn inspect_contents(
    files: &Files,
    path: &str,
    keep: impl FnOnce(&PackageContents),
) -> Inspection {
    match package::read_contents(&PlatformPackage { files, path }).await {
        Ok(contents) => {
            keep(&contents);
            Inspection::Inspected(contents.info)
        }
        Err(PackageError::Missing) => Inspection::Missing,
        Err(PackageError::Unreadable(reason)) => Inspection::Unreadable {
            why: chain(&reason),
        },
    }
}

impl ApplyContext<'_> {
    /// Checks that the package of a replace is, or may be, the one in the plan. After the old
    /// version is deleted, no other package can replace it.
    pub(super) async fn check_package(&self, change: &Change) -> Result<(), Outcome> {
        let (Action::Replace { .. }, Some((path, target))) =
            (&change.action, change.action.deploy())
        else {
            return Ok(());
        };
        let now = inspect_package(&self.files, path).await;
        match target.compare_package(path, &now) {
            differences if differences.is_empty() => Ok(()),
            differences => Err(Outcome::Refused(differences)),
        }
    }
}

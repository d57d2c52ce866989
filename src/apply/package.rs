//! Inspects packages on the platform's file system: for a plan, and again before a write that
//! cannot be undone.

use std::ops::Range;

use super::context::ApplyContext;
use super::report::Outcome;
use crate::api::{Files, chain};
use crate::package::{self, PackageError, Part, RangeSource, SourceError};
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

/// A package on the platform's file system.
#[derive(Debug)]
pub struct PlatformPackage<'a> {
    /// The reader.
    pub files: &'a Files,
    /// The path.
    pub path: &'a str,
}

impl RangeSource for PlatformPackage<'_> {
    async fn read(&self, range: Range<u64>) -> Result<Option<Part>, SourceError> {
        let part = self.files.read(self.path, range).await?;
        Ok(part.map(|part| Part {
            start: part.start,
            bytes: part.bytes,
            total: part.total,
        }))
    }

    fn clean(&self, text: Vec<u8>) -> Vec<u8> {
        self.files.clean(text)
    }
}

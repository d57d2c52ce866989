//! Problems that only a server can tell: they are placed in the manifest like all others.

use super::code::Code;
use super::problem::{Label, Problem};
use super::source::{Position, SourceFile};
use crate::ident::Address;

/// A version must be deployed, and the manifest does not say from where.
pub fn path_needed(source: &SourceFile, position: &Position, address: &Address) -> Problem {
    Problem::new(
        Code::PathNeeded,
        format!("`{address}` is not live, and no `path` says what to deploy"),
    )
    .placed(source, position, "is declared here")
    .help("Add `path` to the entry, or correct its version.")
}

/// The package that would be deployed is not there.
pub fn package_missing(source: &SourceFile, position: &Position, path: &str) -> Problem {
    Problem::new(
        Code::PackageMissing,
        format!("the package `{path}` is not on the platform's file system"),
    )
    .placed(source, position, "no such file")
    .help("Upload the package, or correct the path.")
}

/// The package that would be deployed is another solution.
pub fn package_mismatch(
    source: &SourceFile,
    position: &Position,
    key: &str,
    declared: &str,
    found: &str,
) -> Problem {
    Problem::new(
        Code::PackageMismatch,
        format!("the package's `{key}` is `{found}`, and `{declared}` is declared"),
    )
    .placed(source, position, "of this package")
    .help("Correct the path or the entry; a deploy would make what the package says.")
}

/// The package that would be deployed cannot be looked into.
pub fn package_unreadable(
    source: &SourceFile,
    position: &Position,
    path: &str,
    why: &str,
) -> Problem {
    Problem::new(
        Code::PackageUnreadable,
        format!("the package `{path}` could not be looked into: {why}"),
    )
    .placed(source, position, "is deployed unseen")
    .help("Check that the token's user may read the file, if it should be looked into before.")
}

impl Problem {
    /// Places a problem where a value was written.
    fn placed(mut self, source: &SourceFile, position: &Position, label: &str) -> Self {
        self.primary = Some(Label {
            position: position.clone(),
            text: label.to_owned(),
        });
        self.source = Some(source.clone());
        self
    }
}

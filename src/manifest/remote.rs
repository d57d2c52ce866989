//! Problems that are found with the help of a server. They have positions in the manifest too.

use super::code::Code;
use super::position::{Label, Position};
use super::problem::Problem;
use super::source::SourceFile;

/// Returns the problem of a version that must be deployed but has no path.
pub fn path_needed(
    source: &SourceFile,
    position: &Position,
    message: impl Into<String>,
    help: String,
) -> Problem {
    Problem::new(Code::PathNeeded, message)
        .placed(source, position, "is declared here")
        .help(help)
}

/// Returns the problem of a package that cannot be deployed as the declared version.
pub fn bad_package(
    source: &SourceFile,
    position: &Position,
    code: Code,
    message: impl Into<String>,
    help: String,
) -> Problem {
    let label = match code {
        Code::PackageMissing => "no such file",
        _ => "this package",
    };
    Problem::new(code, message)
        .placed(source, position, label)
        .help(help)
}

/// Returns the warning about a package that will be deployed without inspection.
pub fn package_unreadable(
    source: &SourceFile,
    position: &Position,
    path: &str,
    why: &str,
) -> Problem {
    Problem::new(
        Code::PackageUnreadable,
        format!("the package `{path}` could not be inspected: {why}"),
    )
    .placed(source, position, "will be deployed without inspection")
    .help(
        "Allow the token's user to read the file, so that solform can inspect it before the \
         deploy.",
    )
}

/// Returns the warning about a package of a type that the platform does not document for deployed
/// solutions.
pub fn package_type(
    source: &SourceFile,
    position: &Position,
    documented: &str,
    found: &str,
) -> Problem {
    Problem::new(
        Code::PackageType,
        format!(
            "the package's `solution_type` is `{found}`, \
             but the platform documents only `{documented}`"
        ),
    )
    .placed(source, position, "this package")
    .help("Correct the path, or build the package as a deployable solution.")
}

impl Problem {
    /// Sets the position of the problem to that of a value.
    pub(super) fn placed(mut self, source: &SourceFile, position: &Position, label: &str) -> Self {
        self.primary = Some(Label {
            position: position.clone(),
            text: label.to_owned(),
        });
        self.source = Some(source.clone());
        self
    }
}

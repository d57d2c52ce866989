//! The edits of the manifest by commands. After a roll-back, it declares what is live again.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::environment::context::{EnvironmentContext, read_source};
use crate::cli::error::CommandError;
use crate::cli::files::{check_replaceable, has_no_folder, replace};
use crate::manifest::{AttributeEdits, SourceFile, set_attributes};
use crate::plan::{AdjustedKey, Adjustment};

/// Checks, before anything is read, that the manifest can be changed.
pub(in crate::cli) fn check(file: &Path) -> Result<(), CommandError> {
    if has_no_folder(file) {
        let message = "a manifest on standard input cannot be changed";
        return Err(CommandError::failed(message).hint("Name its file with --file."));
    }
    if !file.exists() {
        return Ok(());
    }
    check_replaceable(file).map_err(|error| CommandError::io("write", file, error))
}

/// Replaces the manifest, if it is still the one that was read. Otherwise, `hint` is the fix.
pub(in crate::cli) fn replace_manifest(
    file: &Path,
    source: &SourceFile,
    text: &str,
    hint: &str,
) -> Result<(), CommandError> {
    if !read_source(file)?.is_same_text(source) {
        let message = format!("`{}` has changed since it was read", file.display());
        return Err(CommandError::failed(message).hint(hint));
    }
    replace(file, text.as_bytes()).map_err(|error| CommandError::io("write", file, error))
}

/// Writes the edits to the manifest. Returns false if there is nothing to write.
pub(super) fn write(
    context: &EnvironmentContext,
    adjustments: &[Adjustment],
) -> Result<bool, CommandError> {
    if adjustments.is_empty() {
        return Ok(false);
    }
    let edits = edits_of(adjustments)?;
    let variable = |name: &str| context.settings.manifest_variable(name);
    let environment = &context.manifest.environment.name;
    let text = set_attributes(&context.source, environment, &edits, &variable);
    let text = text.map_err(|error| {
        let hint = error.help().to_owned();
        CommandError::failed(error).hint(hint)
    })?;
    let hint = "Make the edits that the report names by hand.";
    replace_manifest(&context.file, &context.source, &text, hint)?;
    Ok(true)
}

/// Returns the edits by solution; an error if a version is not declared at all.
fn edits_of(adjustments: &[Adjustment]) -> Result<AttributeEdits, CommandError> {
    let mut edits: AttributeEdits = BTreeMap::new();
    for adjustment in adjustments {
        let (Some(declared), false) = (
            &adjustment.declared,
            matches!(adjustment.key, AdjustedKey::Versions(_)),
        ) else {
            let message = format!(
                "the manifest cannot be edited: `{}` is in service, and is not declared",
                adjustment.address
            );
            return Err(CommandError::failed(message).hint("Declare it by hand."));
        };
        let of_name = edits.entry(adjustment.name.clone()).or_default();
        let edit = of_name.entry(declared.clone()).or_default();
        match &adjustment.key {
            AdjustedKey::Version(version) => edit.version = Some(version.clone()),
            AdjustedKey::State(state) => edit.state = Some(*state),
            AdjustedKey::Visibility(visibility) => edit.visibility = Some(*visibility),
            AdjustedKey::Versions(_) => {}
        }
    }
    Ok(edits)
}

//! Sets versions in the text of a manifest. Everything else in the text stays: comments, order,
//! quotes, indentation and line ends.
//!
//! A version is set in the most specific place, which affects one environment only:
//! `environments.NAME.solutions.SOLUTION.version`. The text is edited at the positions that the
//! parser reports, then read again: if it declares anything else than intended, the edit is
//! refused.
//!
//! The crates `yamlpatch` and `yamlpath` (1.32) do not pass the tests of this module: they lose
//! `owner` of `{ version: &v 1, owner: me }`, do not quote a new key, write LF into a file with
//! CRLF, refuse braces over several lines, and read the file with a parser other than ours.

use std::collections::BTreeMap;

use super::check::find_difference;
use super::problem::Problems;
use super::scalar::scalar;
use super::source::SourceFile;
use super::yaml::outline::{Entry, Form, outline};
use crate::ident::{SolutionName, Version};

mod patch;

use patch::{Item, Patch, is_empty, version_text};

/// The error of a manifest that cannot be edited. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the manifest cannot be edited: {reason}")]
pub struct EditError {
    /// The reason.
    pub reason: EditReason,
    help: String,
}

/// The reason why a manifest cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditReason {
    /// A value on the way to the version is an alias, or not what it must be.
    #[error("`{0}` is not a mapping of its own")]
    NotAMapping(String),
    /// The environment declares several versions, or none.
    #[error("`{0}` does not have exactly one entry under `versions`")]
    Versions(String),
    /// The text has a form that this module does not edit.
    #[error("`{0}` is written in an unusual form")]
    Form(String),
    /// The edited text would have errors; the first one is shown.
    #[error("with the new versions, it would have an error: {0}")]
    Invalid(String),
    /// The edited text would declare more than the new versions.
    #[error("the edit would also change something else in the environment `{0}`")]
    SideEffect(String),
}

impl EditError {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// Returns the text of the manifest in which the environment declares these versions, each for its
/// solution. `env` returns the value of an environment variable of the process.
pub fn set_versions(
    source: &SourceFile,
    environment: &str,
    versions: &BTreeMap<SolutionName, Version>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, EditError> {
    let refused = |reason| EditError {
        reason,
        help: by_hand(environment, versions),
    };
    let text = edited(source.text(), environment, versions).map_err(refused)?;
    let after = SourceFile::from_bytes(source.name(), text.clone());
    let after = after.map_err(|problems| refused(invalid(&problems)))?;
    let none = BTreeMap::new();
    let difference = find_difference(source, &after, env, &|name, before, after| {
        let versions = if name == environment { versions } else { &none };
        before.is_same_but(after, versions)
    });
    match difference {
        Ok(None) => Ok(text),
        Ok(Some(name)) => Err(refused(EditReason::SideEffect(name))),
        Err(problems) => Err(refused(invalid(&problems))),
    }
}

/// The maximum number of lines in a help.
const MAX_SHOWN: usize = 10;

/// Returns the help that shows the lines to write.
fn by_hand(environment: &str, versions: &BTreeMap<SolutionName, Version>) -> String {
    let line = |(name, version): (&SolutionName, &Version)| {
        format!("`{}: {}`", scalar(name.as_str()), entry_text(version))
    };
    let mut lines: Vec<String> = versions.iter().take(MAX_SHOWN).map(line).collect();
    let more = versions.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    format!(
        "Edit it by hand, so that `environments.{environment}.solutions` has {}.",
        lines.join(", ")
    )
}

fn invalid(problems: &Problems) -> EditReason {
    let first = problems.iter().next();
    EditReason::Invalid(first.map_or_else(String::new, ToString::to_string))
}

fn entry_text(version: &Version) -> String {
    format!("{{ version: {} }}", version_text(version))
}

/// Returns the edited text, which must be checked.
fn edited(
    text: &str,
    environment: &str,
    versions: &BTreeMap<SolutionName, Version>,
) -> Result<String, EditReason> {
    let location = format!("environments.{environment}");
    let root = outline(text, &["environments", environment]);
    let block = root
        .as_ref()
        .and_then(|root| root.get("environments")?.value.get(environment))
        .ok_or_else(|| EditReason::NotAMapping(location.clone()))?;
    let mut patch = Patch::new(text);
    let items = |names: &[(&SolutionName, &Version)]| -> Vec<Item> {
        let item = |(name, version): &(&SolutionName, &Version)| Item {
            key: scalar(name.as_str()),
            value: entry_text(version),
        };
        names.iter().map(item).collect()
    };
    let solutions = format!("{location}.solutions");
    let all: Vec<(&SolutionName, &Version)> = versions.iter().collect();
    match block.value.get("solutions") {
        None if matches!(block.value.form, Form::Mapping { .. }) => {
            patch.append_mapping(&block.value, "solutions", &items(&all))
        }
        None => return Err(EditReason::NotAMapping(location)),
        Some(entry) if is_empty(text, &entry.value) => patch.fill(entry, &items(&all)),
        Some(entry) if matches!(entry.value.form, Form::Mapping { .. }) => {
            let known = entry.value.by_name();
            let mut added = Vec::new();
            for (name, version) in &all {
                match known.get(name.as_str()) {
                    None => added.push((*name, *version)),
                    Some(solution) => set_version(&mut patch, solution, name, version, &solutions)?,
                }
            }
            if added.is_empty() {
                Some(())
            } else {
                patch.append(&entry.value, &items(&added))
            }
        }
        Some(_) => return Err(EditReason::NotAMapping(solutions)),
    }
    .ok_or(EditReason::Form(solutions))?;
    Ok(patch.apply())
}

/// Sets the version of a solution that the environment mentions already.
fn set_version(
    patch: &mut Patch<'_>,
    solution: &Entry,
    name: &SolutionName,
    version: &Version,
    solutions: &str,
) -> Result<(), EditReason> {
    let location = || format!("{solutions}.{name}");
    if is_empty(patch.text(), &solution.value) {
        return patch
            .put(solution, &entry_text(version))
            .ok_or_else(|| EditReason::Form(location()));
    }
    if !matches!(solution.value.form, Form::Mapping { .. }) {
        return Err(EditReason::NotAMapping(location()));
    }
    let versions = solution.value.get("versions");
    match (versions, solution.value.get("version")) {
        (Some(versions), _) => {
            let [only] = versions.value.entries() else {
                return Err(EditReason::Versions(location()));
            };
            patch.replace_key(only, version);
            Some(())
        }
        (None, Some(entry)) => patch.replace_scalar(entry, version),
        (None, None) => patch.prepend(
            solution,
            &Item {
                key: "version".to_owned(),
                value: version_text(version),
            },
        ),
    }
    .ok_or_else(|| EditReason::Form(location()))
}

#[cfg(test)]
mod tests;

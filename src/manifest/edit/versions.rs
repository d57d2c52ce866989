//! Sets versions, and the environments that their packages come from.
//!
//! A version is set in the most specific place, which affects one environment only:
//! `environments.NAME.solutions.SOLUTION.version`; a source is set beside it.

use std::collections::BTreeMap;

use super::super::check::find_difference;
use super::super::code::Code;
use super::super::problem::Problems;
use super::super::scalar::{scalar, value};
use super::super::source::SourceFile;
use super::super::yaml::outline::{Entry, Form, Outline, outline};
use super::error::{EditError, EditReason};
use super::patch::{Item, Patch, inline, is_empty};
use crate::ident::{Digest, SolutionName, Version};

/// The new values of a solution in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEdit {
    /// The only version that the environment declares afterwards.
    pub version: Version,
    /// True if the version is written; false if the environment declares it already.
    pub is_written: bool,
    /// The environment whose package of this version becomes the source.
    pub source: Option<String>,
    /// The SHA-256 of the package, if it is written.
    pub sha256: Option<Digest>,
}

/// The edits of one environment, by solution.
pub type VersionEdits = BTreeMap<SolutionName, VersionEdit>;

/// Returns the text of the manifest in which the environment declares these versions and sources,
/// each for its solution. `env` returns the value of an environment variable of the process.
pub fn set_versions(
    source: &SourceFile,
    environment: &str,
    edits: &VersionEdits,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, EditError> {
    let refused = |reason| EditError {
        reason,
        help: by_hand(environment, edits),
    };
    let invalid = |problems: &Problems| {
        let first = problems.iter().next();
        let text = first.map_or_else(String::new, ToString::to_string);
        // Written by hand, the same lines would have this error too.
        let own = first.filter(|problem| problem.code == Code::SourceEnvironment);
        let own = own.and_then(|problem| problem.help.clone());
        EditError {
            help: own.unwrap_or_else(|| by_hand(environment, edits)),
            reason: EditReason::Invalid(text),
        }
    };
    let text = edited(source.text(), environment, edits).map_err(refused)?;
    let after = SourceFile::from_bytes(source.name(), text.clone());
    let after = after.map_err(|problems| invalid(&problems))?;
    let none = BTreeMap::new();
    let difference = find_difference(source, &after, env, &|name, before, after| {
        let edits = if name == environment { edits } else { &none };
        before.is_same_but(after, edits)
    });
    match difference {
        Ok(None) => Ok(text),
        Ok(Some(name)) => Err(refused(EditReason::SideEffect(name))),
        Err(problems) => Err(invalid(&problems)),
    }
}

/// The maximum number of lines in a help.
const MAX_SHOWN: usize = 10;

/// Returns the help that shows the lines to write.
fn by_hand(environment: &str, edits: &VersionEdits) -> String {
    let line = |(name, edit): (&SolutionName, &VersionEdit)| {
        format!("`{}: {}`", scalar(name.as_str()), edit.entry_text())
    };
    let mut lines: Vec<String> = edits.iter().take(MAX_SHOWN).map(line).collect();
    let more = edits.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    format!(
        "Edit it by hand, so that `environments.{environment}.solutions` has {}.",
        lines.join(", ")
    )
}

impl VersionEdit {
    /// Returns the entries of the solution that are written.
    fn items(&self) -> Vec<Item> {
        let version = self.is_written.then(|| Item {
            key: "version".to_owned(),
            value: value(self.version.as_str()),
        });
        version.into_iter().chain(self.package_items()).collect()
    }

    /// Returns the entries about the package.
    fn package_items(&self) -> Vec<Item> {
        let source = self.source.as_ref().map(|source| Item {
            key: "source".to_owned(),
            value: source_text(source),
        });
        let sha256 = self.sha256.as_ref().map(|digest| Item {
            key: "sha256".to_owned(),
            value: value(digest.as_str()),
        });
        source.into_iter().chain(sha256).collect()
    }

    /// Returns the whole entry of the solution, on one line.
    fn entry_text(&self) -> String {
        format!("{{ {} }}", inline(&self.items()))
    }
}

fn source_text(environment: &str) -> String {
    format!("{{ environment: {} }}", value(environment))
}

/// Returns the entry of an environment, which `location` names.
pub(super) fn block_of<'a>(
    root: Option<&'a Outline>,
    environment: &str,
    location: &str,
) -> Result<&'a Entry, EditReason> {
    root.and_then(|root| root.get("environments")?.value.get(environment))
        .ok_or_else(|| EditReason::NotAMapping(location.to_owned()))
}

/// Returns the edited text, which must be checked.
fn edited(text: &str, environment: &str, edits: &VersionEdits) -> Result<String, EditReason> {
    let location = format!("environments.{environment}");
    let root = outline(text, &["environments", environment]);
    let block = block_of(root.as_ref(), environment, &location)?;
    let mut patch = Patch::new(text);
    let items = |edits: &[(&SolutionName, &VersionEdit)]| -> Vec<Item> {
        let item = |(name, edit): &(&SolutionName, &VersionEdit)| Item {
            key: scalar(name.as_str()),
            value: edit.entry_text(),
        };
        edits.iter().map(item).collect()
    };
    let solutions = format!("{location}.solutions");
    let all: Vec<(&SolutionName, &VersionEdit)> = edits.iter().collect();
    match block.value.get("solutions") {
        None if matches!(block.value.form, Form::Mapping { .. }) => {
            patch.append_mapping(&block.value, "solutions", &items(&all))
        }
        None => return Err(EditReason::NotAMapping(location)),
        Some(entry) if is_empty(text, &entry.value) => patch.fill(entry, &items(&all)),
        Some(entry) if matches!(entry.value.form, Form::Mapping { .. }) => {
            let known = entry.value.by_name();
            let mut added = Vec::new();
            for (name, edit) in &all {
                match known.get(name.as_str()) {
                    None => added.push((*name, *edit)),
                    Some(solution) => {
                        let location = format!("{solutions}.{name}");
                        edit_solution(&mut patch, solution, edit, &location)?;
                    }
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

/// Edits a solution that the environment mentions already.
fn edit_solution(
    patch: &mut Patch<'_>,
    solution: &Entry,
    edit: &VersionEdit,
    location: &str,
) -> Result<(), EditReason> {
    let form = || EditReason::Form(location.to_owned());
    if is_empty(patch.text(), &solution.value) {
        return patch.put(solution, &edit.entry_text()).ok_or_else(form);
    }
    if !matches!(solution.value.form, Form::Mapping { .. }) {
        return Err(EditReason::NotAMapping(location.to_owned()));
    }
    if solution.value.entries().is_empty() {
        // Two entries in the same braces are one change of the text.
        return patch
            .append(&solution.value, &edit.items())
            .ok_or_else(form);
    }
    let mut place = solution;
    if let Some(versions) = solution.value.get("versions") {
        let [only] = versions.value.entries() else {
            return Err(EditReason::Versions(location.to_owned()));
        };
        place = only;
        if edit.is_written {
            patch.replace_key(only, &edit.version);
        }
    } else if edit.is_written {
        set_version(patch, solution, &edit.version).ok_or_else(form)?;
    }
    set_package(patch, place, edit).ok_or_else(form)
}

/// Sets the version of a solution without `versions`.
pub(super) fn set_version(
    patch: &mut Patch<'_>,
    solution: &Entry,
    version: &Version,
) -> Option<()> {
    match solution.value.get("version") {
        Some(entry) => patch.replace_scalar(entry, version.as_str()),
        None => patch.prepend(
            solution,
            &Item {
                key: "version".to_owned(),
                value: value(version.as_str()),
            },
        ),
    }
}

/// Sets the source and the digest of a solution or of one of its versions.
fn set_package(patch: &mut Patch<'_>, place: &Entry, edit: &VersionEdit) -> Option<()> {
    let mut items = edit.package_items();
    if items.is_empty() {
        return Some(());
    }
    if is_empty(patch.text(), &place.value) {
        return patch.put(place, &format!("{{ {} }}", inline(&items)));
    }
    if let (Some(old), Some(environment)) = (place.value.get("source"), &edit.source) {
        let new = items.remove(0);
        match old.value.get("environment") {
            Some(inner) => patch.replace_scalar(inner, environment)?,
            None => patch.replace_value(old, &new.value)?,
        }
    }
    if let (Some(old), Some(digest)) = (place.value.get("sha256"), &edit.sha256) {
        let _ = items.pop();
        patch.replace_scalar(old, digest.as_str())?;
    }
    if items.is_empty() {
        return Some(());
    }
    patch.append(&place.value, &items)
}

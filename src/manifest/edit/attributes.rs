//! Sets the version, the state and the visibility of declared versions in one environment.
//!
//! The values are set where they affect this environment only:
//! `environments.NAME.solutions.SOLUTION`, or below its `versions`.

use std::collections::BTreeMap;

use super::super::check::find_difference;
use super::super::model::Manifest;
use super::super::problem::Problems;
use super::super::scalar::{scalar, value};
use super::super::source::SourceFile;
use super::super::yaml::outline::{Entry, Form, outline};
use super::error::{EditError, EditReason};
use super::patch::{Item, Patch, inline, is_empty};
use super::versions::{VersionEdit, VersionEdits, block_of, set_version};
use crate::attribute::{State, Visibility};
use crate::ident::{SolutionName, Version};

/// The new values of a declared version; `None` is not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeEdit {
    /// The version that is declared instead. The solution must declare only one.
    pub version: Option<Version>,
    /// The state.
    pub state: Option<State>,
    /// The visibility.
    pub visibility: Option<Visibility>,
}

/// The edits of one environment, by solution and declared version.
pub type AttributeEdits = BTreeMap<SolutionName, BTreeMap<Version, AttributeEdit>>;

/// The place of the new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The entry of the solution.
    Solution,
    /// The entry of the version, below `versions`.
    Version,
}

/// Returns the text of the manifest in which the environment declares these values. `env` returns
/// the value of an environment variable of the process.
pub fn set_attributes(
    source: &SourceFile,
    environment: &str,
    edits: &AttributeEdits,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, EditError> {
    let mut text = source.text().to_owned();
    for (name, versions) in edits {
        // An entry of `versions` has precedence over the entry of the solution.
        let solution = set_in(
            source.name(),
            &text,
            (environment, name, versions),
            env,
            Place::Solution,
        );
        text = match solution {
            Ok(text) => text,
            Err(first) => {
                let in_version = set_in(
                    source.name(),
                    &text,
                    (environment, name, versions),
                    env,
                    Place::Version,
                );
                in_version.map_err(|_| refused(first))?
            }
        };
    }
    Ok(text)
}

fn refused(reason: EditReason) -> EditError {
    EditError {
        reason,
        help: "Make the edits that the report names by hand.".to_owned(),
    }
}

/// Sets the values of one solution, and checks that nothing else changes.
fn set_in(
    file: &str,
    text: &str,
    (environment, name, versions): (&str, &SolutionName, &BTreeMap<Version, AttributeEdit>),
    env: &dyn Fn(&str) -> Option<String>,
    place: Place,
) -> Result<String, EditReason> {
    let edited = edited(text, environment, name, versions, place)?;
    let invalid = |problems: Problems| {
        let first = problems.iter().next();
        EditReason::Invalid(first.map_or_else(String::new, ToString::to_string))
    };
    let before = SourceFile::from_bytes(file, text.to_owned()).map_err(invalid)?;
    let after = SourceFile::from_bytes(file, edited.clone()).map_err(invalid)?;
    let none = (name, &BTreeMap::new());
    let difference = find_difference(&before, &after, env, &|other, before, after| {
        let edits = if other == environment {
            (name, versions)
        } else {
            none
        };
        is_same_but(before, after, edits)
    });
    match difference {
        Ok(None) => Ok(edited),
        Ok(Some(name)) => Err(EditReason::SideEffect(name)),
        Err(problems) => Err(invalid(problems)),
    }
}

/// Returns whether another manifest declares the same, except for these values of one solution.
fn is_same_but(
    before: &Manifest,
    after: &Manifest,
    (name, versions): (&SolutionName, &BTreeMap<Version, AttributeEdit>),
) -> bool {
    let mut expected = before.clone();
    let mut moved: VersionEdits = BTreeMap::new();
    for entry in &mut expected.desired {
        let edit = versions.get(&entry.identity.version);
        let Some(edit) = edit.filter(|_| entry.identity.name == *name) else {
            continue;
        };
        if let Some(version) = &edit.version {
            let edit = VersionEdit {
                version: version.clone(),
                is_written: true,
                source: None,
                sha256: None,
            };
            moved.insert(name.clone(), edit);
        }
        let was_absent = entry.state == State::Absent;
        entry.state = edit.state.unwrap_or(entry.state);
        entry.visibility = edit.visibility.or(entry.visibility);
        // A tombstone has no package.
        let mut declared = after.desired.iter();
        if let Some(declared) = declared
            .find(|declared| declared.identity == entry.identity)
            .filter(|_| was_absent)
        {
            entry.path.clone_from(&declared.path);
            entry.source.clone_from(&declared.source);
            entry.verification.clone_from(&declared.verification);
        }
    }
    expected.is_same_but(after, &moved)
}

/// Returns the edited text, which must be checked.
fn edited(
    text: &str,
    environment: &str,
    name: &SolutionName,
    versions: &BTreeMap<Version, AttributeEdit>,
    place: Place,
) -> Result<String, EditReason> {
    let location = format!("environments.{environment}");
    let root = outline(text, &["environments", environment]);
    let block = block_of(root.as_ref(), environment, &location)?;
    let mut patch = Patch::new(text);
    let solution = || Item {
        key: scalar(name.as_str()),
        value: format!("{{ {} }}", inline(&items_of(versions, place))),
    };
    let solutions = format!("{location}.solutions");
    match block.value.get("solutions") {
        None if matches!(block.value.form, Form::Mapping { .. }) => {
            patch.append_mapping(&block.value, "solutions", &[solution()])
        }
        None => return Err(EditReason::NotAMapping(location)),
        Some(entry) if is_empty(text, &entry.value) => patch.fill(entry, &[solution()]),
        Some(entry) => match entry.value.get(name.as_str()) {
            None => patch.append(&entry.value, &[solution()]),
            Some(found) => match place {
                Place::Solution => set_in_solution(&mut patch, found, versions),
                Place::Version => set_in_versions(&mut patch, found, versions),
            },
        },
    }
    .ok_or(EditReason::Form(solutions))?;
    Ok(patch.apply())
}

/// Returns the entries of a solution that is not mentioned yet.
fn items_of(versions: &BTreeMap<Version, AttributeEdit>, place: Place) -> Vec<Item> {
    match place {
        Place::Solution => versions.values().flat_map(AttributeEdit::items).collect(),
        Place::Version => vec![versions_item(versions)],
    }
}

fn versions_item(versions: &BTreeMap<Version, AttributeEdit>) -> Item {
    let items: Vec<Item> = versions.iter().map(version_item).collect();
    Item {
        key: "versions".to_owned(),
        value: format!("{{ {} }}", inline(&items)),
    }
}

fn version_item((version, edit): (&Version, &AttributeEdit)) -> Item {
    Item {
        key: scalar(version.as_str()),
        value: format!("{{ {} }}", inline(&edit.items())),
    }
}

impl AttributeEdit {
    fn items(&self) -> Vec<Item> {
        let item = |key: &str, text: &str| Item {
            key: key.to_owned(),
            value: value(text),
        };
        let version = self.version.as_ref();
        let version = version.map(|version| item("version", version.as_str()));
        version.into_iter().chain(self.attribute_items()).collect()
    }

    fn attribute_items(&self) -> impl Iterator<Item = Item> {
        let item = |key: &str, text: &str| Item {
            key: key.to_owned(),
            value: value(text),
        };
        let state = self.state.map(|state| item("state", state.as_str()));
        let visibility = self.visibility;
        let visibility = visibility.map(|word| item("visibility", word.as_str()));
        state.into_iter().chain(visibility)
    }
}

/// Sets the values in the entry of a solution with one version.
fn set_in_solution(
    patch: &mut Patch<'_>,
    solution: &Entry,
    versions: &BTreeMap<Version, AttributeEdit>,
) -> Option<()> {
    let mut edits = versions.values();
    let (edit, None) = (edits.next()?, edits.next()) else {
        return None;
    };
    if is_empty(patch.text(), &solution.value) || solution.value.entries().is_empty() {
        return set(patch, solution, edit.items());
    }
    if let Some(version) = &edit.version {
        set_version(patch, solution, version)?;
    }
    set(patch, solution, edit.attribute_items().collect())
}

/// Sets the values in the entries of the versions of a solution.
fn set_in_versions(
    patch: &mut Patch<'_>,
    solution: &Entry,
    versions: &BTreeMap<Version, AttributeEdit>,
) -> Option<()> {
    let Some(known) = solution.value.get("versions") else {
        return set(patch, solution, vec![versions_item(versions)]);
    };
    let mut added = Vec::new();
    for (version, edit) in versions {
        match known.value.get(version.as_str()) {
            None => added.push(version_item((version, edit))),
            Some(entry) => {
                if let Some(version) = &edit.version {
                    patch.replace_key(entry, version);
                }
                set(patch, entry, edit.attribute_items().collect())?;
            }
        }
    }
    if added.is_empty() {
        Some(())
    } else {
        patch.append(&known.value, &added)
    }
}

/// Sets entries of a mapping.
fn set(patch: &mut Patch<'_>, place: &Entry, items: Vec<Item>) -> Option<()> {
    if items.is_empty() {
        return Some(());
    }
    if is_empty(patch.text(), &place.value) {
        return patch.put(place, &format!("{{ {} }}", inline(&items)));
    }
    let mut added = Vec::new();
    for item in items {
        match place.value.get(&item.key) {
            Some(old) => patch.replace_value(old, &item.value)?,
            None => added.push(item),
        }
    }
    if added.is_empty() {
        Some(())
    } else {
        patch.append(&place.value, &added)
    }
}

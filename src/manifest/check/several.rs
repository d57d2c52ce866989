//! The entry points for several environments of one file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::model::Manifest;
use super::super::position::Label;
use super::super::problem::{Code, Problem, Problems, Severity, keep};
use super::super::source::SourceFile;
use super::file::{Checked, File, Selection, read_big};

/// A manifest that can be used, resolved for every environment, with its warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedAll<T = Manifest> {
    /// The manifest, resolved for each environment, in the order of the file.
    pub manifests: Vec<T>,
    /// The warnings of all of them, in the order of the file, each once.
    pub warnings: Vec<Problem>,
}

/// A manifest whose file can be used, resolved for each of several environments. Some of them may
/// have errors.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedEach {
    /// The environments in the order of the file; `None` for one that has an error. At least one
    /// has none.
    pub environments: Vec<(String, Option<Manifest>)>,
    /// The errors and warnings of all of them, in the order of the file, each once.
    pub problems: Vec<Problem>,
}

/// Reads a manifest for every environment that it declares.
pub fn read_all(
    source: &SourceFile,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<CheckedAll, Problems> {
    read_all_as(source, env, |manifest| manifest)
}

/// Reads a manifest for every environment that it declares. Of each manifest only the value of
/// `keep` is kept: all of them together may take half a gigabyte.
pub fn read_all_as<T>(
    source: &SourceFile,
    env: &dyn Fn(&str) -> Option<String>,
    keep: impl Fn(Manifest) -> T,
) -> Result<CheckedAll<T>, Problems> {
    // Only a manifest with one environment needs no selection.
    if let Some(Checked { manifest, warnings }) = read_big(source, &Selection::default(), env) {
        return Ok(CheckedAll {
            manifests: vec![keep(manifest)],
            warnings,
        });
    }
    let mut file = File::open(source)?;
    if let Some(problem) = file.check_size() {
        return Err(Problems::of(problem));
    }
    let names: Vec<String> = file.names().map(str::to_owned).collect();
    let (manifests, found) = check_each(&file, &names, env, keep);
    file.problems.extend(found);
    let warnings = Problems::or_warnings(file.problems)?;
    Ok(CheckedAll {
        manifests: manifests.into_iter().flatten().collect(),
        warnings,
    })
}

/// Reads a manifest for these environments, or for all that it declares. The error of one
/// environment does not hide the others; it is an error of the whole if no environment is left.
pub fn read_each(
    source: &SourceFile,
    wanted: Option<&[String]>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<CheckedEach, Problems> {
    let mut file = File::open(source)?;
    if let Some(problem) = file.check_size() {
        return Err(Problems::of(problem));
    }
    for name in wanted.unwrap_or_default() {
        let environment = Some(name.as_str());
        file.choose(&Selection { environment });
    }
    let is_wanted = |name: &str| wanted.is_none_or(|all| all.iter().any(|other| other == name));
    let names = file.names().filter(|name| is_wanted(name));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let (manifests, found) = check_each(&file, &names, env, |manifest| manifest);
    let is_error = |problem: &Problem| problem.severity() == Severity::Error;
    let is_whole = file.problems.iter().any(is_error) || manifests.iter().all(Option::is_none);
    file.problems.extend(found);
    let problems = match Problems::or_warnings(file.problems) {
        Err(problems) if is_whole => return Err(problems),
        Err(problems) => problems.0,
        Ok(warnings) => warnings,
    };
    Ok(CheckedEach {
        environments: names.into_iter().zip(manifests).collect(),
        problems,
    })
}

/// Checks each of these environments; returns what is kept of their manifests, and the problems of
/// all.
fn check_each<T>(
    file: &File,
    names: &[String],
    env: &dyn Fn(&str) -> Option<String>,
    keep: impl Fn(Manifest) -> T,
) -> (Vec<Option<T>>, Vec<Problem>) {
    let tokens = file.tokens();
    let mut manifests = Vec::with_capacity(names.len());
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let (manifest, problems) = file.check(name, env, &tokens);
        manifests.push(manifest.map(&keep));
        found.push((name.as_str(), problems));
    }
    (manifests, united(found))
}

/// Merges the problems of several environments: each problem once, with the names of the
/// environments that have it, or without names if all have it.
pub fn united(found: Vec<(&str, Vec<Problem>)>) -> Vec<Problem> {
    let total = found.len();
    let mut index: HashMap<(Code, String, Option<Label>), usize> = HashMap::new();
    let mut united: Vec<Problem> = Vec::new();
    for (name, problems) in found {
        for problem in problems {
            let key = (
                problem.code,
                problem.message.clone(),
                problem.primary.clone(),
            );
            let at = match index.entry(key) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let count = united.len();
                    keep(&mut united, problem);
                    if united.len() == count {
                        continue;
                    }
                    *new.insert(count)
                }
            };
            let environments = &mut united[at].environments;
            if environments.last().is_none_or(|last| last != name) {
                environments.push(name.to_owned());
            }
        }
    }
    for problem in &mut united {
        if problem.environments.len() == total {
            problem.environments.clear();
        }
    }
    united
}

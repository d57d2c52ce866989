//! The entry points for one environment, and the checks of the file as a whole.

use std::collections::HashSet;

use super::super::invisible;
use super::super::masking::printable;
use super::super::model::Manifest;
use super::super::near::{list, nearest};
use super::super::node::{Field, List, Shape, Slot, Text};
use super::super::overlay::{entries, value};
use super::super::position::Mark;
use super::super::problem::{Code, MAX_GUESSES, MAX_PROBLEMS, Problem, Problems, keep};
use super::super::raw::{RawManifest, RawPolicy, RawToken};
use super::super::source::SourceFile;
use super::super::vars::is_env_name;
use super::super::yaml::{self, Solutions};
use super::context::Context;
use super::faults;

/// The version of the manifest format that this module reads.
const FORMAT_VERSION: &str = "1";

/// The maximum number of versions and settings of all environments together. Each takes about 300
/// bytes.
const MAX_CHECKED: usize = 1_000_000;

/// The number of versions that a policy counts as: its expression is parsed.
const POLICY_SIZE: usize = 1000;

/// The environment that is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'s> {
    /// The name; without one, the file must have exactly one environment, which is used.
    pub environment: Option<&'s str>,
}

/// A manifest that can be used, with its warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The manifest, resolved for the chosen environment.
    pub manifest: Manifest,
    /// The warnings, in the order of the file.
    pub warnings: Vec<Problem>,
}

/// Reads a manifest for one environment.
///
/// `env` returns the value of an environment variable of the process. It is called only for the
/// variables that the chosen environment uses.
pub fn read(
    source: &SourceFile,
    selection: &Selection<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Checked, Problems> {
    if let Some(checked) = read_big(source, selection, env) {
        return Ok(checked);
    }
    let (manifest, warnings) = File::open(source)?.check_chosen(selection, env, None)?;
    let manifest = manifest.expect("invariant: a manifest is missing only after an error");
    Ok(Checked { manifest, warnings })
}

/// Reads a big manifest with less memory. `None` if it has an error or an unusual form: then it
/// must be read as a whole, to find all of its problems.
pub(super) fn read_big(
    source: &SourceFile,
    selection: &Selection<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Checked> {
    read_one_by_one(source, &source.above_solutions()?, selection, env)
}

/// Reads a manifest whose solutions come last, below its head: they are checked one after the
/// other, and are never all in memory. `None` if there is an error, or if the file is not plain.
fn read_one_by_one(
    source: &SourceFile,
    head: &SourceFile,
    selection: &Selection<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Checked> {
    let raw = yaml::parse(head).ok()?;
    let has_others = raw.solutions.as_ref().is_some();
    let unread = yaml::solutions(source, head.text().len()).filter(|_| !has_others)?;
    let file = File::of(source, raw).ok()?;
    let (manifest, warnings) = file.check_chosen(selection, env, Some(unread)).ok()?;
    let manifest = manifest?;
    Some(Checked { manifest, warnings })
}

/// Returns the names of the environments that a manifest declares, in the order of the file. An
/// error only if the names cannot be read.
pub fn environments(source: &SourceFile) -> Result<Vec<String>, Problems> {
    let raw = yaml::parse(source)?;
    let environments = entries(&raw.environments);
    Ok(environments.map(|(name, _)| name.to_owned()).collect())
}

/// A manifest that was read, with the problems of the file as a whole.
pub(super) struct File {
    source: SourceFile,
    raw: RawManifest,
    pub(super) problems: Vec<Problem>,
}

impl File {
    pub(super) fn open(source: &SourceFile) -> Result<Self, Problems> {
        Self::of(source, yaml::parse(source)?)
    }

    fn of(source: &SourceFile, raw: RawManifest) -> Result<Self, Problems> {
        let source = source.hiding(secrets(source, &raw));
        let mut file = Self {
            source,
            raw,
            problems: Vec::new(),
        };
        if let Some(problem) = file.check_format() {
            // Checks of a manifest in another format would only report misleading problems.
            return Err(Problems::of(problem));
        }
        let mut found = Vec::new();
        file.raw.faults(&mut found);
        for (index, fault) in found.into_iter().take(MAX_PROBLEMS).enumerate() {
            let problem = faults::explain(&file.source, fault, index < MAX_GUESSES);
            file.problems.push(problem);
        }
        file.problems.extend(invisible::warnings(&file.source));
        file.check_environments();
        Ok(file)
    }

    fn check_format(&self) -> Option<Problem> {
        let Some(field) = self.raw.solform.as_ref() else {
            let problem = Problem::new(Code::FormatVersion, "the manifest has no format version")
                .at(&self.source, self.source.mark_at(1, 1))
                .label("`solform` is missing")
                .help(format!("Write `solform: {FORMAT_VERSION}` at the top."));
            return Some(problem);
        };
        let text = field.node.text(&self.source)?;
        (text != FORMAT_VERSION).then(|| {
            Problem::new(
                Code::FormatVersion,
                format!("unknown format version `{}`", printable(text)),
            )
            .at(&self.source, field.node.used)
            .label("not known")
            .help(format!(
                "Write `solform: {FORMAT_VERSION}`, or use a version of solform that \
                 supports this one."
            ))
        })
    }

    fn check_environments(&mut self) {
        let none = match self.raw.environments.as_ref() {
            None => Some((self.source.mark_at(1, 1), "`environments` is missing")),
            Some(field) => field
                .value()
                .filter(|table| table.entries.is_empty())
                .map(|_| (field.key, "nothing in here")),
        };
        if let Some((at, label)) = none {
            let message = "the manifest declares no environment";
            let problem = Problem::new(Code::NoEnvironments, message);
            self.problems
                .push(problem.at(&self.source, at).label(label));
        }
        for (name, field) in entries(&self.raw.environments) {
            if !is_environment_name(name) {
                let message = format!("`{}` is not a valid environment name", printable(name));
                let problem = Problem::new(Code::BadEnvironmentName, message);
                keep(&mut self.problems, problem.at(&self.source, field.key));
            }
        }
    }

    /// Returns a problem if all environments together have too many versions and settings.
    pub(super) fn check_size(&self) -> Option<Problem> {
        let size = size(&self.raw);
        if size <= MAX_CHECKED {
            return None;
        }
        let key = self.raw.environments.as_ref()?.key;
        let count = self.names().count();
        let message = format!(
            "the {count} environments have {size} versions and settings together, \
             more than the maximum of {MAX_CHECKED}"
        );
        Some(Problem::new(Code::TooManyEntries, message).at(&self.source, key))
    }

    /// Returns the names of the environments, in the order of the file.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        entries(&self.raw.environments).map(|(name, _)| name)
    }

    /// Returns the name of the selected environment; reports a problem if there is none.
    pub(super) fn choose(&mut self, selection: &Selection<'_>) -> Option<String> {
        let names: Vec<&str> = self.names().collect();
        let problem = match (selection.environment, names.as_slice()) {
            // A manifest without environments was reported when the file was read.
            (_, []) => return None,
            (None, [only]) => return Some((*only).to_owned()),
            (None, _) => {
                let names = list(names.iter().copied());
                let message = format!("the manifest declares several environments: {names}");
                Problem::new(Code::EnvironmentNeeded, message)
            }
            (Some(wanted), _) if names.contains(&wanted) => return Some(wanted.to_owned()),
            (Some(wanted), _) => {
                let message = format!("unknown environment `{}`", printable(wanted));
                let near = nearest(wanted, names.iter().copied());
                let guess = near.map(|near| format!("Name `{near}` if that is what you mean. "));
                let help = format!(
                    "{}The environments are {}.",
                    guess.unwrap_or_default(),
                    list(names.iter().copied())
                );
                Problem::new(Code::UnknownEnvironment, message).help(help)
            }
        };
        let key = self
            .raw
            .environments
            .as_ref()
            .map_or_else(Mark::default, |field| field.key);
        self.problems.push(problem.at(&self.source, key));
        None
    }

    /// Returns the names of the environment variables that hold a token, of all environments.
    pub(super) fn tokens(&self) -> HashSet<&str> {
        token_names(&self.source, &self.raw).collect()
    }

    /// Checks the selected environment; returns its manifest and the warnings. The manifest is
    /// missing only if the rest of the `unread` solutions cannot be read.
    fn check_chosen(
        mut self,
        selection: &Selection<'_>,
        env: &dyn Fn(&str) -> Option<String>,
        unread: Option<Solutions<'_>>,
    ) -> Result<(Option<Manifest>, Vec<Problem>), Problems> {
        let (manifest, found) = match self.choose(selection) {
            Some(name) => self.check_with(&name, env, &self.tokens(), unread),
            None => (None, Vec::new()),
        };
        self.problems.extend(found);
        let warnings = Problems::or_warnings(self.problems)?;
        Ok((manifest, warnings))
    }

    /// Checks one environment; returns the manifest if it has no error, and the problems.
    pub(super) fn check(
        &self,
        name: &str,
        env: &dyn Fn(&str) -> Option<String>,
        tokens: &HashSet<&str>,
    ) -> (Option<Manifest>, Vec<Problem>) {
        self.check_with(name, env, tokens, None)
    }

    /// As [`File::check`], with the solutions of the manifest itself, if they are not in memory.
    fn check_with(
        &self,
        name: &str,
        env: &dyn Fn(&str) -> Option<String>,
        tokens: &HashSet<&str>,
        unread: Option<Solutions<'_>>,
    ) -> (Option<Manifest>, Vec<Problem>) {
        let Some(mut context) = self.context(name, env, tokens) else {
            return (None, Vec::new());
        };
        let manifest = context.manifest(unread).ok();
        (manifest, context.problems.problems)
    }

    /// Returns the state that the checks of an environment start with. `None` if the environment
    /// has the wrong shape, which was reported when the file was read.
    pub(super) fn context<'a>(
        &'a self,
        name: &str,
        env: &'a dyn Fn(&str) -> Option<String>,
        tokens: &'a HashSet<&'a str>,
    ) -> Option<Context<'a>> {
        Context::new(&self.raw, &self.source, name, env, tokens)
    }
}

/// Returns whether a text can name an environment: names become parts of file names and store keys.
fn is_environment_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|char: char| char.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn token_sources(raw: &RawManifest) -> impl Iterator<Item = &Field<RawToken>> {
    entries(&raw.environments).filter_map(|(_, field)| field.value()?.token.as_ref())
}

fn token_env(field: &Field<RawToken>) -> Option<&Field<Text>> {
    match field.value()? {
        RawToken::Source(source) => source.env.as_ref(),
        RawToken::Literal => None,
    }
}

/// Returns the names of the environment variables that hold a token, of all environments.
fn token_names<'a>(source: &'a SourceFile, raw: &'a RawManifest) -> impl Iterator<Item = &'a str> {
    token_sources(raw).filter_map(|field| token_env(field)?.node.text(source))
}

/// Returns the names of the environment variables that contain the tokens of the environments. If
/// the manifest cannot be parsed, none is known.
pub fn token_variables(source: &SourceFile) -> Vec<String> {
    let Ok(raw) = yaml::parse(source) else {
        return Vec::new();
    };
    token_names(source, &raw).map(str::to_owned).collect()
}

/// Returns the maximum number of versions and settings that all environments have together: each
/// environment checks those of the manifest too.
pub(in crate::manifest) fn size(raw: &RawManifest) -> usize {
    let policies = |slot: &Slot<List<Box<RawPolicy>>>| {
        POLICY_SIZE * value(slot).map_or(0, |list| list.0.len())
    };
    let of_environments: usize = entries(&raw.environments)
        .filter_map(|(_, field)| field.value())
        .map(|environment| policies(&environment.policies))
        .sum();
    let whole = raw.size() + policies(&raw.policies) + of_environments;
    let environments = value(&raw.environments).map_or(0, Shape::size) + of_environments;
    let count = entries(&raw.environments).count();
    (1 + whole - environments)
        .saturating_mul(count)
        .saturating_add(environments - count)
}

/// Returns whether a manifest has more versions and settings than are checked at once.
pub(in crate::manifest) fn is_too_big(raw: &RawManifest) -> bool {
    size(raw) > MAX_CHECKED
}

/// Returns the positions of tokens that are written into the file, as `token` or as the name of a
/// variable under `token.env`.
fn secrets(source: &SourceFile, raw: &RawManifest) -> Vec<Mark> {
    token_sources(raw)
        .filter_map(|field| match field.value()? {
            RawToken::Literal => Some(field.node.defined),
            RawToken::Source(_) => {
                let env = token_env(field)?;
                let text = env.node.text(source)?;
                (!is_env_name(text)).then_some(env.node.defined)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;

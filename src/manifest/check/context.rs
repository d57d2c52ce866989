//! The state that every check uses: the layers, the variables and the problems so far.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::super::masking::printable;
use super::super::model::Environment;
use super::super::near::{list, nearest};
use super::super::node::{Field, Node, Text};
use super::super::overlay::value;
use super::super::position::Mark;
use super::super::problem::{Code, Diagnostics};
use super::super::raw::{RawEnvironment, RawManifest};
use super::super::source::SourceFile;
use super::super::vars::{Builtins, Reported, Variables};
use crate::attribute::State;
use crate::ident::{Owner, Version};

/// The state of checking one environment.
pub(super) struct Context<'a> {
    pub(super) raw: &'a RawManifest,
    pub(super) name: &'a str,
    pub(super) key: Mark,
    pub(super) environment: &'a RawEnvironment,
    pub(super) variables: Variables<'a>,
    pub(super) problems: Diagnostics<'a>,
    /// The owners so far, by their text: thousands of versions have few different owners.
    pub(super) owners: HashMap<String, Owner>,
    /// The versions so far, for the same reason.
    pub(super) versions: HashSet<Version>,
    /// The other environments whose packages are sources, by name.
    pub(super) sources: BTreeMap<&'a str, SourceEnvironment<'a>>,
    env: &'a dyn Fn(&str) -> Option<String>,
    tokens: &'a HashSet<&'a str>,
}

/// Another environment, as far as its packages can be sources.
pub(super) struct SourceEnvironment<'a> {
    pub(super) context: Context<'a>,
    pub(super) environment: Result<Environment, Reported>,
    /// The versions of the solution that was looked for last.
    pub(super) last: Option<(String, Vec<DeclaredPackage>)>,
}

/// A version that another environment declares.
pub(super) struct DeclaredPackage {
    pub(super) version: Version,
    pub(super) state: Result<State, Reported>,
    pub(super) path: Outcome<String>,
}

/// A text with its variables replaced, and its position.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) at: Mark,
}

/// A value that may be missing; an error if it was reported as a problem.
pub(super) type Outcome<T> = Result<Option<T>, Reported>;

impl Value<'_> {
    /// Returns the value without a borrow from the file.
    pub(super) fn into_owned<'o>(self) -> Value<'o> {
        Value {
            text: Cow::Owned(self.text.into_owned()),
            at: self.at,
        }
    }
}

impl<'a> Context<'a> {
    /// Returns the state before the first check. `None` if the environment is not declared, or has
    /// the wrong shape, which was reported when the file was read.
    pub(super) fn new(
        raw: &'a RawManifest,
        source: &'a SourceFile,
        name: &str,
        env: &'a dyn Fn(&str) -> Option<String>,
        tokens: &'a HashSet<&'a str>,
    ) -> Option<Self> {
        let environments = value(&raw.environments)?;
        let (name, field) = environments.entries.get_key_value(name)?;
        let environment = field.value()?;
        let mut problems = Diagnostics {
            source,
            problems: Vec::new(),
        };
        let layers = [value(&environment.vars), value(&raw.vars)];
        let variables = Variables::new(name, env, tokens, layers, &mut problems);
        Some(Self {
            raw,
            name,
            key: field.key,
            environment,
            variables,
            problems,
            owners: HashMap::new(),
            versions: HashSet::new(),
            sources: BTreeMap::new(),
            env,
            tokens,
        })
    }

    /// Returns the state of another environment of the same manifest before its first check.
    pub(super) fn beside(&self, name: &str) -> Option<Self> {
        Self::new(self.raw, self.problems.source, name, self.env, self.tokens)
    }

    /// Returns the text of a field in which only variables and `environment` have a value.
    pub(super) fn text<'n>(&mut self, field: Option<&'n Field<Text>>) -> Outcome<Value<'n>>
    where
        'a: 'n,
    {
        self.text_with(field, Builtins::default())
    }

    /// Returns the text of a field; a blank text is a problem.
    pub(super) fn text_with<'n>(
        &mut self,
        field: Option<&'n Field<Text>>,
        known: Builtins<'_>,
    ) -> Outcome<Value<'n>>
    where
        'a: 'n,
    {
        field
            .map(|field| self.value(&field.node, known))
            .transpose()
    }

    /// Returns the text of a value; a blank text is a problem.
    pub(super) fn value<'n>(
        &mut self,
        node: &'n Node<Text>,
        known: Builtins<'_>,
    ) -> Result<Value<'n>, Reported>
    where
        'a: 'n,
    {
        let text = self.variables.resolve(node, known, &mut self.problems)?;
        let at = node.used;
        if text.trim().is_empty() {
            let problems = &mut self.problems;
            return Err(problems.report(Code::EmptyValue, "the value is empty", at));
        }
        Ok(Value { text, at })
    }

    /// Returns the path of a file on this machine.
    pub(super) fn path(&mut self, field: Option<&Field<Text>>) -> Outcome<PathBuf> {
        let value = self.text(field)?;
        Ok(value.map(|value| PathBuf::from(&*value.text)))
    }

    /// Returns the value of a field that must be one of these words.
    pub(super) fn word<T: Copy>(
        &mut self,
        field: Option<&Field<Text>>,
        known: Builtins<'_>,
        words: &[(&'static str, T)],
    ) -> Outcome<T> {
        let value = self.text_with(field, known)?;
        value.map(|value| self.word_of(&value, words)).transpose()
    }

    /// Returns the value of a text that must be one of these words.
    pub(super) fn word_of<T: Copy>(
        &mut self,
        value: &Value<'_>,
        words: &[(&'static str, T)],
    ) -> Result<T, Reported> {
        if let Some((_, word)) = words.iter().find(|(word, _)| *word == value.text) {
            return Ok(*word);
        }
        let all = words.iter().map(|(word, _)| *word);
        let is_guessed = self.problems.guesses();
        let near = nearest(&value.text, all.clone().filter(|_| is_guessed));
        let help = match near {
            Some(near) => format!("Write `{near}`; the known words are {}.", list(all)),
            None => format!("Write one of {}.", list(all)),
        };
        let message = format!("unknown word `{}`", printable(&value.text));
        let problem = self.problems.problem(Code::UnknownWord, message, value.at);
        Err(self.problems.add(problem.help(help)))
    }

    /// Returns the parsed text of an optional field; `what` names its form in the message.
    pub(super) fn parsed<T>(
        &mut self,
        field: Option<&Field<Text>>,
        parse: impl FnOnce(&str) -> Option<T>,
        code: Code,
        what: &str,
    ) -> Outcome<T> {
        let Some(value) = self.text(field)? else {
            return Ok(None);
        };
        parse(&value.text).map(Some).ok_or_else(|| {
            let message = format!("`{}` is not a {what}", printable(&value.text));
            self.problems.report(code, message, value.at)
        })
    }
}

//! Checks of a declared version: its owner, state, visibility and path.

use std::sync::Arc;

use super::super::drain::Drain;
use super::super::masking::printable;
use super::super::model::{Desired, SolutionPath, Superseded};
use super::super::overlay::{FIRST_DEFAULT, Layered, Layers, Solution};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::RawVersion;
use super::super::vars::{BuiltinValue, Builtins, Reported};
use super::context::{Context, Outcome, Value};
use crate::attribute::{State, Visibility};
use crate::ident::{Identity, Owner, SolutionName, Version};

/// The words of a flag.
pub(super) const FLAG: [(&str, bool); 2] = [("true", true), ("false", false)];

/// The end of the name of every package.
pub(super) const EXTENSION: &str = ".ibsolution";

/// A declared version with the positions that later checks report.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) desired: Desired,
    pub(super) name_at: Mark,
    pub(super) visibility_at: Option<Mark>,
}

impl Entry {
    pub(super) fn at(&self) -> Mark {
        Mark::of(&self.desired.position)
    }

    pub(super) fn path_at(&self) -> Option<Mark> {
        let path = self.desired.path.as_ref()?;
        Some(Mark::of(&path.position))
    }
}

/// A version that a layer declares, before its fields are checked.
#[derive(Debug)]
pub(super) struct Declaration<'a> {
    pub(super) version: Result<Version, Reported>,
    pub(super) at: Mark,
    pub(super) layers: Layers<'a, RawVersion>,
}

impl<'a> Context<'a> {
    /// Checks the other fields of a declared version, even if the version itself is invalid.
    pub(super) fn check_entry(
        &mut self,
        solution: &Solution<'_>,
        declaration: Declaration<'_>,
        name: &Result<SolutionName, Reported>,
        superseded: &Result<Arc<Superseded>, Reported>,
        drain: &Outcome<Arc<Drain>>,
    ) -> Result<Entry, Reported> {
        let Declaration {
            version,
            at,
            layers,
        } = declaration;
        let known = Builtins {
            version: BuiltinValue::checked(&version, Version::as_str),
            ..Builtins::of_solution(solution.name)
        };
        let owner = self.check_declared_owner(solution, layers, known);
        let known = Builtins {
            owner: BuiltinValue::checked(&owner, Owner::as_str),
            ..known
        };
        let state = self.check_state(solution.state(layers), known);
        let visibility = solution.visibility(layers).map(|(_, field)| field);
        let visible = self.word(visibility, known, &Visibility::WORDS);
        let path = self.check_declared_path(solution, layers, known);
        // A version that must be absent is never deployed, so its source has no meaning.
        let source = match state {
            Ok(State::Absent) => Ok(None),
            _ => self.check_source(solution, layers, &version, known),
        };
        let verification = match state {
            // A version that must be absent is never run.
            Ok(State::Absent) => Ok(None),
            _ => self.check_verification(solution, known),
        };
        let (state, path, source) = (state?, path?, source?);
        let identity = Identity {
            name: name.clone()?,
            version: version?,
            owner: owner?,
        };
        // A version that must be absent is never deployed, so its path has no meaning.
        let path = path.filter(|_| state != State::Absent);
        let desired = Desired {
            identity,
            path: path.map(|path| SolutionPath {
                position: self.problems.source.position(path.at),
                text: path.text.into(),
            }),
            source: source.map(Box::new),
            verification: verification?,
            state,
            visibility: visible?,
            superseded: superseded.clone()?,
            drain: drain.clone()?,
            position: self.problems.source.position(at),
        };
        Ok(Entry {
            desired,
            name_at: solution.key,
            visibility_at: visibility.map(|field| field.node.used),
        })
    }

    pub(super) fn check_declared_owner(
        &mut self,
        solution: &Solution<'_>,
        layers: Layers<'_, RawVersion>,
        known: Builtins<'_>,
    ) -> Result<Owner, Reported> {
        let owner = solution.owner(layers).map(|(_, field)| field);
        if let Some(owner) = self.check_owner(owner, known)? {
            return Ok(owner);
        }
        if solution.misspells(layers, "owner") {
            return Err(Reported);
        }
        let message = format!("`{}` has no owner", printable(solution.name));
        let problems = &mut self.problems;
        Err(problems.report(Code::MissingOwner, message, solution.key))
    }

    pub(super) fn check_state(
        &mut self,
        layered: Option<Layered<'_>>,
        known: Builtins<'_>,
    ) -> Result<State, Reported> {
        let Some((layer, field)) = layered else {
            return Ok(State::Active);
        };
        let state = self
            .word(Some(field), known, &State::WORDS)?
            .unwrap_or(State::Active);
        if state == State::Absent && layer >= FIRST_DEFAULT {
            return Err(self.refuse_absent_by_default(field.node.used));
        }
        Ok(state)
    }

    pub(super) fn check_declared_path<'n>(
        &mut self,
        solution: &Solution<'n>,
        layers: Layers<'n, RawVersion>,
        known: Builtins<'_>,
    ) -> Outcome<Value<'n>>
    where
        'a: 'n,
    {
        let path = solution.path(layers).map(|(_, field)| field);
        self.text_with(path, known)
            .and_then(|path| path.map(|path| self.check_path(path)).transpose())
    }

    pub(super) fn check_path<'n>(&mut self, path: Value<'n>) -> Result<Value<'n>, Reported> {
        let text = &*path.text;
        let (folder, file) = text.rsplit_once('/').unwrap_or(("", text));
        let why = if !file.ends_with(EXTENSION) {
            "the path does not end with `.ibsolution`"
        } else if file == EXTENSION {
            "the path names no file"
        } else if text.chars().any(char::is_control) {
            "the path contains control characters"
        } else if text.trim() != text {
            "the path begins or ends with white space"
        } else if folder
            .split('/')
            .any(|segment| matches!(segment, "." | ".."))
        {
            "the path contains `.` or `..`"
        } else {
            return Ok(path);
        };
        Err(self.problems.report(Code::BadPath, why, path.at))
    }
}

//! The problems of variables and of `${..}`.

use super::super::masking::printable;
use super::super::near::{list, nearest};
use super::super::node::{Field, Text};
use super::super::position::Mark;
use super::super::problem::{Code, Problem, Problems};
use super::super::source::SourceFile;
use super::builtin::Builtin;

pub(super) fn name(source: &SourceFile, name: &str, why: &str, at: Mark) -> Problem {
    let message = format!("`{}` {why}", printable(name));
    Problem::new(Code::BadVariableName, message)
        .at(source, at, "not usable as a variable")
        .help(format!(
            "Choose another name of letters, digits, `_`, `-` and `.` that begins with a letter; \
             {} are built in.",
            list(Builtin::names())
        ))
}

pub(super) fn missing_env(source: &SourceFile, name: &str, at: Mark) -> Problem {
    let message = format!("the environment variable `{}` is not set", printable(name));
    let mut problem = Problem::new(Code::MissingEnvVariable, message)
        .at(source, at, "used here")
        .help("Set it, or write the value under `vars`.");
    problem.variable = Some(name.into());
    problem
}

/// Rewrites a problem of [`missing_env`] for a variable that the manifest may not read.
fn refused(problem: &mut Problem, refusal: VariableRefusal) {
    let name = printable(problem.variable.as_deref().unwrap_or_default());
    if refusal == VariableRefusal::Token {
        problem.code = Code::TokenInVariable;
        problem.message = token_message(&name);
        problem.help = Some(TOKEN_HELP.to_owned());
        return;
    }
    problem.code = Code::EnvNotAllowed;
    problem.message = format!("the environment variable `{name}` is not in SOLFORM_ALLOWED_ENV");
    problem.help = Some(format!(
        "Add it to SOLFORM_ALLOWED_ENV, or give --env {name}, if the manifest may read it."
    ));
}

pub(super) fn token(source: &SourceFile, name: &str, at: Mark) -> Problem {
    Problem::new(Code::TokenInVariable, token_message(&printable(name)))
        .at(source, at, "would show the token")
        .help(TOKEN_HELP)
}

const TOKEN_HELP: &str = "Use another variable for this value; solform sends the token itself.";

fn token_message(name: &str) -> String {
    format!("`{name}` holds a token and cannot be part of a value")
}

pub(super) fn bad(source: &SourceFile, why: &str, at: Mark) -> Problem {
    Problem::new(Code::BadInterpolation, why)
        .at(source, at, "invalid reference")
        .help("Write `${name}` or `${env:NAME}`, or `$${` for a literal `${`.")
}

pub(super) fn unknown(source: &SourceFile, name: &str, at: Mark, known: &[&str]) -> Problem {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("Write `${{{near}}}`, or declare the variable under `vars`."),
        None if known.is_empty() => "Declare it under `vars`.".to_owned(),
        None => format!(
            "Declare it under `vars`; known here: {}.",
            list(known.iter().copied())
        ),
    };
    Problem::new(
        Code::UnknownVariable,
        format!("unknown variable `{}`", printable(name)),
    )
    .at(source, at, "not declared")
    .help(help)
}

pub(super) fn not_here(
    source: &SourceFile,
    builtin: Builtin,
    variable: Option<&str>,
    at: Mark,
) -> Problem {
    let builtin = builtin.as_str();
    let message = match variable {
        None => format!("`{builtin}` has no value here"),
        Some(variable) => format!(
            "the variable `{}` uses `{builtin}`, which has no value here",
            printable(variable)
        ),
    };
    Problem::new(Code::UnknownVariable, message)
        .at(source, at, "not known here")
        .help(
            "Use `name`, `version` and `owner` inside solutions and their defaults only; an owner \
             cannot use itself, nor a version the owner.",
        )
}

pub(super) fn cycle(source: &SourceFile, cycle: &[(&str, &Field<Text>)]) -> Problem {
    const SHOWN: usize = 8;
    let names = cycle.iter().chain(cycle.first()).map(|(name, _)| *name);
    let mut path: Vec<String> = names.map(|name| format!("`{}`", printable(name))).collect();
    if path.len() > SHOWN {
        path.splice(SHOWN - 2..path.len() - 1, ["…".to_owned()]);
    }
    let path = path.join(" -> ");
    let mut fields = cycle.iter().map(|(_, field)| field);
    let problem = Problem::new(
        Code::VariableCycle,
        format!("variables use each other: {path}"),
    )
    .help("Give one of them a value that does not use the others.");
    let Some(first) = fields.next() else {
        return problem;
    };
    fields.take(SHOWN).fold(
        problem.at(source, first.node.used, "the cycle begins here"),
        |problem, field| problem.related(source, field.node.used, "continues here"),
    )
}

pub(super) fn too_long(source: &SourceFile, max: usize, at: Mark) -> Problem {
    Problem::new(
        Code::ValueTooLong,
        format!("a value has more than {max} bytes, or all values together have too many"),
    )
    .at(source, at, "too long with its variables replaced")
    .help("Write a shorter value, or use shorter variables in it.")
}

impl Problems {
    /// Rewrites the problem of a missing variable if the manifest may not read that variable.
    #[must_use]
    pub fn refusing(mut self, refusal: &dyn Fn(&str) -> Option<VariableRefusal>) -> Self {
        for problem in &mut self.0 {
            let refusal = problem.variable.as_deref().and_then(refusal);
            if let Some(refusal) = refusal {
                refused(problem, refusal);
            }
        }
        self
    }
}

/// The reason why an environment variable may not be part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableRefusal {
    /// `SOLFORM_ALLOWED_ENV` does not list it.
    NotAllowed,
    /// It holds a token.
    Token,
}

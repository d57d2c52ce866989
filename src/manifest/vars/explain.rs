//! The problems of variables and of `${..}`.

use super::super::masking::printable;
use super::super::near::{list, nearest};
use super::super::node::{Field, Text};
use super::super::position::Mark;
use super::super::problem::{Code, Diagnostics, Problems, Reported};
use super::builtin::Builtin;

impl Diagnostics<'_> {
    pub(super) fn bad_name(&mut self, name: &str, why: &str, at: Mark) {
        let message = format!("`{}` {why}", printable(name));
        let problem = self.problem(Code::BadVariableName, message, at);
        self.add(problem.help(format!(
            "Choose another name of letters, digits, `_`, `-` and `.` that begins with a letter; \
             {} are built in.",
            list(Builtin::names())
        )));
    }

    pub(super) fn missing_env(&mut self, name: &str, at: Mark) -> Reported {
        let message = format!("the environment variable `{}` is not set", printable(name));
        let mut problem = self.problem(Code::MissingEnvVariable, message, at);
        problem.variable = Some(name.into());
        self.add(problem)
    }

    pub(super) fn token(&mut self, name: &str, at: Mark) -> Reported {
        self.report(Code::TokenInVariable, token_message(&printable(name)), at)
    }

    pub(super) fn unknown(&mut self, name: &str, at: Mark, known: &[&str]) -> Reported {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("Write `${{{near}}}`, or declare the variable under `vars`."),
            None if known.is_empty() => "Declare it under `vars`.".to_owned(),
            None => format!(
                "Declare it under `vars`; known here: {}.",
                list(known.iter().copied())
            ),
        };
        let message = format!("unknown variable `{}`", printable(name));
        let problem = self.problem(Code::UnknownVariable, message, at);
        self.add(problem.help(help))
    }

    pub(super) fn not_here(
        &mut self,
        builtin: Builtin,
        variable: Option<&str>,
        at: Mark,
    ) -> Reported {
        let builtin = builtin.as_str();
        let message = match variable {
            None => format!("`{builtin}` has no value here"),
            Some(variable) => format!(
                "the variable `{}` uses `{builtin}`, which has no value here",
                printable(variable)
            ),
        };
        let problem = self.problem(Code::UnknownVariable, message, at);
        self.add(problem.label("not known here").help(
            "Use `name`, `version` and `owner` inside solutions and their defaults only; an owner \
             cannot use itself, nor a version the owner.",
        ))
    }

    pub(super) fn cycle(&mut self, cycle: &[(&str, &Field<Text>)]) {
        const SHOWN: usize = 8;
        let [(_, first), others @ ..] = cycle else {
            return;
        };
        let names = cycle.iter().chain(cycle.first()).map(|(name, _)| *name);
        let mut path: Vec<String> = names.map(|name| format!("`{}`", printable(name))).collect();
        if path.len() > SHOWN {
            path.splice(SHOWN - 2..path.len() - 1, ["…".to_owned()]);
        }
        let message = format!("variables use each other: {}", path.join(" -> "));
        let problem = self.problem(Code::VariableCycle, message, first.node.used);
        let problem = others
            .iter()
            .take(SHOWN)
            .fold(problem, |problem, (_, field)| {
                problem.related(field.node.used, "continues here")
            });
        self.add(problem);
    }
}

fn token_message(name: &str) -> String {
    format!("`{name}` holds a token and cannot be part of a value")
}

impl Problems {
    /// Rewrites the problem of a missing variable if the manifest may not read that variable.
    #[must_use]
    pub fn refusing(mut self, refusal: &dyn Fn(&str) -> Option<VariableRefusal>) -> Self {
        for problem in &mut self.0 {
            let Some(variable) = problem.variable.as_deref() else {
                continue;
            };
            let name = printable(variable);
            match refusal(variable) {
                None => {}
                Some(VariableRefusal::Token) => {
                    problem.code = Code::TokenInVariable;
                    problem.message = token_message(&name);
                    problem.help = problem.code.help().map(str::to_owned);
                }
                Some(VariableRefusal::NotAllowed) => {
                    problem.code = Code::EnvNotAllowed;
                    problem.message =
                        format!("the environment variable `{name}` is not in SOLFORM_ALLOWED_ENV");
                    problem.help = Some(format!(
                        "Add it to SOLFORM_ALLOWED_ENV, or give --env {name}, if the manifest may \
                         read it."
                    ));
                }
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

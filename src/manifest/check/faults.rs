//! The problems for values that have the wrong shape.

use super::super::masking::printable;
use super::super::near::{list, nearest};
use super::super::node::Fault;
use super::super::problem::{Code, Problem};
use super::super::source::SourceFile;

/// Turns a fault into a problem. The help names the nearest known word only if `is_guessed`.
pub(super) fn explain(source: &SourceFile, fault: Fault, is_guessed: bool) -> Problem {
    match fault {
        Fault::UnknownField { key, kind, fields } => {
            let known = fields.iter().copied().filter(|_| is_guessed);
            let help = match nearest(&key.text, known) {
                Some(near) => format!("Write `{near}` if that is what you mean."),
                None => format!("Use one of {}.", list(fields.iter().copied())),
            };
            let message = format!("unknown field `{}` in {kind}", printable(&key.text));
            Problem::new(Code::UnknownField, message)
                .at(source, key.at)
                .help(help)
        }
        Fault::DuplicateKey { key, first } => {
            let message = format!("duplicate key `{}`", printable(&key.text));
            Problem::new(Code::DuplicateKey, message)
                .at(source, key.at)
                .related(first, "first here")
        }
        Fault::WrongType {
            at,
            expected,
            found,
        } => {
            let message = format!("expected {expected}, found {}", found.as_str());
            Problem::new(Code::WrongType, message)
                .at(source, at)
                .label(format!("not {expected}"))
                .help(format!("Write {expected} here, or remove the key."))
        }
    }
}

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
            Problem::new(
                Code::UnknownField,
                format!("unknown field `{}` in {kind}", printable(&key.text)),
            )
            .at(source, key.at, "not known here")
            .help(help)
        }
        Fault::ReservedField { key, kind } => Problem::new(
            Code::ReservedField,
            format!("`{}` in {kind} is not supported yet", printable(&key.text)),
        )
        .at(source, key.at, "reserved for a later version of solform")
        .help("Remove it; this version of solform does not support it."),
        Fault::DuplicateKey { key, first } => Problem::new(
            Code::DuplicateKey,
            format!("duplicate key `{}`", printable(&key.text)),
        )
        .at(source, key.at, "here again")
        .related(source, first, "first here")
        .help("Merge the two, or remove one."),
        Fault::WrongType {
            at,
            expected,
            found,
        } => Problem::new(
            Code::WrongType,
            format!("expected {expected}, found {}", found.as_str()),
        )
        .at(source, at, format!("not {expected}"))
        .help(format!("Write {expected} here, or remove the key.")),
    }
}

//! What reading found to be out of shape, as problems.

use super::super::masking::printable;
use super::super::near::{list, nearest};
use super::super::node::Fault;
use super::super::problem::{Code, Problem};
use super::super::source::SourceFile;

/// Words a fault; `is_guessed` says whether a near word is looked for.
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
        .at(source, key.at, "kept for a later version of solform")
        .help("Remove it; this version of solform would not act on it."),
        Fault::DuplicateKey { key, first } => Problem::new(
            Code::DuplicateKey,
            format!("`{}` is there twice", printable(&key.text)),
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

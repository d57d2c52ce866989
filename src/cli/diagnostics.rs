//! What ends a command as values, for streams, reports and annotations.

use super::error::CommandError;
use super::invocation::Invocation;
use crate::render::{Diagnostic, Severity};

/// What an error tells: the errors last, so that a stream ends with one.
pub(super) fn diagnostics_of(error: &CommandError, invocation: &Invocation) -> Vec<Diagnostic> {
    match error {
        CommandError::Closed => Vec::new(),
        CommandError::Blocked { refusals, .. } => refusals.clone(),
        CommandError::Manifest(problems) => {
            let told = problems.iter().map(Diagnostic::of_problem);
            let (errors, mut told): (Vec<_>, Vec<_>) =
                told.partition(|problem| problem.severity == Severity::Error);
            told.extend(errors);
            told
        }
        _ => {
            let help = error.help().map(|help| invocation.complete(&help));
            vec![Diagnostic::new(Severity::Error, error.to_string()).because(error.causes(), help)]
        }
    }
}

//! Errors of commands as diagnostics, for streams, reports and annotations.

use super::command_error::{CommandError, ErrorKind};
use crate::cli::invocation::Invocation;
use crate::manifest::MAX_PROBLEMS;
use crate::render::{Diagnostic, Severity, words};

/// The maximum number of problems of a manifest in the event stream.
const PROBLEMS_SENT: usize = 100;

/// The maximum number of warnings about a manifest in the event stream.
pub(in crate::cli) const WARNINGS_SENT: usize = 2_000;

/// Returns the line after the first `limit` problems of a manifest, if there are more.
pub(in crate::cli) fn more_problems(count: usize, limit: usize) -> Option<String> {
    let more = count.checked_sub(limit).filter(|more| *more > 0)?;
    let at_least = if count >= MAX_PROBLEMS {
        "at least "
    } else {
        ""
    };
    let more = words::count(more, "more problem");
    Some(format!("{at_least}{more} of the manifest not shown"))
}

/// Returns the diagnostics of an error. Errors come last, so that the stream ends with one.
pub(in crate::cli) fn diagnostics_of(
    error: &CommandError,
    invocation: &Invocation,
) -> Vec<Diagnostic> {
    match &error.kind {
        ErrorKind::Closed => Vec::new(),
        ErrorKind::Blocked(refusals) | ErrorKind::Unproven(refusals) => refusals.clone(),
        ErrorKind::Manifest(problems) => {
            let shown = problems.most_important(PROBLEMS_SENT);
            let diagnostics = shown.into_iter().map(Diagnostic::of_problem);
            let mut sorted: Vec<_> = diagnostics.collect();
            sorted.sort_by_key(|problem| problem.severity == Severity::Error);
            let rest = more_problems(problems.iter().len(), PROBLEMS_SENT);
            sorted.extend(rest.map(|rest| Diagnostic::new(Severity::Error, rest)));
            sorted
        }
        _ => {
            let help = error.help().map(|help| invocation.complete(help));
            vec![Diagnostic::new(Severity::Error, error.to_string()).because(error.causes(), help)]
        }
    }
}

//! The answers that checks wait for: timeouts, errors as text, and checks that were skipped.

use std::error::Error;
use std::time::Duration;

use crate::diagnosis::{Check, CheckName};
use crate::render::words;

/// Adds the checks that were skipped.
pub(super) fn skip(checks: &mut Vec<Check>, names: &[CheckName], why: &str) {
    for name in names {
        if !checks.iter().any(|check| check.name == *name) {
            checks.push(Check::skipped(*name, why));
        }
    }
}

/// Returns an error with its causes, as one sentence.
pub(super) fn sentence(error: &dyn Error) -> String {
    let messages = std::iter::once(error.to_string()).chain(words::causes(error));
    let text = messages.collect::<Vec<_>>().join(": ");
    let mut letters = text.chars();
    let capital: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{capital}{}.", letters.as_str())
}

/// Waits for a future, up to a timeout.
pub(super) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Returns the check of an answer that did not come in time.
pub(super) fn too_slow(name: CheckName, limit: Duration) -> Check {
    Check::fail(
        name,
        format!("There was no result within {}.", words::duration(limit)),
        "Try again later, or give it longer with --timeout.",
    )
}

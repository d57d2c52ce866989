//! The list of checks that `doctor` fills, and what checks share: the timeout, and errors as text.

use std::error::Error;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::api::{ClientSettings, RetryPolicy, chain};
use crate::diagnosis::{Check, CheckName};
use crate::render::words;

/// The checks that were made, in the order of their cost.
pub(super) struct Checks {
    pub(super) made: Vec<Check>,
    /// The maximum duration of one check.
    pub(super) limit: Duration,
}

impl Checks {
    pub(super) fn new(limit: Duration) -> Self {
        let made = Vec::new();
        Self { made, limit }
    }

    pub(super) fn push(&mut self, check: Check) {
        self.made.push(check);
    }

    /// Adds the checks that were skipped: all of these that were not made.
    pub(super) fn skip(&mut self, names: RangeInclusive<CheckName>, why: &str) {
        for name in CheckName::ALL {
            if names.contains(&name) && !self.made.iter().any(|check| check.name == name) {
                self.push(Check::skipped(name, why));
            }
        }
    }

    /// Waits for an answer, up to the limit. The check fails if the answer does not come in time.
    pub(super) async fn within<T>(
        &mut self,
        name: CheckName,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let answered = within(self.limit, answer).await;
        if answered.is_none() {
            let limit = words::duration(self.limit);
            self.push(Check::fail(
                name,
                format!("There was no result within {limit}."),
                "Try again later, or give it longer with --timeout.",
            ));
        }
        answered
    }
}

/// Waits for a future, up to a timeout.
pub(super) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Returns an error with its causes, as one sentence.
pub(super) fn sentence(error: &(dyn Error + 'static)) -> String {
    let text = chain(error);
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let capital: String = first.into_iter().flatten().collect();
    format!("{capital}{}.", letters.as_str())
}

/// Shortens the waits of a client: a diagnosis must not wait for long retries.
pub(super) fn hasten(settings: &mut ClientSettings, limit: Duration) {
    settings.request_timeout = settings.request_timeout.min(limit);
    settings.connect_timeout = settings.connect_timeout.min(limit);
    settings.retry = RetryPolicy {
        tries: 3,
        tries_of_odd_answers: 1,
        longest_asked_wait: Duration::from_secs(5),
        first_contact: Duration::from_secs(1),
        ..RetryPolicy::default()
    };
}

//! The retries of reads, and the pauses before them.
//!
//! Writes are never retried here: their caller records each request in the journal.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The limits for retries of reads.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The maximum number of attempts of a read.
    pub tries: u32,
    /// The maximum number of attempts of a read whose answers cannot be understood.
    pub tries_of_odd_answers: u32,
    /// The first pause; each further pause is twice as long.
    pub first_wait: Duration,
    /// The maximum pause that the client chooses itself.
    pub longest_wait: Duration,
    /// The maximum `Retry-After` that a read waits for.
    pub longest_asked_wait: Duration,
    /// The time for which a server that has never answered in this process is tried: a wrong URL
    /// must be reported within seconds.
    pub first_contact: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 10,
            tries_of_odd_answers: 3,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(30),
            longest_asked_wait: Duration::from_mins(2),
            first_contact: Duration::from_secs(3),
        }
    }
}

/// Growing pauses, with jitter so that requests which failed together are not retried together.
#[derive(Debug)]
pub(in crate::api) struct Backoff(Mutex<fastrand::Rng>);

impl Backoff {
    pub(in crate::api) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Returns the pause after the `tried`-th failure: between half of its step and all of it.
    pub(in crate::api) fn wait(&self, policy: &RetryPolicy, tried: u32) -> Duration {
        let step = policy
            .first_wait
            .saturating_mul(2_u32.saturating_pow(tried.saturating_sub(1)))
            .min(policy.longest_wait);
        let share = self.0.lock().unwrap_or_else(PoisonError::into_inner).f64();
        step.mul_f64(0.5 + share / 2.0)
    }
}

/// Parses `Retry-After` in both of its forms. A date is compared with the answer's own `Date`, so
/// that only the server's clock matters, or with `now` if the answer has none.
pub(in crate::api) fn retry_after(
    headers: &HeaderMap,
    now: impl Fn() -> SystemTime,
) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let base = headers
        .get(DATE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| httpdate::parse_http_date(value).ok())
        .unwrap_or_else(now);
    Some(date.duration_since(base).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_cap() {
        let (policy, backoff) = (RetryPolicy::default(), Backoff::new(7));
        for (tried, least, most) in [
            (1, 50, 100),
            (2, 100, 200),
            (5, 800, 1600),
            (30, 15_000, 30_000),
        ] {
            let wait = backoff.wait(&policy, tried).as_millis();
            assert!((least..=most).contains(&wait), "{tried}: {wait}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = || httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:00 GMT").unwrap();
        for (value, date, expected) in [
            ("7", None, Some(7)),
            (" 0 ", None, Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None, Some(37)),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                Some("Sun, 06 Nov 1994 08:49:30 GMT"),
                Some(7),
            ),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None, Some(0)),
            ("soon", None, None),
            ("-1", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(
                retry_after(&headers, now).map(|wait| wait.as_secs()),
                expected,
                "{value}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}

//! Sends one write until it is known whether the server accepted it.
//!
//! A request that the server surely did not accept is sent again. If the server may have accepted
//! it, solform checks for the effect, and sends again only after a complete check that began later
//! than the send plus `timeouts.propagation`: the API has no idempotency key that would make a
//! second deploy safe.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Pauses, PropagationWait, RESEND, pause};
use super::interrupt::CancelToken;
use crate::api::{ReadError, WriteError};

/// The result of a write.
#[derive(Debug)]
pub(crate) enum Sent<T, F> {
    /// The server accepted the write and answered.
    Accepted(T),
    /// The answer was lost, and the effect was found.
    Found(F),
    /// The server refused the write, or does not know its object.
    Refused(WriteError),
}

/// The reason why a write has no result.
#[derive(Debug)]
pub(crate) enum NoResult<E> {
    /// A check before a send failed.
    Stopped(E),
    /// The server surely did not accept the write.
    NotSent(WriteError),
    /// The server may have accepted the write, and no read shows its effect.
    Unknown(WriteError),
}

/// The effect of a write whose answer was lost, as one check shows it.
#[derive(Debug)]
pub(crate) enum Effect<F> {
    /// The effect shows.
    Found(F),
    /// The effect does not show.
    Absent,
    /// The server cannot show whether it exists: waiting does not help.
    Hidden,
}

impl<F> From<Option<F>> for Effect<F> {
    fn from(found: Option<F>) -> Self {
        found.map_or(Self::Absent, Self::Found)
    }
}

/// One attempt to send a write.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) is_first: bool,
    /// True if the server may have accepted an earlier send.
    pub(crate) is_ambiguous: bool,
    /// The pause since the last attempt, without the checks for its effect.
    pub(crate) pause: Duration,
    /// The error of the last attempt, if its answer was lost.
    pub(crate) lost: Option<WriteError>,
}

/// The limits of the attempts to send a write.
pub(crate) struct Delivery<'a> {
    pub(crate) deadline: Instant,
    pub(crate) propagation: Duration,
    pub(crate) interrupt: &'a CancelToken,
    pub(crate) random: &'a Mutex<fastrand::Rng>,
    /// True if the server may have accepted a send before the first attempt.
    pub(crate) is_ambiguous: bool,
}

impl Delivery<'_> {
    /// Sends until the result is known, or the deadline is reached.
    ///
    /// `attempt` sends once, after its own checks. `look` checks for the effect of a send whose
    /// answer was lost. `on_retry` receives the next pause, whether the server may have accepted
    /// the write, and the error.
    pub(crate) async fn send<T, F, E>(
        &self,
        mut attempt: impl AsyncFnMut(Attempt) -> Result<Result<T, WriteError>, E>,
        look: impl AsyncFn() -> Result<Effect<F>, ReadError>,
        on_retry: impl Fn(Duration, bool, &WriteError),
    ) -> Result<Sent<T, F>, NoResult<E>> {
        let mut pauses = Pauses::new(RESEND, self.random);
        let mut next = Attempt {
            is_first: true,
            is_ambiguous: self.is_ambiguous,
            pause: Duration::ZERO,
            lost: None,
        };
        loop {
            let is_ambiguous = next.is_ambiguous;
            let error = match attempt(next).await.map_err(NoResult::Stopped)? {
                Ok(answer) => return Ok(Sent::Accepted(answer)),
                Err(error) => error,
            };
            next = match error {
                WriteError::Ambiguous(_) => {
                    on_retry(self.propagation, true, &error);
                    match self.find_effect(&look).await {
                        Effect::Found(found) => return Ok(Sent::Found(found)),
                        Effect::Absent if Instant::now() < self.deadline => Attempt {
                            is_first: false,
                            is_ambiguous: true,
                            pause: Duration::ZERO,
                            lost: Some(error),
                        },
                        // A time-out is neither success nor failure.
                        Effect::Absent | Effect::Hidden => return Err(NoResult::Unknown(error)),
                    }
                }
                WriteError::NotTaken(ref api) if api.is_retryable() => {
                    let after = api.retry_after().unwrap_or_else(|| pauses.next());
                    on_retry(after, false, &error);
                    let is_over = pause(after, self.deadline, self.interrupt).await.is_err();
                    if is_over || Instant::now() >= self.deadline {
                        return Err(NoResult::NotSent(error));
                    }
                    Attempt {
                        is_first: false,
                        is_ambiguous,
                        pause: after,
                        lost: None,
                    }
                }
                WriteError::NotTaken(_) => return Err(NoResult::NotSent(error)),
                // A second send may be refused because the server accepted the first one.
                WriteError::Refused(_) | WriteError::NotFound(_) => {
                    if is_ambiguous && let Ok(Effect::Found(found)) = look().await {
                        return Ok(Sent::Found(found));
                    }
                    return Ok(Sent::Refused(error));
                }
            };
        }
    }

    /// Checks for the effect of a send until a check that began after `propagation` was complete.
    /// The time counts from the end of the send: the server may have accepted it at any moment
    /// before.
    async fn find_effect<F>(
        &self,
        look: &impl AsyncFn() -> Result<Effect<F>, ReadError>,
    ) -> Effect<F> {
        let propagated_at = Instant::now() + self.propagation;
        let mut wait = PropagationWait::new(self.propagation, self.random, self.interrupt)
            .until(self.deadline);
        loop {
            let begun = Instant::now();
            match look().await {
                Ok(Effect::Found(found)) => return Effect::Found(found),
                Ok(effect) if begun > propagated_at => return effect,
                Ok(_) | Err(_) => {}
            }
            if wait.pause().await.is_err() {
                return Effect::Hidden;
            }
        }
    }
}

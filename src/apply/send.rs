//! Sends one write, journalled, until it is known whether the server accepted it.
//!
//! A request that the server surely did not accept is sent again. If the server may have accepted
//! it, solform checks for the effect, and sends again only after a complete check that began later
//! than the send plus `timeouts.propagation`: the API has no idempotency key that would make a
//! second deploy safe.

use std::time::Duration;

use tokio::time::Instant;

use super::event::ApplyEvent;
use super::executor::Run;
use super::report::{Outcome, StepError};
use super::step::Step;
use super::wait::{Pauses, PollPolicy, Stopped, pause};
use crate::api::{ReadError, WriteError};
use crate::outcome::WriteKind;
use crate::store::{ChangeRef, Entry};

/// The result of a write.
#[derive(Debug)]
pub(super) enum Sent<T, F> {
    /// The server accepted the write and answered.
    Taken(T),
    /// The answer was lost, and the effect was found.
    Found(F),
    /// The server refused the write, or does not know its object.
    Refused(WriteError),
}

/// The time for which a checked precondition is valid before the first send.
const CHECK_HOLDS: Duration = Duration::from_secs(10);

/// The pauses between requests that the server surely did not accept.
pub(super) const RESEND: PollPolicy = PollPolicy {
    first: Duration::from_millis(500),
    factor: 2.0,
    cap: Duration::from_secs(30),
    jitter: 0.2,
};

impl Step<'_, '_> {
    /// Sends until the result is known, or the deadline is reached.
    ///
    /// `send` sends once. `look` checks for the effect of a send whose answer was lost. `check`
    /// checks the precondition again before a repetition.
    pub(super) async fn send<T, F>(
        &mut self,
        call: WriteKind,
        deadline: Instant,
        send: impl AsyncFn() -> Result<T, WriteError>,
        look: impl AsyncFn() -> Result<Option<F>, ReadError>,
        check: impl AsyncFn() -> Result<(), Outcome>,
    ) -> Result<Sent<T, F>, Outcome> {
        let run = self.run;
        let checked_at = Instant::now();
        let mut needs_check = false;
        let mut is_repeated = false;
        let mut pauses = Pauses::new(RESEND, &run.random);
        // True if the server may have accepted an earlier send, also one of an earlier apply.
        let mut is_ambiguous =
            call == WriteKind::Deploy && run.sent_before.contains(&self.change.identity);
        loop {
            // A pause that the server requested ends before the send is journalled.
            let error = match tokio::time::timeout_at(deadline, run.writer.ready()).await {
                Err(_) => return Err(Outcome::Failed(StepError::HeldBack { call })),
                Ok(Err(error)) => error,
                Ok(Ok(())) => {
                    let is_late = !is_repeated && checked_at.elapsed() > CHECK_HOLDS;
                    if needs_check || is_late {
                        check().await?;
                    }
                    self.announce(call).await?;
                    if is_ambiguous {
                        self.sent_twice.push(call);
                    }
                    match send().await {
                        Ok(taken) => return Ok(Sent::Taken(taken)),
                        Err(error @ WriteError::Ambiguous(_)) => {
                            self.emit_retry(call, run.settings.propagation, true, &error);
                            match self.look_for_effect(deadline, &look).await {
                                Ok(Some(found)) => return Ok(Sent::Found(found)),
                                Ok(None) if Instant::now() < deadline => {
                                    is_ambiguous = true;
                                    // The check for the effect of a deploy is also a check of its
                                    // precondition.
                                    needs_check = call != WriteKind::Deploy;
                                    is_repeated = true;
                                    continue;
                                }
                                // A time-out is neither success nor failure.
                                Ok(None) | Err(_) => {
                                    return Err(Outcome::Unknown {
                                        job: None,
                                        said: None,
                                    });
                                }
                            }
                        }
                        Err(error) => error,
                    }
                }
            };
            match error {
                WriteError::NotTaken(ref api) if api.is_retryable() => {
                    let after = error.retry_after().unwrap_or_else(|| pauses.next());
                    // A deploy is checked again only after a long pause: a server may have accepted
                    // a request although it reports the opposite, and its own record must not
                    // refuse the change.
                    needs_check = call != WriteKind::Deploy || after >= CHECK_HOLDS;
                    is_repeated = true;
                    self.emit_retry(call, after, false, &error);
                    if pause(after, deadline, &run.interrupt).await.is_err()
                        || Instant::now() >= deadline
                    {
                        self.record_refusal(call, is_ambiguous).await;
                        return Err(not_sent(call, error));
                    }
                }
                WriteError::NotTaken(_) => {
                    self.record_refusal(call, is_ambiguous).await;
                    return Err(not_sent(call, error));
                }
                // A second send may be refused because the server accepted the first one.
                WriteError::Refused(_) | WriteError::NotFound(_) | WriteError::Ambiguous(_) => {
                    if is_ambiguous && let Ok(Some(found)) = look().await {
                        return Ok(Sent::Found(found));
                    }
                    self.record_refusal(call, is_ambiguous).await;
                    return Ok(Sent::Refused(error));
                }
            }
        }
    }

    /// Journals that the server did not accept the last send, unless it may have accepted an earlier
    /// one. The refusal stays valid if the entry cannot be written.
    async fn record_refusal(&self, call: WriteKind, is_ambiguous: bool) {
        if is_ambiguous || !self.attempts.contains_key(&call) {
            return;
        }
        let change = ChangeRef::of(self.change);
        let entry = Entry::Refused { change, call };
        if let Err(error) = self.run.journal.record(self.run.now_ms(), entry).await {
            tracing::warn!(address = %self.change.address, %error, "the refusal could not be journalled");
        }
    }

    /// Journals a call before it is sent.
    async fn announce(&mut self, call: WriteKind) -> Result<(), Outcome> {
        // A step that has begun is completed: a deleted version must be deployed again, and a
        // deployed version must get its declared visibility.
        if self.run.interrupt.is_raised() && !self.has_begun() {
            return Err(Outcome::Cancelled);
        }
        // Another process may be writing now.
        if !self.run.lease.is_held() {
            return Err(Outcome::Failed(StepError::LockLost { call }));
        }
        let attempt = self.attempts.get(&call).copied().unwrap_or_default() + 1;
        self.record_sending(call, attempt).await?;
        self.attempts.insert(call, attempt);
        Ok(())
    }

    /// Checks for the effect of a send until a check that began after `propagation` was complete.
    /// The time counts from the end of the send: the server may have accepted it at any moment
    /// before.
    async fn look_for_effect<F>(
        &self,
        deadline: Instant,
        look: &impl AsyncFn() -> Result<Option<F>, ReadError>,
    ) -> Result<Option<F>, Stopped> {
        let run = self.run;
        let propagated_at = Instant::now() + run.settings.propagation;
        let mut pauses = Pauses::new(run.propagation_pauses(), &run.random);
        loop {
            let begun = Instant::now();
            if let Ok(found) = look().await
                && (found.is_some() || begun > propagated_at)
            {
                return Ok(found);
            }
            pause(pauses.next(), deadline, &run.interrupt).await?;
        }
    }

    fn emit_retry(&self, call: WriteKind, after: Duration, is_ambiguous: bool, error: &WriteError) {
        self.run.tell(&ApplyEvent::Retrying {
            address: self.change.address.clone(),
            call,
            after,
            is_ambiguous,
            why: error.to_string(),
        });
    }
}

fn not_sent(call: WriteKind, error: WriteError) -> Outcome {
    Outcome::Failed(StepError::NotSent {
        call,
        source: Box::new(error),
    })
}

impl Run<'_> {
    /// Returns pauses that allow several reads within `propagation`.
    pub(super) fn propagation_pauses(&self) -> PollPolicy {
        PollPolicy::for_propagation(self.settings.propagation)
    }
}

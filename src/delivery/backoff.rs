//! The pauses of every wait.
//!
//! Uses tokio's clock, which tests can advance. A wait ends early at the deadline, or when the
//! grace period after an interrupt is over.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::interrupt::CancelToken;

/// The pauses between requests that the server surely did not accept.
pub(crate) const RESEND: PollPolicy = PollPolicy {
    first: Duration::from_millis(500),
    factor: 2.0,
    cap: Duration::from_secs(30),
    jitter: 0.2,
};

/// The polling policy for jobs: the pauses are short at first and then become longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollPolicy {
    /// The first pause.
    pub first: Duration,
    /// The factor by which each pause is longer than the one before.
    pub factor: f64,
    /// The longest pause.
    pub cap: Duration,
    /// The largest random deviation of a pause, as a share: 0.2 means up to a fifth shorter or
    /// longer.
    pub jitter: f64,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            factor: 1.5,
            cap: Duration::from_secs(5),
            jitter: 0.2,
        }
    }
}

impl PollPolicy {
    /// Returns pauses that allow several reads within `propagation`.
    fn for_propagation(propagation: Duration) -> Self {
        Self {
            first: (propagation / 20).clamp(Duration::from_millis(10), Duration::from_millis(500)),
            factor: 1.5,
            cap: (propagation / 5).clamp(Duration::from_millis(20), Duration::from_secs(5)),
            jitter: 0.2,
        }
    }
}

/// The sequence of pauses of one wait.
#[derive(Debug)]
pub(crate) struct Pauses<'a> {
    policy: PollPolicy,
    next: Duration,
    random: &'a Mutex<fastrand::Rng>,
}

impl<'a> Pauses<'a> {
    pub(crate) fn new(policy: PollPolicy, random: &'a Mutex<fastrand::Rng>) -> Self {
        Self {
            policy,
            next: policy.first,
            random,
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.mul_f64(self.policy.factor).min(self.policy.cap);
        self.jittered(pause)
    }

    pub(crate) fn jittered(&self, pause: Duration) -> Duration {
        let unit = self
            .random
            .lock()
            .expect("invariant: no thread panics while it holds the random source")
            .f64();
        pause.mul_f64(1.0 + self.policy.jitter * (2.0 * unit - 1.0))
    }
}

/// The reason why a wait ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The deadline was reached.
    OutOfTime,
    /// The grace period after an interrupt was over.
    Interrupted,
}

/// Waits for a pause, but not longer than the deadline or the grace period of an interrupt.
pub(crate) async fn pause(
    length: Duration,
    deadline: Instant,
    interrupt: &CancelToken,
) -> Result<(), Stopped> {
    let now = Instant::now();
    if now >= deadline {
        return Err(Stopped::OutOfTime);
    }
    let until = (now + length).min(deadline);
    tokio::select! {
        () = tokio::time::sleep_until(until) => Ok(()),
        () = interrupt.grace_over() => Err(Stopped::Interrupted),
    }
}

/// A wait of several reads until a write shows, for at most `propagation`.
#[derive(Debug)]
pub(crate) struct PropagationWait<'a> {
    pauses: Pauses<'a>,
    deadline: Instant,
    interrupt: &'a CancelToken,
}

impl<'a> PropagationWait<'a> {
    pub(crate) fn new(
        propagation: Duration,
        random: &'a Mutex<fastrand::Rng>,
        interrupt: &'a CancelToken,
    ) -> Self {
        Self {
            pauses: Pauses::new(PollPolicy::for_propagation(propagation), random),
            deadline: Instant::now() + propagation,
            interrupt,
        }
    }

    /// Returns the same wait with a deadline that may be later than the propagation.
    pub(crate) fn until(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub(crate) async fn pause(&mut self) -> Result<(), Stopped> {
        pause(self.pauses.next(), self.deadline, self.interrupt).await
    }
}

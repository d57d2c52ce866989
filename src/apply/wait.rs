//! The polling loop for jobs, and the pauses of every other wait.
//!
//! Uses tokio's clock, which tests can advance. A wait ends early at the deadline, or when the
//! grace period after an interrupt is over.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::event::ApplyEvent;
use super::executor::Run;
use super::interrupt::CancelToken;
use super::job_times::Polls;
use crate::ident::{Address, JobId};
use crate::job::{JobResult, JobState};
use crate::outcome::WriteKind;

/// The time that the last poll may take after the deadline: the duration of one request.
const LAST_POLL: Duration = Duration::from_secs(30);

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
    pub(super) fn for_propagation(propagation: Duration) -> Self {
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
pub(super) struct Pauses<'a> {
    policy: PollPolicy,
    next: Duration,
    random: &'a Mutex<fastrand::Rng>,
}

impl<'a> Pauses<'a> {
    pub(super) fn new(policy: PollPolicy, random: &'a Mutex<fastrand::Rng>) -> Self {
        Self {
            policy,
            next: policy.first,
            random,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.mul_f64(self.policy.factor).min(self.policy.cap);
        self.jittered(pause)
    }

    pub(super) fn jittered(&self, pause: Duration) -> Duration {
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
pub(super) enum Stopped {
    /// The deadline was reached.
    OutOfTime,
    /// The grace period after an interrupt was over.
    Interrupted,
}

/// Waits for a pause, but not longer than the deadline or the grace period of an interrupt.
pub(super) async fn pause(
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

/// The result of polling a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The job ended, as the server reports.
    Finished(JobResult),
    /// The time was over before the job ended.
    TimeUp {
        /// The reason why the polling ended.
        stopped: Stopped,
        /// True if the last valid answer was that the job is in progress.
        was_pending: bool,
        /// The last answer, if it was not a valid one.
        said: Option<String>,
    },
}

/// The reason why a wait for an effect failed.
#[derive(Debug)]
pub(super) enum NotShown<E> {
    /// A read failed, and was not retried.
    Failed(E),
    /// The grace period after an interrupt was over.
    Interrupted,
}

impl<E> From<E> for NotShown<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

impl Run<'_> {
    /// Reads until the effect shows, for at most `propagation`, with one last read at the end. A
    /// retryable error is returned only if it comes from the last read.
    pub(super) async fn until_shown<T, E>(
        &self,
        look: impl AsyncFn() -> Result<Option<T>, E>,
        is_passing: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, NotShown<E>> {
        let mut pauses = Pauses::new(self.propagation_pauses(), &self.random);
        let deadline = Instant::now() + self.settings.propagation;
        loop {
            let is_last_look = Instant::now() >= deadline;
            match look().await {
                Ok(Some(found)) => return Ok(Some(found)),
                Err(error) if is_last_look || !is_passing(&error) => return Err(error.into()),
                Ok(None) if is_last_look => return Ok(None),
                Ok(None) | Err(_) => {}
            }
            if pause(pauses.next(), deadline, &self.interrupt).await == Err(Stopped::Interrupted) {
                return Err(NotShown::Interrupted);
            }
        }
    }

    /// Polls a job until it ends, the deadline is reached, or the grace period of an interrupt is
    /// over. Polls at least once, and does not cancel a running poll at the deadline: without any
    /// answer, the job would count as unknown to the server.
    pub(super) async fn poll_job(
        &self,
        address: &Address,
        call: WriteKind,
        job: &JobId,
        deadline: Instant,
    ) -> JobEnd {
        let mut polls = Polls::new(self.settings.poll, self.job_times.of(call), &self.random);
        let mut last_word = String::new();
        let mut was_pending = false;
        // Before the first answer, there is nothing to report.
        let mut is_proper = true;
        let mut is_polled = false;
        loop {
            if let Err(stopped) = polls.wait(deadline, &self.interrupt).await
                && (is_polled || stopped == Stopped::Interrupted)
            {
                return JobEnd::TimeUp {
                    stopped,
                    was_pending,
                    said: Some(last_word).filter(|_| !is_proper),
                };
            }
            is_polled = true;
            let limit = deadline.max(Instant::now() + LAST_POLL);
            let (proper, word) = match tokio::time::timeout_at(limit, self.reader.job(job)).await {
                Ok(Ok(JobState::Finished(result))) => {
                    if matches!(result, JobResult::Done { .. }) {
                        polls.is_done();
                    }
                    return JobEnd::Finished(result);
                }
                Ok(Ok(JobState::Pending { word })) => {
                    was_pending = true;
                    polls.is_pending();
                    (true, word)
                }
                Ok(Ok(JobState::NoAnswer(why))) => (false, why.to_string()),
                // A status that cannot be read says nothing about the job (docs/platform.md,
                // "Jobs").
                Ok(Err(error)) => (false, error.to_string()),
                Err(_) => continue,
            };
            is_proper = proper;
            if word != last_word {
                self.tell(&ApplyEvent::JobAnswered {
                    address: address.clone(),
                    job: job.clone(),
                    word: word.clone(),
                });
                last_word = word;
            }
        }
    }
}

//! The one polling loop, and the pauses of everything else that waits.
//!
//! Time is tokio's, which tests can move. Waits end early with the deadline or with the grace that
//! an interrupt leaves.

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

/// The time that a poll may take beyond the deadline: that of one request.
const LAST_POLL: Duration = Duration::from_secs(30);

/// How a job is polled: fast at first, then ever slower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollPolicy {
    /// The first pause.
    pub first: Duration,
    /// What each pause is multiplied with to get the next.
    pub factor: f64,
    /// The longest pause.
    pub cap: Duration,
    /// How far a pause may deviate, as a share: 0.2 is up to a fifth either way.
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
    /// Pauses that fit a number of looks into `propagation`.
    pub(super) fn for_propagation(propagation: Duration) -> Self {
        Self {
            first: (propagation / 20).clamp(Duration::from_millis(10), Duration::from_millis(500)),
            factor: 1.5,
            cap: (propagation / 5).clamp(Duration::from_millis(20), Duration::from_secs(5)),
            jitter: 0.2,
        }
    }
}

/// The pauses of one wait.
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
            .expect("invariant: nobody panics while holding the random source")
            .f64();
        pause.mul_f64(1.0 + self.policy.jitter * (2.0 * unit - 1.0))
    }
}

/// Why a wait ended before its pause was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The deadline came.
    OutOfTime,
    /// The grace after an interrupt was over.
    Interrupted,
}

/// Pauses, but never past the deadline or the grace of an interrupt.
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

/// How polling a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The job says that it ended.
    Finished(JobResult),
    /// The time was up.
    TimeUp {
        /// Why.
        stopped: Stopped,
        /// True if the last proper word was that the job is at work.
        was_pending: bool,
        /// The last answer, where it was no proper word.
        said: Option<String>,
    },
}

/// Why a wait for something to show came to nothing.
#[derive(Debug)]
pub(super) enum NotShown<E> {
    /// A look failed for good.
    Failed(E),
    /// The grace after an interrupt was over.
    Interrupted,
}

impl<E> From<E> for NotShown<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

impl Run<'_> {
    /// Looks until something shows, for as long as `propagation`, with one look at the very end. A
    /// look that failed in passing is not the last word, until it is the last look.
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

    /// Polls a job until it ends, the deadline comes, or an interrupt's grace is over. The job is
    /// polled at least once, and a poll that has begun is not cut off at the deadline: a job of
    /// which the server was never heard to say anything would count as one that it does not know.
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
        // Nothing was said yet, which needs no mention.
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

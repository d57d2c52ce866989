//! The polling of jobs, and the reads until an effect shows.

use std::time::Duration;

use tokio::time::Instant;

use super::context::ApplyContext;
use super::durations::JobPolls;
use super::event::ApplyEvent;
use super::report::Outcome;
use super::step_error::StepError;
use crate::delivery::Stopped;
use crate::ident::{Address, JobId};
use crate::job::{JobResult, JobState};
use crate::outcome::WriteKind;

/// The time that the last poll may take after the deadline: the duration of one request.
const LAST_POLL: Duration = Duration::from_secs(30);

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
        last_answer: Option<String>,
    },
}

impl ApplyContext<'_> {
    /// Reads until the effect shows, for at most `propagation`, with one last read at the end. A
    /// read error is returned only if it comes from the last read. `job` is the one that is in
    /// progress if the grace period after an interrupt ends first.
    pub(super) async fn until_shown<T>(
        &self,
        look: impl AsyncFn() -> Result<Option<T>, Outcome>,
        job: Option<&JobId>,
    ) -> Result<Option<T>, Outcome> {
        let mut wait = self.propagation_wait();
        loop {
            let is_last = wait.is_over();
            match look().await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) if is_last => return Ok(None),
                Err(Outcome::Failed(StepError::NotRead { .. })) if !is_last => {}
                Err(outcome) => return Err(outcome),
                Ok(None) => {}
            }
            if wait.pause().await == Err(Stopped::Interrupted) {
                return Err(Outcome::unknown(job.cloned()));
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
        let recent = self.shared.durations.of(call);
        let mut polls = JobPolls::new(self.settings.poll, recent, &self.shared.random);
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
                    last_answer: Some(last_word).filter(|_| !is_proper),
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
                Ok(Ok(JobState::Pending(word))) => {
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
                self.emit(&ApplyEvent::JobAnswered {
                    address: address.clone(),
                    job: job.clone(),
                    word: word.clone(),
                });
                last_word = word;
            }
        }
    }
}

//! Starts a run of a solution: sent once, and again only when it is known not to have been taken.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::interrupt::Interrupt;
use super::run_report::RunEvent;
use super::send::RESEND;
use super::wait::{Pauses, PollPolicy, pause};
use crate::api::{ApiError, ReadError, Reader, WriteError, Writer};
use crate::ident::JobId;
use crate::job::{JobKind, JobState, RunFilter, RunRequest, RunTarget};

/// Takes what happens, as it happens.
pub type RunEventSink = Arc<dyn Fn(&RunEvent) + Send + Sync>;

/// What a run is started and watched with. Clock and randomness come in as values.
pub struct RunExecution {
    /// Reads jobs and lists of runs.
    pub reader: Reader,
    /// Says when to stop.
    pub interrupt: Interrupt,
    /// When to stop waiting.
    pub deadline: Instant,
    /// How long a start may need to show.
    pub settle: Duration,
    /// How jobs are polled.
    pub poll: PollPolicy,
    /// Is told what happens.
    pub events: RunEventSink,
    /// The jitter's source.
    pub random: Mutex<fastrand::Rng>,
}

impl fmt::Debug for RunExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunExecution")
            .field("settle", &self.settle)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}

/// A run that has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// Its id: the one that was chosen, or another that the server gave.
    pub id: JobId,
    /// Whether the start was sent twice.
    pub sent_twice: bool,
}

/// Why no run has started.
#[derive(Debug, thiserror::Error)]
pub enum RunStartError {
    /// The server refused.
    #[error("the server refused to start the run")]
    Refused(#[source] WriteError),
    /// It never reached the server.
    #[error("the run could not be sent")]
    NotSent(#[source] WriteError),
    /// It may have started, and was not found.
    #[error("whether the run `{id}` has started is not known")]
    NotKnown {
        /// The id that was sent.
        id: JobId,
        /// Why the answer is not known.
        #[source]
        source: WriteError,
    },
    /// An interrupt came before anything was sent.
    #[error("interrupted: no run was started")]
    Interrupted,
}

/// Starts a run. A start whose answer is lost is looked for by its id, and sent again only after a
/// look that began later than `settle` has not found it (design 5).
pub async fn start_run(
    writer: &Writer,
    target: &RunTarget,
    request: &RunRequest,
    execution: &RunExecution,
) -> Result<StartedRun, RunStartError> {
    let mut pauses = Pauses::new(RESEND, &execution.random);
    // Whether an earlier sending may have been taken.
    let mut is_ambiguous = false;
    let started = |id: Option<JobId>, sent_twice: bool| StartedRun {
        id: id.unwrap_or_else(|| request.id.clone()),
        sent_twice,
    };
    loop {
        if execution.interrupt.is_raised() && !is_ambiguous {
            return Err(RunStartError::Interrupted);
        }
        let sent = match writer.ready().await {
            Ok(()) => writer.run(target, request).await,
            Err(error) => Err(error),
        };
        let error = match sent {
            Ok(id) => return Ok(started(id, is_ambiguous)),
            Err(error) => error,
        };
        match error {
            WriteError::Ambiguous(_) => {
                execution.tell_retry(execution.settle, true, &error);
                match execution.find(request).await {
                    Some(true) => return Ok(started(None, is_ambiguous)),
                    Some(false) if Instant::now() < execution.deadline => is_ambiguous = true,
                    Some(false) | None => {
                        return Err(RunStartError::NotKnown {
                            id: request.id.clone(),
                            source: error,
                        });
                    }
                }
            }
            WriteError::NotTaken(ref api) if api.is_retryable() => {
                let after = error.retry_after().unwrap_or_else(|| pauses.next());
                execution.tell_retry(after, false, &error);
                let ended = pause(after, execution.deadline, &execution.interrupt).await;
                if ended.is_err() || Instant::now() >= execution.deadline {
                    return Err(RunStartError::NotSent(error));
                }
            }
            WriteError::NotTaken(_) => return Err(RunStartError::NotSent(error)),
            WriteError::Refused(_) | WriteError::NotFound(_) => {
                // A repeated id may be refused because the first sending was taken after all.
                if is_ambiguous && execution.knows(request).await.unwrap_or(false) {
                    return Ok(started(None, true));
                }
                return Err(RunStartError::Refused(error));
            }
        }
    }
}

impl RunExecution {
    /// Looks for a run until a look that began after `settle` was complete. `None` if none was.
    async fn find(&self, request: &RunRequest) -> Option<bool> {
        let settled_at = Instant::now() + self.settle;
        let mut pauses = Pauses::new(PollPolicy::settling(self.settle), &self.random);
        loop {
            let begun = Instant::now();
            match self.knows(request).await {
                Ok(true) => return Some(true),
                Ok(false) if begun > settled_at => return Some(false),
                Ok(false) | Err(_) => {}
            }
            if pause(pauses.next(), self.deadline, &self.interrupt)
                .await
                .is_err()
            {
                return None;
            }
        }
    }

    /// Whether the platform knows the run: by the Job API, or by its lists.
    async fn knows(&self, request: &RunRequest) -> Result<bool, ReadError> {
        let status = self.reader.job_status(&request.id, JobKind::Flow).await;
        if matches!(
            status.map(|status| status.state),
            Ok(JobState::Pending { .. } | JobState::Finished(_))
        ) {
            return Ok(true);
        }
        let filter = RunFilter {
            ids: vec![request.id.clone()],
            output_repos: request.output_repo().into_iter().collect(),
            ..RunFilter::default()
        };
        let list = self.reader.runs(&filter).await?;
        Ok(!list.runs.is_empty())
    }

    fn tell_retry(&self, after: Duration, is_ambiguous: bool, error: &WriteError) {
        (self.events)(&RunEvent::Retrying {
            after,
            is_ambiguous,
            why: error.to_string(),
        });
    }
}

impl RunStartError {
    /// The failed request, where there is one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) | Self::NotSent(error) | Self::NotKnown { source: error, .. } => {
                Some(error.api())
            }
            Self::Interrupted => None,
        }
    }
}

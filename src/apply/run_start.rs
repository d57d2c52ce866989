//! Starts a run of a solution: sent once, and again only when it is known not to have been taken.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::interrupt::CancelToken;
use super::run_report::RunEvent;
use super::send::RESEND;
use super::wait::{Pauses, PollPolicy, pause};
use crate::api::{ApiError, ReadError, Reader, WriteError, Writer};
use crate::ident::JobId;
use crate::job::{JobKind, JobState, RunFilter, RunRequest, RunTarget};

/// How many of a solution's runs are looked through.
const NEWEST: u64 = 20;

/// Takes what happens, as it happens.
pub type RunEventSink = Arc<dyn Fn(&RunEvent) + Send + Sync>;

/// What a run is started and watched with. Clock and randomness come in as values.
pub struct RunExecution {
    /// Reads jobs and lists of runs.
    pub reader: Reader,
    /// Says when to stop.
    pub interrupt: CancelToken,
    /// When to stop waiting.
    pub deadline: Instant,
    /// How long a start may need to show.
    pub propagation: Duration,
    /// How jobs are polled.
    pub poll: PollPolicy,
    /// Is told what happens.
    pub events: RunEventSink,
    /// The wall clock, in milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The jitter's source.
    pub random: Mutex<fastrand::Rng>,
}

impl fmt::Debug for RunExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunExecution")
            .field("propagation", &self.propagation)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}

/// A run that has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// Its id: the one that was chosen, or another that the server gave.
    pub id: JobId,
    /// True if the start was sent twice.
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
        /// Another run of the solution that began at that time: the server may have given the run
        /// an id of its own.
        perhaps: Option<JobId>,
        /// Why the answer is not known.
        #[source]
        source: WriteError,
    },
    /// An interrupt came before anything was sent.
    #[error("interrupted: no run was started")]
    Interrupted,
}

/// Starts a run. A start whose answer is lost is looked for by its id, and sent again only after a
/// look that began later than `propagation` has not found it.
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
        let ready = writer.ready().await;
        let sent_at_ms = (execution.now_ms)();
        let sent = match ready {
            Ok(()) => writer.run(target, request).await,
            Err(error) => Err(error),
        };
        let error = match sent {
            Ok(id) => return Ok(started(id, is_ambiguous)),
            Err(error) => error,
        };
        match error {
            WriteError::Ambiguous(_) => {
                execution.tell_retry(execution.propagation, true, &error);
                let not_known = |perhaps: Option<JobId>, source: WriteError| {
                    let id = request.id.clone();
                    Err(RunStartError::NotKnown {
                        id,
                        perhaps,
                        source,
                    })
                };
                match execution.find(request).await {
                    Some(true) => return Ok(started(None, is_ambiguous)),
                    Some(false) if Instant::now() < execution.deadline => {
                        match execution.begun_since(sent_at_ms, target, request).await {
                            Ok(None) => is_ambiguous = true,
                            Ok(Some(other)) => return not_known(Some(other), error),
                            Err(_) => return not_known(None, error),
                        }
                    }
                    Some(false) | None => return not_known(None, error),
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
                if is_ambiguous && matches!(execution.knows(request).await, Ok(Some(true))) {
                    return Ok(started(None, true));
                }
                return Err(RunStartError::Refused(error));
            }
        }
    }
}

impl RunExecution {
    /// Looks for a run until a look that began after `propagation` was complete. `None` if none
    /// was.
    async fn find(&self, request: &RunRequest) -> Option<bool> {
        let propagated_at = Instant::now() + self.propagation;
        let mut pauses = Pauses::new(PollPolicy::for_propagation(self.propagation), &self.random);
        loop {
            let begun = Instant::now();
            match self.knows(request).await {
                Ok(Some(true)) => return Some(true),
                Ok(Some(false)) if begun > propagated_at => return Some(false),
                // A list that is never shown in full will not be by waiting.
                Ok(None) if begun > propagated_at => return None,
                Ok(_) | Err(_) => {}
            }
            if pause(pauses.next(), self.deadline, &self.interrupt)
                .await
                .is_err()
            {
                return None;
            }
        }
    }

    /// Returns whether the platform knows the run: by the Job API, or by its lists. `None` where a
    /// list was not seen in full.
    async fn knows(&self, request: &RunRequest) -> Result<Option<bool>, ReadError> {
        let status = self.reader.job_status(&request.id, JobKind::Flow).await;
        // Some servers call every job pending, whether or not they know it (docs/platform.md, U3).
        let (is_known, may_be_known) = match status {
            Ok(status) => match status.state {
                JobState::Finished(_) => (true, true),
                JobState::Pending { .. } => (status.flow.is_some(), true),
                JobState::NoAnswer(_) => (false, false),
            },
            Err(_) => (false, false),
        };
        if is_known {
            return Ok(Some(true));
        }
        let filter = RunFilter {
            ids: vec![request.id.clone()],
            output_repos: request.output_repo().into_iter().collect(),
            ..RunFilter::default()
        };
        let list = self.reader.runs(&filter).await?;
        Ok(match (list.runs.is_empty(), list.incomplete) {
            (false, _) => Some(true),
            (true, None) if !may_be_known => Some(false),
            (true, _) => None,
        })
    }

    /// Another run of the solution that may be the one that was sent: it began since, and a server
    /// that gives ids of its own would show it so.
    async fn begun_since(
        &self,
        sent_at_ms: u64,
        target: &RunTarget,
        request: &RunRequest,
    ) -> Result<Option<JobId>, ReadError> {
        let mut filter = RunFilter {
            output_repos: request.output_repo().into_iter().collect(),
            // The newest come first.
            limit: Some(NEWEST),
            ..RunFilter::default()
        };
        match target {
            RunTarget::Id(id) => {
                filter.solution_ids = vec![id.clone()];
                filter.is_of_one = true;
            }
            RunTarget::Name { name, .. } => filter.names = vec![name.to_string()],
        }
        let sent_at = i64::try_from(sent_at_ms).unwrap_or(i64::MAX);
        // Some servers keep whole seconds only (docs/platform.md, "Records"). Clocks that differ
        // make this look less than sure; a longer reach would take every run of a busy solution for
        // this one.
        let is_since = |at: i64| at >= sent_at || at == sent_at / 1000 * 1000;
        let list = self.reader.runs(&filter).await?;
        Ok(list
            .runs
            .into_iter()
            .find(|run| run.id != request.id && run.started_at_ms.is_some_and(is_since))
            .map(|run| run.id))
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

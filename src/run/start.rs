//! Starts a run of a solution. The start is sent again only if the server surely did not accept it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::report::RunEvent;
use crate::api::{ReadError, Reader, WriteError, Writer};
use crate::delivery::{Attempt, CancelToken, Delivery, Effect, NoResult, PollPolicy, Sent};
use crate::ident::JobId;
use crate::job::{JobKind, JobState, RunFilter, RunRequest, RunTarget};

/// The maximum number of a solution's runs that are checked.
const NEWEST: u64 = 20;

/// The function that receives each event as it happens.
pub type RunEventSink = Arc<dyn Fn(&RunEvent) + Send + Sync>;

/// The context for starting and watching a run. Clock and random numbers are passed in as values.
pub struct RunContext {
    /// The client for jobs and lists of runs.
    pub reader: Reader,
    /// The token that reports an interrupt.
    pub interrupt: CancelToken,
    /// The end of the wait.
    pub deadline: Instant,
    /// The longest time until a start shows in reads.
    pub propagation: Duration,
    /// The polling policy for jobs.
    pub poll: PollPolicy,
    /// The receiver of events.
    pub events: RunEventSink,
    /// The wall clock, in milliseconds since 1970.
    pub now_ms: fn() -> u64,
    /// The random numbers for the jitter.
    pub random: Mutex<fastrand::Rng>,
}

/// A run that has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// The id: the chosen one, or another one that the server assigned.
    pub id: JobId,
    /// True if the start was sent twice.
    pub sent_twice: bool,
}

/// The reason why no run was started.
#[derive(Debug, thiserror::Error)]
pub enum RunStartError {
    /// The server refused.
    #[error("the server refused to start the run")]
    Refused(#[source] WriteError),
    /// The start never reached the server.
    #[error("the run could not be sent")]
    NotSent(#[source] WriteError),
    /// The run may have started, and was not found.
    #[error("whether the run `{id}` has started is not known")]
    NotKnown {
        /// The id that was sent.
        id: JobId,
        /// Another run of the solution that started at that time: the server may have assigned its
        /// own id to the run.
        perhaps: Option<JobId>,
        /// The error of the last attempt.
        #[source]
        source: WriteError,
    },
    /// An interrupt arrived before anything was sent.
    #[error("interrupted: no run was started")]
    Interrupted,
}

impl RunStartError {
    /// Returns the fix, in full sentences.
    pub fn help(&self) -> Option<Cow<'static, str>> {
        match self {
            // Here, a 404 is about the solution and not about the URL.
            Self::Refused(error) | Self::NotSent(error) => match error.api() {
                error if error.status() == Some(404) => Some(Cow::Borrowed(
                    "No version that can run has that name: `solform list` lists the live \
                     versions. A version that is INACTIVE may be hidden, and by name the owner \
                     is IB_DEPLOYED unless --owner names another.",
                )),
                error => Some(error.help()),
            },
            Self::NotKnown {
                perhaps: Some(other),
                ..
            } => Some(Cow::Owned(format!(
                "The run `{other}` of the same solution began at that time, and may be it, under \
                 an id of the server's. Run `solform job ID --type flow --wait` with that id."
            ))),
            Self::NotKnown { perhaps: None, .. } => Some(Cow::Borrowed(
                "Run `solform job ID --type flow --wait` with the id above.",
            )),
            Self::Interrupted => None,
        }
    }
}

/// Starts a run. If the answer is lost, the run is searched by its id. The start is sent again only
/// after a search that began later than `propagation` did not find it.
pub async fn start_run(
    target: &RunTarget,
    request: &RunRequest,
    context: &RunContext,
) -> Result<StartedRun, RunStartError> {
    let delivery = Delivery {
        deadline: context.deadline,
        propagation: context.propagation,
        interrupt: &context.interrupt,
        random: &context.random,
        is_ambiguous: false,
    };
    let writer = Writer::new(&context.reader);
    let mut sent_at_ms = 0;
    let mut sent_twice = false;
    let attempt = async |attempt: Attempt| {
        if let Some(source) = attempt.lost {
            let other = context.begun_since(sent_at_ms, target, request).await;
            if !matches!(other, Ok(None)) {
                return Err(not_known(request, other.ok().flatten(), source));
            }
        }
        if context.interrupt.is_raised() && !attempt.is_ambiguous {
            return Err(RunStartError::Interrupted);
        }
        let ready = writer.ready().await;
        sent_at_ms = (context.now_ms)();
        if let Err(error) = ready {
            return Ok(Err(error));
        }
        sent_twice = attempt.is_ambiguous;
        Ok(writer.run(target, request).await)
    };
    let on_retry = |after, is_ambiguous, error: &WriteError| {
        (context.events)(&RunEvent::Retrying {
            after,
            is_ambiguous,
            why: error.to_string(),
        });
    };
    let sent = delivery
        .send(attempt, async || context.look_for(request).await, on_retry)
        .await;
    let id = match sent {
        Ok(Sent::Accepted(id)) => id,
        Ok(Sent::Found(())) => None,
        Ok(Sent::Refused(error)) => return Err(RunStartError::Refused(error)),
        Err(NoResult::Stopped(error)) => return Err(error),
        Err(NoResult::NotSent(error)) => return Err(RunStartError::NotSent(error)),
        Err(NoResult::Unknown(error)) => return Err(not_known(request, None, error)),
    };
    Ok(StartedRun {
        id: id.unwrap_or_else(|| request.id.clone()),
        sent_twice,
    })
}

fn not_known(request: &RunRequest, perhaps: Option<JobId>, source: WriteError) -> RunStartError {
    RunStartError::NotKnown {
        id: request.id.clone(),
        perhaps,
        source,
    }
}

impl RunContext {
    /// Looks for a run in the Job API and in the lists of runs. A list that is incomplete stays
    /// incomplete.
    async fn look_for(&self, request: &RunRequest) -> Result<Effect<()>, ReadError> {
        let status = self.reader.job_status(&request.id, JobKind::Flow).await;
        // Some servers report unknown jobs as pending too (docs/platform.md, U3).
        let (is_known, may_be_known) = match status.map(|status| (status.state, status.flow)) {
            Ok((JobState::Finished(_), _)) => (true, true),
            Ok((JobState::Pending(_), flow)) => (flow.is_some(), true),
            Ok((JobState::NoAnswer(_), _)) | Err(_) => (false, false),
        };
        if is_known {
            return Ok(Effect::Found(()));
        }
        let filter = RunFilter {
            ids: vec![request.id.clone()],
            output_repos: request.output_repo().into_iter().collect(),
            ..RunFilter::default()
        };
        let list = self.reader.runs(&filter).await?;
        Ok(match (list.runs.is_empty(), list.incomplete) {
            (false, _) => Effect::Found(()),
            (true, None) if !may_be_known => Effect::Absent,
            (true, _) => Effect::Hidden,
        })
    }

    /// Returns another run of the solution that started since and may be this one: a server that
    /// assigns its own ids would list it in this form.
    async fn begun_since(
        &self,
        sent_at_ms: u64,
        target: &RunTarget,
        request: &RunRequest,
    ) -> Result<Option<JobId>, ReadError> {
        let mut filter = RunFilter {
            output_repos: request.output_repo().into_iter().collect(),
            // The newest runs come first.
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
        // Some servers keep whole seconds only (docs/platform.md, "Records"). If the clocks differ,
        // this check may miss the run. A wider time span would match unrelated runs of a busy
        // solution.
        let is_since = |at: i64| at >= sent_at || at == sent_at / 1000 * 1000;
        let list = self.reader.runs(&filter).await?;
        Ok(list
            .runs
            .into_iter()
            .find(|run| run.id != request.id && run.started_at_ms.is_some_and(is_since))
            .map(|run| run.id))
    }
}

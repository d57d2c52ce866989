//! The outcomes of an apply: exactly one for every change.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use crate::api::WriteError;
use crate::attribute::LiveStateWord;
use crate::ident::{Address, Identity, JobId, Owner, OwnerPair, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{ActionKind, ApprovedPlan, Decided, Difference};

/// The report of an apply: the changes of the plan, in its order.
#[derive(Debug)]
pub struct ApplyReport {
    /// One entry for each change that is not a no-op.
    pub steps: Vec<StepReport>,
    /// True if an interrupt ended the apply early.
    pub interrupted: bool,
}

/// The report of one change.
#[derive(Debug)]
pub struct StepReport {
    /// The change.
    pub address: Address,
    /// The version that it is about.
    pub identity: Identity,
    /// The planned kind of action.
    pub kind: ActionKind,
    /// The outcome of the change.
    pub outcome: Outcome,
    /// The jobs that the change started, in order.
    pub jobs: Vec<JobId>,
    /// The calls that were sent a second time, because the server may or may not have accepted
    /// them.
    pub sent_twice: Vec<WriteKind>,
    /// The duration of the step.
    pub took: Duration,
}

/// The outcome of one change.
#[derive(Debug)]
pub enum Outcome {
    /// The after-image is live, confirmed by reading.
    Done(Done),
    /// The change was not executed, or not completely.
    Failed(StepError),
    /// The change was not executed.
    Skipped(SkipReason),
    /// Another user or program changed the version since the plan, or solform may not change it.
    Refused(Vec<Difference>),
    /// An interrupt arrived before anything was sent.
    Cancelled,
    /// The outcome is unknown: the job was still in progress when the time was over.
    Unknown {
        /// The job, if the server named one.
        job: Option<JobId>,
        /// The last answer about the job, if it was not a valid one.
        said: Option<String>,
    },
}

/// A change that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The record, if one is live.
    pub id: Option<SolutionId>,
    /// True if the after-image was live before anything was sent.
    pub was_already: bool,
    /// True if the visibility was patched and could not be read back.
    pub visibility_not_known: bool,
}

impl Done {
    /// Returns the outcome of a change whose after-image was live before anything was sent.
    pub(super) fn already(id: Option<SolutionId>) -> Self {
        Self {
            id,
            was_already: true,
            visibility_not_known: false,
        }
    }

    /// Returns the outcome of a change whose after-image is live now.
    pub(super) fn now(id: Option<SolutionId>) -> Self {
        Self {
            id,
            was_already: false,
            visibility_not_known: false,
        }
    }
}

/// The reason why a change was not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// A change that it waits for is not done.
    Because(Address),
    /// The successor of the version is not live as declared.
    SuccessorNotLive {
        /// The successor.
        successor: Address,
        /// The reason.
        why: NotReleased,
    },
    /// The time for the whole apply was over.
    OutOfTime,
    /// The job of its last deploy was abandoned, and may still end.
    HeldBack {
        /// The earliest time for the next deploy, in milliseconds since 1970.
        until_ms: u64,
    },
}

/// The reason why a successor does not release the version that it replaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReleased {
    /// No record of the successor is live.
    #[error("it is not live")]
    NotLive,
    /// The successor is live in another state.
    #[error("its state is {0}")]
    State(String),
    /// The successor is live with another visibility.
    #[error("its visibility is {0}")]
    Visibility(String),
    /// The visibility is declared and cannot be read.
    #[error("its visibility is not known")]
    VisibilityNotKnown,
    /// The record is left from a failed deploy.
    #[error("a failed deploy left it behind: deploy it again with --replace")]
    Suspect,
    /// A job of an earlier apply may still change the successor.
    #[error("a job of an earlier apply may still change it")]
    InFlight,
    /// The record is young, so that its deploy may still be in progress, and no apply of solform
    /// confirmed it.
    #[error(
        "it was created less than `timeouts.propagation` ago, and no solform apply has confirmed it"
    )]
    TooYoung,
}

/// The reason why a change failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The server refused the call.
    #[error("the server refused the {call}")]
    CallRefused {
        /// The call.
        call: WriteKind,
        /// The server's answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The call could not be sent before the time of the step was over.
    #[error("the {call} could not be sent in time")]
    NotSent {
        /// The call.
        call: WriteKind,
        /// The error of the last attempt.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server requested a pause that is longer than the time of the step.
    #[error("the server asked to wait longer than the {call} may take, so it was not sent")]
    HeldBack {
        /// The call.
        call: WriteKind,
    },
    /// The lock was lost, so that another process may be writing.
    #[error("the lock is not held any more, so the {call} was not sent")]
    LockLost {
        /// The call.
        call: WriteKind,
    },
    /// The job failed, as the server reports.
    #[error("the {call} job `{job}` failed: {message}")]
    JobFailed {
        /// The call that started it.
        call: WriteKind,
        /// The job.
        job: JobId,
        /// The server's message.
        message: String,
        /// The record that the failed deploy left.
        suspect: Option<SolutionId>,
    },
    /// The job ended, and its effect is not visible in reads.
    #[error("{}", not_confirmed(*.call, .job.as_ref()))]
    NotConfirmed {
        /// The call.
        call: WriteKind,
        /// The job.
        job: Option<JobId>,
    },
    /// The package contained another solution.
    #[error(
        "the deploy made `{found}` (id `{id}`) instead of `{}`",
        .declared.full_address()
    )]
    OtherIdentity {
        /// The declared version.
        declared: Box<Identity>,
        /// The identity that was deployed.
        found: String,
        /// The id of the deployed record.
        id: SolutionId,
    },
    /// An earlier deploy of this package made another solution, which still exists.
    #[error(
        "an earlier deploy of this package made `{found}` (id `{id}`), so it was not deployed again"
    )]
    MadeOtherBefore {
        /// The identity that was deployed.
        found: String,
        /// The id of the deployed record.
        id: SolutionId,
    },
    /// An earlier deploy of this package ended, and its record was not found.
    #[error(
        "an earlier deploy of this package ended, and what it made was not found, so it was not deployed again"
    )]
    MadeUnknownBefore,
    /// The delete was refused for the version in service, and again for the version out of service.
    #[error(
        "the version could not be deleted, {}; {}",
        refusals(.first.as_deref(), .second),
        after_refusals(.state, .left_inactive.as_deref())
    )]
    NotDeleted {
        /// The record.
        id: SolutionId,
        /// The reason why it could not be deleted in service; `None` if an earlier apply tried
        /// that.
        first: Option<String>,
        /// The reason why it could not be deleted out of service.
        second: String,
        /// The state before solform deactivated it.
        state: LiveStateWord,
        /// The reason why it could not be put back into service; `None` if it was put back.
        left_inactive: Option<String>,
    },
    /// The server accepted the patch and changed nothing.
    #[error("the patch of {fields} had no effect, neither as query nor as body")]
    NoEffect {
        /// The fields, for people.
        fields: String,
    },
    /// The version waits for an approval on the platform.
    #[error("`{id}` waits for review before it becomes PUBLIC")]
    WaitsForReview {
        /// The record.
        id: SolutionId,
    },
    /// The record was deleted between two steps of the change.
    #[error("the record `{id}` is gone")]
    Vanished {
        /// The id of the record.
        id: SolutionId,
    },
    /// A read that the step needs failed.
    #[error("the live state could not be read")]
    NotRead {
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The journal could not be written, so nothing was sent.
    #[error("the journal could not be written, so nothing more was sent")]
    Journal {
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

fn refusals(first: Option<&str>, second: &str) -> String {
    match first {
        Some(first) => format!("neither in service ({first}) nor INACTIVE ({second})"),
        None => format!("also not INACTIVE ({second})"),
    }
}

fn after_refusals(state: &LiveStateWord, left_inactive: Option<&str>) -> String {
    match left_inactive {
        None if *state == LiveStateWord::Active => "it is ACTIVE again".to_owned(),
        None => format!(
            "it was {} and is ACTIVE now, because the API has no PATCH to {0}",
            state.as_str()
        ),
        Some(why) => format!("it is INACTIVE now, and could not be set ACTIVE again: {why}"),
    }
}

fn not_confirmed(call: WriteKind, job: Option<&JobId>) -> String {
    let job = job.map_or_else(String::new, |job| format!(" of job `{job}`"));
    match call {
        WriteKind::Deploy => format!("the deploy{job} ended, and the version is not live"),
        WriteKind::Delete => format!("the delete{job} ended, and the version is still live"),
        WriteKind::Patch => {
            "the server accepted the patch, and reads do not show its effect".to_owned()
        }
    }
}

fn other_solution(id: &SolutionId) -> String {
    format!(
        "The package contains another solution: correct `path`, and delete `{id}` on the platform. Apply does not deploy this package again while `{id}` is there."
    )
}

impl StepError {
    /// Returns the message with the messages of all causes.
    pub(super) fn chain(&self) -> String {
        let mut parts = vec![self.to_string()];
        let mut source = self.source();
        while let Some(cause) = source {
            parts.push(cause.to_string());
            source = cause.source();
        }
        parts.join(": ")
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::CallRefused { source, .. } => source.downcast_ref::<WriteError>().map_or_else(
                || "Read the server's message.".to_owned(),
                |error| error.api().help().into_owned(),
            ),
            Self::NotSent { .. } | Self::HeldBack { .. } | Self::NotRead { .. } => {
                "Run apply again when the server answers: it first reads what is live."
                    .to_owned()
            }
            Self::LockLost { .. } => {
                "Find out who took the lock, then run apply again: it finishes what was begun."
                    .to_owned()
            }
            Self::JobFailed {
                suspect: Some(id), ..
            } => format!(
                "The failed job left record `{id}` behind; fix the cause, then redeploy it with --replace."
            ),
            Self::JobFailed { suspect: None, .. } => {
                "Fix what the message names, then run apply again.".to_owned()
            }
            Self::NotConfirmed { .. } => {
                "Look at the job on the platform, then run plan to see what is live.".to_owned()
            }
            Self::OtherIdentity {
                declared,
                found,
                id,
            } => {
                // The record may be the same version under the other owner of a pair that the
                // environment does not name.
                let owner = found
                    .split_once(':')
                    .filter(|(_, rest)| *rest == declared.address().as_str())
                    .and_then(|(owner, _)| Owner::parse(owner).ok());
                owner
                    .and_then(|owner| OwnerPair::advice(&declared.owner, &owner))
                    .unwrap_or_else(|| other_solution(id))
            }
            Self::MadeOtherBefore { id, .. } => other_solution(id),
            Self::MadeUnknownBefore => {
                "Find what it made on the platform: the package may contain another solution. Then correct `path`, or deploy the package again with --replace.".to_owned()
            }
            Self::NotDeleted {
                left_inactive: None,
                ..
            } => "Fix what the server's message names, then run apply again.".to_owned(),
            Self::NotDeleted { id, .. } => format!(
                "Set `{id}` to ACTIVE on the platform, or run apply with the version declared ACTIVE; then fix what the server's message names."
            ),
            Self::NoEffect { .. } => {
                "The server ignores the change; check the rights of the token's user.".to_owned()
            }
            Self::WaitsForReview { .. } => {
                "Have it approved on the platform; apply does not ask a second time.".to_owned()
            }
            Self::Vanished { .. } => "Run plan to see what is live now.".to_owned(),
            Self::Journal { .. } => {
                "Make the store's folder writable, then run apply again.".to_owned()
            }
        }
    }
}

impl Outcome {
    /// Returns the outcome of a change that is decided before anything is executed.
    pub(super) fn of(decided: &Decided) -> Self {
        match decided {
            Decided::Done(id) => Self::Done(Done::already(id.clone())),
            Decided::Refused(differences) => Self::Refused(differences.clone()),
        }
    }

    /// Returns the word for this outcome.
    pub fn word(&self) -> OutcomeKind {
        match self {
            Self::Done(_) => OutcomeKind::Done,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Skipped(_) => OutcomeKind::Skipped,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Cancelled => OutcomeKind::Cancelled,
            Self::Unknown { .. } => OutcomeKind::Unknown,
        }
    }
}

impl ApplyReport {
    /// Returns the report of a plan in which every change is already decided.
    pub fn of_decided(plan: &ApprovedPlan) -> Self {
        let changes = plan.plan().changes.iter();
        let steps = changes.filter_map(|change| {
            let decided = plan.decided(&change.address)?;
            Some(StepReport {
                address: change.address.clone(),
                identity: change.identity.clone(),
                kind: change.action.kind(),
                outcome: Outcome::of(decided),
                jobs: Vec::new(),
                sent_twice: Vec::new(),
                took: Duration::ZERO,
            })
        });
        Self {
            steps: steps.collect(),
            interrupted: false,
        }
    }

    /// Returns the number of changes with this outcome.
    pub fn count(&self, word: OutcomeKind) -> usize {
        self.steps
            .iter()
            .filter(|step| step.outcome.word() == word)
            .count()
    }

    /// Returns the numbers of versions that this apply added, changed and destroyed. A version that
    /// was already as declared does not count. A replace counts as added and as destroyed.
    pub fn made(&self) -> Totals {
        let mut totals = Totals::default();
        for step in &self.steps {
            if !matches!(&step.outcome, Outcome::Done(done) if !done.was_already) {
                continue;
            }
            match step.kind {
                ActionKind::Create => totals.added += 1,
                ActionKind::Update => totals.changed += 1,
                ActionKind::Delete => totals.destroyed += 1,
                ActionKind::Replace => {
                    totals.added += 1;
                    totals.destroyed += 1;
                }
                ActionKind::NoOp => {}
            }
        }
        totals
    }

    /// Counts the changes of these versions as executed by this apply: the apply that it recovered
    /// sent their writes, and this one confirmed them.
    pub fn credit(&mut self, recovered: &BTreeSet<Identity>) {
        for step in &mut self.steps {
            if let Outcome::Done(done) = &mut step.outcome
                && recovered.contains(&step.identity)
            {
                done.was_already = false;
            }
        }
    }

    /// Returns whether every change is done.
    pub fn is_complete(&self) -> bool {
        self.count(OutcomeKind::Done) == self.steps.len()
    }
}

/// The numbers of versions that the done changes affect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The number of added versions.
    pub added: usize,
    /// The number of changed versions.
    pub changed: usize,
    /// The number of destroyed versions.
    pub destroyed: usize,
}

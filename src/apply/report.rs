//! How an apply ended: exactly one outcome for every change, whatever happened on the way.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use crate::api::WriteError;
use crate::attribute::LiveStateWord;
use crate::ident::{Address, Identity, JobId, Owner, OwnerPair, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{ActionKind, ApprovedPlan, Decided, Difference};

/// What became of every change of a plan that does something, in the plan's order.
#[derive(Debug)]
pub struct ApplyReport {
    /// One entry for each change that is not a no-op.
    pub steps: Vec<StepReport>,
    /// True if an interrupt ended the run early.
    pub interrupted: bool,
}

/// What became of one change.
#[derive(Debug)]
pub struct StepReport {
    /// The change.
    pub address: Address,
    /// The version that it is about.
    pub identity: Identity,
    /// What was to be done.
    pub kind: ActionKind,
    /// How it ended.
    pub outcome: Outcome,
    /// Jobs that it started, in order.
    pub jobs: Vec<JobId>,
    /// Calls that were sent a second time, because nobody could know whether the first was taken.
    pub sent_twice: Vec<WriteKind>,
    /// How long it took.
    pub took: Duration,
}

/// How one change ended.
#[derive(Debug)]
pub enum Outcome {
    /// The after-image is live, proven by reading.
    Done(Done),
    /// The change did not happen, or not in full.
    Failed(StepError),
    /// It was not tried.
    Skipped(SkipReason),
    /// Somebody moved the version since the plan, or it was never ours to change.
    Refused(Vec<Difference>),
    /// An interrupt came before anything was sent.
    Cancelled,
    /// Nobody knows: the job was still at work when the time was up.
    Unknown {
        /// The job, where the server named one.
        job: Option<JobId>,
        /// What the last answer about the job was, where it was no proper word.
        said: Option<String>,
    },
}

/// A change that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The record, where one is live.
    pub id: Option<SolutionId>,
    /// True if the after-image was live before anything was sent.
    pub was_already: bool,
    /// True if the visibility was patched and could not be read back.
    pub visibility_not_known: bool,
}

impl Done {
    /// The after-image was live before anything was sent.
    pub(super) fn already(id: Option<SolutionId>) -> Self {
        Self {
            id,
            was_already: true,
            visibility_not_known: false,
        }
    }

    /// The after-image is live now.
    pub(super) fn now(id: Option<SolutionId>) -> Self {
        Self {
            id,
            was_already: false,
            visibility_not_known: false,
        }
    }
}

/// Why a change was not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// A change that it waits for did not end as done.
    Because(Address),
    /// What is to take its place is not live as declared.
    SuccessorNotLive {
        /// The successor.
        successor: Address,
        /// What was found.
        why: NotReleased,
    },
    /// The whole run's time was up.
    OutOfTime,
    /// The job of its last deploy was abandoned, and may still end.
    HeldBack {
        /// When it may be deployed, in milliseconds since 1970.
        until_ms: u64,
    },
}

/// Why a successor does not release the version that it replaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReleased {
    /// No record of it is live.
    #[error("it is not live")]
    NotLive,
    /// It is live in another state.
    #[error("its state is {0}")]
    State(String),
    /// It is live with another visibility.
    #[error("its visibility is {0}")]
    Visibility(String),
    /// Its visibility is declared and cannot be learned.
    #[error("its visibility is not known")]
    VisibilityNotKnown,
    /// A failed deploy left it behind.
    #[error("a failed deploy left it behind: deploy it again with --replace")]
    Suspect,
    /// A job of an earlier run is at work on it, or may be.
    #[error("an earlier run's job is still at work on it")]
    InFlight,
    /// It is so young that its deploy may still be at work, and no run of solform vouches for it.
    #[error(
        "it was created less than `timeouts.propagation` ago, and no run of solform vouches for it"
    )]
    TooYoung,
}

/// Why a change failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The server refused the call.
    #[error("the server refused the {call}")]
    CallRefused {
        /// The call.
        call: WriteKind,
        /// What it answered.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The call could not be sent before the step's time was up.
    #[error("the {call} could not be sent in time")]
    NotSent {
        /// The call.
        call: WriteKind,
        /// The last try's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The host asked to be left alone for longer than the step may take.
    #[error("the server asked to wait longer than the {call} may take, so it was not sent")]
    HeldBack {
        /// The call.
        call: WriteKind,
    },
    /// The lock was lost, so that somebody else may be writing.
    #[error("the lock is not held any more, so the {call} was not sent")]
    LockLost {
        /// The call.
        call: WriteKind,
    },
    /// The job says that it failed.
    #[error("the {call} job `{job}` failed: {message}")]
    JobFailed {
        /// The call that started it.
        call: WriteKind,
        /// The job.
        job: JobId,
        /// The server's message.
        message: String,
        /// A record that the failed deploy left behind.
        suspect: Option<SolutionId>,
    },
    /// The job ended, and what it was to do is not to be seen.
    #[error("{}", not_confirmed(*.call, .job.as_ref()))]
    NotConfirmed {
        /// The call.
        call: WriteKind,
        /// The job.
        job: Option<JobId>,
    },
    /// The package turned out to be another solution.
    #[error(
        "the deploy made `{found}` (id `{id}`) instead of `{}`",
        .declared.full_address()
    )]
    OtherIdentity {
        /// What is declared.
        declared: Box<Identity>,
        /// What was made.
        found: String,
        /// Its id.
        id: SolutionId,
    },
    /// An earlier deploy of this package made another solution, which is still there.
    #[error(
        "an earlier deploy of this package made `{found}` (id `{id}`), so it was not deployed again"
    )]
    MadeOtherBefore {
        /// What was made.
        found: String,
        /// Its id.
        id: SolutionId,
    },
    /// An earlier deploy of this package ended, and made nothing that was found.
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
        /// Why it could not be deleted in service; none where an earlier apply tried that.
        first: Option<String>,
        /// Why it could not be deleted out of service.
        second: String,
        /// Its state before solform deactivated it.
        state: LiveStateWord,
        /// Why it could not be put back into service; none where it was.
        left_inactive: Option<String>,
    },
    /// The server took the patch and changed nothing.
    #[error("the patch of {fields} had no effect, neither as query nor as body")]
    NoEffect {
        /// The fields, for people.
        fields: String,
    },
    /// The version waits for somebody to approve it.
    #[error("`{id}` waits for review before it becomes PUBLIC")]
    WaitsForReview {
        /// The record.
        id: SolutionId,
    },
    /// The record went away between two steps of the change.
    #[error("the record `{id}` is gone")]
    Vanished {
        /// Its id.
        id: SolutionId,
    },
    /// A read that the step needs failed.
    #[error("the live state could not be read")]
    NotRead {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The journal could not be written, so nothing was sent.
    #[error("the journal could not be written, so nothing more was sent")]
    Journal {
        /// Why.
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
        WriteKind::Patch => "the patch was taken, and does not show".to_owned(),
    }
}

fn other_solution(id: &SolutionId) -> String {
    format!(
        "The package contains another solution: correct `path`, and delete `{id}` on the platform. Apply does not deploy this package again while `{id}` is there."
    )
}

impl StepError {
    /// The message with those of all its causes.
    pub(super) fn chain(&self) -> String {
        let mut parts = vec![self.to_string()];
        let mut source = self.source();
        while let Some(cause) = source {
            parts.push(cause.to_string());
            source = cause.source();
        }
        parts.join(": ")
    }

    /// What to do about it, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::CallRefused { source, .. } => source.downcast_ref::<WriteError>().map_or_else(
                || "Read the server's message.".to_owned(),
                |error| error.api().help().into_owned(),
            ),
            Self::NotSent { .. } | Self::HeldBack { .. } | Self::NotRead { .. } => {
                "Run apply again when the server answers: it looks first at what is live."
                    .to_owned()
            }
            Self::LockLost { .. } => {
                "Find out who took the lock, then run apply again: it finishes what was begun."
                    .to_owned()
            }
            Self::JobFailed {
                suspect: Some(id), ..
            } => format!(
                "The failed job left record `{id}` behind; redeploy it with --replace once the cause is mended."
            ),
            Self::JobFailed { suspect: None, .. } => {
                "Mend what the message names, then run apply again.".to_owned()
            }
            Self::NotConfirmed { .. } => {
                "Look at the job on the platform, then run plan to see what is live.".to_owned()
            }
            Self::OtherIdentity {
                declared,
                found,
                id,
            } => {
                // The same version under the other owner of a pair that the environment does not
                // name.
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
    /// The outcome of a change whose end is known before anything is executed.
    pub(super) fn of(decided: &Decided) -> Self {
        match decided {
            Decided::Done(id) => Self::Done(Done::already(id.clone())),
            Decided::Refused(differences) => Self::Refused(differences.clone()),
        }
    }

    /// Its word.
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
    /// The report of a plan of which nothing is executed.
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

    /// Returns how many changes ended so.
    pub fn count(&self, word: OutcomeKind) -> usize {
        self.steps
            .iter()
            .filter(|step| step.outcome.word() == word)
            .count()
    }

    /// Returns how many versions this run added, changed and destroyed; what was so already counts
    /// for whoever made it so. A replace counts as added and as destroyed.
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

    /// Counts the changes of these versions as made by this apply: it found their writes sent by
    /// the apply that it recovered, and followed them to their end.
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

/// What the changes that are done amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Versions added.
    pub added: usize,
    /// Versions changed.
    pub changed: usize,
    /// Versions destroyed.
    pub destroyed: usize,
}

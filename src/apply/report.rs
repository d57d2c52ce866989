//! The outcomes of an apply: exactly one for every change.

use std::collections::BTreeSet;
use std::time::Duration;

use super::step_error::StepError;
use crate::api::{ApiError, ReadError, chain};
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{
    ActionKind, ApplyHistory, ApprovedPlan, Change, Decided, Difference, PreconditionResult,
    Verdict, Verified,
};

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
    /// The time at which the step began, in milliseconds since 1970; `None` if it was not started.
    pub began_at_ms: Option<u64>,
    /// The jobs that the change started, in order.
    pub jobs: Vec<StepJob>,
    /// The calls that were sent more than once, because the server may or may not have accepted
    /// an earlier one. Each is named once.
    pub sent_twice: Vec<WriteKind>,
    /// The upload of the package, if it is done.
    pub uploaded: Option<Uploaded>,
    /// The result of the verification, if the version was verified.
    pub verified: Option<Verified>,
    /// The file on the platform that an upload may have left incomplete, and could not delete.
    pub left_file: Option<String>,
    /// True if a replace deleted the version, and the version is not known to be deployed again:
    /// this change, or an earlier apply whose replace this change completes.
    pub deleted: bool,
    /// The record that the change deployed, also if it is not as declared yet.
    pub deployed: Option<SolutionId>,
    /// The duration of the step.
    pub took: Duration,
}

impl StepReport {
    /// Returns the report of a change for which nothing was sent.
    pub(super) fn new(change: &Change, outcome: Outcome, history: &ApplyHistory) -> Self {
        Self {
            deleted: outcome.done().is_none() && history.has_deleted(&change.action),
            address: change.address.clone(),
            identity: change.identity.clone(),
            kind: change.action.kind(),
            outcome,
            began_at_ms: None,
            jobs: Vec::new(),
            sent_twice: Vec::new(),
            uploaded: None,
            verified: None,
            left_file: None,
            deployed: None,
            took: Duration::ZERO,
        }
    }

    /// Returns the reason why the change is not done, or a remark on one that is done. `None` if
    /// the outcome needs no explanation.
    pub fn why(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Cancelled if self.deleted && self.kind == ActionKind::Replace => {
                Some("an interrupt came before the deploy was sent".to_owned())
            }
            outcome @ Outcome::Done(_) => {
                let runs = self.verified.iter().flat_map(Verified::failed_runs);
                let runs = runs.map(|run| format!("a run that is not required failed ({run})"));
                let remarks: Vec<String> = outcome.why().into_iter().chain(runs).collect();
                (!remarks.is_empty()).then(|| remarks.join(", "))
            }
            outcome => outcome.why(),
        }
    }
}

/// A job that a step started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepJob {
    /// The id.
    pub id: JobId,
    /// The kind of the write that started it.
    pub write: WriteKind,
    /// The time at which the server returned its id, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// The time at which solform knew its end; `None` if the step ended before.
    pub ended_at_ms: Option<u64>,
}

/// An upload whose bytes are at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// The number of bytes of the package.
    pub bytes: u64,
    /// True if the bytes were there before anything was sent.
    pub was_already: bool,
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
    /// An interrupt arrived before anything was sent, or before the deploy of a replace was sent.
    Cancelled,
    /// The outcome is unknown: the job was still in progress when the time was over.
    Unknown {
        /// The job, if the server named one.
        job: Option<JobId>,
        /// The last answer about the job, if it was not a valid one.
        last_answer: Option<String>,
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
            was_already: true,
            ..Self::now(id)
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// A change that it waits for is not done.
    #[error("{0} is not done")]
    Because(Address),
    /// The successor of the version is not live as declared.
    #[error("{successor}: {why}")]
    SuccessorNotLive {
        /// The successor.
        successor: Address,
        /// The reason.
        why: NotReleased,
    },
    /// The time for the whole apply was over.
    #[error("`timeouts.apply` was exceeded")]
    OutOfTime,
    /// The job of its last deploy was abandoned, and may still end.
    #[error("the job of its last deploy was abandoned and may still end; --replace deploys it now")]
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
    /// The successor has not passed its verification in this apply.
    #[error("it is not verified")]
    NotVerified,
    /// The record is left from a failed deploy.
    #[error("a failed deploy left it behind: deploy it again with --replace")]
    Orphaned,
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

/// A read that the step needs failed, and is not retried.
impl From<ReadError> for Outcome {
    fn from(error: ReadError) -> Self {
        Self::Failed(StepError::NotRead {
            source: Box::new(error),
        })
    }
}

impl From<ApiError> for Outcome {
    fn from(error: ApiError) -> Self {
        ReadError::from(error).into()
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

    /// Returns the outcome of a change whose effect is unknown.
    pub(super) fn unknown(job: Option<JobId>) -> Self {
        Self::Unknown {
            job,
            last_answer: None,
        }
    }

    /// Returns whether the after-image is already live, or the refusal of a change that does not
    /// match the live state.
    pub(super) fn is_done(result: PreconditionResult) -> Result<bool, Self> {
        match result {
            PreconditionResult::Done => Ok(true),
            PreconditionResult::Ready => Ok(false),
            PreconditionResult::Moved(differences) => Err(Self::Refused(differences)),
        }
    }

    /// Returns the change that is done, if it is.
    pub fn done(&self) -> Option<&Done> {
        match self {
            Self::Done(done) => Some(done),
            _ => None,
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

    /// Returns the reason, as [`StepReport::why`] does.
    pub(super) fn why(&self) -> Option<String> {
        match self {
            Self::Done(done) => {
                let mut remarks = Vec::new();
                if done.was_already {
                    remarks.push("already up to date");
                }
                if done.visibility_not_known {
                    remarks.push("the visibility was set and cannot be read back");
                }
                (!remarks.is_empty()).then(|| remarks.join(", "))
            }
            Self::Failed(error) => Some(chain(error)),
            Self::Skipped(reason) => Some(reason.to_string()),
            Self::Refused(differences) => {
                let sides = differences.iter().map(Difference::sides);
                let sides = sides.map(|(planned, found)| format!("{planned} -> {found}"));
                Some(format!(
                    "changed since the plan was made: {}",
                    sides.collect::<Vec<_>>().join("; ")
                ))
            }
            Self::Cancelled => Some("an interrupt came before anything was sent".to_owned()),
            Self::Unknown { job, last_answer } => {
                let mut text = job.as_ref().map_or_else(
                    || "the server may or may not have accepted the request".to_owned(),
                    |job| format!("job {job} was still in progress"),
                );
                if let Some(last_answer) = last_answer {
                    text.push_str(", it last answered: ");
                    text.push_str(last_answer);
                }
                Some(text)
            }
        }
    }

    /// Returns the fix, if the change failed.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(error.help()),
            _ => None,
        }
    }
}

impl ApplyReport {
    /// Returns the report of a plan in which every change is already decided.
    pub fn of_decided(plan: &ApprovedPlan, history: &ApplyHistory) -> Self {
        let changes = plan.plan().changes.iter();
        let steps = changes.filter_map(|change| {
            let decided = plan.decided(&change.address)?;
            Some(StepReport::new(change, Outcome::of(decided), history))
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
    /// was already as declared does not count. A replace counts as added and as destroyed; one that
    /// only deleted its version counts as destroyed.
    pub fn made(&self) -> Totals {
        let mut totals = Totals::default();
        for step in &self.steps {
            if step.deleted && step.kind == ActionKind::Replace {
                totals.add(ActionKind::Delete);
            }
            if step.outcome.done().is_some_and(|done| !done.was_already) {
                totals.add(step.kind);
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

    /// Returns whether a version did not pass its verification.
    pub fn has_failed_verification(&self) -> bool {
        let mut verified = self.steps.iter().filter_map(|step| step.verified.as_ref());
        verified.any(|verified| verified.verdict == Verdict::Failed)
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

impl Totals {
    /// Counts a change that is done.
    pub fn add(&mut self, kind: ActionKind) {
        match kind {
            ActionKind::Create => self.added += 1,
            ActionKind::Update => self.changed += 1,
            ActionKind::Delete => self.destroyed += 1,
            ActionKind::Replace => {
                self.added += 1;
                self.destroyed += 1;
            }
            ActionKind::NoOp => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{declared, live, scenario};

    /// Between the delete and the deploy of a replace, something was sent.
    #[test]
    fn an_interrupt_names_what_was_not_sent() {
        let scenario = scenario().declare([declared("A@1")]).live([live("A@1")]);
        let plan = scenario.plan();
        for (deleted, expected) in [
            (false, "an interrupt came before anything was sent"),
            (true, "an interrupt came before the deploy was sent"),
        ] {
            let change = plan.at("A@1");
            let report = StepReport {
                kind: ActionKind::Replace,
                deleted,
                ..StepReport::new(change, Outcome::Cancelled, &ApplyHistory::default())
            };
            assert_eq!(report.why().as_deref(), Some(expected));
            let report = ApplyReport {
                steps: vec![report],
                interrupted: true,
            };
            assert_eq!(report.made().destroyed, usize::from(deleted));
        }
    }
}

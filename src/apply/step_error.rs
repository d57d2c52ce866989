//! The reasons why a change failed, each with its fix.

use std::error::Error;

use crate::api::WriteError;
use crate::attribute::LiveStateWord;
use crate::ident::{Digest, Identity, JobId, Owner, OwnerPair, SolutionId};
use crate::manifest::DrainMode;
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{FailedVerification, PackageProblem, Verdict};
use crate::store::RecordedOutcome;

/// The reason why a change failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The server refused the call.
    #[error("the server refused the {call}")]
    CallRefused {
        /// The call.
        call: WriteKind,
        /// The server's answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The call could not be sent before the time of the step was over.
    #[error("the {call} could not be sent in time")]
    NotSent {
        /// The call.
        call: WriteKind,
        /// The error of the last attempt.
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
        orphan: Option<SolutionId>,
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
    /// The source of an upload could not be read.
    #[error("the source {file} could not be read")]
    SourceNotRead {
        /// The source, in backticks.
        file: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The source of an upload has other bytes than the plan.
    #[error("the source {file} has changed since the plan")]
    SourceChanged {
        /// The source, in backticks.
        file: String,
    },
    /// The source of an upload has other bytes than declared.
    #[error("the SHA-256 of the source {file} is {found}, and {declared} is declared")]
    SourceDigest {
        /// The source, in backticks.
        file: String,
        /// The declared digest.
        declared: Digest,
        /// The digest of the source.
        found: Digest,
    },
    /// Other bytes are at the path of an upload.
    #[error("another file is at `{path}`, so nothing was uploaded")]
    PackageExists {
        /// The path.
        path: String,
    },
    /// An earlier deploy of this package did not make the declared version.
    #[error(transparent)]
    DeployedBefore(PackageProblem),
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
    /// Runs of the version are RUNNING, and `drain` does not permit to take it away from them.
    #[error("{}, so the {call} was not sent", in_progress(*.mode, .runs))]
    RunsInProgress {
        /// The declared handling.
        mode: DrainMode,
        /// The call.
        call: WriteKind,
        /// The runs.
        runs: Vec<JobId>,
    },
    /// The RUNNING runs of the version are not known, and `drain` requires that.
    #[error("the RUNNING runs of the version are not known, so the {call} was not sent")]
    RunsNotKnown {
        /// The call.
        call: WriteKind,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A read that the step needs failed.
    #[error("the live state could not be read")]
    NotRead {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The version did not pass its verification, or could not be verified.
    #[error("the verification {} ({why}){}", .verdict.phrase(), after_verification(.undo))]
    NotVerified {
        /// The result.
        verdict: Verdict,
        /// The required runs that did not pass, with their reasons.
        why: String,
        /// The way in which the version was taken out of service; empty if nothing was done.
        undo: String,
    },
    /// The journal could not be written, so nothing was sent.
    #[error("the journal could not be written, so nothing more was sent")]
    Journal {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The maximum number of runs that a message names.
const NAMED: usize = 5;

fn in_progress(mode: DrainMode, runs: &[JobId]) -> String {
    let mut names: Vec<String> = runs
        .iter()
        .take(NAMED)
        .map(|id| format!("`{id}`"))
        .collect();
    if runs.len() > NAMED {
        names.push(format!("{} more", runs.len() - NAMED));
    }
    let number = match runs.len() {
        1 => "1 run".to_owned(),
        number => format!("{number} runs"),
    };
    let verb = match (mode, runs.len()) {
        (DrainMode::Fail, 1) => "is",
        (DrainMode::Fail, _) => "are",
        (DrainMode::Wait, 1) => "is still",
        (DrainMode::Wait, _) => "are still",
    };
    format!(
        "{number} of the version {verb} RUNNING ({})",
        names.join(", ")
    )
}

/// Returns the fix for RUNNING runs; without a mode, the runs are not known.
fn runs_help(mode: Option<DrainMode>) -> &'static str {
    match mode {
        Some(DrainMode::Wait) => {
            "Run the command again when the runs have ended, or let it wait longer with a greater \
             `timeout` of `drain`."
        }
        Some(DrainMode::Fail) => {
            "Run the command again when the runs have ended, or let it wait for them with `drain: \
             wait`."
        }
        None => {
            "Correct what prevents the list of runs, or name their `spaces` under `drain`; then \
             run the command again."
        }
    }
}

fn after_verification(undo: &str) -> String {
    if undo.is_empty() {
        String::new()
    } else {
        format!("; {undo}")
    }
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
    let effect = match call {
        WriteKind::Deploy => "the version is not live",
        WriteKind::Delete => "the version is still live",
        WriteKind::Upload => {
            return "the server accepted the upload, and the file does not show its bytes"
                .to_owned();
        }
        WriteKind::Patch => {
            return "the server accepted the patch, and reads do not show its effect".to_owned();
        }
    };
    match job {
        Some(job) => format!("the {call} job `{job}` ended, and {effect}"),
        None => format!("the server named no job for the {call}, and {effect}"),
    }
}

impl StepError {
    /// Returns the failure as the journal records it, with the record that it left.
    pub(super) fn recorded(&self) -> RecordedOutcome {
        let (id, made) = match self {
            Self::JobFailed { orphan, .. } => (orphan.clone(), None),
            Self::OtherIdentity { id, found, .. }
            | Self::DeployedBefore(PackageProblem::MadeOther { id, found }) => {
                (Some(id.clone()), Some(found.clone()))
            }
            _ => (None, None),
        };
        RecordedOutcome {
            id,
            made,
            detail: Some(self.to_string()),
            ..RecordedOutcome::new(OutcomeKind::Failed)
        }
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::CallRefused { source, .. } => source.downcast_ref::<WriteError>().map_or_else(
                || "Read the server's message.".to_owned(),
                |error| error.api().help().into_owned(),
            ),
            Self::NotSent { .. } | Self::HeldBack { .. } | Self::NotRead { .. } => {
                "Run the command again when the server answers: it first reads what is live."
                    .to_owned()
            }
            Self::LockLost { .. } => {
                "Find out who took the lock, then run the command again: it finishes what was \
                 begun."
                    .to_owned()
            }
            Self::JobFailed {
                orphan: Some(id), ..
            } => format!(
                "The failed job left record `{id}` behind; fix the cause, then redeploy it with \
                 --replace."
            ),
            Self::JobFailed { orphan: None, .. } => {
                "Fix what the message names, then run the command again.".to_owned()
            }
            Self::SourceNotRead { .. } => {
                "Run plan again when the source can be read: nothing was deployed.".to_owned()
            }
            Self::SourceChanged { .. } => {
                "Run plan again when nothing writes the file any more.".to_owned()
            }
            Self::SourceDigest {
                file,
                declared,
                found,
            } => {
                let problem = PackageProblem::OtherDigest {
                    source_path: file.clone(),
                    declared: declared.clone(),
                    found: found.clone(),
                };
                problem.help()
            }
            Self::PackageExists { path } => PackageProblem::Exists { path: path.clone() }.help(),
            Self::NotConfirmed {
                call: WriteKind::Upload,
                ..
            } => "Run the command again: it compares the file, then uploads the rest.".to_owned(),
            Self::NotConfirmed { job: None, .. } => {
                "Look at the version on the platform, then run plan to see what is live.".to_owned()
            }
            Self::NotConfirmed { job: Some(_), .. } => {
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
                let other = || {
                    let (found, id) = (found.clone(), id.clone());
                    PackageProblem::MadeOther { found, id }.help()
                };
                owner
                    .and_then(|owner| OwnerPair::advice(&declared.owner, &owner))
                    .unwrap_or_else(other)
            }
            Self::DeployedBefore(problem) => problem.help(),
            Self::NotDeleted {
                left_inactive: None,
                ..
            } => "Fix what the server's message names, then run the command again.".to_owned(),
            Self::NotDeleted { id, .. } => format!(
                "Set `{id}` to ACTIVE on the platform, or run apply with the version declared \
                 ACTIVE; then fix what the server's message names."
            ),
            Self::NoEffect { .. } => {
                "The server ignores the change; check the rights of the token's user.".to_owned()
            }
            Self::WaitsForReview { .. } => {
                "Have it approved on the platform; apply does not ask a second time.".to_owned()
            }
            Self::RunsInProgress { mode, .. } => runs_help(Some(*mode)).to_owned(),
            Self::RunsNotKnown { .. } => runs_help(None).to_owned(),
            Self::Vanished { .. } => "Run plan to see what is live now.".to_owned(),
            Self::NotVerified {
                verdict: Verdict::Failed,
                ..
            } => FailedVerification::HELP.to_owned(),
            Self::NotVerified { .. } => {
                "Correct what prevents the runs, then run the command again: it verifies the \
                 version before anything else is taken out of service."
                    .to_owned()
            }
            Self::Journal { .. } => {
                "Make the store's folder writable, then run the command again.".to_owned()
            }
        }
    }
}

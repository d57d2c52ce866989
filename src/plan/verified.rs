//! The results of verifications by runs, as the journal and the plan contain them.

use serde::{Deserialize, Serialize};

use crate::ident::{Digest, Identity, JobId, SolutionId};

word_enum! {
    /// The result of a verification.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Verdict -> &'static str {
        /// Every required run passed, and at least one run was checked.
        Passed = "passed" "passed",
        /// A required run ended otherwise than declared.
        Failed = "failed" "failed",
        /// A required run was not checked: it did not start, or did not end in time.
        Unchecked = "unchecked" "could not be checked",
    }
}

impl Verdict {
    /// Returns the verdict as the end of a sentence.
    pub fn phrase(self) -> &'static str {
        self.row()
    }
}

/// The result of a run of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRun {
    /// The declared name.
    pub name: String,
    /// False if a failure is only reported.
    pub required: bool,
    /// The result of the last attempt.
    pub verdict: Verdict,
    /// The number of runs that were started, or tried to be.
    pub attempts: u32,
    /// The last run; none if none was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<JobId>,
    /// The reason, if it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The result of a verification: a verification record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The record that ran.
    pub record: SolutionId,
    /// The fingerprint of its package, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Digest>,
    /// The digest of the declared runs.
    pub check: Digest,
    /// The result.
    pub verdict: Verdict,
    /// The runs.
    pub runs: Vec<VerifiedRun>,
}

/// A verification record of an earlier apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationRecord {
    /// The version.
    pub identity: Identity,
    /// The id of the apply.
    pub apply: String,
    /// The result.
    pub verified: Verified,
}

/// The reason why a version is not brought into service: it did not pass its verification, with the
/// same package and the same runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("its verification failed in the apply `{apply}` ({})", .runs.join("; "))]
pub struct FailedVerification {
    /// The id of the apply.
    pub apply: String,
    /// The required runs that did not pass, with their reasons.
    pub runs: Vec<String>,
}

impl FailedVerification {
    /// The stable word.
    pub const CODE: &str = "verification-failed";

    /// The fix, as a sentence.
    pub const HELP: &str = "Deploy a corrected package as a new version, correct `verify`, or \
        verify this version again with --reverify ADDR.";
}

impl Verified {
    /// Returns the required runs that did not pass, with their reasons.
    pub fn failed_runs(&self) -> Vec<String> {
        let is_failed = |run: &&VerifiedRun| run.verdict != Verdict::Passed;
        let is_required = self.runs.iter().filter(is_failed).any(|run| run.required);
        let failed = self.runs.iter().filter(is_failed);
        failed
            .filter(|run| run.required || !is_required)
            .map(|run| match &run.why {
                Some(why) => format!("{}: {why}", run.name),
                None => run.name.clone(),
            })
            .collect()
    }
}

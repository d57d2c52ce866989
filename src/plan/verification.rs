//! The verification of versions by runs: which change must pass it, and what earlier applies found.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::action::{Action, AfterImage, LiveImage, Patch};
use super::change::{Block, Plan};
use super::history::ApplyHistory;
use super::options::DiffOptions;
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, JobId, SolutionId};
use crate::manifest::Desired;

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

impl ApplyHistory {
    /// Returns the newest result of these runs for a record.
    pub fn verified(&self, record: &SolutionId, check: &Digest) -> Option<&VerificationRecord> {
        self.newest(check, |found| found.verified.record == *record)
    }

    /// Returns the newest result of these runs for the same package of a version.
    fn verified_package(&self, after: &AfterImage, check: &Digest) -> Option<&VerificationRecord> {
        let package = after.package.as_ref()?;
        self.newest(check, |found| {
            found.verified.package.as_ref() == Some(package)
                && found.identity.is_same_version(&after.identity)
        })
    }

    fn newest(
        &self,
        check: &Digest,
        is_about: impl Fn(&VerificationRecord) -> bool,
    ) -> Option<&VerificationRecord> {
        let mut newest_first = self.verifications.iter().rev();
        newest_first.find(|found| found.verified.check == *check && is_about(found))
    }

    /// Returns the history after these versions were verified, and brought to what is declared.
    pub fn with_verified<'a>(
        &'a self,
        verified: impl Iterator<Item = (&'a Identity, &'a Verified)>,
    ) -> Cow<'a, Self> {
        let mut history = Cow::Borrowed(self);
        for (identity, verified) in verified {
            let history = history.to_mut();
            history.unfinished.remove(&verified.record);
            history.verifications.push(VerificationRecord {
                identity: identity.clone(),
                apply: String::new(),
                verified: verified.clone(),
            });
        }
        history
    }

    /// Returns whether the newest result of the declared runs for a record is a pass.
    pub fn has_passed(&self, record: &SolutionId, check: &Digest) -> bool {
        let newest = self.verified(record, check);
        newest.is_some_and(|found| found.verified.verdict == Verdict::Passed)
    }
}

impl AfterImage {
    /// Returns the image of a live version that must pass its verification before this patch, and
    /// the patch. A version that an interrupted apply deployed, and did not verify, needs no other
    /// patch: then it is the one that sets what is declared.
    pub(super) fn gated(
        mut self,
        entry: &Desired,
        before: &LiveImage,
        patch: Option<Patch>,
        history: &ApplyHistory,
        is_repeated: bool,
    ) -> (Self, Option<Patch>) {
        let Some(verification) = entry.verification.as_ref() else {
            return (self, patch);
        };
        let is_begun = history.unfinished.contains(&before.id);
        let brings_in = patch.is_some_and(|patch| {
            patch.state() == Some(State::Active) || patch.visibility() == Some(Visibility::Public)
        });
        let has_passed = history.has_passed(&before.id, &verification.digest());
        if (is_begun || brings_in || is_repeated) && (is_repeated || !has_passed) {
            self.verification = Some(verification.clone());
            let declared = Patch::new(Some(self.state), self.visibility);
            return (self, patch.or(declared));
        }
        (self, patch)
    }
}

impl Plan {
    /// Blocks the changes whose verification failed in an earlier apply, with the same package and
    /// the same runs. A version that is still in service is verified again: an interrupted apply
    /// did not take it out of service.
    #[must_use]
    pub fn with_verifications(mut self, history: &ApplyHistory, options: &DiffOptions) -> Self {
        for change in &mut self.changes {
            let Some(after) = change.action.after() else {
                continue;
            };
            let Some(verification) = &after.verification else {
                continue;
            };
            if options.is_reverified(&change.identity) {
                continue;
            }
            let check = verification.digest();
            let found = match &change.action {
                Action::Update { before, .. } if before.state.is_in_service() => None,
                Action::Update { before, .. } => history.verified(&before.id, &check),
                _ => history.verified_package(after, &check),
            };
            let failed = found.filter(|found| found.verified.verdict == Verdict::Failed);
            change.blocked.extend(failed.map(|found| {
                Block::Verification(FailedVerification {
                    apply: found.apply.clone(),
                    runs: found.verified.failed_runs(),
                })
            }));
        }
        self
    }
}

impl Verified {
    /// Returns the required runs that did not pass, with their reasons.
    pub fn failed_runs(&self) -> Vec<String> {
        let failed = self.runs.iter().filter(|run| run.required);
        let failed = failed.filter(|run| run.verdict != Verdict::Passed);
        failed
            .map(|run| match &run.why {
                Some(why) => format!("{}: {why}", run.name),
                None => run.name.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{declared, live};
    use super::*;
    use crate::manifest::{Verification, VerifyRun};

    fn verification(name: &str) -> Verification {
        Verification {
            runs: vec![VerifyRun {
                name: name.to_owned(),
                input_dir: "in".to_owned(),
                settings: serde_json::Map::new(),
                timeout_ms: None,
                attempts: 1,
                required: true,
                state: "COMPLETE".to_owned(),
                outputs: Vec::new(),
            }],
            on_failure: crate::manifest::OnVerifyFailure::Deactivate,
        }
    }

    fn history(verdicts: &[(&str, Verdict)], record: &SolutionId) -> ApplyHistory {
        let verifications = verdicts.iter().map(|(name, verdict)| VerificationRecord {
            identity: declared("Form@1").identity,
            apply: "a".to_owned(),
            verified: Verified {
                record: record.clone(),
                package: None,
                check: verification(name).digest(),
                verdict: *verdict,
                runs: Vec::new(),
            },
        });
        ApplyHistory {
            verifications: verifications.collect(),
            ..ApplyHistory::default()
        }
    }

    /// Only the newest result of exactly these runs counts.
    #[test]
    fn a_version_is_verified_before_it_comes_into_service() {
        use Verdict::{Failed, Passed, Unchecked};
        let entry = Desired {
            verification: Some(Box::new(verification("smoke"))),
            ..declared("Form@1")
        };
        let activate = Patch::new(Some(State::Active), None);
        let publish = Patch::new(None, Some(Visibility::Public));
        let hide = Patch::new(None, Some(Visibility::Private));
        for (patch, verdicts, is_begun, is_repeated, is_gated) in [
            (activate, &[][..], false, false, true),
            (publish, &[], false, false, true),
            (hide, &[], false, false, false),
            (None, &[], false, false, false),
            (None, &[], true, false, true),
            (None, &[], false, true, true),
            (activate, &[("smoke", Passed)], false, false, false),
            (activate, &[("smoke", Passed)], false, true, true),
            (None, &[("smoke", Passed)], true, false, false),
            (activate, &[("load", Passed)], false, false, true),
            (
                activate,
                &[("smoke", Passed), ("smoke", Failed)],
                false,
                false,
                true,
            ),
            (
                activate,
                &[("smoke", Failed), ("smoke", Passed)],
                false,
                false,
                false,
            ),
            (activate, &[("smoke", Unchecked)], false, false, true),
        ] {
            let before = LiveImage::of(&live("Form@1").state("INACTIVE"));
            let mut history = history(verdicts, &before.id);
            if is_begun {
                history.unfinished.insert(before.id.clone());
            }
            let after = AfterImage::of(&entry);
            let (after, patch) = after.gated(&entry, &before, patch, &history, is_repeated);
            let found = after.verification.is_some();
            assert_eq!(
                found, is_gated,
                "{patch:?} {verdicts:?} {is_begun} {is_repeated}"
            );
            assert!(!is_gated || patch.is_some(), "a gate is a change");
        }
    }
}

//! The verification of versions by runs: which change must pass it, and what earlier applies found.

use std::borrow::Cow;

use super::action::{Action, ActionKind, AfterImage, LiveImage, Patch};
use super::change::{Block, Change, Plan};
use super::history::ApplyHistory;
use super::inspection::entry_of;
use super::name::NameView;
use super::options::DiffOptions;
use super::propose::fields_of;
use super::verified::{FailedVerification, Verdict, VerificationRecord, Verified};
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, SolutionId};
use crate::manifest::Desired;

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

/// Lets the versions in service that have not passed their verification pass it first, if another
/// version of the name goes out of service. Nothing is known of a version that another program, or
/// an apply of another store, deployed.
pub(super) fn verify_before_retirement(changes: &mut [Change], name: NameView<'_>) {
    let retires = |change: &Change| {
        change.action.kind() != ActionKind::Replace && change.action.takes_out_of_service()
    };
    if !changes.iter().any(retires) {
        return;
    }
    for change in changes {
        let Action::NoOp {
            before: Some(before),
        } = &change.action
        else {
            continue;
        };
        let entry = entry_of(name.manifest, &change.identity);
        let entry = entry.filter(|entry| entry.state == State::Active);
        let verification = entry.and_then(|entry| entry.verification.as_deref());
        let (Some(entry), Some(verification)) = (entry, verification) else {
            continue;
        };
        if !before.state.is_in_service()
            || name.history.has_passed(&before.id, &verification.digest())
        {
            continue;
        }
        let before = before.clone();
        let after = AfterImage::of(entry);
        let (after, patch) = after.gated(entry, &before, None, name.history, true);
        if let Some(patch) = patch {
            change.action = Action::Update {
                before: Box::new(before),
                patch,
                after: Box::new(after),
            };
            change.fields = fields_of(&change.action);
        }
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
        let must_pass = || !history.has_passed(&before.id, &verification.digest());
        if is_repeated || ((is_begun || brings_in) && must_pass()) {
            self.verification = Some(verification.clone());
            let declared = Patch::new(Some(self.state), self.visibility);
            return (self, patch.or(declared));
        }
        (self, patch)
    }
}

impl Plan {
    /// Blocks the changes whose verification failed in an earlier apply, with the same package and
    /// the same runs. A version that an interrupted apply deployed, and did not take out of
    /// service, is verified again.
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
                Action::Update { before, .. }
                    if before.state.is_in_service()
                        && history.is_begun(&before.id, &before.identity) =>
                {
                    None
                }
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

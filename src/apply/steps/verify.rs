//! Verifies a version by runs before it is brought into service, and takes it out of service again
//! if it does not pass.
//!
//! A run that does not end in time, that somebody cancels, or that the server refuses to start is
//! neither passed nor failed: the version is not brought into service, and the next apply verifies
//! it again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::super::context::{ApplyContext, locked};
use super::super::event::ApplyEvent;
use super::super::report::Outcome;
use super::super::source::PlatformPackage;
use super::super::step::Step;
use super::super::step_error::StepError;
use crate::api::chain;
use crate::attribute::State;
use crate::ident::{Digest, JobId, SolutionId};
use crate::job::{JobKind, RunRequest, RunState, RunTarget};
use crate::live::LiveVersion;
use crate::manifest::{ExpectedOutput, OnVerifyFailure, VerifyRun};
use crate::package::{self, PackageError};
use crate::plan::{AfterImage, LiveImage, Patch, Verdict, Verified, VerifiedRun};
use crate::run::{
    JobOutcome, JobReport, RunContext, RunEvent, RunEventSink, RunStartError, WatchedJob,
    start_run, watch_job,
};
use crate::store::{ChangeRef, Entry};

/// The result of one run.
type RunCheck = (Verdict, Option<String>);

/// The result of starting and watching one run.
enum RunAttempt {
    Ended(RunCheck),
    /// The server refused to start it.
    Refused(String),
}

impl Step<'_> {
    /// Verifies a live version, if that is declared. Returns an error if it did not pass; then it
    /// is out of service again, as far as this step has brought it into service or deployed it.
    pub(in crate::apply) async fn verify(
        &mut self,
        live: &LiveVersion,
        after: &AfterImage,
    ) -> Result<(), Outcome> {
        let Some(verification) = after.verification.as_deref() else {
            return Ok(());
        };
        self.release_permit();
        let is_begun = self.context.history.unfinished.contains(&live.id);
        let is_new = is_begun || self.deployed.is_some();
        let mut is_activated = false;
        let mut runs = Vec::new();
        for run in &verification.runs {
            let mut result = self.run(&live.id, run).await?;
            // Some servers do not run a version that is out of service (docs/platform.md, U22).
            if let (Err(_), false, false) = (&result, is_activated, live.state.is_in_service()) {
                self.set_state(live, State::Active).await?;
                is_activated = true;
                result = self.run(&live.id, run).await?;
            }
            runs.push(result.unwrap_or_else(|refused| refused));
        }
        let verified = Verified {
            record: live.id.clone(),
            package: after.package.clone().or_else(|| {
                let deployed = &self.context.history.deployed;
                deployed.get(&live.id).cloned().flatten()
            }),
            check: verification.digest(),
            verdict: verdict_of(&runs),
            runs,
        };
        self.record(Entry::Verified {
            change: ChangeRef::of(self.change),
            verified: verified.clone(),
        })
        .await?;
        let verdict = verified.verdict;
        let why = verified.failed_runs().join("; ");
        self.verified = Some(verified);
        let undo = match verdict {
            Verdict::Passed => return Ok(()),
            Verdict::Unchecked if !is_activated => None,
            Verdict::Unchecked | Verdict::Failed => {
                let is_own = is_new || is_activated;
                let policy = verification.on_failure;
                match self.undo(live, policy, is_new, is_own).await {
                    Ok(done) => done,
                    // The next apply waits for its end.
                    Err(unknown @ Outcome::Unknown { .. }) => return Err(unknown),
                    Err(outcome) => {
                        // The next apply verifies it again, and takes it out of service.
                        self.deployed = Some(live.id.clone());
                        let why = outcome.why().unwrap_or_default();
                        let what = "the version could not be taken out of service";
                        Some(format!("{what}: {why}"))
                    }
                }
            }
        };
        Err(Outcome::Failed(StepError::NotVerified {
            verdict,
            why,
            undo: undo.unwrap_or_default(),
        }))
    }

    /// Runs a version until one attempt passes. Returns the result as an error if the server
    /// refused to start the last one.
    async fn run(
        &mut self,
        id: &SolutionId,
        declared: &VerifyRun,
    ) -> Result<Result<VerifiedRun, VerifiedRun>, Outcome> {
        let mut result = VerifiedRun {
            name: declared.name.clone(),
            required: declared.required,
            verdict: Verdict::Unchecked,
            attempts: 0,
            run: None,
            why: None,
        };
        let mut is_refused = false;
        while result.attempts < declared.attempts && !self.context.interrupt.is_raised() {
            result.attempts += 1;
            let run = self.new_run_id();
            let change = ChangeRef::of(self.change);
            let name = declared.name.clone();
            self.record(Entry::Run {
                change,
                name,
                run: run.clone(),
            })
            .await?;
            let attempt = self.attempt(id, declared, &run).await;
            result.run = Some(run);
            is_refused = matches!(attempt, RunAttempt::Refused(_));
            (result.verdict, result.why) = match attempt {
                RunAttempt::Ended(checked) => checked,
                RunAttempt::Refused(why) => {
                    result.run = None;
                    (Verdict::Unchecked, Some(why))
                }
            };
            if result.verdict == Verdict::Passed || is_refused {
                break;
            }
        }
        if result.attempts == 0 {
            result.why = Some("an interrupt came before it was started".to_owned());
        }
        self.context.emit(&ApplyEvent::RunEnded {
            address: self.change.address.clone(),
            run: &result,
        });
        Ok(if is_refused { Err(result) } else { Ok(result) })
    }

    /// Starts and watches one run.
    async fn attempt(&self, id: &SolutionId, declared: &VerifyRun, run: &JobId) -> RunAttempt {
        let context = self.context;
        let address = self.change.address.clone();
        context.emit(&ApplyEvent::RunStarted {
            address: address.clone(),
            name: declared.name.clone(),
            run: run.clone(),
        });
        let events = Arc::clone(&context.events);
        let (name, id_of_run) = (declared.name.clone(), run.clone());
        let sink: RunEventSink = Arc::new(move |event: &RunEvent| {
            if let RunEvent::Answered { word, .. } = event {
                events(&ApplyEvent::RunAnswered {
                    address: address.clone(),
                    name: name.clone(),
                    run: id_of_run.clone(),
                    word: word.clone(),
                });
            }
        });
        let timeout = declared.timeout_ms.map(Duration::from_millis);
        let runs = RunContext {
            reader: context.reader.clone(),
            interrupt: context.interrupt.clone(),
            deadline: Instant::now() + timeout.unwrap_or(context.settings.run),
            propagation: context.settings.propagation,
            poll: context.settings.poll,
            events: sink,
            now_ms: context.now_ms,
            random: Mutex::new(locked(&context.shared.random).fork()),
        };
        let request = RunRequest {
            id: run.clone(),
            input_dir: declared.input_dir.clone(),
            output_dir: None,
            settings: declared.settings.clone(),
        };
        let started = match start_run(&RunTarget::Id(id.clone()), &request, &runs).await {
            Ok(started) => started,
            Err(error) if may_be_state(&error) => return RunAttempt::Refused(chain(&error)),
            Err(error) => return RunAttempt::Ended((Verdict::Unchecked, Some(chain(&error)))),
        };
        let job = WatchedJob {
            id: started.id,
            kind: JobKind::Flow,
            output_repos: request.output_repo().into_iter().collect(),
        };
        RunAttempt::Ended(match watch_job(&job, &runs).await {
            Ok(report) => context.check_end(&report, declared).await,
            Err(error) => (Verdict::Unchecked, Some(chain(&error))),
        })
    }

    fn new_run_id(&self) -> JobId {
        let bytes = locked(&self.context.shared.random).u128(..).to_be_bytes();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        JobId::chosen(&id.to_string()).expect("invariant: a UUID has fewer than 50 characters")
    }

    /// Journals an entry that must be on disk before the step goes on.
    async fn record(&self, entry: Entry) -> Result<(), Outcome> {
        let context = self.context;
        let recorded = context.journal.record((context.now_ms)(), entry).await;
        recorded.map_err(|error| {
            Outcome::Failed(StepError::Journal {
                source: Box::new(error),
            })
        })
    }

    async fn set_state(&mut self, live: &LiveVersion, state: State) -> Result<(), Outcome> {
        let Some(patch) = Patch::new(Some(state), None) else {
            return Ok(());
        };
        let context = self.context;
        let deadline = Instant::now() + context.settings.deploy;
        // If it cannot be read, the patch checks its precondition itself.
        let now = context.fetch(&live.id, &live.identity.name).await;
        let now = now.ok().flatten();
        let before = LiveImage::of(now.as_ref().unwrap_or(live));
        if now.is_some() && before.state.satisfies(state) {
            return Ok(());
        }
        self.patch(&before, patch, deadline).await.map(drop)
    }

    /// Takes a version that did not pass out of service, if it is new, so that this or an
    /// interrupted apply deployed it, or if this step activated it. Returns what was done.
    async fn undo(
        &mut self,
        live: &LiveVersion,
        policy: OnVerifyFailure,
        is_new: bool,
        is_own: bool,
    ) -> Result<Option<String>, Outcome> {
        if is_new && policy == OnVerifyFailure::Delete {
            let context = self.context;
            let now = context.fetch(&live.id, &live.identity.name).await;
            let now = now.ok().flatten();
            let before = LiveImage::of(now.as_ref().unwrap_or(live));
            self.delete(&before).await?;
            self.deployed = None;
            return Ok(Some("the new version was deleted".to_owned()));
        }
        if !is_own {
            let remark = "it was in service before, and stays as it is";
            return Ok(live.state.is_in_service().then(|| remark.to_owned()));
        }
        self.set_state(live, State::Inactive).await?;
        Ok(Some("the version was deactivated".to_owned()))
    }
}

/// Returns whether the server may have refused the start because of the version's state, and not
/// because of the caller.
fn may_be_state(error: &RunStartError) -> bool {
    match error {
        RunStartError::Refused(refusal) => {
            matches!(refusal.api().status(), Some(400 | 404 | 409 | 412 | 422))
        }
        _ => false,
    }
}

/// Returns the result of all runs. A verification in which nothing was checked is no pass.
fn verdict_of(runs: &[VerifiedRun]) -> Verdict {
    let required = |verdict| {
        let mut required = runs.iter().filter(|run| run.required);
        required.any(|run| run.verdict == verdict)
    };
    let is_checked = runs.iter().any(|run| run.verdict != Verdict::Unchecked);
    if required(Verdict::Failed) {
        Verdict::Failed
    } else if required(Verdict::Unchecked) || !is_checked {
        Verdict::Unchecked
    } else {
        Verdict::Passed
    }
}

impl ApplyContext<'_> {
    /// Compares the end of a run with the declared one.
    async fn check_end(&self, report: &JobReport, declared: &VerifyRun) -> RunCheck {
        let state = match (&report.state, &report.outcome) {
            (_, JobOutcome::Started | JobOutcome::InProgress | JobOutcome::NotKnown { .. }) => {
                let why = match report.outcome.reason() {
                    _ if self.interrupt.is_raised() => {
                        "an interrupt came before its end; it goes on at the server".to_owned()
                    }
                    Some(why) => format!("its end is not known: {why}"),
                    None => "it did not end in time".to_owned(),
                };
                return (Verdict::Unchecked, Some(why));
            }
            (Some(state), JobOutcome::Done | JobOutcome::Failed { .. }) => state.as_str(),
            (None, JobOutcome::Done) => RunState::Complete.as_str(),
            (None, JobOutcome::Failed { .. }) => RunState::Failed.as_str(),
        };
        if state != declared.state {
            let verdict = if RunState::new(state) == RunState::Cancelled {
                Verdict::Unchecked
            } else {
                Verdict::Failed
            };
            let mut why = format!("it ended as {state}, and {} is declared", declared.state);
            if let Some(message) = report.outcome.reason() {
                why.push_str(": ");
                why.push_str(message);
            }
            return (verdict, Some(why));
        }
        for output in &declared.outputs {
            let (verdict, why) = self.check_output(report, output).await;
            if verdict != Verdict::Passed {
                return (verdict, why);
            }
        }
        (Verdict::Passed, None)
    }

    async fn check_output(&self, report: &JobReport, output: &ExpectedOutput) -> RunCheck {
        let Some(folder) = &report.output_folder else {
            let why = "the server does not name the output folder of the run".to_owned();
            return (Verdict::Unchecked, Some(why));
        };
        let path = format!("{}/{}", folder.trim_end_matches('/'), output.path);
        let unchecked = |why: String| (Verdict::Unchecked, Some(why));
        let size = match self.size_of(&path).await {
            Ok(Some(size)) => size,
            Ok(None) => {
                return (
                    Verdict::Failed,
                    Some(format!("it wrote no `{}`", output.path)),
                );
            }
            Err(error) => return unchecked(chain(&error)),
        };
        let Some(declared) = &output.sha256 else {
            return (Verdict::Passed, None);
        };
        let files = &self.files;
        match package::digest(&PlatformPackage { files, path: &path }, size).await {
            Ok(found) if found == *declared => (Verdict::Passed, None),
            Ok(found) => (
                Verdict::Failed,
                Some(other_digest(output, declared, &found)),
            ),
            Err(PackageError::Missing) => (
                Verdict::Failed,
                Some(format!("it wrote no `{}`", output.path)),
            ),
            Err(error) => unchecked(chain(&error)),
        }
    }
}

fn other_digest(output: &ExpectedOutput, declared: &Digest, found: &Digest) -> String {
    format!(
        "the SHA-256 of its `{}` is {found}, and {declared} is declared",
        output.path
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_checked_is_no_pass() {
        use Verdict::{Failed, Passed, Unchecked};
        for (runs, expected) in [
            (&[][..], Unchecked),
            (&[(true, Passed)], Passed),
            (&[(true, Passed), (false, Failed)], Passed),
            (&[(true, Passed), (false, Unchecked)], Passed),
            (&[(true, Passed), (true, Unchecked)], Unchecked),
            (&[(true, Unchecked), (true, Failed)], Failed),
            (&[(false, Unchecked)], Unchecked),
            (&[(false, Failed)], Passed),
        ] {
            let runs: Vec<VerifiedRun> = runs
                .iter()
                .map(|(required, verdict)| VerifiedRun {
                    name: String::new(),
                    required: *required,
                    verdict: *verdict,
                    attempts: 1,
                    run: None,
                    why: None,
                })
                .collect();
            assert_eq!(verdict_of(&runs), expected, "{runs:?}");
        }
    }
}

//! The report of an apply as a document: every change with its outcome.
//!
//! Markdown and annotations are made from this value too, so all formats have the same content.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::items::{
    InFlightItem, ManifestEditItem, OrphanedItem, PositionItem, UnrestoredItem, in_backticks,
    rfc3339, seconds,
};
use super::v1::FORMAT_VERSION;
use crate::apply::{StepJob, StepReport, Totals};
use crate::ident::Address;
use crate::manifest::Severity;
use crate::outcome::OutcomeKind;
use crate::plan::{Mode, Origin, Summary, Verdict, Verified, VerifiedRun};
use crate::render::view::ReportView;
use crate::render::view::report::{
    ResultWord, deleted_sentence, left_file_sentence, provenance_line,
};
use crate::render::words::time;
use crate::store::Provenance;

/// The output of `apply --format json`, `destroy --format json` and `rollback --format json`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ReportDocument {
    /// The version of this format, `MAJOR.MINOR`.
    pub(in crate::render) format_version: &'static str,
    /// The version of solform that wrote the document.
    pub(in crate::render) solform_version: &'static str,
    /// The name of the environment in the manifest; null if the manifest could not be read.
    pub(in crate::render) environment: Option<String>,
    /// The environment's URL; null if the manifest could not be read.
    pub(in crate::render) url: Option<String>,
    /// `converge`, `destroy` or `rollback`.
    pub(in crate::render) mode: &'static str,
    /// The id of the apply that is rolled back; only in the report of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::render) rollback_of: Option<String>,
    /// The versions that are not restored, or not completely; only in the report of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::render) unrestored: Option<Vec<UnrestoredItem>>,
    /// The edits of the manifest, after which it declares what is restored; only in the report of a
    /// roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::render) manifest_edits: Option<Vec<ManifestEditItem>>,
    /// The id of the apply in the store; null if nothing was started.
    pub(in crate::render) run: Option<String>,
    /// Who started it, and from what; null if nothing was started, or if it is not recorded.
    pub(in crate::render) provenance: Option<ProvenanceItem>,
    /// The start, as RFC 3339.
    pub(in crate::render) started_at: Option<String>,
    /// The end, as RFC 3339.
    pub(in crate::render) ended_at: Option<String>,
    /// `complete`: all is as planned; `incomplete`: something is left; `not-applied`: nothing was
    /// started.
    pub(in crate::render) result: ResultWord,
    /// True if an interrupt ended the apply early.
    pub(in crate::render) interrupted: bool,
    /// The totals of the changes that are done.
    #[serde(with = "TotalsItem")]
    pub(in crate::render) totals: Totals,
    /// The number of changes for each outcome.
    pub(in crate::render) outcomes: BTreeMap<&'static str, usize>,
    /// Every change with its outcome, in the plan's order.
    pub(in crate::render) changes: Vec<ReportChange>,
    /// The result of the check after the apply.
    pub(in crate::render) convergence: Convergence,
    /// Changes that a new plan contains, and that the saved plan does not approve; they were not
    /// executed.
    pub(in crate::render) not_approved: Vec<NotApprovedItem>,
    /// Writes of earlier applies that are still in flight, for versions that no change concerns.
    pub(in crate::render) in_flight: Vec<InFlightItem>,
    /// Live records that failed deploys of earlier applies left.
    pub(in crate::render) orphaned: Vec<OrphanedItem>,
    /// The commands that stop waiting for the jobs that have not ended.
    pub(in crate::render) abandon_commands: Vec<String>,
    /// The start of the command that clears an orphaned record.
    #[serde(skip)]
    pub(in crate::render) abandon: String,
    /// Who started it, and from what, in one line.
    #[serde(skip)]
    pub(in crate::render) provenance_line: Option<String>,
    /// The reasons why nothing was started.
    pub(in crate::render) errors: Vec<Diagnostic>,
    /// The command that continues this apply; null if nothing is left.
    pub(in crate::render) resume_command: Option<String>,
}

/// Who started an apply, and from what.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct ProvenanceItem {
    /// `user@host`.
    pub(in crate::render) who: String,
    /// The URL of the run of the pipeline; null if it is not known.
    pub(in crate::render) ci_run: Option<String>,
    /// The git commit of the manifest; null if it is not known.
    pub(in crate::render) commit: Option<String>,
    /// The git branch of the manifest; null if it is not known.
    pub(in crate::render) branch: Option<String>,
    /// The text of `--message`; null if there was none.
    pub(in crate::render) message: Option<String>,
}

impl ProvenanceItem {
    pub(in crate::render) fn of(provenance: &Provenance) -> Self {
        let Provenance {
            who,
            ci_run,
            commit,
            branch,
            message,
        } = provenance.clone();
        Self {
            who,
            ci_run,
            commit,
            branch,
            message,
        }
    }
}

/// The totals of the changes that are done. A replace counts as added and as destroyed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(remote = "Totals")]
#[schemars(rename = "TotalsItem")]
struct TotalsItem {
    /// Versions added.
    added: usize,
    /// Versions changed.
    changed: usize,
    /// Versions destroyed.
    destroyed: usize,
}

/// A change with its outcome.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(in crate::render) struct ReportChange {
    /// `Name@version`, with the owner in front if two versions have the same name and version.
    pub(in crate::render) address: String,
    /// `create`, `update`, `replace` or `delete`; null if an earlier apply did not record it.
    pub(in crate::render) action: Option<&'static str>,
    /// `done`, `failed`, `skipped`, `refused`, `cancelled` or `unknown`.
    pub(in crate::render) outcome: &'static str,
    /// The reason why it is not done, or a note on a change that is done.
    pub(in crate::render) detail: Option<String>,
    /// The fix.
    pub(in crate::render) help: Option<String>,
    /// The id of the live record; null if there is none.
    pub(in crate::render) id: Option<String>,
    /// The jobs that it started, in order.
    pub(in crate::render) jobs: Vec<String>,
    /// The times of these jobs, in the same order.
    pub(in crate::render) job_times: Vec<JobTimes>,
    /// Writes that were sent a second time, because the answer to the first was lost.
    pub(in crate::render) sent_twice: Vec<&'static str>,
    /// The upload of its package; null if nothing is uploaded, or if the upload is not done.
    pub(in crate::render) upload: Option<UploadItem>,
    /// The result of its verification; null if it was not verified.
    pub(in crate::render) verification: Option<VerificationItem>,
    /// The path of a file on the platform that an upload may have left incomplete; null if there is
    /// none.
    pub(in crate::render) left_file: Option<String>,
    /// True if it was already up to date before a write was sent.
    pub(in crate::render) was_already: bool,
    /// True if a replace deleted the version, and the version is not known to be deployed again.
    pub(in crate::render) deleted: bool,
    /// The start, as RFC 3339; null if it was not started.
    #[serde(rename = "started_at", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(in crate::render) started_at_ms: Option<u64>,
    /// The duration, in seconds.
    pub(in crate::render) took_seconds: Option<f64>,
    /// The position of its entry in the manifest.
    pub(in crate::render) position: Option<PositionItem>,
}

/// A job with its times.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct JobTimes {
    /// The id.
    pub(in crate::render) job: String,
    /// The write that started it: `deploy` or `delete`.
    pub(in crate::render) write: &'static str,
    /// The start, as RFC 3339.
    #[serde(rename = "started_at", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(in crate::render) started_at_ms: Option<u64>,
    /// The end as solform saw it, as RFC 3339; null if it is not known.
    #[serde(rename = "ended_at", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(in crate::render) ended_at_ms: Option<u64>,
}

impl JobTimes {
    fn of(job: &StepJob) -> Self {
        Self {
            job: job.id.to_string(),
            write: job.write.as_str(),
            started_at_ms: Some(job.began_at_ms),
            ended_at_ms: job.ended_at_ms,
        }
    }
}

/// An upload that is done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct UploadItem {
    /// The size of the package, in bytes.
    pub(in crate::render) bytes: u64,
    /// True if the package was there before anything was sent.
    pub(in crate::render) was_already: bool,
}

/// The result of a verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct VerificationItem {
    /// `passed`, `failed`, or `unchecked` if a required run was not checked.
    pub(in crate::render) verdict: &'static str,
    /// The SHA-256 over the declared runs.
    pub(in crate::render) check: String,
    /// The fingerprint of the package; null if it is not known.
    pub(in crate::render) package: Option<String>,
    /// The runs, in order.
    pub(in crate::render) runs: Vec<VerifiedRunItem>,
}

/// A run of a verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct VerifiedRunItem {
    /// The declared name.
    pub(in crate::render) name: String,
    /// False if a failure is only reported.
    pub(in crate::render) required: bool,
    /// `passed`, `failed` or `unchecked`.
    pub(in crate::render) verdict: &'static str,
    /// The number of attempts.
    pub(in crate::render) attempts: u32,
    /// The last run; null if none was started.
    pub(in crate::render) run: Option<String>,
    /// The reason, if it did not pass.
    pub(in crate::render) why: Option<String>,
}

impl VerificationItem {
    pub(in crate::render) fn of(verified: &Verified) -> Self {
        let runs = verified.runs.iter().map(VerifiedRunItem::of);
        Self {
            verdict: verified.verdict.as_str(),
            check: verified.check.to_string(),
            package: verified.package.as_ref().map(ToString::to_string),
            runs: runs.collect(),
        }
    }
}

impl VerifiedRunItem {
    pub(in crate::render) fn of(run: &VerifiedRun) -> Self {
        Self {
            name: run.name.clone(),
            required: run.required,
            verdict: run.verdict.as_str(),
            attempts: run.attempts,
            run: run.run.as_ref().map(ToString::to_string),
            why: run.why.clone(),
        }
    }

    /// Returns the name and the result as a phrase, without the reason.
    pub(in crate::render) fn phrase(&self) -> String {
        let verdict = Verdict::of_word(self.verdict).map_or(self.verdict, Verdict::phrase);
        format!("{} {verdict}", self.name)
    }
}

impl ReportChange {
    /// Returns the runs of the verification.
    pub(in crate::render) fn verified_runs(&self) -> impl Iterator<Item = &VerifiedRunItem> {
        self.verification.iter().flat_map(|found| &found.runs)
    }

    /// Returns true if the change is done.
    pub(in crate::render) fn is_done(&self) -> bool {
        self.outcome == OutcomeKind::Done.as_str()
    }

    /// Returns the duration, in whole milliseconds.
    pub(in crate::render) fn took_ms(&self) -> Option<u64> {
        let took = Duration::try_from_secs_f64(self.took_seconds?).ok()?;
        u64::try_from(took.as_millis()).ok()
    }
}

/// A change that the saved plan does not approve.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct NotApprovedItem {
    /// The version.
    pub(in crate::render) address: String,
    /// `create`, `update`, `replace` or `delete`.
    pub(in crate::render) action: &'static str,
}

/// The result of the check after an apply.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(in crate::render) struct Convergence {
    /// `converged`: all is as planned; `not-converged`: something is not; `not-proven`: the live
    /// state could not be read in full; `not-looked`: the live state was not read.
    pub(in crate::render) result: ConvergenceWord,
    /// Changes that are done, but that a new plan contains again.
    pub(in crate::render) not_converged: Vec<NotConverged>,
    /// Versions that wait for a review.
    pub(in crate::render) waiting_for_review: Vec<String>,
    /// The reason why the check proves nothing; null if it was complete.
    pub(in crate::render) unproven: Option<String>,
}

/// The verdict of the check after an apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::render) enum ConvergenceWord {
    /// The completed changes are live.
    Converged,
    /// A new plan contains a change that is done.
    NotConverged,
    /// The live state could not be read in full.
    NotProven,
    /// The live state was not read.
    #[default]
    NotLooked,
}

/// A change that is done, but that a new plan contains again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::render) struct NotConverged {
    /// The change.
    pub(in crate::render) address: String,
    /// The differences.
    pub(in crate::render) detail: String,
}

/// An apply that ended before it started a change.
#[derive(Debug)]
pub struct NotApplied<'a> {
    /// The environment and its URL, if they are known.
    pub subject: Option<(&'a str, &'a str)>,
    /// Converge or destroy.
    pub mode: Mode,
    /// The start, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// The end, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// The reasons.
    pub errors: Vec<Diagnostic>,
}

/// Returns the document of a report.
pub fn report_document(view: &ReportView<'_>) -> ReportDocument {
    let report = view.report;
    let rollback = view.plan.rollback.as_ref();
    let origins: BTreeMap<&Address, &Origin> = view
        .plan
        .changes
        .iter()
        .filter_map(|change| Some((&change.address, change.origin.as_ref()?)))
        .collect();
    ReportDocument {
        environment: Some(view.plan.subject.environment.clone()),
        url: Some(view.plan.subject.url.clone()),
        run: view.run.map(str::to_owned),
        provenance: view.provenance.map(ProvenanceItem::of),
        provenance_line: view.provenance.and_then(provenance_line),
        started_at: time(view.began_at_ms),
        ended_at: time(view.ended_at_ms),
        result: if view.is_all_done() {
            ResultWord::Complete
        } else {
            ResultWord::Incomplete
        },
        interrupted: report.interrupted || view.is_interrupted,
        totals: report.made(),
        outcomes: OutcomeKind::ALL
            .into_iter()
            .map(|word| (word.as_str(), report.count(word)))
            .collect(),
        changes: report
            .steps
            .iter()
            .map(|step| report_change(step, origins.get(&step.address).copied()))
            .collect(),
        convergence: Convergence {
            result: if view.unproven.is_some() {
                ConvergenceWord::NotProven
            } else if view.is_interrupted {
                ConvergenceWord::NotLooked
            } else if view.not_converged.is_empty()
                && report.is_complete()
                && view.in_flight.is_empty()
                && !Summary::of(view.plan).is_partial()
            {
                ConvergenceWord::Converged
            } else {
                ConvergenceWord::NotConverged
            },
            not_converged: view
                .not_converged
                .iter()
                .map(|(address, detail)| NotConverged {
                    address: address.to_string(),
                    detail: detail.clone(),
                })
                .collect(),
            waiting_for_review: view
                .waiting_for_review
                .iter()
                .map(ToString::to_string)
                .collect(),
            unproven: view.unproven.map(str::to_owned),
        },
        not_approved: view
            .not_approved
            .iter()
            .map(|change| NotApprovedItem {
                address: change.address.to_string(),
                action: change.action.kind().as_str(),
            })
            .collect(),
        rollback_of: rollback.map(|of| of.apply.clone()),
        unrestored: UnrestoredItem::of_rollback(view.plan),
        manifest_edits: rollback.map(|_| {
            let edits = view.adjustments.iter();
            let edit = |edit| ManifestEditItem::of(edit, view.has_written_manifest);
            edits.map(edit).collect()
        }),
        in_flight: InFlightItem::all(view.plan, view.in_flight),
        orphaned: OrphanedItem::all(view.plan),
        abandon: view.abandon.to_owned(),
        abandon_commands: view.abandon_commands.to_vec(),
        resume_command: (!view.is_success()).then(|| view.resume_command.to_owned()),
        ..empty(view.plan.mode)
    }
}

fn report_change(step: &StepReport, origin: Option<&Origin>) -> ReportChange {
    let done = step.outcome.done();
    ReportChange {
        address: step.address.to_string(),
        action: Some(step.kind.as_str()),
        outcome: step.outcome.word().as_str(),
        detail: step.why(),
        help: step.outcome.help(),
        id: done
            .and_then(|done| done.id.as_ref())
            .or(step.deployed.as_ref())
            .map(ToString::to_string),
        jobs: step.jobs.iter().map(|job| job.id.to_string()).collect(),
        job_times: step.jobs.iter().map(JobTimes::of).collect(),
        started_at_ms: step.began_at_ms,
        sent_twice: step.sent_twice.iter().map(|call| call.as_str()).collect(),
        upload: step.uploaded.map(|uploaded| UploadItem {
            bytes: uploaded.bytes,
            was_already: uploaded.was_already,
        }),
        verification: step.verified.as_ref().map(VerificationItem::of),
        was_already: done.is_some_and(|done| done.was_already),
        deleted: step.deleted,
        left_file: step.left_file.clone(),
        took_seconds: Some(seconds(step.took)),
        position: origin.map(PositionItem::of),
    }
}

/// Returns the document of an apply that ended before it started a change.
pub fn not_applied_document(not_applied: NotApplied<'_>) -> ReportDocument {
    let (environment, url) = not_applied.subject.unzip();
    ReportDocument {
        environment: environment.map(str::to_owned),
        url: url.map(str::to_owned),
        started_at: time(not_applied.began_at_ms),
        ended_at: time(not_applied.ended_at_ms),
        errors: not_applied.errors,
        ..empty(not_applied.mode)
    }
}

/// Returns a report without changes; its result is `not-applied`.
pub(super) fn empty(mode: Mode) -> ReportDocument {
    ReportDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        mode: mode.as_str(),
        outcomes: OutcomeKind::ALL
            .into_iter()
            .map(|word| (word.as_str(), 0))
            .collect(),
        ..ReportDocument::default()
    }
}

impl ReportDocument {
    /// Returns the command that made the report: `apply`, `destroy` or `rollback`.
    pub(in crate::render) fn operation(&self) -> &'static str {
        match Mode::of_word(self.mode) {
            Some(Mode::Destroy) => "destroy",
            Some(Mode::Rollback) => "rollback",
            Some(Mode::Converge) | None => "apply",
        }
    }

    /// Returns the verdict in one line; Terraform's line if all is done.
    pub(in crate::render) fn verdict(&self) -> String {
        let Totals {
            added,
            changed,
            destroyed,
        } = self.totals;
        match self.result {
            ResultWord::Complete if self.interrupted => format!(
                "All changes are done: {added} added, {changed} changed, {destroyed} destroyed."
            ),
            ResultWord::Complete if self.mode == "destroy" => {
                format!("Destroy complete! Resources: {destroyed} destroyed.")
            }
            ResultWord::Complete if self.mode == "rollback" => format!(
                "Rollback complete! Resources: {added} added, {changed} changed, {destroyed} \
                 destroyed."
            ),
            ResultWord::Complete => format!(
                "Apply complete! Resources: {added} added, {changed} changed, {destroyed} \
                 destroyed."
            ),
            ResultWord::Incomplete => {
                let counts: Vec<String> = OutcomeKind::ALL
                    .into_iter()
                    .map(|word| {
                        let word = word.as_str();
                        let count = self.outcomes.get(word).copied().unwrap_or(0);
                        format!("{count} {word}")
                    })
                    .collect();
                format!(
                    "Not complete: {}; {added} added, {changed} changed, {destroyed} destroyed.",
                    counts.join(", ")
                )
            }
            ResultWord::NotApplied => "Not applied: nothing was changed.".to_owned(),
        }
    }

    /// Returns everything that is left after the apply.
    pub(in crate::render) fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut add = |severity, label, address: Option<&String>, text| {
            remarks.push(Remark {
                severity,
                label,
                address: address.cloned(),
                text,
            });
        };
        for item in self.unrestored.iter().flatten() {
            let text = item.detail.clone();
            add(Severity::Warning, "Not restored", Some(&item.address), text);
        }
        for change in self.changes.iter().filter(|change| change.deleted) {
            let text = deleted_sentence(change.outcome);
            add(Severity::Error, "Deleted", Some(&change.address), text);
        }
        for change in &self.changes {
            if let Some(path) = &change.left_file {
                let text = left_file_sentence(path);
                add(Severity::Warning, "Left file", Some(&change.address), text);
            }
        }
        let check = &self.convergence;
        for NotConverged { address, detail } in &check.not_converged {
            let text = format!("is planned again: {detail}");
            add(Severity::Error, "Did not converge", Some(address), text);
        }
        for address in &check.waiting_for_review {
            let text = "becomes PUBLIC only after it is approved.".to_owned();
            add(Severity::Warning, "Waits for review", Some(address), text);
        }
        if let Some(why) = &check.unproven {
            let text = format!("the live state could not be read again in full: {why}");
            add(Severity::Error, "Did not converge", None, text);
        }
        for item in &self.in_flight {
            let text = format!("{}.", item.sentence(str::to_owned));
            add(Severity::Warning, "In flight", None, text);
        }
        for item in &self.orphaned {
            let sentence = item.sentence(&self.abandon, str::to_owned, in_backticks);
            add(Severity::Warning, "Orphaned", None, format!("{sentence}."));
        }
        for item in self.manifest_edits.iter().flatten() {
            let text = format!("{}.", item.sentence());
            add(Severity::Warning, "Manifest", Some(&item.address), text);
        }
        remarks
    }

    /// Returns the position of a change's entry in the manifest.
    pub(in crate::render) fn position_of(&self, address: &str) -> Option<&PositionItem> {
        let mut changes = self.changes.iter();
        let change = changes.find(|change| change.address == address)?;
        change.position.as_ref()
    }
}

/// A fact that is left after an apply.
pub(in crate::render) struct Remark {
    pub(in crate::render) severity: Severity,
    /// The kind of fact.
    pub(in crate::render) label: &'static str,
    /// The version, if the text continues its address.
    pub(in crate::render) address: Option<String>,
    pub(in crate::render) text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label;
        let text = &self.text;
        match &self.address {
            Some(address) => write!(f, "{label}: {address} {text}"),
            None => write!(f, "{label}: {text}"),
        }
    }
}

//! The drift that a plan of a watch shows: short, and independent of the plan.

use super::notes;
use super::plan::{policy_warnings, short_reason, urgency, verdict};
use crate::ident::Digest;
use crate::plan::{ActionKind, Plan, Refusal, Summary, drift_digest};
use crate::render::words;

/// The maximum number of lines about versions.
const LINES: usize = 10;

/// The maximum number of refusals, and of warnings.
const REFUSALS: usize = 3;

/// The maximum length of a line, in characters.
const WIDTH: usize = 200;

/// The drift at one time.
#[derive(Debug, Clone)]
pub struct DriftReport {
    /// The environment.
    pub environment: String,
    /// Its URL.
    pub url: String,
    /// The time of the plan, in milliseconds since 1970.
    pub at_ms: u64,
    /// True if the plan before showed other drift. Before the first plan there is none.
    pub is_changed: bool,
    /// The counts.
    pub summary: Summary,
    /// The verdict of the plan.
    pub verdict: String,
    /// The first versions that are not as declared, the losses first.
    pub lines: Vec<DriftLine>,
    /// The number of the other ones.
    pub more: usize,
    /// The first reasons why the plan cannot be applied, escaped.
    pub refusals: Vec<String>,
    /// The first warnings of policies, escaped.
    pub warnings: Vec<String>,
    /// The digest of all drift; none if everything is as declared.
    pub digest: Option<Digest>,
}

/// A version that is not as declared.
#[derive(Debug, Clone)]
pub struct DriftLine {
    /// The change that apply would make.
    pub kind: ActionKind,
    /// The address.
    pub address: String,
    /// The predicate, escaped.
    pub text: String,
}

/// The changes of drift since the last message that was delivered.
#[derive(Debug, Clone, Copy)]
pub struct Unreported {
    /// The number of changes.
    pub changes: u64,
    /// The time of the first one, in milliseconds since 1970.
    pub since_ms: Option<u64>,
}

impl DriftReport {
    /// Returns the drift of a plan. `last` is the digest of the drift before.
    pub fn new(plan: &Plan, refusals: &[Refusal], last: Option<&Digest>, at_ms: u64) -> Self {
        let summary = Summary::of(plan);
        let (line, rest) = verdict(plan.mode, &summary);
        let mut changes: Vec<_> = plan.to_do().collect();
        changes.sort_by_key(|change| urgency(change));
        let changes = changes.into_iter().map(|change| {
            let blocked = if change.blocked.is_empty() {
                ""
            } else {
                ", but is blocked"
            };
            let phrase = change.action.kind().phrase();
            let reason = short_reason(&change.reason);
            let address = change.address.as_str();
            (
                change.action.kind(),
                address,
                format!("{phrase} ({reason}){blocked}"),
            )
        });
        let notes = notes::on_unchanged(plan).into_iter();
        let notes = notes.map(|(address, note)| (ActionKind::NoOp, address.as_str(), note));
        let mut all = changes.chain(notes);
        let line_of = |(kind, address, text): (ActionKind, &str, String)| DriftLine {
            kind,
            address: address.to_owned(),
            text,
        };
        let lines = all.by_ref().take(LINES).map(line_of).collect();
        let digest = drift_digest(plan, refusals);
        let refusals = refusals.iter().take(REFUSALS).map(ToString::to_string);
        let warnings = policy_warnings(plan).into_iter().take(REFUSALS);
        Self {
            environment: plan.subject.environment.clone(),
            url: plan.subject.url.clone(),
            at_ms,
            is_changed: digest.as_ref() != last,
            summary,
            verdict: line + rest,
            lines,
            more: all.count(),
            refusals: refusals.map(|text| words::escaped(&text)).collect(),
            warnings: warnings.map(|text| words::escaped(&text)).collect(),
            digest,
        }
    }

    /// Returns true if anything is not as declared.
    pub fn has_drifted(&self) -> bool {
        self.digest.is_some()
    }

    /// Returns the headline of a message.
    pub(in crate::render) fn headline(&self) -> String {
        let start = if self.has_drifted() {
            "Drift"
        } else {
            "No drift"
        };
        let environment = words::quoted(&words::shortened(&self.environment, WIDTH));
        format!("{start} in environment {environment}: {}", self.verdict)
    }

    /// Returns the lines about versions and refusals, each with its symbol.
    pub(in crate::render) fn details(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for DriftLine {
            kind,
            address,
            text,
        } in &self.lines
        {
            let address = words::escaped(&words::shortened(address, WIDTH / 2));
            let line = format!("{} {address} {text}", kind.symbol());
            lines.push(line.trim_start().to_owned());
        }
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        let refusals = self.refusals.iter();
        lines.extend(refusals.map(|refusal| format!("blocked: {refusal}")));
        let warnings = self.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let lines = lines.iter().map(|line| words::shortened(line, WIDTH));
        lines.collect()
    }
}

impl Unreported {
    /// Returns the remark on a message that reports more than one change.
    pub(in crate::render) fn remark(&self) -> Option<String> {
        let changes = self.changes;
        (changes > 1)
            .then(|| format!("The drift has changed {changes} times since the last message."))
    }
}

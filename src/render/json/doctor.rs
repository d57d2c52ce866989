//! The document of `doctor --json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::{Check, Counts, Diagnosis, Finding, Verdict};

const FORMAT_VERSION: &str = "1.0";

/// The output of `doctor --json`: checks of an environment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DoctorDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform.
    solform: &'static str,
    /// The environment; null where none could be chosen.
    environment: Option<&'a str>,
    /// True if a check failed. Warnings are no failure.
    failed: bool,
    /// The numbers of checks by outcome.
    counts: CountsItem,
    /// The checks, in the order in which they build on each other.
    checks: Vec<CheckItem<'a>>,
}

/// The numbers of checks by outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CountsItem {
    /// As it should be.
    ok: usize,
    /// To know of.
    warn: usize,
    /// Failed.
    fail: usize,
    /// Not asked.
    skipped: usize,
}

/// A check.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CheckItem<'a> {
    /// The name of the check; more names may be added.
    name: &'static str,
    /// The outcome.
    verdict: VerdictWord,
    /// The result, as a sentence.
    text: &'a str,
    /// The hint; null if nothing has to be done.
    hint: Option<&'a str>,
    /// The single things that it looked at, where there are several.
    findings: Vec<FindingItem<'a>>,
}

/// An item of a check.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingItem<'a> {
    /// The subject.
    subject: &'a str,
    /// The outcome.
    verdict: VerdictWord,
    /// The result, as a sentence.
    text: &'a str,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictWord {
    /// As it should be.
    Ok,
    /// Something to know of; solform works all the same.
    Warn,
    /// solform cannot work like this.
    Fail,
    /// Not asked, because something that it needs is not there.
    Skipped,
}

impl From<Verdict> for VerdictWord {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Ok,
            Verdict::Warn => Self::Warn,
            Verdict::Fail => Self::Fail,
            Verdict::Skipped => Self::Skipped,
        }
    }
}

/// The document of a diagnosis.
pub fn doctor_document(diagnosis: &Diagnosis) -> DoctorDocument<'_> {
    let Counts {
        ok,
        warn,
        fail,
        skipped,
    } = diagnosis.counts();
    DoctorDocument {
        format_version: FORMAT_VERSION,
        solform: diagnosis.version,
        environment: diagnosis.environment.as_deref(),
        failed: diagnosis.has_failed(),
        counts: CountsItem {
            ok,
            warn,
            fail,
            skipped,
        },
        checks: diagnosis.checks.iter().map(check_item).collect(),
    }
}

fn check_item(check: &Check) -> CheckItem<'_> {
    let Check {
        name,
        verdict,
        text,
        hint,
        findings,
    } = check;
    CheckItem {
        name: name.as_str(),
        verdict: (*verdict).into(),
        text,
        hint: hint.as_deref().filter(|hint| !hint.is_empty()),
        findings: findings
            .iter()
            .map(|finding| {
                let Finding {
                    subject,
                    verdict,
                    text,
                } = finding;
                FindingItem {
                    subject,
                    verdict: (*verdict).into(),
                    text,
                }
            })
            .collect(),
    }
}

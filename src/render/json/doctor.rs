//! The document of `doctor --json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::{Check, Diagnosis, Finding, Verdict};

const FORMAT_VERSION: &str = "1.0";

/// The output of `doctor --json`: checks of an environment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DoctorDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform.
    solform: &'static str,
    /// The environment; null if none could be selected.
    environment: Option<&'a str>,
    /// True if a check failed. A warning is not a failure.
    failed: bool,
    /// The numbers of checks by outcome.
    counts: CountsItem,
    /// The checks, in the order in which they build on each other.
    checks: Vec<CheckItem<'a>>,
}

/// The numbers of checks by outcome.
#[derive(Debug, Serialize, JsonSchema)]
struct CountsItem {
    /// Checks that passed.
    ok: usize,
    /// Checks with a warning.
    warn: usize,
    /// Checks that failed.
    fail: usize,
    /// Checks that were skipped.
    skipped: usize,
}

/// A check.
#[derive(Debug, Serialize, JsonSchema)]
struct CheckItem<'a> {
    /// The name of the check; more names may be added.
    name: &'static str,
    /// The outcome.
    #[serde(with = "VerdictWord")]
    verdict: Verdict,
    /// The result, as a sentence.
    text: &'a str,
    /// The fix; null if nothing has to be done.
    hint: Option<&'a str>,
    /// The checked items, if there are several.
    findings: Vec<FindingItem<'a>>,
}

/// An item of a check.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingItem<'a> {
    /// The subject.
    subject: &'a str,
    /// The outcome.
    #[serde(with = "VerdictWord")]
    verdict: Verdict,
    /// The result, as a sentence.
    text: &'a str,
}

/// The outcome of a check.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(remote = "Verdict", rename_all = "snake_case")]
#[schemars(rename = "VerdictWord")]
enum VerdictWord {
    /// The check passed.
    Ok,
    /// The check found something unusual, but solform works.
    Warn,
    /// The check failed: solform cannot work until this is fixed.
    Fail,
    /// The check was skipped, because something that it needs is missing.
    Skipped,
}

/// Returns the document of a diagnosis.
pub fn doctor_document(diagnosis: &Diagnosis) -> DoctorDocument<'_> {
    let counts = CountsItem {
        ok: diagnosis.count(Verdict::Ok),
        warn: diagnosis.count(Verdict::Warn),
        fail: diagnosis.count(Verdict::Fail),
        skipped: diagnosis.count(Verdict::Skipped),
    };
    DoctorDocument {
        format_version: FORMAT_VERSION,
        solform: diagnosis.version,
        environment: diagnosis.environment.as_deref(),
        failed: counts.fail > 0,
        counts,
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
        verdict: *verdict,
        text,
        hint: hint.as_deref().filter(|hint| !hint.is_empty()),
        findings: findings
            .iter()
            .map(
                |Finding {
                     subject,
                     verdict,
                     text,
                 }| FindingItem {
                    subject,
                    verdict: *verdict,
                    text,
                },
            )
            .collect(),
    }
}

//! The document of `explain`.

use schemars::JsonSchema;
use serde::Serialize;

use super::v1::FORMAT_VERSION;
use crate::manifest::Severity;
use crate::render::explanation::Explanation;

/// The output of `explain --json`: the texts about codes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplanationsDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The texts about the code, or about every code.
    explanations: Vec<ExplanationItem>,
}

/// The text about a code.
#[derive(Debug, Serialize, JsonSchema)]
struct ExplanationItem {
    /// The code.
    code: &'static str,
    /// `problem`, `block`, `note`, `warning` or `finding`.
    kind: &'static str,
    /// `error` or `warning`; null for notes and findings.
    severity: Option<Severity>,
    /// The first sentence.
    summary: String,
    /// The text, as Markdown.
    text: &'static str,
}

impl ExplanationsDocument {
    /// Returns the document of these texts.
    pub fn of(explanations: &[Explanation]) -> Self {
        let items = explanations.iter().map(|explanation| ExplanationItem {
            code: explanation.code,
            kind: explanation.kind.as_str(),
            severity: explanation.severity(),
            summary: explanation.summary(),
            text: explanation.text,
        });
        Self {
            format_version: FORMAT_VERSION,
            explanations: items.collect(),
        }
    }
}

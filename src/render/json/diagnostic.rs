//! An error or a warning as a value: message, causes, fix and location. Streams, reports and
//! annotations use it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ident::Address;
use crate::manifest::{Label, PrimaryLine, Problem, Severity, widen};
use crate::plan::{Origin, Plan, Refusal, Violation};
use crate::render::words;

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: Severity,
    /// The message.
    pub summary: String,
    /// The causes, more facts and the fix, one per line.
    pub detail: String,
    /// The affected version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The part of the manifest that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<SourceRange>,
    /// The first line of that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
    /// Values without a key in Terraform's format.
    pub x_solution: DiagnosticExtension,
}

/// The additional values of a diagnostic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosticExtension {
    /// The environment; only in output about several environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The stable code of a problem of the manifest, a block of a plan, or a policy that warns.
    pub code: Option<String>,
    /// The causes, the outermost first.
    pub causes: Vec<String>,
    /// The fix.
    pub help: Option<String>,
}

/// A part of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceRange {
    /// The file.
    pub filename: String,
    /// The start.
    pub start: SourcePoint,
    /// The end, on the same line.
    pub end: SourcePoint,
}

/// A position in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourcePoint {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The byte, from 0; null if only the line and column are known.
    pub byte: Option<usize>,
}

/// A line of the manifest, with the part that is the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Snippet {
    /// Always null: a manifest has no blocks with names.
    pub context: Option<String>,
    /// The line, or the part of a long one; secrets are masked.
    pub code: String,
    /// The line number.
    pub start_line: usize,
    /// The first byte of the part that is the cause, in `code`.
    pub highlight_start_offset: usize,
    /// The byte after the last byte of that part.
    pub highlight_end_offset: usize,
    /// Always empty: a manifest has no expressions.
    pub values: Vec<String>,
}

impl Diagnostic {
    /// Returns a diagnostic without a position.
    pub fn new(severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            severity,
            summary: summary.into(),
            detail: String::new(),
            address: None,
            range: None,
            snippet: None,
            x_solution: DiagnosticExtension::default(),
        }
    }

    /// Returns the message with its causes and its location, in one line.
    pub(in crate::render) fn in_one_line(&self) -> String {
        let parts = std::iter::once(&self.summary).chain(&self.x_solution.causes);
        let parts: Vec<&str> = parts.map(String::as_str).collect();
        let location = self.range.as_ref().map(|range| {
            let SourcePoint { line, column, .. } = range.start;
            format!(" ({}:{line}:{column})", range.filename)
        });
        format!("{}{}", parts.join(": "), location.unwrap_or_default())
    }

    /// Adds causes and a help.
    #[must_use]
    pub fn because(mut self, causes: Vec<String>, help: Option<String>) -> Self {
        let because = causes.iter().map(|cause| format!("because {cause}"));
        let lines: Vec<String> = because.chain(help.clone()).collect();
        self.detail = lines.join("\n");
        self.x_solution.causes = causes;
        self.x_solution.help = help;
        self
    }

    /// Adds the affected version, and the position of its entry in the manifest.
    #[must_use]
    pub fn about(mut self, address: &str, origin: Option<&Origin>) -> Self {
        self.address = Some(address.to_owned());
        self.located(origin)
    }

    /// Adds the position in the manifest.
    pub(in crate::render) fn located(mut self, origin: Option<&Origin>) -> Self {
        self.range = origin.map(|origin| {
            let point = SourcePoint {
                line: widen(origin.line),
                column: widen(origin.column),
                byte: None,
            };
            SourceRange {
                filename: origin.file.to_string(),
                start: point,
                end: point,
            }
        });
        self
    }

    /// Returns the diagnostic of a problem of the manifest.
    pub fn of_problem(problem: &Problem) -> Self {
        let labels = problem.primary.iter().chain(&problem.related);
        let labels = labels
            .filter(|label| !label.text.is_empty())
            .map(|label| format!("line {}: {}", label.position.line, label.text));
        let details = problem.details.iter().cloned();
        let lines: Vec<String> = labels.chain(details).chain(problem.help.clone()).collect();
        let primary = problem.primary.as_ref();
        let line = problem.primary_line();
        Self {
            detail: lines.join("\n"),
            range: primary.map(|label| range(label, line.as_ref())),
            snippet: primary.zip(line).map(|(label, line)| Snippet {
                context: None,
                start_line: widen(label.position.line),
                highlight_start_offset: line.from,
                highlight_end_offset: line.to,
                code: line.code,
                values: Vec::new(),
            }),
            x_solution: DiagnosticExtension {
                code: Some(problem.code.to_string()),
                help: problem.help.clone(),
                ..DiagnosticExtension::default()
            },
            ..Self::new(problem.severity(), problem.to_string())
        }
    }

    /// Returns the diagnostic of a policy that warns.
    pub fn of_warning(violation: &Violation) -> Self {
        let mut diagnostic = Self::new(Severity::Warning, violation.to_string());
        diagnostic.x_solution.code = Some(violation.code().to_owned());
        diagnostic.located(violation.origin.as_ref())
    }

    /// Returns the diagnostic of a refusal, at the entry of the manifest that it concerns.
    pub fn of_refusal(refusal: &Refusal, plan: &Plan) -> Self {
        let causes = words::causes(refusal).collect();
        let mut diagnostic =
            Self::new(Severity::Error, refusal.to_string()).because(causes, Some(refusal.help()));
        diagnostic.x_solution.code = Some(refusal.code().to_owned());
        let of_change = |address: &Address| {
            let mut changes = plan.changes.iter();
            let change = changes.find(|change| change.address == *address);
            change.and_then(|change| change.origin.as_ref())
        };
        let (address, origin) = match refusal {
            Refusal::NotListed { address }
            | Refusal::Protected { address }
            | Refusal::Owner { address, .. }
            | Refusal::Verification { address, .. } => (address, of_change(address)),
            Refusal::Package {
                address, origin, ..
            } => (address, origin.as_ref()),
            Refusal::Policy(violation) => return diagnostic.located(violation.origin.as_ref()),
            Refusal::Unproven(_)
            | Refusal::NotJudged
            | Refusal::TooManyDestroys { .. }
            | Refusal::TooManyChanges { .. }
            | Refusal::ScopeNotListed => return diagnostic,
        };
        diagnostic.about(address.as_str(), origin)
    }
}

fn range(label: &Label, line: Option<&PrimaryLine>) -> SourceRange {
    let position = &label.position;
    let (row, column) = (widen(position.line), widen(position.column));
    let start = position.range().start;
    let (length, characters) = line.map_or((0, 0), |line| (line.length, line.characters));
    SourceRange {
        filename: position.file.to_string(),
        start: SourcePoint {
            line: row,
            column,
            byte: Some(start),
        },
        end: SourcePoint {
            line: row,
            column: column + characters,
            byte: Some(start + length),
        },
    }
}

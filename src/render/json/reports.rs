//! The report of an apply of several environments: the result of each, its report, and the matrix
//! of the plans that were approved.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::matrix::{EnvironmentResult, PlanResult, RowItem, plan_rows};
use super::report::ReportDocument;
use super::v1::FORMAT_VERSION;
use crate::render::view::report::ResultWord;
use crate::render::view::reports::{EnvironmentVerdict, EnvironmentWord, ReportsVerdict};

/// One of several environments, after the apply.
#[derive(Debug)]
pub struct EnvironmentReport {
    /// The name in the manifest.
    pub name: String,
    /// The URL; `None` if the manifest has an error in this environment.
    pub url: Option<String>,
    /// The apply of the environment.
    pub end: EnvironmentEnd,
}

/// The end of the apply of one of several environments.
#[derive(Debug)]
pub enum EnvironmentEnd {
    /// It was begun: its report, and the same as text.
    Begun(Box<ReportDocument>, String),
    /// It was not begun, with the errors of this environment that prevent it.
    NotBegun(Vec<Diagnostic>),
}

/// An apply of several environments.
#[derive(Debug, Clone, Copy)]
pub struct ReportsView<'a> {
    /// The plans that were shown for approval; empty if there were none.
    pub plans: &'a [EnvironmentResult<PlanResult>],
    /// The environments, in the order of the manifest; empty if they are not known.
    pub environments: &'a [EnvironmentReport],
    /// The errors that concern all environments.
    pub errors: &'a [Diagnostic],
    /// The command that continues the apply; `None` if nothing is left.
    pub next: Option<&'a str>,
}

/// The output of `apply --format json` for several environments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportMatrixDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// `complete`: all environments are as planned; `incomplete`: something is left;
    /// `not-applied`: nothing was started.
    result: ResultWord,
    /// The environments, in the order of the manifest.
    environments: Vec<EnvironmentReportItem<'a>>,
    /// The matrix of the plans that were approved: one row for each solution.
    solutions: Vec<RowItem>,
    /// The errors that concern all environments.
    errors: &'a [Diagnostic],
    /// The command that continues this apply; null if nothing is left.
    resume_command: Option<&'a str>,
}

/// One of several environments.
#[derive(Debug, Serialize, JsonSchema)]
struct EnvironmentReportItem<'a> {
    /// The name in the manifest.
    name: &'a str,
    /// The URL; null if the manifest has an error in this environment.
    url: Option<&'a str>,
    /// The result.
    result: EnvironmentWord,
    /// The report of this environment; null if it was not begun.
    document: Option<&'a ReportDocument>,
    /// The errors that prevent it, if it was not begun.
    errors: &'a [Diagnostic],
}

/// An environment with its result.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EnvironmentResultItem {
    /// The name in the manifest.
    name: String,
    /// The result.
    result: EnvironmentWord,
}

impl EnvironmentResultItem {
    pub(super) fn all(environments: &[EnvironmentReport]) -> Vec<Self> {
        let item = |environment: &EnvironmentReport| Self {
            name: environment.name.clone(),
            result: environment.verdict().result,
        };
        environments.iter().map(item).collect()
    }
}

impl EnvironmentReport {
    /// Returns the report, if the environment was begun.
    pub(in crate::render) fn document(&self) -> Option<&ReportDocument> {
        match &self.end {
            EnvironmentEnd::Begun(document, _) => Some(document),
            EnvironmentEnd::NotBegun(_) => None,
        }
    }

    /// Returns the errors that prevent the begin.
    pub(in crate::render) fn errors(&self) -> &[Diagnostic] {
        match &self.end {
            EnvironmentEnd::Begun(..) => &[],
            EnvironmentEnd::NotBegun(errors) => errors,
        }
    }

    /// Returns the verdict about the environment.
    pub(in crate::render) fn verdict(&self) -> EnvironmentVerdict<'_> {
        let name = &self.name;
        let error = self.errors().first().map(|error| error.summary.as_str());
        self.document().map_or_else(
            || EnvironmentVerdict::not_begun(name, error),
            |document| {
                let (result, totals) = (document.result, document.totals);
                EnvironmentVerdict::begun(name, result, totals, document.verdict())
            },
        )
    }
}

impl<'a> ReportsView<'a> {
    /// Returns the verdict about all environments.
    pub(in crate::render) fn verdict(&self) -> ReportsVerdict<'a> {
        let environments = self.environments.iter();
        ReportsVerdict {
            environments: environments.map(EnvironmentReport::verdict).collect(),
            next: self.next,
        }
    }
}

/// Returns the document of an apply of several environments.
pub(in crate::render) fn report_matrix_document<'a>(
    reports: &ReportsView<'a>,
) -> ReportMatrixDocument<'a> {
    let item = |environment: &'a EnvironmentReport| EnvironmentReportItem {
        name: &environment.name,
        url: environment.url.as_deref(),
        result: environment.verdict().result,
        document: environment.document(),
        errors: environment.errors(),
    };
    ReportMatrixDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        result: reports.verdict().result(),
        environments: reports.environments.iter().map(item).collect(),
        solutions: plan_rows(reports.plans),
        errors: reports.errors,
        resume_command: reports.next,
    }
}

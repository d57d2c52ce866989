//! The output formats as values. The list is [`FORMATS`](super::FORMATS): a new format is
//! a file with its [`Format`], and a line in that list.

use std::io::{self, Write};

use crate::plan::{Plan, Refusal};
use crate::promotion::Promotion;
use crate::render::human::PlanDetail;
use crate::render::json::{Diagnostic, EnvironmentResult, PlanResult, ReportDocument, ReportsView};
use crate::render::styles::Styles;
use crate::render::view::ReportView;
use crate::review::Review;
use crate::store::PastApply;

/// The kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A plan.
    Plan,
    /// The report of an apply.
    Report,
    /// A review.
    Review,
    /// A promotion.
    Promotion,
    /// The earlier applies of an environment.
    History,
    /// An earlier apply.
    PastApply,
    /// The problems of a manifest.
    Problems,
    /// The errors of a command that made neither a plan nor a report.
    Errors,
}

/// The content that is written in a format.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A plan, and the reasons why it cannot be applied.
    Plan(&'a Plan, &'a [Refusal]),
    /// The plans of several environments.
    Plans(&'a [EnvironmentResult<PlanResult>]),
    /// The report of an apply, and its source if a change was started.
    Report(&'a ReportDocument, Option<&'a ReportView<'a>>),
    /// The report of an apply of several environments.
    Reports(&'a ReportsView<'a>),
    /// A review.
    Review(&'a Review),
    /// A promotion.
    Promotion(&'a Promotion),
    /// The name of an environment, and the earlier applies to it, the oldest first.
    History(&'a str, &'a [PastApply]),
    /// The name of an environment, and an earlier apply to it.
    PastApply(&'a str, &'a PastApply),
    /// The problems of a manifest.
    Problems(&'a [Diagnostic]),
    /// The errors of a command that made neither a plan nor a report.
    Errors(&'a [Diagnostic]),
}

impl Content<'_> {
    /// Returns the kind of content.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Plan(..) | Self::Plans(_) => Subject::Plan,
            Self::Report(..) | Self::Reports(_) => Subject::Report,
            Self::Review(_) => Subject::Review,
            Self::Promotion(_) => Subject::Promotion,
            Self::History(..) => Subject::History,
            Self::PastApply(..) => Subject::PastApply,
            Self::Problems(_) => Subject::Problems,
            Self::Errors(_) => Subject::Errors,
        }
    }
}

/// Content with the options of all formats.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The content.
    pub content: Content<'a>,
    /// The maximum size of Markdown, in bytes.
    pub max_bytes: usize,
    /// The folder, from the root of the repository, that file names are relative to.
    pub folder: &'a str,
    /// The start of the command that clears an orphaned record.
    pub abandon: &'a str,
    /// The detail of a plan as text.
    pub detail: PlanDetail,
    /// The styles of text.
    pub styles: Styles,
    /// The width of the terminal, if text is written to one.
    pub width: Option<usize>,
}

/// The way in which a format is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// As text for people, with styles.
    Text,
    /// As a document, unchanged.
    Document,
    /// As commands for a CI runner, with a summary in Markdown.
    Commands,
}

/// An output format.
#[derive(Debug)]
pub struct Format {
    /// The name in `--format`.
    pub name: &'static str,
    /// The help text.
    pub help: &'static str,
    /// The way in which it is printed.
    pub channel: Channel,
    /// The kinds of content that the format has.
    pub subjects: &'static [Subject],
    /// Writes content of one of these kinds, and nothing for other kinds.
    pub write: fn(&Document<'_>, &mut dyn Write) -> io::Result<()>,
}

/// The content of every format, except for GitHub's and GitLab's.
pub(super) const DOCUMENTS: &[Subject] = &[
    Subject::Plan,
    Subject::Report,
    Subject::Review,
    Subject::Promotion,
    Subject::History,
    Subject::PastApply,
];

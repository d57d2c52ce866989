//! The problems of a manifest, with their positions.
//!
//! A [`Problem`] is data: renderers decide how it looks. It implements [`miette::Diagnostic`], so
//! that the common renderer needs nothing else. [`Problems`] is the error of reading a manifest:
//! all its problems at once.

use std::fmt;
use std::sync::OnceLock;

use miette::{Diagnostic, LabeledSpan, SourceCode};

pub use super::code::{Code, Severity};
use super::near::list;
use super::position::{Label, Mark, Position};
use super::snippet::{PrimaryLine, Snippet};
use super::source::SourceFile;

/// The maximum number of problems that are collected: a large file can have millions.
pub const MAX_PROBLEMS: usize = 100_000;

/// The maximum number of problems with a search for the nearest known word, which is the slowest
/// part.
pub(super) const MAX_GUESSES: usize = 500;

/// A mistake in a manifest, or a probable mistake.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind of the problem.
    pub code: Code,
    /// The message: a lower-case fragment without a period.
    pub message: String,
    /// The position; none if the problem has no position in the file.
    pub primary: Option<Label>,
    /// Other positions that explain it.
    pub related: Vec<Label>,
    /// The fix, in full sentences.
    pub help: Option<String>,
    /// More facts, one per line.
    pub details: Vec<String>,
    /// The environments that have the problem, if several were checked and not all have it.
    pub environments: Vec<String>,
    /// The name of the missing environment variable, if the problem is about one.
    pub(super) variable: Option<Box<str>>,
    pub(super) source: Option<SourceFile>,
    snippet: OnceLock<Option<Box<Snippet>>>,
}

impl Problem {
    /// Returns a problem of a declared version or its package that the server revealed.
    pub fn remote(
        source: &SourceFile,
        position: &Position,
        code: Code,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, message).placed(source, position.clone())
    }

    /// Returns a problem without a position, with the help of its code.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            primary: None,
            related: Vec::new(),
            help: code.help().map(str::to_owned),
            details: Vec::new(),
            environments: Vec::new(),
            variable: None,
            source: None,
            snippet: OnceLock::new(),
        }
    }

    /// Sets the position of the problem, with the label of its code.
    pub(super) fn at(self, source: &SourceFile, mark: Mark) -> Self {
        self.placed(source, source.position(mark))
    }

    fn placed(mut self, source: &SourceFile, position: Position) -> Self {
        self.primary = Some(Label {
            position,
            text: self.code.label().to_owned(),
        });
        self.source = Some(source.clone());
        self
    }

    /// Sets the text at the position.
    pub(super) fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = &mut self.primary {
            label.text = text.into();
        }
        self
    }

    /// Adds another position that explains the problem, in the same file.
    pub(super) fn related(mut self, mark: Mark, label: impl Into<String>) -> Self {
        self.related
            .extend(self.source.as_ref().map(|source| Label {
                position: source.position(mark),
                text: label.into(),
            }));
        self
    }

    /// Sets the fix.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets more facts, one per line.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// Returns the severity of its code.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Returns the lines around the labels. `None` for a problem without a position, and for a file
    /// that does not look like a manifest: its content is not shown.
    pub(super) fn snippet(&self) -> Option<&Snippet> {
        let snippet = self.snippet.get_or_init(|| {
            let source = self.source.as_ref()?;
            let primary = self.primary.as_ref()?;
            source
                .is_manifest()
                .then(|| Box::new(Snippet::new(source, primary, self.related.iter())))
        });
        snippet.as_deref()
    }

    /// Returns the line of the primary label, as the snippet shows it.
    pub fn primary_line(&self) -> Option<PrimaryLine> {
        self.snippet()?
            .primary_line(self.source.as_ref()?, self.primary.as_ref()?)
    }

    /// Returns the sort key: problems without a position come first, then the order of the file.
    fn order(&self) -> (Option<(u32, u32)>, Code, &str) {
        let range = self
            .primary
            .as_ref()
            .map(|label| (label.position.offset, label.position.length));
        (range, self.code, &self.message)
    }
}

/// Compares everything that is shown of two problems, but not the text of the file.
impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.primary == other.primary
            && self.related == other.related
            && self.help == other.help
            && self.details == other.details
            && self.environments == other.environments
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.environments.is_empty() {
            return Ok(());
        }
        let environments = list(self.environments.iter().map(String::as_str));
        write!(f, " (in environment {environments})")
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.code.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet().map(|snippet| snippet as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.snippet()?.labels()))
    }
}

/// The errors and warnings of a manifest that cannot be used, ordered by position; at least one is
/// an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// Returns these problems; `None` if there is no error among them.
    pub fn from_errors(problems: Vec<Problem>) -> Option<Self> {
        Self::or_warnings(problems).err()
    }

    /// Returns the same problems; each names this environment.
    #[must_use]
    pub fn in_environment(mut self, name: &str) -> Self {
        for problem in &mut self.0 {
            problem.environments = vec![name.to_owned()];
        }
        self
    }

    /// Returns a single error.
    pub(super) fn of(problem: Problem) -> Self {
        debug_assert_eq!(problem.severity(), Severity::Error);
        Self(vec![problem])
    }

    /// Sorts the problems and removes duplicates; returns the warnings if there is no error.
    pub(super) fn or_warnings(mut problems: Vec<Problem>) -> Result<Vec<Problem>, Self> {
        problems.sort_by(|left, right| left.order().cmp(&right.order()));
        problems.dedup();
        if problems
            .iter()
            .any(|problem| problem.severity() == Severity::Error)
        {
            Err(Self(problems))
        } else {
            Ok(problems)
        }
    }

    /// Returns at most `limit` problems, in the order of the file. Errors have precedence over
    /// warnings.
    pub fn most_important(&self, limit: usize) -> Vec<&Problem> {
        let all = || self.0.iter().enumerate();
        let of = |severity| all().filter(move |(_, problem)| problem.severity() == severity);
        let errors_first = of(Severity::Error).chain(of(Severity::Warning));
        let mut shown: Vec<(usize, &Problem)> = errors_first.take(limit).collect();
        shown.sort_unstable_by_key(|(index, _)| *index);
        shown.into_iter().map(|(_, problem)| problem).collect()
    }

    /// Returns all problems, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Returns the number of errors.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// Returns the number of warnings.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.0
            .iter()
            .filter(|problem| problem.severity() == severity)
            .count()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let errors = self.errors();
        write!(f, "the manifest has {errors} error{}", plural(errors))?;
        match self.warnings() {
            0 => Ok(()),
            warnings => write!(f, " and {warnings} warning{}", plural(warnings)),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.0.iter().map(|problem| problem as &dyn Diagnostic),
        ))
    }
}

/// Adds a problem, unless there are too many. The first error is always kept: a manifest without an
/// error would be accepted.
pub(super) fn keep(problems: &mut Vec<Problem>, problem: Problem) {
    let is_error = |problem: &Problem| problem.severity() == Severity::Error;
    if problems.len() < MAX_PROBLEMS
        || (is_error(&problem) && !problems.last().is_some_and(is_error))
    {
        problems.push(problem);
    }
}

/// The problems of a file that its checks collect.
pub(super) struct Diagnostics<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) problems: Vec<Problem>,
}

impl Diagnostics<'_> {
    /// Returns a problem at a position, without reporting it.
    pub(super) fn problem(&self, code: Code, message: impl Into<String>, at: Mark) -> Problem {
        Problem::new(code, message).at(self.source, at)
    }

    /// Reports a problem. The result marks the value as reported, so that checks that depend on it
    /// report nothing more.
    pub(super) fn add(&mut self, problem: Problem) -> Reported {
        keep(&mut self.problems, problem);
        Reported
    }

    /// Reports a problem with the label and the help of its code.
    pub(super) fn report(&mut self, code: Code, message: impl Into<String>, at: Mark) -> Reported {
        self.add(self.problem(code, message, at))
    }

    /// Returns whether the nearest known word is searched: not if there are many problems already.
    pub(super) fn guesses(&self) -> bool {
        self.problems.len() < MAX_GUESSES
    }
}

/// The error for a value whose problem was reported already: nothing more must be reported about
/// it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

//! The error that ends a command: its kind, its cause, a hint, and its diagnostics.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use super::exit_status::ExitStatus;
use crate::cli::invocation::Invocation;
use crate::manifest::{MAX_PROBLEMS, Problems, Severity};
use crate::render::{Diagnostic, words};
use crate::store::{JournalError, StoreError};
use crate::store_location::StoreLocationError;

type Source = Box<dyn Error + Send + Sync>;

/// The result of a command, or of a part of one.
pub(in crate::cli) type Result<T, E = CommandError> = std::result::Result<T, E>;

/// The error that ends a command.
#[derive(Debug)]
pub(in crate::cli) struct CommandError {
    pub(in crate::cli) kind: ErrorKind,
    /// The message, with its causes.
    source: Source,
    /// The fix, as a sentence.
    hint: Option<String>,
}

/// The kind of an error, which decides the exit status and what is printed besides the message.
#[derive(Debug)]
pub(in crate::cli) enum ErrorKind {
    /// An input cannot be used, or an operation failed.
    Failed,
    /// The manifest has problems. Each is shown with its location, without a message.
    Manifest(Problems),
    /// One of the two manifests of a review has problems. Each is shown after the message.
    Reviewed(Problems),
    /// A limit, a protection, a package or an owner blocks the plan. The refusals are shown with
    /// the plan.
    Blocked(Vec<Diagnostic>),
    /// The same, because a list proves nothing.
    Unproven(Vec<Diagnostic>),
    /// A saved plan is refused as a whole.
    Stale,
    /// A request may have had an effect.
    InFlight,
    /// An interrupt or an answer cancelled the command.
    Cancelled,
    /// Another process holds a lock.
    Locked,
    /// The output was closed, which is no error.
    Closed,
}

impl ErrorKind {
    /// Returns the exit status.
    pub(in crate::cli) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Failed | Self::Manifest(_) | Self::Reviewed(_) | Self::Unproven(_) => {
                ExitStatus::Error
            }
            Self::Blocked(_) => ExitStatus::Blocked,
            Self::Stale => ExitStatus::Stale,
            Self::InFlight => ExitStatus::InFlight,
            Self::Cancelled => ExitStatus::Cancelled,
            Self::Locked => ExitStatus::Locked,
            Self::Closed => ExitStatus::Success,
        }
    }
}

/// A message with its cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Context {
    message: String,
    source: Source,
}

impl CommandError {
    /// Creates an error of a kind from another error or a message.
    pub(in crate::cli) fn new(kind: ErrorKind, source: impl Into<Source>) -> Self {
        Self {
            kind,
            source: source.into(),
            hint: None,
        }
    }

    /// Creates the error of an input that cannot be used, or of an operation that failed.
    pub(in crate::cli) fn failed(source: impl Into<Source>) -> Self {
        Self::new(ErrorKind::Failed, source)
    }

    /// Returns the same error as the cause of a message.
    pub(in crate::cli) fn context(self, message: impl Into<String>) -> Self {
        let source = Context {
            message: message.into(),
            source: self.source,
        };
        Self {
            source: source.into(),
            ..self
        }
    }

    /// Returns the same error with a hint.
    pub(in crate::cli) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Returns the error of a file or folder.
    pub(in crate::cli) fn io(action: &str, path: &Path, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull => "Make room on the disk.",
            io::ErrorKind::AlreadyExists => {
                "It is left as it is: move it away, or work in another folder."
            }
            _ => "Check the path, and the permissions on it.",
        };
        Self::failed(source)
            .context(format!("failed to {action} `{}`", path.display()))
            .hint(hint)
    }

    /// Returns the error of a runtime that could not be started.
    pub(in crate::cli) fn runtime(source: io::Error) -> Self {
        Self::failed(source).context("failed to start the runtime")
    }

    /// Returns the error of an interrupt that came before anything was sent.
    pub(in crate::cli) fn interrupted() -> Self {
        Self::new(ErrorKind::Cancelled, "interrupted: nothing was changed")
    }

    /// Returns true if the output was closed.
    pub(in crate::cli) fn is_closed(&self) -> bool {
        matches!(self.kind, ErrorKind::Closed)
    }

    /// Returns true if the error was created from an error of the type.
    pub(in crate::cli) fn is<E: Error + 'static>(&self) -> bool {
        self.source.is::<E>()
    }

    /// Returns the cause of the message, if it is of the type.
    pub(in crate::cli) fn cause<E: Error + 'static>(&self) -> Option<&E> {
        self.source()?.downcast_ref()
    }

    /// Returns the hint, as a sentence.
    pub(in crate::cli) fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the causes, outermost first.
    pub(in crate::cli) fn causes(&self) -> Vec<String> {
        words::causes(self).collect()
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

impl From<io::Error> for CommandError {
    /// Converts an error of standard output. [`CommandError::io`] adds the path to errors of files.
    fn from(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            Self::new(ErrorKind::Closed, "the output was closed")
        } else {
            Self::io("write", Path::new("standard output"), source)
        }
    }
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> Self {
        Self::new(ErrorKind::Manifest(problems), "the manifest has problems")
    }
}

impl From<StoreLocationError> for CommandError {
    fn from(source: StoreLocationError) -> Self {
        let hint = source.help();
        Self::failed(source).hint(hint)
    }
}

impl From<StoreError> for CommandError {
    fn from(source: StoreError) -> Self {
        let hint = source.help();
        Self::failed(source)
            .context("the store cannot be used")
            .hint(hint)
    }
}

impl From<JournalError> for CommandError {
    fn from(source: JournalError) -> Self {
        Self::failed(source)
            .context("the journal cannot be written, so nothing was sent")
            .hint(JournalError::HELP)
    }
}

/// The maximum number of problems of a manifest in the event stream.
const PROBLEMS_SENT: usize = 100;

/// The maximum number of warnings about a manifest in the event stream.
pub(in crate::cli) const WARNINGS_SENT: usize = 2_000;

/// Returns the line after the first `limit` problems of a manifest, if there are more.
pub(in crate::cli) fn more_problems(count: usize, limit: usize) -> Option<String> {
    let more = count.checked_sub(limit).filter(|more| *more > 0)?;
    let at_least = if count >= MAX_PROBLEMS {
        "at least "
    } else {
        ""
    };
    let more = words::count(more, "more problem");
    Some(format!("{at_least}{more} of the manifest not shown"))
}

/// Returns the diagnostics of an error. Errors come last, so that the stream ends with one.
pub(in crate::cli) fn diagnostics_of(
    error: &CommandError,
    invocation: &Invocation,
) -> Vec<Diagnostic> {
    match &error.kind {
        ErrorKind::Closed => Vec::new(),
        ErrorKind::Blocked(refusals) | ErrorKind::Unproven(refusals) => refusals.clone(),
        ErrorKind::Manifest(problems) => {
            let shown = problems.most_important(PROBLEMS_SENT);
            let diagnostics = shown
                .into_iter()
                .map(|problem| Diagnostic::of_problem(&invocation.complete_problem(problem)));
            let mut sorted: Vec<_> = diagnostics.collect();
            sorted.sort_by_key(|problem| problem.severity == Severity::Error);
            let rest = more_problems(problems.iter().len(), PROBLEMS_SENT);
            sorted.extend(rest.map(|rest| Diagnostic::new(Severity::Error, rest)));
            sorted
        }
        _ => {
            let help = error.help().map(|help| invocation.complete(help));
            vec![Diagnostic::new(Severity::Error, error.to_string()).because(error.causes(), help)]
        }
    }
}

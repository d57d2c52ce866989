//! The streams, with every known secret taken out on the way.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::args::LogLevel;
use super::error::CommandError;
use super::settings::Settings;
use crate::api::Redactor;
use crate::manifest::Problems;
use crate::render::{Styles, render_problem, words};

/// Standard output and error of one command.
pub(super) struct Io {
    pub(super) secrets: Arc<Redactor>,
    pub(super) out: Redacted<io::Stdout>,
    pub(super) err: Redacted<io::Stderr>,
    /// Styles for standard output.
    pub(super) out_styles: Styles,
    /// Styles for standard error.
    pub(super) err_styles: Styles,
    /// Whether somebody looks at standard error as it is written.
    pub(super) is_watched: bool,
    /// Whether somebody can answer.
    pub(super) can_ask: bool,
    is_err_coloured: bool,
}

impl Io {
    pub(super) fn new(settings: &Settings, no_color: bool) -> Self {
        let secrets = Arc::new(Redactor::new());
        let may_colour = !no_color && !settings.is_plain;
        let styles = |is_terminal: bool| {
            if may_colour && is_terminal {
                Styles::coloured()
            } else {
                Styles::default()
            }
        };
        let is_err_terminal = io::stderr().is_terminal();
        Self {
            out: Redacted::new(io::stdout(), Arc::clone(&secrets)),
            err: Redacted::new(io::stderr(), Arc::clone(&secrets)),
            secrets,
            out_styles: styles(io::stdout().is_terminal()),
            err_styles: styles(is_err_terminal),
            is_watched: is_err_terminal && !settings.is_ci && !settings.is_plain,
            can_ask: io::stdin().is_terminal() && is_err_terminal && !settings.is_ci,
            is_err_coloured: may_colour && is_err_terminal,
        }
    }

    /// Starts the log on standard error.
    pub(super) fn start_log(&self, level: Option<LogLevel>) {
        let level = match level {
            Some(LogLevel::Trace) => tracing::Level::TRACE,
            Some(LogLevel::Debug) => tracing::Level::DEBUG,
            Some(LogLevel::Info) => tracing::Level::INFO,
            None | Some(LogLevel::Warn) => tracing::Level::WARN,
            Some(LogLevel::Error) => tracing::Level::ERROR,
        };
        // Only what solform itself says: libraries may log headers.
        let own = filter_fn(|metadata| metadata.target().starts_with("solform"));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(self.is_err_coloured)
            .with_writer(LogWriter(Arc::clone(&self.secrets)))
            .finish()
            .with(own);
        // A second one in one process is a test's; the first stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }

    /// Tells why a command ends.
    pub(super) fn report(&mut self, error: &CommandError) {
        // Nobody is left to be told that nobody could be told.
        let _ = self.try_report(error);
    }

    fn try_report(&mut self, error: &CommandError) -> io::Result<()> {
        match error {
            CommandError::Closed => return Ok(()),
            CommandError::Manifest(problems) => self.problems(problems)?,
            CommandError::Reviewed { problems, .. } => {
                let head = anstyle_text(self.err_styles.destroy, "Error:");
                writeln!(self.err, "{head} {}", words::escaped(&error.to_string()))?;
                self.problems(problems)?;
            }
            // The refusals were told beside the plan.
            CommandError::Blocked { .. } => {}
            _ => {
                let head = anstyle_text(self.err_styles.destroy, "Error:");
                writeln!(self.err, "{head} {}", words::escaped(&error.to_string()))?;
            }
        }
        for cause in error.causes() {
            writeln!(self.err, "  because {}", words::escaped(&cause))?;
        }
        if let Some(help) = error.help() {
            writeln!(self.err, "  help: {}", words::escaped(&help))?;
        }
        self.err.flush()
    }

    fn problems(&mut self, problems: &Problems) -> io::Result<()> {
        for problem in problems {
            self.problem(problem)?;
        }
        Ok(())
    }

    /// Writes a problem or a warning with its place to standard error.
    pub(super) fn problem(&mut self, problem: &dyn miette::Diagnostic) -> io::Result<()> {
        render_problem(problem, 100, self.is_err_coloured, &mut self.err)
    }

    /// Warns that a list may not hold all there is.
    pub(super) fn warn_incomplete(&mut self, why: &str) -> io::Result<()> {
        let why = words::escaped(why);
        writeln!(self.err, "Warning: the list may be incomplete: {why}")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}

fn anstyle_text(style: anstyle::Style, text: &str) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

/// A writer that passes on whole lines, without any known secret.
pub(super) struct Redacted<W: Write> {
    to: W,
    secrets: Arc<Redactor>,
    pending: Vec<u8>,
}

impl<W: Write> Redacted<W> {
    fn new(to: W, secrets: Arc<Redactor>) -> Self {
        Self {
            to,
            secrets,
            pending: Vec::new(),
        }
    }

    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let rest = self.pending.split_off(length);
        let lines = std::mem::replace(&mut self.pending, rest);
        let text = String::from_utf8_lossy(&lines);
        self.to.write_all(self.secrets.redact(&text).as_bytes())
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        // Large outputs go out in large pieces, but never with a line cut in two.
        if self.pending.len() > 64 * 1024
            && let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n')
        {
            self.pass_on(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.pending.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Redacted<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Makes a writer for each line of the log.
struct LogWriter(Arc<Redactor>);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Redacted<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Redacted::new(io::stderr(), Arc::clone(&self.0))
    }
}

/// Standard error that several tasks write whole pieces to.
#[derive(Clone)]
pub(super) struct SharedErr {
    to: Arc<Mutex<Redacted<io::Stderr>>>,
}

impl SharedErr {
    pub(super) fn new(secrets: &Arc<Redactor>) -> Self {
        Self {
            to: Arc::new(Mutex::new(Redacted::new(io::stderr(), Arc::clone(secrets)))),
        }
    }

    /// Writes one piece; a reader who left is no reason to stop an apply.
    pub(super) fn say(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if let Ok(mut to) = self.to.lock() {
            let _ = write(&mut *to).and_then(|()| to.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_even_when_written_in_pieces() {
        let secrets = Arc::new(Redactor::new());
        secrets.add(&secrecy::SecretString::from("hush-hush"));
        let mut to = Redacted::new(Vec::new(), Arc::clone(&secrets));
        write!(to, "it is hush").unwrap();
        writeln!(to, "-hush!").unwrap();
        to.flush().unwrap();
        assert_eq!(to.to, b"it is [redacted]!\n");
    }
}

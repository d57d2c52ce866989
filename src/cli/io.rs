//! Standard output and standard error, without any known secret.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex};

use indicatif::{MultiProgress, ProgressDrawTarget};
use terminal_size::{Height, Width, terminal_size_of};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::args::LogLevel;
use super::clock;
use super::error::{CommandError, ErrorKind, WARNINGS_SENT, diagnostics_of, more_problems};
use super::invocation::Invocation;
use super::repeated::Repeated;
use super::settings::Settings;
use super::stream::Stream;
use crate::api::Redactor;
use crate::escape::is_hidden;
use crate::manifest::{self, Problem};
use crate::plan::Refusal;
use crate::render::{
    Diagnostic, Severity, StreamMessage, Styles, render_problem, render_refusal, words, wrapped,
};

/// Standard output and error of one command.
pub(super) struct Io {
    pub(super) secrets: Arc<Redactor>,
    pub(super) out: Redacted<io::Stdout>,
    pub(super) err: Redacted<io::Stderr>,
    /// Styles for standard output.
    pub(super) out_styles: Styles,
    /// Styles for standard error.
    pub(super) err_styles: Styles,
    /// True if prompts are possible.
    pub(super) can_ask: bool,
    /// The event stream of `--json`; nothing else is then written to standard output.
    pub(super) stream: Option<Stream>,
    text: TextPlace,
    nowhere: io::Sink,
    is_err_coloured: bool,
    /// The options that printed commands repeat.
    pub(super) invocation: Invocation,
    /// The lines that are updated in place, if standard error is a terminal.
    pub(super) bars: Option<MultiProgress>,
}

/// The target of text for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextPlace {
    /// Standard output.
    Out,
    /// Standard error, because standard output is for a document.
    Err,
    /// None, because the event stream contains everything.
    Nowhere,
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
        let is_watched = is_err_terminal && !settings.is_ci && !settings.is_plain;
        Self {
            out: Redacted::new(io::stdout(), Arc::clone(&secrets), stdout_width),
            err: Redacted::new(io::stderr(), Arc::clone(&secrets), stderr_width),
            secrets,
            out_styles: styles(io::stdout().is_terminal()),
            err_styles: styles(is_err_terminal),
            can_ask: io::stdin().is_terminal() && is_err_terminal && !settings.is_ci,
            stream: None,
            text: TextPlace::Out,
            nowhere: io::sink(),
            is_err_coloured: may_colour && is_err_terminal,
            invocation: settings.invocation.clone(),
            bars: is_watched
                .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
        }
    }

    /// Reserves standard output for the event stream, and starts the stream.
    pub(super) fn open_stream(&mut self) {
        let stream = Stream::new(Box::new(io::stdout()), &self.secrets, clock::now_ms);
        stream.send(StreamMessage::version());
        self.stream = Some(stream);
        self.text = TextPlace::Nowhere;
    }

    /// Reserves standard output for a document: text for people goes to standard error.
    pub(super) fn keep_out_for_a_document(&mut self) {
        if self.text == TextPlace::Out {
            self.text = TextPlace::Err;
        }
    }

    /// Returns the writer for text for people, and its styles.
    pub(super) fn text(&mut self) -> (&mut dyn Write, Styles) {
        match self.text {
            TextPlace::Out => (&mut self.out, self.out_styles),
            TextPlace::Err => (&mut self.err, self.err_styles),
            TextPlace::Nowhere => (&mut self.nowhere, Styles::default()),
        }
    }

    /// Returns standard output for a document, whose lines are not wrapped.
    pub(super) fn document(&mut self) -> &mut Redacted<io::Stdout> {
        self.out.width = || None;
        &mut self.out
    }

    /// Flushes the output, and returns an error if it was closed.
    pub(super) fn flush_text(&mut self) -> io::Result<()> {
        match &self.stream {
            Some(stream) => stream.check(),
            None => self.text().0.flush(),
        }
    }

    /// Sends a message to the event stream, if there is one.
    pub(super) fn send(&self, message: impl FnOnce() -> StreamMessage) {
        if let Some(stream) = &self.stream {
            stream.send(message());
        }
    }

    /// Writes lines that are commands for a runner.
    pub(super) fn commands(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.flush()?;
        self.out.are_commands = true;
        let written = self.out.write_all(lines).and_then(|()| self.out.flush());
        self.out.are_commands = false;
        written
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
        // Only solform's own messages: libraries may log headers.
        let own = filter_fn(|metadata| metadata.target().starts_with("solform"));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(self.is_err_coloured)
            .with_writer(LogWriter(Arc::clone(&self.secrets)))
            .finish()
            .with(own);
        // Only tests start a second log in one process; the first one is kept.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }

    /// Writes the error that ends a command.
    pub(super) fn report(&mut self, error: &CommandError) {
        // stderr is closed; the error is ignored.
        let _ = self.try_report(error);
    }

    fn try_report(&mut self, error: &CommandError) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            for diagnostic in diagnostics_of(error, &self.invocation) {
                stream.send(StreamMessage::diagnostic(diagnostic));
            }
        }
        match &error.kind {
            // The refusals were shown with the plan.
            ErrorKind::Closed | ErrorKind::Blocked(_) | ErrorKind::Unproven(_) => return Ok(()),
            ErrorKind::Manifest(problems) => self.problems(problems)?,
            ErrorKind::Reviewed(problems) => {
                self.headline(error)?;
                self.problems(problems)?;
            }
            ErrorKind::Failed
            | ErrorKind::Stale
            | ErrorKind::InFlight
            | ErrorKind::Cancelled
            | ErrorKind::Locked => self.headline(error)?,
        }
        for cause in error.causes() {
            writeln!(self.err, "  because {}", words::escaped(&cause))?;
        }
        if let Some(help) = error.help() {
            let help = self.invocation.complete(help);
            writeln!(self.err, "  help: {}", words::escaped(&help))?;
        }
        self.err.flush()
    }

    fn headline(&mut self, error: &CommandError) -> io::Result<()> {
        let head = anstyle_text(self.err_styles.destroy, "Error:");
        writeln!(self.err, "{head} {}", words::escaped(&error.to_string()))
    }

    /// Shows problems of the manifest; repeated ones are grouped.
    fn problems<'a>(&mut self, problems: impl IntoIterator<Item = &'a Problem>) -> io::Result<()> {
        let mut repeated = Repeated::default();
        for problem in problems {
            if repeated.admits(problem.severity(), problem.code.as_str()) {
                self.show(problem)?;
            }
        }
        self.rest(&repeated)
    }

    /// Writes how many diagnostics of each kind were not shown.
    fn rest(&mut self, repeated: &Repeated<'_>) -> io::Result<()> {
        for (severity, line) in repeated.rest() {
            let (style, head) = match severity {
                manifest::Severity::Error => (self.err_styles.destroy, "Error:"),
                manifest::Severity::Warning => (self.err_styles.warning, "Warning:"),
            };
            writeln!(self.err, "{} {line}", anstyle_text(style, head))?;
        }
        Ok(())
    }

    /// Warns about the manifest: the warnings are in the stream, and repeated ones are grouped on
    /// standard error.
    pub(super) fn warn_of(&mut self, warnings: &[Problem]) -> io::Result<()> {
        for warning in warnings.iter().take(WARNINGS_SENT) {
            self.send(|| StreamMessage::diagnostic(Diagnostic::of_problem(warning)));
        }
        if let Some(rest) = more_problems(warnings.len(), WARNINGS_SENT) {
            self.send(|| StreamMessage::diagnostic(Diagnostic::new(Severity::Warning, rest)));
        }
        self.problems(warnings)
    }

    /// Shows the refusals of a plan; those about a manifest entry are shown as problems of the
    /// manifest. Repeated refusals are grouped.
    pub(super) fn refusals(
        &mut self,
        refusals: &[Refusal],
        problem_of: impl Fn(&Refusal) -> Option<Problem>,
    ) -> io::Result<()> {
        let mut repeated = Repeated::default();
        for refusal in refusals {
            if !repeated.admits(manifest::Severity::Error, refusal.code()) {
                continue;
            }
            match problem_of(refusal) {
                Some(problem) => self.show(&problem)?,
                None => render_refusal(refusal, &self.err_styles, &mut self.err)?,
            }
        }
        self.rest(&repeated)
    }

    /// Writes a problem with its location to standard error.
    fn show(&mut self, problem: &Problem) -> io::Result<()> {
        render_problem(problem, 100, self.is_err_coloured, &mut self.err)
    }

    /// Writes a warning without a location in the manifest.
    pub(super) fn warn(&mut self, summary: &str, causes: Vec<String>) -> io::Result<()> {
        writeln!(self.err, "Warning: {}", words::escaped(summary))?;
        for cause in &causes {
            writeln!(self.err, "  because {}", words::escaped(cause))?;
        }
        self.send(|| {
            let warning = Diagnostic::new(Severity::Warning, summary).because(causes, None);
            StreamMessage::diagnostic(warning)
        });
        Ok(())
    }

    /// Warns that a list may be incomplete.
    pub(super) fn warn_incomplete(&mut self, why: &str) -> io::Result<()> {
        self.warn(&format!("the list may be incomplete: {why}"), Vec::new())
    }

    /// Writes a note to standard error.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{}", words::escaped(text))?;
        self.send(|| StreamMessage::log(text.trim_start()));
        self.err.flush()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()?;
        self.stream.as_ref().map_or(Ok(()), Stream::check)
    }
}

/// Returns text without invisible characters and without runner commands, which can be anywhere in
/// a line. The escapes have the same meaning in JSON, where only strings can contain them.
pub(super) fn neutralize(text: &str) -> Cow<'_, str> {
    let is_plain = text.is_ascii() || !text.chars().any(is_steering);
    if is_plain && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut neutralize = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_steering(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(neutralize, "\\u{unit:04x}");
            }
        } else {
            neutralize.push(letter);
        }
    }
    Cow::Owned(neutralize.replace("##[", "##\\u005b"))
}

/// Returns true if a character controls the terminal or is invisible, except for the styles of our
/// own text. Renderers escape their text; this covers JSON, where the escape has the same meaning
/// in a string.
fn is_steering(letter: char) -> bool {
    !letter.is_ascii() && is_hidden(letter)
}

/// Returns text of which no line is a command for a GitHub runner, for any names in it: the runner
/// reads every line that begins with two colons, or with space and two colons, as a command.
pub(super) fn without_commands(text: &str) -> Cow<'_, str> {
    let text = neutralize(text);
    let is_command = |line: &str| line.trim_start().starts_with("::");
    if !text.lines().any(is_command) {
        return text;
    }
    let lines = text.split_inclusive('\n').map(|line| {
        if is_command(line) {
            let begins = line.len() - line.trim_start().len();
            format!("{}\\{}", &line[..begins], &line[begins..])
        } else {
            line.to_owned()
        }
    });
    Cow::Owned(lines.collect())
}

fn anstyle_text(style: anstyle::Style, text: &str) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

/// A writer that forwards whole lines, without any known secret.
pub(super) struct Redacted<W: Write> {
    to: W,
    secrets: Arc<Redactor>,
    pending: Vec<u8>,
    /// True if the lines are commands for a runner.
    are_commands: bool,
    /// The width of the terminal, if the text goes to one: longer lines are wrapped.
    width: fn() -> Option<usize>,
}

/// Returns the width of the terminal of standard output.
pub(super) fn stdout_width() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

fn stderr_width() -> Option<usize> {
    columns(terminal_size_of(io::stderr()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    let (Width(columns), _) = size?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

impl<W: Write> Redacted<W> {
    fn new(to: W, secrets: Arc<Redactor>, width: fn() -> Option<usize>) -> Self {
        Self {
            to,
            secrets,
            pending: Vec::new(),
            are_commands: false,
            width,
        }
    }

    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let rest = self.pending.split_off(length);
        let lines = std::mem::replace(&mut self.pending, rest);
        let text = String::from_utf8_lossy(&lines);
        let text = self.secrets.redact(&text);
        if self.are_commands {
            return self.to.write_all(text.as_bytes());
        }
        let text = without_commands(&text);
        match (self.width)() {
            Some(width) => self.to.write_all(wrapped(&text, width).as_bytes()),
            None => self.to.write_all(text.as_bytes()),
        }
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        // Large outputs are written in large pieces of whole lines.
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

/// Creates a writer for each line of the log.
struct LogWriter(Arc<Redactor>);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Redacted<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Redacted::new(io::stderr(), Arc::clone(&self.0), stderr_width)
    }
}

/// Standard error that several tasks share; each write is one piece.
#[derive(Clone)]
pub(super) struct SharedErr {
    to: Arc<Mutex<Redacted<io::Stderr>>>,
}

impl SharedErr {
    pub(super) fn new(secrets: &Arc<Redactor>) -> Self {
        Self {
            to: Arc::new(Mutex::new(Redacted::new(
                io::stderr(),
                Arc::clone(secrets),
                stderr_width,
            ))),
        }
    }

    /// Writes one piece. A closed stderr does not stop an apply, so errors are ignored.
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
    fn a_secret_written_in_pieces_is_redacted() {
        let secrets = Arc::new(Redactor::new());
        secrets.add(&secrecy::SecretString::from("hush-hush"));
        let mut to = Redacted::new(Vec::new(), Arc::clone(&secrets), || None);
        write!(to, "it is hush").unwrap();
        writeln!(to, "-hush!").unwrap();
        to.flush().unwrap();
        assert_eq!(to.to, b"it is [redacted]!\n");
    }

    /// A CI runner would read such a line as its own command, and mask words or end the job.
    #[test]
    fn text_lines_are_not_runner_commands() {
        let mut to = Redacted::new(Vec::new(), Arc::default(), || None);
        write!(
            to,
            "::error::a\n  ::add-mask::b\n\u{a0}::c\nd ::e\nf ##[error]g\n"
        )
        .unwrap();
        to.flush().unwrap();
        let text = String::from_utf8(to.to.clone()).unwrap();
        assert_eq!(
            text,
            "\\::error::a\n  \\::add-mask::b\n\\u00a0::c\nd ::e\nf ##\\u005berror]g\n"
        );
        to.to.clear();
        to.are_commands = true;
        writeln!(to, "::error::ours").unwrap();
        to.flush().unwrap();
        assert_eq!(to.to, b"::error::ours\n");
    }
}

//! Standard output and standard error, without any known secret.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::event_stream::Stream;
use super::held_warnings::HeldWarnings;
use super::redaction::{Redacted, RedactedJson, stdout_width};
use super::repeated::Repeated;
use crate::api::Redactor;
use crate::cli::args::LogLevel;
use crate::cli::clock;
use crate::cli::error::{CommandError, ErrorKind, WARNINGS_SENT, diagnostics_of, more_problems};
use crate::cli::invocation::Invocation;
use crate::cli::settings::Settings;
use crate::manifest::{Problem, Severity};
use crate::plan::Refusal;
use crate::render::{
    Diagnostic, StreamMessage, StyledWriter, Styles, render_problem, render_refusal, styled, words,
};

/// Standard output and error of one command.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(in crate::cli) struct Io {
    pub(in crate::cli) secrets: Arc<Redactor>,
    pub(in crate::cli) out: Redacted<io::Stdout>,
    pub(in crate::cli) err: Redacted<io::Stderr>,
    /// Styles for standard output.
    pub(in crate::cli) out_styles: Styles,
    /// Styles for standard error.
    pub(in crate::cli) err_styles: Styles,
    /// True if prompts are possible.
    pub(in crate::cli) can_ask: bool,
    /// The event stream of `--json`; nothing else is then written to standard output.
    pub(in crate::cli) stream: Option<Stream>,
    /// True if standard output is for a document: text for people goes to standard error.
    is_out_reserved: bool,
    nowhere: io::Sink,
    /// True if the progress of reads is not shown.
    pub(in crate::cli) is_quiet: bool,
    is_err_coloured: bool,
    /// True if the first shown error names the command that explains its code: on a terminal only,
    /// and once.
    names_explain: bool,
    /// The options that printed commands repeat.
    pub(in crate::cli) invocation: Invocation,
    /// The lines that are updated in place, if standard error is a terminal and there is no event
    /// stream.
    pub(in crate::cli) bars: Option<MultiProgress>,
    /// The environment whose warnings are held, if several are read at the same time.
    held: Option<HeldWarnings>,
    /// The environment, if several are used one after another.
    name: Option<String>,
    /// The warnings of several environments that were shown, each with its environment.
    shown: BTreeSet<(String, String)>,
}

impl Io {
    pub(in crate::cli) fn new(settings: &Settings, no_color: bool) -> Self {
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
            err: Redacted::stderr(&secrets),
            secrets,
            out_styles: styles(io::stdout().is_terminal()),
            err_styles: styles(is_err_terminal),
            can_ask: io::stdin().is_terminal() && is_err_terminal && !settings.is_ci,
            stream: None,
            is_out_reserved: false,
            nowhere: io::sink(),
            is_quiet: false,
            is_err_coloured: may_colour && is_err_terminal,
            names_explain: is_watched,
            invocation: settings.invocation.clone(),
            bars: is_watched
                .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
            held: None,
            name: None,
            shown: BTreeSet::new(),
        }
    }

    /// Returns the output for one of several environments that are read at the same time. Its
    /// warnings are held until [`Io::release`]; its progress names the environment.
    pub(in crate::cli) fn branch(&self, environment: &str, invocation: &Invocation) -> Self {
        Self {
            secrets: Arc::clone(&self.secrets),
            out: Redacted::new(io::stdout(), Arc::clone(&self.secrets), stdout_width),
            err: Redacted::stderr(&self.secrets),
            stream: self.stream.clone(),
            nowhere: io::sink(),
            invocation: invocation.clone(),
            bars: self.bars.clone(),
            held: Some(HeldWarnings::new(environment)),
            name: None,
            shown: BTreeSet::new(),
            ..*self
        }
    }

    /// Returns the output for one of many plans of the same environment, without progress. Its
    /// warnings are held until [`Io::release_new`].
    pub(in crate::cli) fn quiet_branch(&self) -> Self {
        Self {
            is_quiet: true,
            ..self.branch("", &self.invocation)
        }
    }

    /// Shows the warnings that the output of a plan held, except those that the plan before had.
    pub(in crate::cli) fn release_new(&mut self, branch: Self) -> io::Result<()> {
        let Some(held) = branch.held else {
            return Ok(());
        };
        let last = std::mem::replace(&mut self.shown, held.keys().collect());
        let was_shown = |text: &str| last.iter().any(|(_, shown)| shown == text);
        for (summary, causes) in held.texts {
            if !was_shown(&summary) {
                self.warn(&summary, causes)?;
            }
        }
        let new = held.problems.into_iter();
        let new = new.filter(|problem| !was_shown(&problem.to_string()));
        self.warn_of(&new.collect::<Vec<_>>())
    }

    /// Returns the output for one of several environments that are used one after another: the
    /// event stream names it, and warnings that were shown for it are not repeated.
    pub(in crate::cli) fn in_environment(&self, name: &str, invocation: &Invocation) -> Self {
        let stream = self.stream.as_ref();
        Self {
            stream: stream.map(|stream| stream.in_environment(name)),
            held: None,
            shown: self.shown.clone(),
            name: Some(name.to_owned()),
            ..self.branch(name, invocation)
        }
    }

    /// Returns the name of the environment, if this is the output for one of several.
    pub(in crate::cli) fn environment(&self) -> Option<&str> {
        self.held.as_ref().map(HeldWarnings::environment)
    }

    /// Shows the warnings that these outputs held: each names its environments, and a warning about
    /// the manifest that several of them have is shown once.
    pub(in crate::cli) fn release(&mut self, branches: Vec<Self>) -> io::Result<()> {
        let held = branches.into_iter().filter_map(|branch| branch.held);
        let held: Vec<HeldWarnings> = held.collect();
        self.shown.extend(held.iter().flat_map(HeldWarnings::keys));
        let (texts, problems) = HeldWarnings::united(held.into_iter());
        for (summary, causes) in texts {
            self.warn(&summary, causes)?;
        }
        self.warn_of(&problems)
    }

    /// Returns true if the warning was already shown for this environment.
    fn was_shown(&self, text: &str) -> bool {
        let shown = |name: &String| self.shown.contains(&(name.clone(), text.to_owned()));
        self.name.as_ref().is_some_and(shown)
    }

    /// Reserves standard output for the event stream, and starts the stream.
    pub(in crate::cli) fn open_stream(&mut self) {
        let stream = Stream::new(Box::new(io::stdout()), &self.secrets, clock::now_ms);
        stream.send(StreamMessage::version());
        self.stream = Some(stream);
        self.bars = None;
    }

    /// Reserves standard output for a document: text for people goes to standard error.
    pub(in crate::cli) fn reserve_out(&mut self) {
        self.is_out_reserved = true;
    }

    /// Returns the writer for text for people. With an event stream, which contains everything, the
    /// text is dropped.
    pub(in crate::cli) fn text(&mut self) -> StyledWriter<'_> {
        let (out, styles, width): (&mut dyn Write, _, _) = if self.stream.is_some() {
            (&mut self.nowhere, Styles::default(), None)
        } else if self.is_out_reserved {
            let width = (self.err.width)();
            (&mut self.err, self.err_styles, width)
        } else {
            let width = (self.out.width)();
            (&mut self.out, self.out_styles, width)
        };
        StyledWriter { out, styles, width }
    }

    /// Returns standard output for a document, whose lines are not wrapped.
    pub(in crate::cli) fn document(&mut self) -> &mut Redacted<io::Stdout> {
        self.out.width = || None;
        &mut self.out
    }

    /// Flushes the output, and returns an error if it was closed.
    pub(in crate::cli) fn flush_text(&mut self) -> io::Result<()> {
        match &self.stream {
            Some(stream) => stream.check(),
            None => self.text().flush(),
        }
    }

    /// Sends a message to the event stream, if there is one.
    pub(in crate::cli) fn send(&self, message: impl FnOnce() -> StreamMessage) {
        if let Some(stream) = &self.stream {
            stream.send(message());
        }
    }

    /// Writes lines that are commands for a runner.
    pub(in crate::cli) fn commands(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.flush()?;
        self.out.are_commands = true;
        let written = self.out.write_all(lines).and_then(|()| self.out.flush());
        self.out.are_commands = false;
        written
    }

    /// Starts the log on standard error.
    pub(in crate::cli) fn start_log(&self, level: Option<LogLevel>, is_json: bool) {
        let level = match level {
            Some(LogLevel::Trace) => LevelFilter::TRACE,
            Some(LogLevel::Debug) => LevelFilter::DEBUG,
            Some(LogLevel::Info) => LevelFilter::INFO,
            None | Some(LogLevel::Warn) => LevelFilter::WARN,
            Some(LogLevel::Error) => LevelFilter::ERROR,
            Some(LogLevel::Off) => LevelFilter::OFF,
        };
        // Only solform's own messages: libraries may log headers.
        let own = filter_fn(|metadata| metadata.target().starts_with("solform"));
        let secrets = Arc::clone(&self.secrets);
        let log = tracing_subscriber::fmt().with_max_level(level);
        // Only tests start a second log in one process; the first one is kept.
        let _ = if is_json {
            let writer = move || RedactedJson::stderr(&secrets);
            let log = log.json().with_writer(writer).finish();
            tracing::subscriber::set_global_default(log.with(own))
        } else {
            let writer = move || Redacted::stderr(&secrets);
            let log = log.with_ansi(self.is_err_coloured).with_writer(writer);
            tracing::subscriber::set_global_default(log.finish().with(own))
        };
    }

    /// Writes the error that ends a command.
    pub(in crate::cli) fn report(&mut self, error: &CommandError) {
        // stderr is closed; the error is ignored.
        let _ = self.try_report(error, None);
    }

    /// Writes the error of one of several environments.
    pub(in crate::cli) fn report_in(
        &mut self,
        environment: &str,
        error: &CommandError,
    ) -> io::Result<()> {
        self.try_report(error, Some(environment))
    }

    fn try_report(&mut self, error: &CommandError, environment: Option<&str>) -> io::Result<()> {
        self.send_error(error, environment);
        self.print_error(error)
    }

    /// Sends an error to the event stream, if there is one.
    pub(in crate::cli) fn send_error(&self, error: &CommandError, environment: Option<&str>) {
        if let Some(stream) = &self.stream {
            for diagnostic in diagnostics_of(error, &self.invocation) {
                let message = StreamMessage::diagnostic(diagnostic);
                stream.send(match environment {
                    Some(environment) => message.in_environment(environment),
                    None => message,
                });
            }
        }
    }

    fn print_error(&mut self, error: &CommandError) -> io::Result<()> {
        let problems = match &error.kind {
            // The refusals were shown with the plan.
            ErrorKind::Closed | ErrorKind::Blocked(_) | ErrorKind::Unproven(_) => return Ok(()),
            ErrorKind::Manifest(problems) | ErrorKind::Reviewed(problems) => Some(problems),
            _ => None,
        };
        if !matches!(error.kind, ErrorKind::Manifest(_)) {
            self.print_message(&error.to_string())?;
        }
        if let Some(problems) = problems {
            self.problems(problems)?;
        }
        self.print_causes(&error.causes(), error.help())
    }

    fn print_message(&mut self, message: &str) -> io::Result<()> {
        let head = styled(self.err_styles.destroy, "Error:");
        writeln!(self.err, "{head} {}", words::escaped(message))
    }

    fn print_causes(&mut self, causes: &[String], help: Option<&str>) -> io::Result<()> {
        for cause in causes {
            writeln!(self.err, "  because {}", words::escaped(cause))?;
        }
        if let Some(help) = help {
            let help = self.invocation.complete(help);
            writeln!(self.err, "  help: {}", words::escaped(&help))?;
        }
        self.err.flush()
    }

    /// Writes an error with its causes to standard error only.
    pub(in crate::cli) fn print_error_text(
        &mut self,
        message: &str,
        causes: &[String],
        help: Option<&str>,
    ) -> io::Result<()> {
        self.print_message(message)?;
        self.print_causes(causes, help)
    }

    /// Shows problems of the manifest; repeated ones are grouped.
    pub(in crate::cli) fn problems<'a>(
        &mut self,
        problems: impl IntoIterator<Item = &'a Problem>,
    ) -> io::Result<()> {
        let mut repeated = Repeated::default();
        let mut first_error = None;
        for problem in problems {
            if problem.severity() == Severity::Error {
                first_error.get_or_insert(problem.code);
            }
            if repeated.admits(problem.severity(), problem.code.as_str()) {
                self.show(problem)?;
            }
        }
        self.rest(&repeated)?;
        match first_error {
            Some(code) if std::mem::take(&mut self.names_explain) => {
                writeln!(self.err, "More about an error: `solform explain {code}`")
            }
            _ => Ok(()),
        }
    }

    /// Writes how many diagnostics of each kind were not shown.
    fn rest(&mut self, repeated: &Repeated<'_>) -> io::Result<()> {
        for (severity, line) in repeated.rest() {
            let (style, head) = match severity {
                Severity::Error => (self.err_styles.destroy, "Error:"),
                Severity::Warning => (self.err_styles.warning, "Warning:"),
            };
            writeln!(self.err, "{} {line}", styled(style, head))?;
        }
        Ok(())
    }

    /// Warns about the manifest: the warnings are in the stream, and repeated ones are grouped on
    /// standard error.
    pub(in crate::cli) fn warn_of(&mut self, warnings: &[Problem]) -> io::Result<()> {
        if let Some(held) = &mut self.held {
            held.problems.extend_from_slice(warnings);
            return Ok(());
        }
        let new = warnings.iter();
        let new = new.filter(|warning| !self.was_shown(&warning.to_string()));
        let warnings: &[Problem] = &new.cloned().collect::<Vec<_>>();
        for warning in warnings.iter().take(WARNINGS_SENT) {
            let warning = self.invocation.complete_problem(warning);
            self.send(|| StreamMessage::diagnostic(Diagnostic::of_problem(&warning)));
        }
        if let Some(rest) = more_problems(warnings.len(), WARNINGS_SENT) {
            self.send(|| StreamMessage::diagnostic(Diagnostic::new(Severity::Warning, rest)));
        }
        self.problems(warnings)
    }

    /// Shows the refusals of a plan; those about a manifest entry are shown as problems of the
    /// manifest. Repeated refusals are grouped.
    pub(in crate::cli) fn refusals(
        &mut self,
        refusals: &[Refusal],
        problem_of: impl Fn(&Refusal) -> Option<Problem>,
    ) -> io::Result<()> {
        let mut repeated = Repeated::default();
        for refusal in refusals {
            if !repeated.admits_refusal(refusal.code()) {
                continue;
            }
            if let Some(problem) = problem_of(refusal) {
                self.show(&problem)?;
            } else {
                let styles = self.err_styles;
                let width = (self.err.width)();
                let out = &mut self.err;
                render_refusal(refusal, &mut StyledWriter { out, styles, width })?;
            }
        }
        self.rest(&repeated)
    }

    /// Writes a problem with its location to standard error.
    fn show(&mut self, problem: &Problem) -> io::Result<()> {
        let problem = self.invocation.complete_problem(problem);
        render_problem(&problem, 100, self.is_err_coloured, &mut self.err)
    }

    /// Writes a warning without a location in the manifest.
    pub(in crate::cli) fn warn(&mut self, summary: &str, causes: Vec<String>) -> io::Result<()> {
        if let Some(held) = &mut self.held {
            held.texts.push((summary.to_owned(), causes));
            return Ok(());
        }
        if self.was_shown(summary) {
            return Ok(());
        }
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
    pub(in crate::cli) fn warn_incomplete(&mut self, why: &str) -> io::Result<()> {
        self.warn(&format!("the list may be incomplete: {why}"), Vec::new())
    }

    /// Writes a note to standard error.
    pub(in crate::cli) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{}", words::escaped(text))?;
        self.send(|| StreamMessage::log(text.trim_start()));
        self.err.flush()
    }

    pub(in crate::cli) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()?;
        self.stream.as_ref().map_or(Ok(()), Stream::check)
    }
}

//! The report of an apply in the requested formats, for every outcome.

use std::io::Write as _;

use super::approval::{self, Approved};
use super::next_command::saving_command;
use super::output_files::{self, OutputWriter};
use crate::cli::args::ChangeArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, diagnostics_of};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::Mode;
use crate::render::{
    Content, NotApplied, PlanDetail, ReportDocument, ReportView, StreamMessage,
    not_applied_document, render_report, render_verdict,
};

/// The report of one apply or destroy.
pub(in crate::cli) struct Reporting<'a> {
    pub(super) args: &'a ChangeArgs,
    pub(super) settings: &'a Settings,
    /// Converge or destroy, if known.
    pub(in crate::cli) mode: Mode,
    /// The start time, in milliseconds since 1970.
    pub(in crate::cli) began_at_ms: u64,
    /// The environment and its URL, if known.
    subject: Option<(String, String)>,
    /// True if a report was written.
    is_reported: bool,
    /// True if the output files can be written.
    can_write_files: bool,
    /// True if the summary of the step can be written, or is not used.
    has_summary: bool,
}

impl<'a> Reporting<'a> {
    pub(in crate::cli) fn new(
        args: &'a ChangeArgs,
        settings: &'a Settings,
        mode: Mode,
        io: &mut Io,
    ) -> Self {
        if !args.formats.outputs().is_text() {
            io.reserve_out();
        }
        Self {
            args,
            settings,
            mode,
            began_at_ms: clock::now_ms(),
            subject: None,
            is_reported: false,
            can_write_files: false,
            has_summary: false,
        }
    }

    /// Checks, before anything is read, that the report can be written, and that the plan is
    /// approved if an event stream makes a prompt impossible.
    pub(in crate::cli) fn check(&mut self, is_approved: bool) -> Result<(), CommandError> {
        let outputs = self.args.formats.outputs();
        let paths = outputs.files.iter().map(|output| output.path.as_path());
        output_files::check(paths, &self.args.manifest.file)?;
        self.can_write_files = true;
        if outputs.is_for_github() {
            output_files::check_summary(self.settings)?;
            self.has_summary = true;
        }
        if self.args.formats.json && !is_approved {
            let plan = self.settings.invocation.command("plan");
            let saving = saving_command(plan, self.mode, &self.args.planning.plan_options());
            return Err(approval::not_approved(Approved::Plan(&saving), true));
        }
        Ok(())
    }

    /// Sets the environment.
    pub(in crate::cli) fn set_environment(&mut self, session: &Session) {
        let environment = &session.manifest().environment;
        self.subject = Some((
            environment.name.clone(),
            environment.url.as_str().to_owned(),
        ));
    }

    /// Writes the report.
    pub(in crate::cli) fn write_report(
        &mut self,
        view: &ReportView<'_>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        self.is_reported = true;
        let is_verbose = self.args.planning.detail.detail() == PlanDetail::Verbose;
        let out = &mut io.text();
        let on_screen = writeln!(out)
            .and_then(|()| render_report(view.report, is_verbose, out))
            .and_then(|()| render_verdict(view, out));
        if let Err(error) = on_screen {
            // Writes were sent, so a closed output no longer changes the result.
            tracing::warn!(%error, "the report could not be written");
        }
        let document = crate::render::report_document(view);
        self.write(&document, Some(view), io)
    }

    /// Writes a report of an apply that ended before any change, if no other report was written.
    pub(in crate::cli) fn end(
        self,
        result: Result<ExitStatus, CommandError>,
        io: &mut Io,
    ) -> Result<ExitStatus, CommandError> {
        if self.is_reported {
            return result;
        }
        let subject = self.subject.as_ref();
        let errors = result.as_ref().err();
        let errors = errors.map(|error| diagnostics_of(error, &io.invocation));
        let document = not_applied_document(NotApplied {
            subject: subject.map(|(environment, url)| (environment.as_str(), url.as_str())),
            mode: self.mode,
            began_at_ms: self.began_at_ms,
            ended_at_ms: clock::now_ms(),
            errors: errors.unwrap_or_default(),
        });
        match (self.write(&document, None, io), &result) {
            // Only the first error is returned.
            (Err(error), Err(_)) => io.report(&error),
            (written, _) => written?,
        }
        result
    }

    /// Writes a report to every output except the text for people.
    fn write(
        &self,
        document: &ReportDocument,
        view: Option<&ReportView<'_>>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        io.send(|| StreamMessage::report(document.clone()));
        let writer = OutputWriter {
            content: Content::Report(document, view),
            outputs: self.args.formats.outputs(),
            settings: self.settings,
        };
        // Files come first, because standard output may be closed.
        if self.can_write_files {
            writer.write_files(io)?;
        }
        if self.has_summary {
            writer.add_to_summary(io)?;
        }
        if writer.outputs.is_text() {
            return Ok(());
        }
        writer.print(PlanDetail::Verbose, io)
    }
}

//! The report of an apply in the requested formats, for every outcome.

use std::io::Write as _;

use super::approval::{self, Approved};
use super::output_files::{self, OutputWriter};
use crate::apply::ApplyReport;
use crate::cli::args::ChangeArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, diagnostics_of};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::Mode;
use crate::render::{
    Content, NotApplied, PlanDetail, ReportDocument, ReportView, StreamMessage, TEXT,
    not_applied_document, render_report, render_verdict, render_verdict_alone,
};
use crate::store::Provenance;

/// The outputs of a report, besides the text for people.
pub(in crate::cli) struct ReportOutputs<'a> {
    pub(super) args: &'a ChangeArgs,
    pub(super) settings: &'a Settings,
    /// True if the output files can be written.
    can_write_files: bool,
    /// True if the summary of the step can be written, or is not used.
    has_summary: bool,
}

impl<'a> ReportOutputs<'a> {
    pub(in crate::cli) fn new(args: &'a ChangeArgs, settings: &'a Settings, io: &mut Io) -> Self {
        if !args.formats.outputs().is_text() {
            io.reserve_out();
        }
        Self {
            args,
            settings,
            can_write_files: false,
            has_summary: false,
        }
    }

    /// Checks, before anything is read, that the report can be written, and that the plan is
    /// approved if an event stream makes a prompt impossible. `saving` is the command that saves
    /// the plan.
    pub(in crate::cli) fn check(
        &mut self,
        is_approved: bool,
        saving: &PrintedCommand,
    ) -> Result<(), CommandError> {
        let outputs = self.args.formats.outputs();
        let paths = outputs.files.iter().map(|output| output.path.as_path());
        output_files::check(paths, &self.args.manifest.file)?;
        self.can_write_files = true;
        if outputs.is_for_github() {
            output_files::check_summary(self.settings)?;
            self.has_summary = true;
        }
        if self.args.formats.json && !is_approved {
            return Err(approval::not_approved(Approved::Plan(saving), true));
        }
        Ok(())
    }

    /// Writes a report to every output except the text for people.
    pub(in crate::cli) fn write(
        &self,
        content: Content<'_>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        let writer = OutputWriter {
            content,
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
        // With an event stream, standard output is for the stream.
        if writer.outputs.is_text() {
            return Ok(());
        }
        writer.print(PlanDetail::Verbose, io)
    }
}

/// A report as a document and as text.
pub(in crate::cli) type KeptReport = (ReportDocument, String);

/// The destination of a report.
enum Destination {
    /// The requested outputs.
    Outputs,
    /// The report of all environments will contain it.
    Kept(Option<Box<KeptReport>>),
}

/// The report of one apply or destroy.
pub(in crate::cli) struct Reporting<'a> {
    pub(super) outputs: ReportOutputs<'a>,
    /// Converge or destroy, if known.
    pub(in crate::cli) mode: Mode,
    /// The start time, in milliseconds since 1970.
    pub(in crate::cli) began_at_ms: u64,
    /// Who started the apply, and from what; none if nothing was started.
    pub(super) provenance: Option<Provenance>,
    /// The environment and its URL, if known.
    subject: Option<(String, String)>,
    /// True if a report was written.
    is_reported: bool,
    destination: Destination,
    /// Gets the report of what was executed.
    observer: Option<&'a (dyn Fn(&ApplyReport) + Send + Sync)>,
}

impl<'a> Reporting<'a> {
    pub(in crate::cli) fn new(outputs: ReportOutputs<'a>, mode: Mode) -> Self {
        Self {
            outputs,
            mode,
            provenance: None,
            began_at_ms: clock::now_ms(),
            subject: None,
            is_reported: false,
            destination: Destination::Outputs,
            observer: None,
        }
    }

    /// Passes the report of what is executed to a function, too.
    pub(super) fn observed_by(self, observe: &'a (dyn Fn(&ApplyReport) + Send + Sync)) -> Self {
        Self {
            observer: Some(observe),
            ..self
        }
    }

    /// Creates the report of one of several environments, which is kept for the report of all.
    pub(in crate::cli) fn kept(outputs: ReportOutputs<'a>, mode: Mode) -> Self {
        Self {
            destination: Destination::Kept(None),
            ..Self::new(outputs, mode)
        }
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
        if let Some(observe) = self.observer {
            observe(view.report);
        }
        let is_verbose = self.outputs.args.planning.detail.detail() == PlanDetail::Verbose;
        let is_alone = matches!(self.destination, Destination::Outputs);
        let out = &mut io.text();
        let on_screen = writeln!(out)
            .and_then(|()| render_report(view.report, is_verbose, out))
            .and_then(|()| {
                if is_alone {
                    render_verdict(view, out)
                } else {
                    render_verdict_alone(view, out)
                }
            });
        if let Err(error) = on_screen {
            // Writes were sent, so a closed output no longer changes the result.
            tracing::warn!(%error, "the report could not be written");
        }
        let document = crate::render::report_document(view);
        self.write(document, Some(view), io)
    }

    /// Writes a report of an apply that ended before any change, if no other report was written.
    pub(in crate::cli) fn end(
        mut self,
        result: Result<ExitStatus, CommandError>,
        io: &mut Io,
    ) -> Result<ExitStatus, CommandError> {
        self.write_end(&result, io)?;
        result
    }

    /// Does the same for one of several environments, and returns its report.
    pub(in crate::cli) fn end_kept<T>(
        mut self,
        result: &Result<T, CommandError>,
        io: &mut Io,
    ) -> Result<Option<KeptReport>, CommandError> {
        self.write_end(result, io)?;
        Ok(match self.destination {
            Destination::Kept(report) => report.map(|report| *report),
            Destination::Outputs => None,
        })
    }

    fn write_end<T>(
        &mut self,
        result: &Result<T, CommandError>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        if self.is_reported {
            return Ok(());
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
        match (self.write(document, None, io), result) {
            // Only the first error is returned.
            (Err(error), Err(_)) => io.report(&error),
            (written, _) => written?,
        }
        Ok(())
    }

    /// Writes a report to its destination.
    fn write(
        &mut self,
        document: ReportDocument,
        view: Option<&ReportView<'_>>,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        io.send(|| StreamMessage::report(document.clone()));
        let content = Content::Report(&document, view);
        let Destination::Kept(report) = &mut self.destination else {
            return self.outputs.write(content, io);
        };
        let writer = OutputWriter {
            content,
            outputs: self.outputs.args.formats.outputs(),
            settings: self.outputs.settings,
        };
        let text = writer.rendered(&TEXT, writer.outputs.max_bytes)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        *report = Some(Box::new((document, text)));
        Ok(())
    }
}

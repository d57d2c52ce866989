//! The execution of the approved plans of several environments, one after another.

use std::io::Write as _;

use super::apply_request::{Applied, ApplyWorkflow};
use super::apply_several::{ApprovedEnvironment, SeveralApply};
use super::cancellation::Cancellation;
use super::next_command::{NextStep, Repeated, with_options};
use super::next_of_several::{Remaining, SeveralNext};
use super::report::{ReportOutputs, Reporting};
use super::{plan, recovery, several};
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind, ExitStatus, Result, status_of_all};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::plan::{Mode, Plan, SavedPlan};
use crate::render::{EnvironmentEnd, EnvironmentReport, render_environment};

impl SeveralApply<'_> {
    /// Executes the approved plans one after another.
    pub(super) async fn execute_each(
        &mut self,
        approved: Vec<ApprovedEnvironment>,
        next: &SeveralNext<'_>,
        io: &mut Io,
    ) -> Result<ExitStatus> {
        let names = approved.iter().map(|one| one.saved.environment());
        let names: Vec<String> = names.map(str::to_owned).collect();
        let mut statuses = Vec::with_capacity(approved.len());
        let mut remaining: Vec<Remaining> = Vec::new();
        let mut is_stopped = false;
        for (index, environment) in approved.into_iter().enumerate() {
            let name = &names[index];
            let is_interrupted = self.cancel.interrupt().is_raised();
            if is_stopped || is_interrupted {
                if is_interrupted {
                    statuses.push(ExitStatus::Cancelled);
                }
                remaining.push(Remaining::untouched(name));
                self.reports.push(EnvironmentReport {
                    name: name.clone(),
                    url: Some(environment.saved.plan.subject.url.clone()),
                    end: EnvironmentEnd::NotBegun(Vec::new()),
                });
                continue;
            }
            // The commands that a second interrupt names: before the first write, and after it.
            let behind = names[index + 1..]
                .iter()
                .map(|name| Remaining::untouched(name));
            let with = |own: Remaining| {
                let before = remaining.iter().cloned().chain([own]);
                next.command(&before.chain(behind.clone()).collect::<Vec<_>>())
            };
            self.set_next(with(Remaining::untouched(name)));
            let resume = with(Remaining::begun(name, NextStep::again()));
            let resume = resume.unwrap_or_default();
            let position = format!("{} of {}", index + 1, names.len());
            let note = format!("Applying environment `{name}` ({position}).");
            let (status, step) = self
                .execute_one(environment, next, (&resume, &note), io)
                .await?;
            remaining.extend(step);
            statuses.push(status);
            let is_done = matches!(status, ExitStatus::Success | ExitStatus::Changes);
            is_stopped = !(is_done || self.keeps_going);
        }
        self.next = next.command(&remaining);
        Ok(status_of_all(&statuses))
    }

    /// Executes the approved plan of one environment, and keeps its report. Returns its status, and
    /// what is left of it.
    async fn execute_one(
        &mut self,
        environment: ApprovedEnvironment,
        next: &SeveralNext<'_>,
        (resume, note): (&str, &str),
        io: &mut Io,
    ) -> Result<(ExitStatus, Option<Remaining>)> {
        let ApprovedEnvironment { session, saved } = environment;
        let name = saved.environment().to_owned();
        let url = saved.plan.subject.url.clone();
        let shown = self.plans.iter().find(|plan| plan.name == name);
        let shown = shown.and_then(|plan| Some(&plan.value()?.plan));
        io.flush_text().or_else(ignore_closed)?;
        let mut own = io.in_environment(&name, &session.context.settings.invocation);
        own.note(note).or_else(ignore_closed)?;
        let outputs = ReportOutputs::new(self.outputs.args, self.outputs.settings, &mut own);
        let mut reporting = Reporting::kept(outputs, Mode::Converge);
        reporting.set_environment(&session);
        let again = session.context.command("apply");
        let again = match next.path {
            Some(path) => with_options(again, &saved.options, Repeated::BesideSavedPlan).file(path),
            None => with_options(again, &saved.options, Repeated::Selection),
        };
        let work = Work {
            again,
            repeats_saved: next.path.is_some(),
            resume,
            shown,
        };
        let done = apply_one(&session, saved, work, self.cancel, &mut reporting, &mut own).await;
        // Other environments may have changed, so a closed output is an error.
        let done = done.map_err(|error| match error.kind {
            ErrorKind::Closed => CommandError::failed("the output was closed"),
            _ => several::named(error, &name, "was not applied"),
        });
        let kept = reporting.end_kept(&done, &mut own)?;
        let flushed = own.flush();
        let end = match kept {
            Some((document, text)) => EnvironmentEnd::Begun(Box::new(document), text),
            None => EnvironmentEnd::NotBegun(Vec::new()),
        };
        self.reports.push(EnvironmentReport {
            name: name.clone(),
            url: Some(url),
            end,
        });
        // The report and the other environments count more than this output.
        if let Err(error) = flushed {
            tracing::warn!(environment = %name, %error, "the output could not be written");
        }
        plan::drop_in_background(session.context);
        match done {
            Ok(Applied { status, next }) => {
                let left = next.map(|next| Remaining::begun(&name, next));
                Ok((status, left))
            }
            Err(error) => {
                if let Err(error) = several::report(&name, &error, io) {
                    tracing::warn!(environment = %name, %error, "the output could not be written");
                }
                Ok((error.kind.exit_status(), Some(Remaining::untouched(&name))))
            }
        }
    }
}

/// The execution of an approved plan, besides the plan.
struct Work<'a> {
    /// The command that goes on with this environment.
    again: PrintedCommand,
    repeats_saved: bool,
    /// The command that goes on after a second interrupt.
    resume: &'a str,
    /// The plan that was shown.
    shown: Option<&'a Plan>,
}

/// Takes the lock of an environment, recovers earlier applies, and executes the approved plan.
async fn apply_one(
    session: &Session,
    saved: SavedPlan,
    work: Work<'_>,
    cancel: &Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<Applied> {
    let environment = &session.manifest().environment;
    writeln!(io.text())?;
    render_environment(
        &environment.name,
        Some(environment.url.as_str()),
        &mut io.text(),
    )?;
    io.flush_text()?;
    let args = reporting.outputs.args;
    let apply_session = recovery::open(session, &args.store, cancel, io).await?;
    session.reader().serve_steps(args.planning.parallelism);
    let workflow = ApplyWorkflow {
        apply_session: &apply_session,
        again: work.again,
        repeats_saved: work.repeats_saved,
        resume: work.resume,
        shown: work.shown,
        writes_manifest: false,
        reporting,
        io,
    };
    let done = workflow.apply_saved(saved).await;
    // The lock of the next environment is taken only after this one is released.
    apply_session.end().await;
    done
}

/// Ignores that the output was closed: environments may have changed, so the apply goes on to its
/// report.
fn ignore_closed(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}

//! `apply` of several environments, in the order of the manifest.
//!
//! All of them are planned first, at the same time and without locks, and all plans are approved
//! together. Then each environment in turn takes its lock and plans again, and only the approved
//! changes are executed, by the rules of a saved plan. Two locks are never held at once.

use std::io::Write as _;

use super::approval::{self, Approved};
use super::cancellation::Cancellation;
use super::next_command::{Repeated, with_options};
use super::next_of_several::{Remaining, SeveralNext};
use super::report::ReportOutputs;
use super::saved_plan::{ApprovalSource, ReadPlanFile};
use super::several_plans::{self, PlannedEnvironment, SavedSource};
use super::{plan, plan_formats, saved_plan, several};
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{ExitStatus, Result, diagnostics_of, status_of_all};
use crate::cli::io::Io;
use crate::plan::{Mode, Plan, PlanOptions, SavedPlan, Summary};
use crate::render::{
    Content, Diagnostic, EnvironmentEnd, EnvironmentReport, EnvironmentResult, PlanResult,
    ReportsView, StreamMessage, render_plan_matrix, render_reports_verdict, words,
};

/// An apply of several environments.
pub(super) struct SeveralApply<'a> {
    pub(super) outputs: ReportOutputs<'a>,
    /// True if it goes on with the others after one has failed.
    pub(super) keeps_going: bool,
    pub(super) cancel: &'a Cancellation,
    /// The plans that were shown for approval.
    pub(super) plans: Vec<EnvironmentResult<PlanResult>>,
    pub(super) reports: Vec<EnvironmentReport>,
    pub(super) next: Option<String>,
}

/// An environment whose plan is approved.
pub(super) struct ApprovedEnvironment {
    pub(super) session: Session,
    pub(super) saved: SavedPlan,
}

impl<'a> SeveralApply<'a> {
    pub(super) fn new(
        outputs: ReportOutputs<'a>,
        keeps_going: bool,
        cancel: &'a Cancellation,
    ) -> Self {
        Self {
            outputs,
            keeps_going,
            cancel,
            plans: Vec::new(),
            reports: Vec::new(),
            next: None,
        }
    }

    /// Executes the apply, and writes one report.
    pub(super) async fn run(
        mut self,
        file: Option<ReadPlanFile<'_>>,
        is_resumed: bool,
        io: &mut Io,
    ) -> Result<ExitStatus> {
        let done = self.execute(file, is_resumed, io).await;
        if self.reports.is_empty() {
            self.refuse(&[], io);
        }
        let errors = done.as_ref().err();
        let errors = errors.map(|error| diagnostics_of(error, &io.invocation));
        let errors: Vec<Diagnostic> = errors.unwrap_or_default();
        let view = ReportsView {
            plans: &self.plans,
            environments: &self.reports,
            errors: &errors,
            next: self.next.as_deref(),
        };
        let is_begun = |one: &EnvironmentReport| matches!(one.end, EnvironmentEnd::Begun(..));
        if done.is_ok() || self.reports.iter().any(is_begun) {
            let out = &mut io.text();
            let on_screen = writeln!(out).and_then(|()| render_reports_verdict(&view, out));
            if let Err(error) = on_screen {
                // Writes may have been sent, so a closed output no longer changes the result.
                tracing::warn!(%error, "the report could not be written");
            }
        }
        io.send(|| StreamMessage::reports(&view));
        let written = self.outputs.write(Content::Reports(&view), io);
        match (written, &done) {
            (Err(error), Ok(ExitStatus::Success | ExitStatus::Changes)) if !error.is_closed() => {
                return Err(error);
            }
            // Only the first error is returned.
            (Err(error), _) if !error.is_closed() => io.report(&error),
            (Ok(()) | Err(_), _) => {}
        }
        done
    }

    async fn execute(
        &mut self,
        file: Option<ReadPlanFile<'_>>,
        is_resumed: bool,
        io: &mut Io,
    ) -> Result<ExitStatus> {
        let (args, settings) = (self.outputs.args, self.outputs.settings);
        let is_approved = args.auto_approve || file.is_some();
        let command = settings.invocation.command("plan");
        let options = args.planning.plan_options();
        let saving = with_options(command, &options, Repeated::All).option("--out", "FILE");
        self.outputs.check(is_approved, &saving)?;
        if is_resumed {
            let hint = "Run it for the interrupted environment, with one `-e NAME`.";
            return Err(several_plans::one_only("--resume", hint));
        }
        let (source, manifest) = saved_plan::source_of(file, args)?;
        let check = |saved: &SavedPlan, session: &Session| self.check(&source, saved, session);
        let saved = SavedSource {
            saved: &source.saved,
            check: &check,
        };
        let read = several_plans::make_from(
            source.path.map(|_| &saved),
            &manifest,
            (&args.planning, Mode::Converge),
            args.store.store.as_deref(),
            settings,
            io,
        );
        let planned = self.cancel.or_interrupted(read).await?;
        let approved = match self.show(planned, &source, io)? {
            Ok(approved) => approved,
            Err(status) => return Ok(status),
        };
        let names = approved.iter().map(|one| one.session.manifest());
        let names: Vec<String> = names.map(|one| one.environment.name.clone()).collect();
        let next = SeveralNext {
            invocation: &settings.invocation,
            manifest: &manifest.file,
            path: source.path,
            options: source
                .saved
                .first()
                .map_or(options.clone(), |saved| saved.options.clone()),
        };
        let untouched = names.iter().map(|name| Remaining::untouched(name));
        self.set_next(next.command(&untouched.collect::<Vec<_>>()));
        let has_changes = |one: &ApprovedEnvironment| Summary::of(&one.saved.plan).has_changes();
        if source.path.is_none() && !args.auto_approve && approved.iter().any(has_changes) {
            let quoted = names.iter().map(|name| words::quoted(name));
            let question = format!(
                "Do you want to perform these actions in environments {}?",
                words::joined(quoted)
            );
            let may_ask = !args.planning.no_input;
            let saving = settings
                .invocation
                .for_several(&manifest.file, names.iter().map(String::as_str));
            let saving = with_options(saving.command("plan"), &options, Repeated::All);
            let saving = saving.option("--out", "FILE");
            let approval = Approved::Plan(&saving);
            approval::ask(approval, &question, may_ask, self.cancel, io).await?;
        }
        self.execute_each(approved, &next, io).await
    }

    pub(super) fn set_next(&self, command: Option<String>) {
        if let Some(command) = command {
            self.cancel.set_next(command);
        }
    }

    /// Checks that the command can execute the plan of an environment.
    fn check(
        &self,
        source: &ApprovalSource<'_>,
        saved: &SavedPlan,
        session: &Session,
    ) -> Result<()> {
        let Some(path) = source.path else {
            return Ok(());
        };
        let (args, settings) = (self.outputs.args, self.outputs.settings);
        let right = saved_plan::command_of_several(&args.manifest, &source.saved, path, settings);
        saved_plan::check(path, "apply", saved, (session, args), right)
    }

    /// Shows the matrix and the plans. If one of them cannot be applied, nothing is: the inner
    /// error is then the status.
    fn show(
        &mut self,
        planned: Vec<several::ReadEnvironment<PlannedEnvironment>>,
        source: &ApprovalSource<'_>,
        io: &mut Io,
    ) -> Result<Result<Vec<ApprovedEnvironment>, ExitStatus>> {
        let args = self.outputs.args;
        let mut approvals = Vec::with_capacity(planned.len());
        let (plans, sessions): (Vec<_>, Vec<_>) = planned
            .into_iter()
            .map(|environment| {
                environment.into_parts(io, |session, planned| {
                    let options = PlanOptions::new(&planned.options, args.planning.overrides());
                    approvals.push(options);
                    PlanResult {
                        plan: planned.plan,
                        refusals: planned.refusals,
                        abandon: session.context.command("abandon").to_string(),
                    }
                })
            })
            .unzip();
        self.plans = plans;
        render_plan_matrix(&self.plans, args.planning.detail.detail(), &mut io.text())?;
        if let Some(stream) = &io.stream {
            plan_formats::stream_plans(&self.plans, stream);
        }
        io.flush_text()?;
        let unchanged = |_: &Plan| ExitStatus::Success;
        let statuses = several_plans::report(&self.plans, &sessions, unchanged, io)?;
        if statuses.iter().any(|status| *status != ExitStatus::Success) {
            self.refuse(&sessions, io);
            return Ok(Err(status_of_all(&statuses)));
        }
        let mut approved = Vec::with_capacity(sessions.len());
        let each = self.plans.iter().zip(sessions).zip(approvals);
        for ((environment, session), options) in each {
            let (Some(result), Ok(session)) = (environment.value(), session) else {
                continue;
            };
            let of_file = source.saved.iter();
            let mut of_file = of_file.filter(|saved| saved.environment() == environment.name);
            let saved = of_file.next().cloned().unwrap_or_else(|| {
                let id = uuid::Uuid::new_v4().to_string();
                SavedPlan::new(
                    result.plan.clone(),
                    Vec::new(),
                    options,
                    id,
                    clock::now_ms(),
                )
            });
            approved.push(ApprovedEnvironment { session, saved });
        }
        Ok(Ok(approved))
    }

    /// Reports that no environment was begun, each with its errors.
    fn refuse(&mut self, sessions: &[Result<Session>], io: &Io) {
        for (index, environment) in self.plans.iter().enumerate() {
            let errors = match &environment.result {
                Err(errors) => errors.clone(),
                Ok(result) if result.refusals.is_empty() => Vec::new(),
                Ok(result) => {
                    let session = sessions
                        .get(index)
                        .and_then(|session| session.as_ref().ok());
                    let blocked = plan::blocked(session, &result.refusals, &result.plan);
                    diagnostics_of(&blocked, &io.invocation)
                }
            };
            self.reports.push(EnvironmentReport {
                name: environment.name.clone(),
                url: environment.url.clone(),
                end: EnvironmentEnd::NotBegun(errors),
            });
        }
    }
}

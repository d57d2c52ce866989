//! The start of `apply` and `destroy`: from the manifest, from a plan file, or after an interrupt.

use std::io::Write as _;
use std::path::Path;

use super::apply_request::{ApplyRequest, ApplyWorkflow, SavedFrom};
use super::approval::Approval;
use super::cancellation::Cancellation;
use super::report::Reporting;
use super::{plan, recovery, saved_plan};
use crate::cli::args::ChangeArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{DiffOptions, Mode, SavedPlan, SavedPlanError};
use crate::render::StreamMessage;
use crate::store::progress_of;

/// The source of the changes to apply.
#[derive(Clone, Copy)]
pub(in crate::cli) enum ApplySource<'a> {
    /// A new plan of the manifest.
    Manifest,
    /// A plan file: only its changes are applied.
    PlanFile(&'a Path),
    /// The newest apply, if it was interrupted: only its plan is executed.
    Interrupted,
}

/// Executes `apply` or `destroy`, and writes its report.
pub(in crate::cli) async fn run(
    source: ApplySource<'_>,
    mode: Mode,
    args: &ChangeArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let cancel = Cancellation::new(io)?;
    let mut reporting = Reporting::new(&args.formats, settings, mode, io);
    let done = open_and_execute(source, args, settings, &cancel, &mut reporting, io).await;
    reporting.end(done, io)
}

async fn open_and_execute(
    source: ApplySource<'_>,
    args: &ChangeArgs,
    settings: &Settings,
    cancel: &Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let verb = match reporting.mode {
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
    };
    let is_approved = args.auto_approve || !matches!(source, ApplySource::Manifest);
    reporting.check(is_approved, &args.manifest.file)?;
    let refused_option = match source {
        ApplySource::Manifest if verb == "destroy" && !args.planning.replace.is_empty() => {
            return Err(plan::replace_with_destroy());
        }
        ApplySource::Manifest => None,
        ApplySource::PlanFile(_) => args.planning.selecting(),
        ApplySource::Interrupted => args.planning.shaping(),
    };
    if let Some(option) = refused_option {
        return Err(CommandError::option_with_plan(option));
    }
    let mut manifest = args.manifest.clone();
    let file = match source {
        ApplySource::PlanFile(path) => Some((path, saved_plan::read(path)?)),
        ApplySource::Manifest | ApplySource::Interrupted => None,
    };
    if let Some((_, saved)) = &file {
        reporting.mode = saved.plan.mode;
        // Without `-e`, the plan's environment is used.
        if manifest.environment.is_none() && settings.environment.is_none() {
            manifest.environment = Some(saved.plan.subject.environment.clone());
        }
    }
    let session = cancel.open(&manifest, settings, io).await?;
    reporting.set_environment(&session);
    let is_resumed = matches!(source, ApplySource::Interrupted);
    let command = session.context.command(verb);
    cancel.set_next(&match &file {
        Some((path, saved)) => {
            // If the whole plan is refused, no lock is needed.
            saved_plan::check(path, verb, saved, &session, args)?;
            saved_plan::with_repeated_options(command, saved).file(path)
        }
        None if is_resumed => command.argument("--resume"),
        None => command,
    });
    let apply_session = recovery::open(&session, &args.store, cancel, io).await?;
    let workflow = ApplyWorkflow {
        session: &session,
        apply_session: &apply_session,
        cancel,
        reporting,
        io,
    };
    let done = match file {
        Some((path, saved)) => workflow.apply_saved(saved, Some(path), args).await,
        None if is_resumed => workflow.resume(args).await,
        None => workflow.apply_manifest(args).await,
    };
    apply_session.end().await;
    done
}

impl ApplyWorkflow<'_, '_> {
    /// Makes a plan from the manifest, and executes it.
    async fn apply_manifest(self, args: &ChangeArgs) -> Result<ExitStatus, CommandError> {
        let mut options = args.planning.diff_options(self.reporting.mode);
        options.held_back.clone_from(&self.apply_session.held_back);
        let overrides = args.planning.overrides();
        let parallelism = args.planning.parallelism;
        self.session.reader().serve_steps(parallelism);
        let history = &self.apply_session.history;
        let plan = plan::make_plan(self.session, None, history, &options, &overrides, self.io);
        let request = ApplyRequest {
            plan: self.cancel.or_interrupted(plan).await?,
            narrowed: None,
            saved: None,
            options,
            overrides,
            approval: if args.auto_approve {
                Approval::Given
            } else {
                Approval::Ask {
                    may_ask: !args.planning.no_input,
                }
            },
            parallelism,
            detail: args.planning.detail.detail(),
        };
        self.execute(request).await
    }

    /// Makes a new plan from the manifest, and executes only the changes that the saved plan
    /// approves. There is no plan file if an interrupted apply is resumed.
    async fn apply_saved(
        self,
        saved: SavedPlan,
        file: Option<&Path>,
        args: &ChangeArgs,
    ) -> Result<ExitStatus, CommandError> {
        tracing::info!(plan = %saved.id, "applying a saved plan");
        let progress = progress_of(&self.apply_session.runs, &saved.id);
        let options = DiffOptions {
            held_back: self.apply_session.held_back.clone(),
            ..saved
                .options
                .of_new_plan(saved.plan.mode, &saved.options.replace, &progress)
        };
        let parallelism = args.planning.parallelism;
        self.session.reader().serve_steps(parallelism);
        let past = (&self.apply_session.history, &progress);
        let narrowed = plan::make_narrowed(self.session, &saved, past, &options, self.io);
        let narrowed = self.cancel.or_interrupted(narrowed).await?;
        let request = ApplyRequest {
            plan: narrowed.to_execute(),
            narrowed: Some(narrowed),
            overrides: saved.options.allow,
            saved: Some(SavedFrom {
                plan: saved,
                file: file.map(Path::to_owned),
                is_used_up: progress.is_used_up,
            }),
            options,
            approval: Approval::Given,
            parallelism,
            detail: args.planning.detail.detail(),
        };
        self.execute(request).await
    }

    /// Finishes the newest apply if it was interrupted.
    async fn resume(self, args: &ChangeArgs) -> Result<ExitStatus, CommandError> {
        let Some(run) = &self.apply_session.interrupted else {
            let message = "Nothing to resume: the last apply is complete.";
            writeln!(self.io.text(), "{message}")?;
            self.io.send(|| StreamMessage::log(message));
            return Ok(ExitStatus::Success);
        };
        let plan = self.apply_session.store.plan(run).await?;
        let plan = plan.ok_or_else(|| {
            CommandError::failed(format!("the plan of the apply `{run}` was not kept"))
                .hint("Run `solform apply`: it plans the remaining changes.")
        })?;
        let refused = |source: SavedPlanError| saved_plan::refused(Path::new(run), source, None);
        let saved = SavedPlan::from_json(&String::from_utf8_lossy(&plan)).map_err(refused)?;
        saved
            .check_against(self.session.manifest())
            .map_err(refused)?;
        self.io.note(&format!("Resuming the run {run}."))?;
        self.apply_saved(saved, None, args).await
    }
}

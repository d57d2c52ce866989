//! The start of `apply` and `destroy`: from the manifest, from a plan file, or after an interrupt.

use std::io::Write as _;
use std::path::Path;

use super::apply_request::{ApplyRequest, ApplyWorkflow};
use super::cancellation::Cancellation;
use super::next_command::{Repeated, with_options};
use super::report::Reporting;
use super::{plan, recovery, saved_plan};
use crate::cli::args::ChangeArgs;
use crate::cli::environment::context::several_environments;
use crate::cli::environment::session;
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
    let mut reporting = Reporting::new(args, settings, mode, io);
    let done = open_and_execute(source, &cancel, &mut reporting, io).await;
    reporting.end(done, io)
}

async fn open_and_execute(
    source: ApplySource<'_>,
    cancel: &Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let (args, settings) = (reporting.args, reporting.settings);
    let verb = match reporting.mode {
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
    };
    let is_approved = args.auto_approve || !matches!(source, ApplySource::Manifest);
    reporting.check(is_approved)?;
    if args.all_environments {
        return Err(several_environments("--all-environments"));
    }
    let refused_option = match source {
        ApplySource::Manifest if verb == "destroy" && !args.planning.replace.is_empty() => {
            return Err(plan::replace_with_destroy());
        }
        ApplySource::Manifest => None,
        ApplySource::PlanFile(_) => args.planning.selecting(),
        ApplySource::Interrupted => args.planning.shaping(),
    };
    if let Some(option) = refused_option {
        let message = format!("`{option}` cannot be combined with a saved plan");
        return Err(CommandError::failed(message).hint(
            "Leave it out, or make and review a new plan with it: \
             a saved plan knows what it selects.",
        ));
    }
    let mut manifest = args.manifest.clone();
    let file = match source {
        ApplySource::PlanFile(path) => Some((path, saved_plan::read(path)?)),
        ApplySource::Manifest | ApplySource::Interrupted => None,
    };
    if let Some((_, saved)) = &file {
        reporting.mode = saved.plan.mode;
        // Without `-e`, the plan's environment is used.
        if manifest.environment.is_empty() && settings.environment.is_none() {
            manifest.environment = vec![saved.plan.subject.environment.clone()];
        }
    }
    let opening = session::open(&manifest, settings, io);
    let session = cancel.or_interrupted(opening).await?;
    reporting.set_environment(&session);
    let is_resumed = matches!(source, ApplySource::Interrupted);
    let command = session.context.command(verb);
    let again = match &file {
        Some((path, saved)) => {
            // If the whole plan is refused, no lock is needed.
            saved_plan::check(path, verb, saved, &session, args)?;
            with_options(command, &saved.options, Repeated::BesideSavedPlan).file(path)
        }
        None if is_resumed => command.argument("--resume"),
        None => with_options(command, &args.planning.plan_options(), Repeated::Selection),
    };
    // Until the first write, the same command goes on.
    cancel.set_next(&match source {
        ApplySource::Manifest => {
            let options = args.planning.plan_options();
            with_options(session.context.command(verb), &options, Repeated::All)
        }
        ApplySource::PlanFile(_) | ApplySource::Interrupted => again.clone(),
    });
    let apply_session = recovery::open(&session, &args.store, cancel, io).await?;
    session.reader().serve_steps(args.planning.parallelism);
    let workflow = ApplyWorkflow {
        apply_session: &apply_session,
        again,
        reporting,
        io,
    };
    let done = match file {
        Some((_, saved)) => workflow.apply_saved(saved).await,
        None if is_resumed => workflow.resume().await,
        None => workflow.apply_manifest().await,
    };
    apply_session.end().await;
    done
}

impl ApplyWorkflow<'_, '_> {
    /// Makes a plan from the manifest, and executes it.
    async fn apply_manifest(self) -> Result<ExitStatus, CommandError> {
        let planning = &self.reporting.args.planning;
        let options = DiffOptions {
            held_back: self.apply_session.past.held_back.clone(),
            ..planning.diff_options(self.reporting.mode)
        };
        let overrides = planning.overrides();
        let planner = self.apply_session.planner(&options);
        let plan = planner.make_plan(None, &overrides, self.io);
        let request = ApplyRequest {
            plan: self.apply_session.cancel.or_interrupted(plan).await?,
            narrowed: None,
            saved: None,
            is_used_up: false,
            options,
        };
        self.execute(request).await
    }

    /// Makes a new plan from the manifest, and executes only the changes that the saved plan
    /// approves.
    async fn apply_saved(self, saved: SavedPlan) -> Result<ExitStatus, CommandError> {
        tracing::info!(plan = %saved.id, "applying a saved plan");
        let past = &self.apply_session.past;
        let progress = progress_of(&past.applies, &saved.id);
        let options = DiffOptions {
            held_back: past.held_back.clone(),
            ..saved
                .options
                .of_new_plan(saved.plan.mode, &saved.options.replace, &progress)
        };
        let planner = self.apply_session.planner(&options);
        let narrowed = planner.make_narrowed(&saved, &progress, self.io);
        let narrowed = self.apply_session.cancel.or_interrupted(narrowed).await?;
        let request = ApplyRequest {
            plan: narrowed.to_execute().into_owned(),
            narrowed: Some(narrowed),
            saved: Some(saved),
            is_used_up: progress.is_used_up,
            options,
        };
        self.execute(request).await
    }

    /// Finishes the newest apply if it was interrupted.
    async fn resume(self) -> Result<ExitStatus, CommandError> {
        let Some(apply) = &self.apply_session.past.interrupted else {
            let message = "Nothing to resume: the last apply is complete.";
            writeln!(self.io.text(), "{message}")?;
            self.io.send(|| StreamMessage::log(message));
            return Ok(ExitStatus::Success);
        };
        let plan = self.apply_session.store.plan(apply).await?;
        let plan = plan.ok_or_else(|| {
            CommandError::failed(format!("the plan of the apply `{apply}` was not kept"))
                .hint("Run `solform apply`: it plans the remaining changes.")
        })?;
        let refused = |source: SavedPlanError| saved_plan::refused(Path::new(apply), source);
        let saved = SavedPlan::from_json(&String::from_utf8_lossy(&plan)).map_err(refused)?;
        saved
            .check_against(self.apply_session.session.manifest())
            .map_err(refused)?;
        self.io.note(&format!("Resuming the apply {apply}."))?;
        self.apply_saved(saved).await
    }
}

//! The start of `apply`, `destroy` and `rollback`: from the manifest, from a plan file, from an
//! earlier apply, or after an interrupt.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::apply_request::{Applied, ApplyRequest, ApplyWorkflow};
use super::apply_several::SeveralApply;
use super::cancellation::Cancellation;
use super::heal::holding_rollback;
use super::next_command::{Repeated, of_apply, saving_command, with_options};
use super::report::{ReportOutputs, Reporting};
use super::saved_plan::ReadPlanFile;
use super::{plan, recovery, rollback, saved_plan};
use crate::apply::ApplyReport;
use crate::cli::args::ChangeArgs;
use crate::cli::environment::context::several_environments;
use crate::cli::environment::session;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{DiffOptions, Mode, PlanFileContent, PlanKind, SavedPlan, SavedPlanError};
use crate::render::StreamMessage;
use crate::store::progress_of;

/// The source of the changes to apply.
#[derive(Clone, Copy)]
pub(in crate::cli) enum ApplySource<'a> {
    /// A new plan of the manifest.
    Manifest,
    /// A new plan of the manifest; nothing while a roll-back holds.
    Heal,
    /// A plan file: only its changes are applied.
    PlanFile(&'a Path),
    /// The newest apply, if it was interrupted: only its plan is executed.
    Interrupted,
    /// An apply that is rolled back, by the first characters of its id; by default the newest one
    /// that changed something.
    Rollback(Option<&'a str>),
}

impl<'a> ApplySource<'a> {
    /// Returns the id of the apply that is rolled back, if it is named.
    fn rolled_back(&self) -> Option<&'a str> {
        match self {
            Self::Rollback(apply) => *apply,
            Self::Manifest | Self::Heal | Self::PlanFile(_) | Self::Interrupted => None,
        }
    }
}

/// The options of an apply that not every command has.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct ApplyOptions {
    /// With several environments, go on after one has failed.
    pub(in crate::cli) keeps_going: bool,
    /// Change the manifest after a roll-back.
    pub(in crate::cli) writes_manifest: bool,
}

/// Executes `apply`, `destroy` or `rollback`, and writes its report.
pub(in crate::cli) async fn run(
    source: ApplySource<'_>,
    mode: Mode,
    (args, options): (&ChangeArgs, ApplyOptions),
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let cancel = Cancellation::new(io)?;
    let outputs = ReportOutputs::new(args, settings, io);
    let file = match source {
        ApplySource::PlanFile(path) => Some((path, saved_plan::read(path))),
        ApplySource::Manifest
        | ApplySource::Heal
        | ApplySource::Interrupted
        | ApplySource::Rollback(_) => None,
    };
    let is_of_several = matches!(&file, Some((_, Ok(PlanFileContent::Several(_)))));
    let are_several = is_of_several || args.several.are_several(&args.manifest);
    if mode == Mode::Converge && are_several {
        let is_resumed = matches!(source, ApplySource::Interrupted);
        let several = SeveralApply::new(outputs, options.keeps_going, &cancel);
        return several.run(file, is_resumed, io).await;
    }
    let mut reporting = Reporting::new(outputs, mode);
    let done = open_and_execute((source, file), options, &cancel, &mut reporting, io).await;
    reporting.end(done, io)
}

/// Applies a new plan of the manifest, and passes its report to `observe`. Applies nothing while a
/// roll-back holds.
pub(super) async fn heal(
    args: &ChangeArgs,
    cancel: &Cancellation,
    observe: &(dyn Fn(&ApplyReport) + Send + Sync),
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let outputs = ReportOutputs::new(args, settings, io);
    let mut reporting = Reporting::new(outputs, Mode::Converge).observed_by(observe);
    let source = (ApplySource::Heal, None);
    let options = ApplyOptions::default();
    let done = open_and_execute(source, options, cancel, &mut reporting, io).await;
    reporting.end(done, io)
}

async fn open_and_execute(
    (source, file): (ApplySource<'_>, Option<ReadPlanFile<'_>>),
    options: ApplyOptions,
    cancel: &Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let (args, settings) = (reporting.outputs.args, reporting.outputs.settings);
    let verb = match reporting.mode {
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
        Mode::Rollback => "rollback",
    };
    let needs_approval = matches!(source, ApplySource::Manifest | ApplySource::Rollback(_));
    let is_approved = args.auto_approve || !needs_approval;
    let rolled_back = source.rolled_back();
    let command = |verb: &str| settings.invocation.command(verb);
    let mode = (reporting.mode, rolled_back);
    let saving = saving_command(command, mode, &args.planning.plan_options());
    reporting.outputs.check(is_approved, &saving)?;
    if args.several.are_all() {
        return Err(several_environments("--all-environments"));
    }
    let refused_option = match source {
        ApplySource::Manifest if verb == "destroy" && !args.planning.replace.is_empty() => {
            return Err(plan::replace_with_destroy());
        }
        ApplySource::Manifest | ApplySource::Heal => None,
        ApplySource::Rollback(_) => rollback::refuse_options(&args.planning)?,
        ApplySource::PlanFile(_) => args.planning.selecting(),
        ApplySource::Interrupted => args.planning.shaping(),
    };
    if let Some(option) = refused_option {
        return Err(saved_plan::refuse_option(option));
    }
    let mut manifest = args.manifest.clone();
    let file = match file {
        Some((path, content)) => Some((path, saved_plan::of_one(path, content?, verb)?)),
        None => None,
    };
    if let Some((_, saved)) = &file {
        reporting.mode = saved.plan.mode;
        // Without `-e`, the plan's environment is used.
        if manifest.environment.is_empty() && settings.environment.is_none() {
            manifest.environment = vec![saved.environment().to_owned()];
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
            let right = saved_plan::command_of(&session.context, saved, path);
            saved_plan::check(path, verb, saved, (&session, args), right)?;
            with_options(command, &saved.options, Repeated::BesideSavedPlan).file(path)
        }
        None if is_resumed => command.argument("--resume"),
        None => {
            let command = of_apply(command, rolled_back);
            with_options(command, &args.planning.plan_options(), Repeated::Selection)
        }
    };
    // Until the first write, the same command goes on.
    cancel.set_next(&match source {
        ApplySource::Manifest | ApplySource::Heal | ApplySource::Rollback(_) => {
            let options = args.planning.plan_options();
            let command = of_apply(session.context.command(verb), rolled_back);
            with_options(command, &options, Repeated::All)
        }
        ApplySource::PlanFile(_) | ApplySource::Interrupted => again.clone(),
    });
    let resume = session.context.command("apply").argument("--resume");
    let apply_session = recovery::open(&session, &args.store, cancel, io).await?;
    // With the lock, no other roll-back can begin.
    let is_held = matches!(source, ApplySource::Heal)
        && holding_rollback(&apply_session.past.applies, session.manifest()).is_some();
    session.reader().serve_steps(args.planning.parallelism);
    let workflow = ApplyWorkflow {
        apply_session: &apply_session,
        again,
        repeats_saved: file.is_some() || is_resumed,
        resume: &resume.to_string(),
        shown: None,
        writes_manifest: options.writes_manifest,
        reporting,
        io,
    };
    let done = match file {
        Some((_, saved)) => workflow.apply_saved(saved).await,
        None if is_resumed => workflow.resume().await,
        None if is_held => Ok(Applied {
            status: ExitStatus::Success,
            next: None,
        }),
        None => match source {
            ApplySource::Rollback(apply) => workflow.roll_back(apply).await,
            _ => workflow.apply_manifest().await,
        },
    };
    apply_session.end().await;
    Ok(done?.status)
}

impl ApplyWorkflow<'_, '_> {
    /// Makes a plan from the manifest, and executes it.
    async fn apply_manifest(self) -> Result<Applied, CommandError> {
        let planning = &self.reporting.outputs.args.planning;
        let options = DiffOptions {
            held_back: self.apply_session.past.held_back.clone(),
            ..planning.diff_options(self.reporting.mode)
        };
        self.apply_new_plan(options).await
    }

    /// Makes a new plan with these options, and executes it.
    pub(super) async fn apply_new_plan(
        self,
        options: DiffOptions,
    ) -> Result<Applied, CommandError> {
        let overrides = self.reporting.outputs.args.planning.overrides();
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
    pub(super) async fn apply_saved(self, saved: SavedPlan) -> Result<Applied, CommandError> {
        tracing::info!(plan = %saved.id, "applying a saved plan");
        let past = &self.apply_session.past;
        let progress = progress_of(&past.applies, &saved.id);
        let rollback = match &saved.kind {
            PlanKind::Rollback(apply) => Some(Arc::new(rollback::of(&past.applies, apply)?)),
            PlanKind::Apply | PlanKind::Destroy => None,
        };
        let options = DiffOptions {
            held_back: past.held_back.clone(),
            rollback,
            ..saved
                .options
                .of_new_plan(saved.plan.mode, &saved.options.replace, &progress)
        };
        let planner = self.apply_session.planner(&options);
        let narrowed = planner.make_narrowed(&saved, &progress, self.io);
        let narrowed = self.apply_session.cancel.or_interrupted(narrowed).await?;
        let request = ApplyRequest {
            plan: narrowed.to_show(),
            narrowed: Some(narrowed),
            saved: Some(saved),
            is_used_up: progress.is_used_up,
            options,
        };
        self.execute(request).await
    }

    /// Finishes the newest apply if it was interrupted.
    async fn resume(self) -> Result<Applied, CommandError> {
        let Some(apply) = &self.apply_session.past.interrupted else {
            let message = "Nothing to resume: the last apply is complete.";
            writeln!(self.io.text(), "{message}")?;
            self.io.send(|| StreamMessage::log(message));
            return Ok(Applied {
                status: ExitStatus::Success,
                next: None,
            });
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

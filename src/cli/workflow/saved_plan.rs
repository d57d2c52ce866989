//! The execution of a saved plan: a new plan is made and narrowed to the approved changes.

use std::path::Path;

use super::apply::{self, ApplyRequest, SavedFrom};
use super::apply_session::ApplySession;
use super::approval::Approval;
use super::cancellation::Cancellation;
use super::plan;
use super::recovery;
use super::report::Reporting;
use crate::cli::args::ChangeArgs;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{DiffOptions, SavedPlan, SavedPlanError};
use crate::store::progress_of;

/// A plan file, and the command that executes it.
pub(in crate::cli) struct PlanFile<'a> {
    pub(in crate::cli) path: &'a Path,
    pub(in crate::cli) command: &'static str,
}

/// A saved plan as the approval of an apply.
pub(in crate::cli) struct SavedApproval<'a> {
    pub(in crate::cli) saved: SavedPlan,
    /// The plan file; none if an interrupted apply is resumed.
    pub(in crate::cli) file: Option<&'a Path>,
}

/// Executes a plan file.
pub(in crate::cli) async fn run(
    file: PlanFile<'_>,
    change: &ChangeArgs,
    settings: &Settings,
    mut start: Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    reporting.check(true, &change.manifest.file)?;
    if let Some(option) = change.planning.selecting() {
        return Err(CommandError::option_with_plan(option));
    }
    let saved = plan::read_saved(file.path)?;
    reporting.mode = saved.plan.mode;
    let mut wanted = change.manifest.clone();
    // Without `-e`, the plan's environment is used.
    if wanted.environment.is_none() && settings.environment.is_none() {
        wanted.environment = Some(saved.plan.subject.environment.clone());
    }
    let session = start.open(&wanted, settings, io).await?;
    reporting.set_environment(&session);
    // If the whole plan is refused, no lock is needed.
    check(&file, &saved, &session, change)?;
    let command = session.context.command(file.command);
    start.set_next(&plan::with_repeated_options(command, &saved).file(file.path));
    let apply_session = recovery::open(&session, &change.store, &mut start, io).await?;
    let approval = SavedApproval {
        saved,
        file: Some(file.path),
    };
    let done = execute(
        &session,
        approval,
        change,
        &apply_session,
        &mut start,
        reporting,
        io,
    )
    .await;
    apply_session.end().await;
    done
}

fn check(
    file: &PlanFile<'_>,
    saved: &SavedPlan,
    session: &Session,
    change: &ChangeArgs,
) -> Result<(), CommandError> {
    let PlanFile { path, command } = *file;
    let planning = &change.planning;
    let checked = saved
        .check_against(session.manifest())
        .and_then(|()| saved.check_command(command, &planning.replace, &planning.overrides()));
    checked.map_err(|source| {
        let command = match source {
            SavedPlanError::OtherOptions { .. } | SavedPlanError::OtherKind { .. } => {
                plan::saved_plan_command(&session.context, saved, path)
            }
            _ => None,
        };
        plan::refused(path, source, command.as_ref())
    })
}

/// Makes a new plan from the manifest, and executes only the changes that the saved plan approves.
pub(in crate::cli) async fn execute(
    session: &Session,
    approval: SavedApproval<'_>,
    change: &ChangeArgs,
    apply_session: &ApplySession,
    start: &mut Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let SavedApproval { saved, file } = approval;
    tracing::info!(plan = %saved.id, "applying a saved plan");
    let progress = progress_of(&apply_session.runs, &saved.id);
    let options = DiffOptions {
        held_back: apply_session.held_back.clone(),
        ..saved
            .options
            .of_new_plan(saved.plan.mode, &saved.options.replace, &progress)
    };
    session.reader().serve_steps(change.planning.parallelism);
    let narrowed = start
        .or_interrupted(plan::make_narrowed(
            session,
            &saved,
            (&apply_session.history, &progress),
            &options,
            io,
        ))
        .await?;
    let order = ApplyRequest {
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
        parallelism: change.planning.parallelism,
        detail: change.planning.detail.detail(),
    };
    apply::execute(session, order, apply_session, start, reporting, io).await
}

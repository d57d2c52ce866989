//! `apply`: applies the manifest, or a saved plan.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::ChangeArgs;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session::ApplySession;
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::report::Reporting;
use crate::cli::workflow::saved_plan::{self, SavedApproval};
use crate::cli::workflow::{apply, plan, recovery};
use crate::plan::{Mode, SavedPlan, SavedPlanError};
use crate::render::StreamMessage;

/// Change the environment to match the manifest, or execute a saved plan
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform apply -e prod\n  \
    solform apply -e prod prod.plan --output markdown=report.md\n  \
    solform apply -e local --auto-approve --json")]
pub(in crate::cli) struct ApplyArgs {
    /// Saved plan of `plan --out`; only its changes are applied
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Finish the interrupted apply, and change nothing else
    #[arg(long, conflicts_with = "plan")]
    resume: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

pub(super) async fn run(
    args: &ApplyArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let start = Cancellation::new(io)?;
    let change = &args.change;
    let mut reporting = Reporting::new(&change.formats, settings, Mode::Converge, io);
    let done = match &args.plan {
        Some(path) => {
            let file = saved_plan::PlanFile {
                path,
                command: "apply",
            };
            saved_plan::run(file, change, settings, start, &mut reporting, io).await
        }
        None if args.resume => resume(args, settings, start, &mut reporting, io).await,
        None => apply::plan_and_execute(change, settings, start, &mut reporting, io).await,
    };
    reporting.end(done, io)
}

/// Finishes the newest apply if it was interrupted: only its plan is executed.
async fn resume(
    args: &ApplyArgs,
    settings: &Settings,
    mut start: Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let change = &args.change;
    reporting.check(true, &change.manifest.file)?;
    if let Some(option) = change.planning.shaping() {
        return Err(CommandError::option_with_plan(option));
    }
    let session = start.open(&change.manifest, settings, io).await?;
    reporting.set_environment(&session);
    start.set_next(&session.context.command("apply").argument("--resume"));
    let apply_session = recovery::open(&session, &change.store, &mut start, io).await?;
    let done = resume_interrupted(&session, args, &apply_session, &mut start, reporting, io).await;
    apply_session.end().await;
    done
}

async fn resume_interrupted(
    session: &Session,
    args: &ApplyArgs,
    apply_session: &ApplySession,
    start: &mut Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let Some(run) = &apply_session.interrupted else {
        let message = "Nothing to resume: the last apply is complete.";
        writeln!(io.text().0, "{message}")?;
        io.send(|| StreamMessage::log(message));
        return Ok(ExitStatus::Success);
    };
    let plan = apply_session.store.plan(run).await?;
    let plan = plan.ok_or_else(|| {
        CommandError::failed(format!("the plan of the apply `{run}` was not kept"))
            .hint("Run `solform apply`: it plans the remaining changes.")
    })?;
    let refused = |source: SavedPlanError| plan::refused(Path::new(run), source, None);
    let saved = SavedPlan::from_json(&String::from_utf8_lossy(&plan)).map_err(refused)?;
    saved.check_against(session.manifest()).map_err(refused)?;
    io.note(&format!("Resuming the run {run}."))?;
    let approval = SavedApproval { saved, file: None };
    saved_plan::execute(
        session,
        approval,
        &args.change,
        apply_session,
        start,
        reporting,
        io,
    )
    .await
}

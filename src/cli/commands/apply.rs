//! `apply`: from the manifest, or exactly what a saved plan says.

use super::executing::{self, Approval, Start};
use super::keeping::{self, Keeping};
use super::planning;
use super::reporting::Reporting;
use crate::cli::args::ApplyArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::plan::{ApplyHistory, DiffOptions, Mode, Overrides, Plan, SavedPlan};
use crate::render::StreamMessage;

pub(super) async fn run(
    args: &ApplyArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let start = Start::new(io)?;
    let mut reporting = Reporting::new(&args.change.formats, settings, Mode::Converge, io);
    let done = if args.plan.is_none() && !args.resume {
        executing::plan_and_execute(&args.change, settings, start, &mut reporting, io).await
    } else {
        run_reviewed(args, settings, start, &mut reporting, io).await
    };
    reporting.end(done, io)
}

/// Applies a saved plan, or what is left of one.
async fn run_reviewed(
    args: &ApplyArgs,
    settings: &Settings,
    mut start: Start,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    reporting.check(true, &args.change.manifest.file)?;
    if let Some(option) = args.change.planning.shaping() {
        return Err(CommandError::OptionWithPlan { option });
    }
    let mut wanted = args.change.manifest.clone();
    let saved = match &args.plan {
        Some(path) => Some(planning::read_saved(path)?),
        None => None,
    };
    // The plan's environment is meant, where none is named.
    if let Some(saved) = &saved {
        reporting.mode = saved.plan.mode;
        if wanted.environment.is_none() && settings.environment.is_none() {
            wanted.environment = Some(saved.plan.subject.environment.clone());
        }
    }
    let session = session::open(&wanted, settings, io).await?;
    reporting.learn(&session);
    // A plan that is not for this manifest needs no lock to be refused.
    if let Some(saved) = &saved {
        check(saved, &session, args)?;
    }
    let keeping = keeping::take(&session, &args.change.store, &mut start, io).await?;
    let done = match saved {
        Some(saved) => {
            apply_saved(&session, saved, args, &keeping, &mut start, reporting, io).await
        }
        None => resume(&session, args, &keeping, &mut start, reporting, io).await,
    };
    keeping.end().await;
    done
}

fn check(saved: &SavedPlan, session: &Session, args: &ApplyArgs) -> Result<(), CommandError> {
    saved
        .check_against(session.manifest())
        .map_err(|source| CommandError::SavedPlan {
            path: args
                .plan
                .clone()
                .unwrap_or_else(|| "(of the interrupted run)".into()),
            source,
        })
}

/// Finishes the newest run, where it did not come to its end: its plan, and nothing else.
async fn resume(
    session: &Session,
    args: &ApplyArgs,
    keeping: &Keeping,
    start: &mut Start,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let Some(run) = &keeping.interrupted else {
        let said = "Nothing to resume: the last run is complete.";
        writeln!(io.text().0, "{said}")?;
        io.send(|| StreamMessage::log(said));
        return Ok(ExitStatus::Success);
    };
    let plan = keeping.store.plan(run).await.map_err(CommandError::Store)?;
    let plan = plan.ok_or_else(|| CommandError::NothingToResume { run: run.clone() })?;
    let saved = SavedPlan::from_json(&String::from_utf8_lossy(&plan)).map_err(|source| {
        CommandError::SavedPlan {
            path: run.into(),
            source,
        }
    })?;
    check(&saved, session, args)?;
    io.note(&format!("Resuming the run {run}."))?;
    apply_saved(session, saved, args, keeping, start, reporting, io).await
}

/// A saved plan was approved when it was reviewed. The live state is listed again, for the proof
/// that limits and creates rest on; what has moved is found change by change, at its write.
async fn apply_saved(
    session: &Session,
    saved: SavedPlan,
    args: &ApplyArgs,
    keeping: &Keeping,
    start: &mut Start,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    tracing::info!(plan = %saved.id, "applying a saved plan");
    let SavedPlan {
        id,
        plan,
        overrides,
        ..
    } = saved;
    let options = DiffOptions {
        mode: plan.mode,
        ..DiffOptions::default()
    };
    let plan = start
        .or_interrupted(refreshed(
            session,
            plan,
            &keeping.history,
            &options,
            &overrides,
        ))
        .await?;
    let order = executing::Order {
        plan,
        saved: Some(executing::SavedFrom {
            id,
            file: args.plan.clone(),
        }),
        options,
        overrides,
        approval: Approval::Given,
        parallelism: args.change.planning.parallelism,
        is_concise: args.change.planning.concise,
    };
    executing::execute(session, order, keeping, start, reporting, io).await
}

/// The reviewed changes, with the coverage and the numbers of now.
async fn refreshed(
    session: &Session,
    plan: Plan,
    history: &ApplyHistory,
    options: &DiffOptions,
    overrides: &Overrides,
) -> Result<Plan, CommandError> {
    let limits = &session.manifest().environment.limits;
    let is_whole = crate::plan::needs_whole_listing(&plan, limits, overrides);
    let (_, now) = planning::collect_and_diff(session, history, options, is_whole).await?;
    Ok(Plan {
        coverage: now.coverage,
        in_flight: now.in_flight,
        orphaned: now.orphaned,
        live_in_scope: now.live_in_scope,
        ..plan
    })
}

//! `apply`: from the manifest, or exactly what a saved plan says.

use std::path::Path;

use super::executing::{self, Approval, Start};
use super::planning;
use crate::cli::args::ApplyArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::plan::{DiffOptions, Mode, Overrides, Plan, SavedPlan};

pub(super) async fn run(
    args: &ApplyArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let start = Start::new()?;
    if let Some(path) = &args.plan {
        if let Some(option) = args.change.planning.shaping() {
            return Err(CommandError::OptionWithPlan { option });
        }
        let saved = planning::read_saved(path)?;
        // The plan's environment is meant, where none is named.
        let mut wanted = args.change.manifest.clone();
        if wanted.environment.is_none() && settings.environment.is_none() {
            wanted.environment = Some(saved.plan.subject.environment.clone());
        }
        let session = session::open(&wanted, settings, io).await?;
        saved
            .check_against(session.manifest())
            .map_err(|source| CommandError::SavedPlan {
                path: path.clone(),
                source,
            })?;
        return apply_saved(&session, saved, args, path, start, io).await;
    }
    executing::plan_and_execute(&args.change, Mode::Converge, settings, start, io).await
}

/// A saved plan was approved when it was reviewed. The live state is listed again, for the proof
/// that limits and creates rest on; what has moved is found change by change, at its write.
async fn apply_saved(
    session: &Session,
    saved: SavedPlan,
    args: &ApplyArgs,
    path: &Path,
    mut start: Start,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    tracing::info!(plan = %saved.id, file = %path.display(), "applying a saved plan");
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
        .or_interrupted(refreshed(session, plan, &options, &overrides))
        .await?;
    executing::execute(
        session,
        executing::Order {
            plan,
            saved: Some(executing::SavedFrom {
                id,
                file: path.to_owned(),
            }),
            options,
            overrides,
            approval: Approval::Given,
            parallelism: args.change.planning.parallelism,
        },
        start,
        io,
    )
    .await
}

/// The reviewed changes, with the coverage and the numbers of now.
async fn refreshed(
    session: &Session,
    plan: Plan,
    options: &DiffOptions,
    overrides: &Overrides,
) -> Result<Plan, CommandError> {
    let limits = &session.manifest().environment.limits;
    let is_whole = crate::plan::needs_whole_listing(&plan, limits, overrides);
    let (_, now) = planning::collect_and_diff(session, options, is_whole).await?;
    Ok(Plan {
        coverage: now.coverage,
        live_in_scope: now.live_in_scope,
        ..plan
    })
}

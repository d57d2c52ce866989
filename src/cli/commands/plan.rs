//! `plan`: what apply would do. Sends GETs only.

use std::io::Write as _;

use super::planning;
use crate::cli::args::PlanArgs;
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::plan::{Mode, SavedPlan, Summary, judge};
use crate::render::{render_plan, render_refusals};

pub(super) async fn run(
    args: &PlanArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let mode = if args.destroy {
        Mode::Destroy
    } else {
        Mode::Converge
    };
    let options = args.planning.diff_options(mode);
    let overrides = args.planning.overrides();
    let plan = planning::make_plan(&session, &options, &overrides, io).await?;
    render_plan(&plan, &io.out_styles, &mut io.out)?;
    let has_changes = Summary::of(&plan).has_changes();
    let refusals = judge(&plan, &session.manifest().environment.limits, &overrides);
    if let Some(path) = &args.out {
        let now_ms = clock::now_ms();
        let id = uuid::Uuid::new_v4().to_string();
        let saved = SavedPlan::new(plan, overrides, id, now_ms);
        planning::write_saved(path, &saved)?;
        writeln!(
            io.out,
            "The plan is kept in `{0}`. Next: solform apply {0}",
            path.display()
        )?;
    }
    if !refusals.is_empty() {
        io.out.flush()?;
        render_refusals(&refusals, &io.err_styles, &mut io.err)?;
        return Err(planning::blocked(&refusals));
    }
    Ok(if has_changes {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

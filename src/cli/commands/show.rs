//! `show`: shows a saved plan.

use std::io::Write as _;

use crate::cli::args::ShowArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::{plan, plan_formats};

pub(super) fn run(
    args: &ShowArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let formats = args.formats();
    let saved = match plan::read_saved(&args.plan) {
        Ok(saved) => saved,
        Err(error) => {
            plan_formats::write_errors(&error, &formats, settings, io)?;
            return Err(error);
        }
    };
    let refusals = &saved.refusals;
    plan_formats::write_plan(
        &saved.plan,
        refusals,
        &formats,
        args.detail.detail(),
        settings,
        io,
    )?;
    if !refusals.is_empty() {
        io.out.flush()?;
        io.refusals(refusals, |_| None)?;
        return Err(plan::blocked(None, refusals, &saved.plan));
    }
    Ok(plan::status_of(&saved.plan, args.detailed_exitcode))
}

//! `show`: a saved plan, as it was reviewed.

use std::io::Write as _;

use super::{formats, planning};
use crate::cli::args::ShowArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::settings::Settings;

pub(super) fn run(
    args: &ShowArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let formats = args.formats();
    let saved = match planning::read_saved(&args.plan) {
        Ok(saved) => saved,
        Err(error) => {
            formats::write_errors(&error, &formats, settings, io)?;
            return Err(error);
        }
    };
    let refusals = &saved.refusals;
    formats::write_plan(
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
        return Err(planning::blocked(None, refusals, &saved.plan));
    }
    Ok(planning::status_of(&saved.plan, args.detailed_exitcode))
}

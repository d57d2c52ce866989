//! `show`: a saved plan, as it was reviewed.

use crate::cli::args::ShowArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::plan::Summary;
use crate::render::render_plan;

pub(super) fn run(args: &ShowArgs, io: &mut Io) -> Result<ExitStatus, CommandError> {
    let saved = super::planning::read_saved(&args.plan)?;
    render_plan(&saved.plan, &io.out_styles, &mut io.out)?;
    Ok(if Summary::of(&saved.plan).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

//! `show`: a saved plan, as it was reviewed.

use super::{formats, planning};
use crate::cli::args::ShowArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::manifest::Limits;
use crate::plan::{Refusal, Summary, judge};

pub(super) fn run(args: &ShowArgs, io: &mut Io) -> Result<ExitStatus, CommandError> {
    let saved = planning::read_saved(&args.plan)?;
    // The limits stand in the manifest, which is not read here: only what the plan itself tells.
    let mut refusals = judge(&saved.plan, &Limits::default(), &saved.overrides);
    refusals.retain(|refusal| match refusal {
        Refusal::Unproven(_) | Refusal::NotListed { .. } | Refusal::Protected { .. } => true,
        Refusal::TooManyDestroys { .. }
        | Refusal::TooManyChanges { .. }
        | Refusal::ScopeNotListed => false,
    });
    formats::write_plan(&saved.plan, &refusals, &args.formats(), args.concise, io)?;
    Ok(if Summary::of(&saved.plan).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

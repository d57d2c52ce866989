//! `show`: a saved plan, as it was reviewed.

use super::{formats, planning};
use crate::cli::args::ShowArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::manifest::Limits;
use crate::plan::{Refusal, Summary, judge};

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
    // The limits stand in the manifest, which is not read here: only what the plan itself tells.
    let mut refusals = judge(&saved.plan, &Limits::default(), &saved.overrides);
    refusals.retain(|refusal| match refusal {
        Refusal::Unproven(_) | Refusal::NotListed { .. } | Refusal::Protected { .. } => true,
        Refusal::TooManyDestroys { .. }
        | Refusal::TooManyChanges { .. }
        | Refusal::ScopeNotListed => false,
    });
    formats::write_plan(&saved.plan, &refusals, &formats, args.concise, settings, io)?;
    Ok(if Summary::of(&saved.plan).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

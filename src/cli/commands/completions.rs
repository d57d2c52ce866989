//! `completions`: prints completion scripts for shells.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;

pub(super) fn run(args: &CompletionsArgs, io: &mut Io) -> Result<ExitStatus, CommandError> {
    // clap_complete panics if its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "solform", &mut script);
    io.document().write_all(&script)?;
    Ok(ExitStatus::Success)
}

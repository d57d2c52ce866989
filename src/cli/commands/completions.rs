//! `completions`: prints completion scripts for shells.

use std::io::Write as _;

use clap::Args;

use crate::cli::completion;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform completions bash > /etc/bash_completion.d/solform")]
pub(in crate::cli) struct CompletionsArgs {
    /// Shell that runs the script
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &CompletionsArgs, io: &mut Io) -> Result<ExitStatus> {
    let script = completion::registration(&args.shell.to_string())?;
    io.document().write_all(&script)?;
    Ok(ExitStatus::Success)
}

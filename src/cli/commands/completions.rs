//! `completions`: prints completion scripts for shells.

use std::io::Write as _;

use clap::{Args, Command};

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

pub(super) fn run(
    args: &CompletionsArgs,
    mut definition: Command,
    io: &mut Io,
) -> Result<ExitStatus> {
    // clap_complete panics if its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition, "solform", &mut script);
    io.document().write_all(&script)?;
    Ok(ExitStatus::Success)
}

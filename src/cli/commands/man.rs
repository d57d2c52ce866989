//! `man`: prints manual pages.

use std::io::Write as _;

use clap::{Args, Command};
use clap_mangen::Man;

use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;

/// Print a manual page
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform man > /usr/local/share/man/man1/solform.1\n  \
    solform man apply | man -l -")]
pub(in crate::cli) struct ManArgs {
    /// Command to describe; by default, the page is about solform itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

pub(super) fn run(args: &ManArgs, mut cli: Command, io: &mut Io) -> Result<ExitStatus> {
    cli.build();
    let page = match &args.command {
        None => Man::new(cli),
        Some(name) => {
            let found = cli.find_subcommand(name).cloned();
            let command = found.ok_or_else(|| {
                CommandError::failed(format!("there is no command `{name}`"))
                    .hint("Run `solform --help` to see the commands.")
            })?;
            // The main page lists the pages by these names.
            Man::new(command).title(format!("solform-{name}"))
        }
    };
    // The whole page is written at once, because the writer searches each line for secrets.
    let mut text = Vec::new();
    page.render(&mut text)?;
    io.document().write_all(&text)?;
    Ok(ExitStatus::Success)
}

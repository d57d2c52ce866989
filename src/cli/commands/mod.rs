//! The commands, one file for each.

mod abandon;
mod apply;
mod completions;
mod destroy;
mod doctor;
mod emulator;
mod export;
mod force_unlock;
mod get;
mod history;
mod init;
mod job;
mod jobs;
mod list;
mod man;
mod plan;
mod review;
mod run;
mod schema;
mod show;
mod validate;

use super::args::{Cli, Command};
use super::error::{CommandError, ExitStatus};
use super::io::Io;
use super::settings::Settings;
use super::signals;

/// Executes the command.
pub(super) async fn run(
    cli: Cli,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    if !cli.command.handles_signals() {
        signals::end_at_first(io.stream.clone()).map_err(CommandError::runtime)?;
    }
    match cli.command {
        Command::Init(args) => init::run(&args, io),
        Command::Validate(args) => validate::run(&args, settings, io),
        Command::Plan(args) => plan::run(&args, settings, io).await,
        Command::Apply(args) => apply::run(&args, settings, io).await,
        Command::Destroy(args) => destroy::run(&args, settings, io).await,
        Command::Review(args) => review::run(&args, settings, io).await,
        Command::Show(args) => show::run(&args, settings, io),
        Command::List(args) => list::run(&args, settings, io).await,
        Command::Get(args) => get::run(&args, settings, io).await,
        Command::Export(args) => export::run(&args, settings, io).await,
        Command::Doctor(args) => doctor::run(&args, settings, io).await,
        Command::Run(args) => run::run(&args, settings, io).await,
        Command::Jobs(args) => jobs::run(&args, settings, io).await,
        Command::Job(args) => job::run(&args, settings, io).await,
        Command::History(args) => history::run(&args, settings, io).await,
        Command::Abandon(args) => abandon::run(&args, settings, io).await,
        Command::ForceUnlock(args) => force_unlock::run(&args, settings, io).await,
        Command::Schema(args) => schema::run(&args, io),
        Command::Emulator(args) => emulator::run(args, settings, io).await,
        Command::Completions(args) => completions::run(&args, io),
        Command::Man(args) => man::run(&args, io),
    }
}

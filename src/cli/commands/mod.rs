//! The commands, one file for each: its arguments, its help and its code.

#![expect(
    clippy::doc_markdown,
    reason = "clap shows these comments as help, where backticks are noise"
)]

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

use clap::{Parser, Subcommand};

use super::args::GlobalArgs;
use super::error::{CommandError, ExitStatus};
use super::io::Io;
use super::settings::Settings;
use super::signals;
use crate::render::PROSE_WIDTH;

/// Terraform for Instabase Deployed Solutions
#[derive(Debug, Parser)]
#[command(name = "solform", version, about, long_about = None, max_term_width = PROSE_WIDTH)]
// Arguments of the command line override those of SOLFORM_CLI_ARGS, which are inserted before them.
#[command(args_override_self = true)]
#[command(after_help = "Example:\n  solform init && solform plan && solform apply")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Destroy(destroy::DestroyArgs),
    Show(show::ShowArgs),
    Review(review::ReviewArgs),
    List(list::ListArgs),
    Get(get::GetArgs),
    Export(export::ExportArgs),
    Doctor(doctor::DoctorArgs),
    Run(run::RunArgs),
    Jobs(jobs::JobsArgs),
    Job(job::JobArgs),
    History(history::HistoryArgs),
    Abandon(abandon::AbandonArgs),
    ForceUnlock(force_unlock::ForceUnlockArgs),
    Schema(schema::SchemaArgs),
    Emulator(emulator::EmulatorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Returns true if the command may change the environment.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self, Self::Apply(_) | Self::Destroy(_) | Self::Run(_))
    }

    /// Returns true if the command handles signals itself.
    pub(super) fn handles_signals(&self) -> bool {
        match self {
            Self::Emulator(args) => !args.openapi,
            Self::Job(_) | Self::Abandon(_) => true,
            other => other.is_writing(),
        }
    }

    /// Returns true if standard output is an event stream.
    pub(super) fn has_stream(&self) -> bool {
        match self {
            Self::Plan(args) => args.json,
            Self::Apply(args) => args.change.formats.json,
            Self::Destroy(args) => args.change.formats.json,
            _ => false,
        }
    }
}

/// Executes the command. `definition` is the definition of the command line.
pub(super) async fn run(
    command: Command,
    definition: clap::Command,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    if !command.handles_signals() {
        signals::end_at_first(io.stream.clone()).map_err(CommandError::runtime)?;
    }
    match command {
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
        Command::Completions(args) => completions::run(&args, definition, io),
        Command::Man(args) => man::run(&args, definition, io),
    }
}

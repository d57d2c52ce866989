//! The definition of the command line, and the start of its commands.

use clap::{Parser, Subcommand};

use super::{
    abandon, apply, completions, destroy, doctor, emulator, explain, export, fmt, force_unlock,
    get, history, init, job, jobs, list, man, package, plan, promote, review, revoke, rollback,
    run, schema, show, validate, watch,
};
use crate::cli::args::{GlobalArgs, PlanningArgs};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::signals;
use crate::render::PROSE_WIDTH;

/// Terraform for Instabase Deployed Solutions
#[derive(Debug, Parser)]
#[command(name = "solform", version, about, long_about = None, max_term_width = PROSE_WIDTH)]
// Arguments of the command line override those of SOLFORM_CLI_ARGS, which are inserted before them.
#[command(args_override_self = true)]
#[command(after_help = "Example:\n  solform init && solform plan && solform apply")]
pub(in crate::cli) struct Cli {
    #[command(flatten)]
    pub(in crate::cli) global: GlobalArgs,
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Fmt(fmt::FmtArgs),
    Explain(explain::ExplainArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Destroy(destroy::DestroyArgs),
    Rollback(rollback::RollbackArgs),
    Watch(watch::WatchArgs),
    Show(show::ShowArgs),
    Review(review::ReviewArgs),
    Promote(promote::PromoteArgs),
    List(list::ListArgs),
    Get(get::GetArgs),
    Export(export::ExportArgs),
    Doctor(doctor::DoctorArgs),
    Package(package::PackageArgs),
    Run(run::RunArgs),
    Jobs(jobs::JobsArgs),
    Job(job::JobArgs),
    History(history::HistoryArgs),
    Abandon(abandon::AbandonArgs),
    Revoke(revoke::RevokeArgs),
    ForceUnlock(force_unlock::ForceUnlockArgs),
    Schema(schema::SchemaArgs),
    Emulator(emulator::EmulatorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Returns true if the command may change the environment.
    pub(in crate::cli) fn is_writing(&self) -> bool {
        matches!(
            self,
            Self::Apply(_) | Self::Destroy(_) | Self::Rollback(_) | Self::Run(_)
        )
    }

    /// Returns true if the command may write log messages. The others only print a part of the
    /// program, for example in the start file of a shell.
    pub(in crate::cli) fn has_log(&self) -> bool {
        !matches!(
            self,
            Self::Explain(_) | Self::Schema(_) | Self::Completions(_) | Self::Man(_)
        )
    }

    /// Returns true if the command handles signals itself.
    fn handles_signals(&self) -> bool {
        match self {
            Self::Emulator(args) => !args.openapi,
            Self::Job(_) | Self::Abandon(_) | Self::Revoke(_) | Self::Watch(_) => true,
            Self::Package(args) => args.is_build(),
            other => other.is_writing(),
        }
    }

    /// Returns true if standard output is an event stream.
    pub(in crate::cli) fn has_stream(&self) -> bool {
        match self {
            Self::Plan(args) => args.json,
            Self::Apply(args) => args.change.formats.json,
            Self::Destroy(args) => args.change.formats.json,
            Self::Rollback(args) => args.change.formats.json,
            Self::Watch(args) => args.json,
            _ => false,
        }
    }

    /// Returns the planning options of the command, if it has them.
    fn planning(&mut self) -> Option<&mut PlanningArgs> {
        match self {
            Self::Plan(args) => Some(&mut args.planning),
            Self::Apply(args) => Some(&mut args.change.planning),
            Self::Destroy(args) => Some(&mut args.change.planning),
            Self::Rollback(args) => Some(&mut args.change.planning),
            _ => None,
        }
    }

    /// Executes the command. `definition` is the definition of the command line.
    pub(in crate::cli) async fn run(
        mut self,
        definition: clap::Command,
        settings: &Settings,
        io: &mut Io,
    ) -> Result<ExitStatus> {
        if !self.handles_signals() {
            signals::end_at_first(io.stream.clone()).map_err(CommandError::runtime)?;
        }
        if let Some(planning) = self.planning() {
            planning.read_files()?;
        }
        match self {
            Self::Init(args) => init::run(&args, io),
            Self::Validate(args) => validate::run(&args, settings, io),
            Self::Fmt(args) => fmt::run(&args, settings, io),
            Self::Explain(args) => explain::run(&args, io),
            Self::Plan(args) => plan::run(&args, settings, io).await,
            Self::Apply(args) => apply::run(&args, settings, io).await,
            Self::Destroy(args) => destroy::run(&args, settings, io).await,
            Self::Rollback(args) => rollback::run(&args, settings, io).await,
            Self::Watch(args) => watch::run(args, settings, io).await,
            Self::Review(args) => review::run(&args, settings, io).await,
            Self::Promote(args) => promote::run(&args, settings, io).await,
            Self::Show(args) => show::run(&args, settings, io),
            Self::List(args) => list::run(&args, settings, io).await,
            Self::Get(args) => get::run(&args, settings, io).await,
            Self::Export(args) => export::run(&args, settings, io).await,
            Self::Doctor(args) => doctor::run(&args, settings, io).await,
            Self::Package(args) => package::run(&args, settings, io).await,
            Self::Run(args) => run::run(&args, settings, io).await,
            Self::Jobs(args) => jobs::run(&args, settings, io).await,
            Self::Job(args) => job::run(&args, settings, io).await,
            Self::History(args) => history::run(&args, settings, io).await,
            Self::Abandon(args) => abandon::run(&args, settings, io).await,
            Self::Revoke(args) => revoke::run(&args, settings, io).await,
            Self::ForceUnlock(args) => force_unlock::run(&args, settings, io).await,
            Self::Schema(args) => schema::run(&args, io),
            Self::Emulator(args) => emulator::run(args, settings, io).await,
            Self::Completions(args) => completions::run(&args, io),
            Self::Man(args) => man::run(&args, definition, io),
        }
    }
}

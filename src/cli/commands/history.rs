//! `history`: lists the applies in the store, and shows the outcomes of one apply.

use clap::{Args, Subcommand};

use crate::cli::args::{ManifestArgs, Outputs, SizeArgs, parser};
use crate::cli::clock;
use crate::cli::environment::context;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::cli::workflow::output_files::OutputWriter;
use crate::render::{Content, Format, JSON, PlanDetail, Subject};

/// List earlier applies, or show one
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  solform history -e prod\n  solform history -e prod show 0192f1c4",
    // They are also accepted after `show`.
    mut_arg("file", |arg| arg.global(true)),
    mut_arg("environment", |arg| arg.global(true)),
    mut_arg("max_bytes", |arg| arg.global(true))
)]
pub(in crate::cli) struct HistoryArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Read this store, not the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE", global = true)]
    store: Option<String>,
    /// Print a JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Print in this format
    #[arg(long, global = true, value_name = "FORMAT", conflicts_with = "json")]
    #[arg(value_parser = parser(Subject::History))]
    format: Option<&'static Format>,
    #[command(flatten)]
    size: SizeArgs,
    #[command(subcommand)]
    command: Option<HistoryCommand>,
}

/// The subcommands of `history`.
#[derive(Debug, Subcommand)]
pub(super) enum HistoryCommand {
    /// Show one apply with its changes
    #[command(after_help = "Example:\n  solform history -e prod show 0192f1c4 --format markdown")]
    Show {
        /// Id of the apply, or its first characters
        #[arg(value_name = "APPLY")]
        apply: String,
    },
}

pub(super) async fn run(
    args: &HistoryArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let context = context::read_context(&args.manifest, settings, io)?;
    let store = context.store(args.store.as_deref(), &io.secrets)?;
    let mut applies = apply_session::applies_of(&*store).await?;
    for apply in applies.iter_mut().filter(|apply| apply.complete.is_none()) {
        if let Some(lock) = &apply.lock
            && store.is_locked_by(lock).await?
        {
            apply.running_at_ms = Some(clock::now_ms());
        }
    }
    let environment = &context.manifest.environment.name;
    let shown = match &args.command {
        None => Content::History(environment, &applies),
        Some(HistoryCommand::Show { apply }) => {
            Content::PastApply(environment, apply_session::find_apply(&applies, apply)?)
        }
    };
    let format = if args.json { Some(&JSON) } else { args.format };
    let writer = OutputWriter {
        content: shown,
        outputs: Outputs::new(format, &[], &args.size),
        settings,
    };
    writer.print(PlanDetail::Verbose, io)?;
    Ok(ExitStatus::Success)
}

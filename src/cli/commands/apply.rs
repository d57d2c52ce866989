//! `apply`: applies the manifest, or a saved plan.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::ChangeArgs;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply::{self, ApplyOptions, ApplySource};
use crate::plan::Mode;

/// Change the environment to match the manifest, or execute a saved plan
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform apply -e prod\n  \
    solform apply -e prod prod.plan --output markdown=report.md\n  \
    solform apply -e local --auto-approve --json\n  \
    solform apply -e dev -e uat -e prod --keep-going")]
pub(in crate::cli) struct ApplyArgs {
    /// Saved plan of `plan --out`; only its changes are applied
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Finish the interrupted apply, and change nothing else
    #[arg(long, conflicts_with = "plan")]
    resume: bool,
    /// With several environments: go on with the others after one has failed or was refused
    #[arg(long, help_heading = "Planning options")]
    keep_going: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

pub(super) async fn run(args: &ApplyArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let source = match &args.plan {
        Some(path) => ApplySource::PlanFile(path),
        None if args.resume => ApplySource::Interrupted,
        None => ApplySource::Manifest,
    };
    let options = ApplyOptions {
        keeps_going: args.keep_going,
        ..ApplyOptions::default()
    };
    let args = (&args.change, options);
    apply::run(source, Mode::Converge, args, settings, io).await
}

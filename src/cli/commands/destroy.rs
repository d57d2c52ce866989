//! `destroy`: deletes exactly the declared, live, exact-owner versions.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::ChangeArgs;
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply::{self, ApplyOptions, ApplySource};
use crate::plan::Mode;

/// Delete the declared versions that are live
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  \
        solform destroy -e local\n  \
        solform destroy -e prod --target 'Form W-2@0.0.1'\n  \
        solform plan -e prod --destroy --out prod.plan && solform destroy -e prod prod.plan",
    // Hidden, but parsed: their errors explain why `destroy` does not support them.
    mut_arg("replace", |arg| arg.hide(true)),
    mut_arg("all_environments", |arg| arg.hide(true))
)]
pub(in crate::cli) struct DestroyArgs {
    /// Saved plan of `plan --destroy --out`; only its changes are applied
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

pub(super) async fn run(
    args: &DestroyArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let plan = args.plan.as_deref();
    let source = plan.map_or(ApplySource::Manifest, ApplySource::PlanFile);
    let args = (&args.change, ApplyOptions::default());
    apply::run(source, Mode::Destroy, args, settings, io).await
}

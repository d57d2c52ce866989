//! `destroy`: deletes exactly the declared, live, exact-owner versions.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::ChangeArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::report::Reporting;
use crate::cli::workflow::{apply, saved_plan};
use crate::plan::Mode;

/// Delete the declared versions that are live
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  \
        solform destroy -e local\n  \
        solform destroy -e prod --target 'Form W-2@0.0.1'\n  \
        solform plan -e prod --destroy --out prod.plan && solform destroy -e prod prod.plan",
    // The option is hidden, but parsed: its error explains why `destroy` does not support it.
    mut_arg("replace", |arg| arg.hide(true))
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
) -> Result<ExitStatus, CommandError> {
    let start = Cancellation::new(io)?;
    let DestroyArgs { plan, change } = args;
    let mut reporting = Reporting::new(&change.formats, settings, Mode::Destroy, io);
    let done = match plan {
        None => apply::plan_and_execute(change, settings, start, &mut reporting, io).await,
        Some(path) => {
            let file = saved_plan::PlanFile {
                path,
                command: "destroy",
            };
            saved_plan::run(file, change, settings, start, &mut reporting, io).await
        }
    };
    reporting.end(done, io)
}

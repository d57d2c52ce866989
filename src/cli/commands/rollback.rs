//! `rollback`: restores what an earlier apply changed.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::{ChangeArgs, OUTPUT};
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply::{self, ApplySource};
use crate::cli::workflow::{manifest_edit, rollback, saved_plan};
use crate::plan::Mode;

/// Restore what an earlier apply changed
#[derive(Debug, Args)]
#[command(
    after_help = "Versions that the apply took out of service are activated, then those that it \
        brought in are deactivated; deleted versions are deployed again. What cannot be restored \
        is listed first: then the exit code is never 0 or 2.\n\n\
        Example:\n  \
        solform rollback -e prod --plan-only\n  \
        solform rollback -e prod 0192f1c4 --write\n  \
        solform rollback -e prod 0192f1c4 --out undo.plan && solform rollback -e prod undo.plan",
    // Hidden, but parsed: their errors explain why `rollback` does not support them.
    mut_arg("replace", |arg| arg.hide(true)),
    mut_arg("reverify", |arg| arg.hide(true)),
    mut_arg("all_environments", |arg| arg.hide(true))
)]
pub(in crate::cli) struct RollbackArgs {
    /// Id of the apply, or its first characters; by default the newest apply that changed
    /// something. Or a saved plan of `rollback --out`: then only its changes are executed
    #[arg(value_name = "APPLY|PLAN")]
    subject: Option<String>,
    /// Show the plan, and execute nothing; sends GETs only
    #[arg(long, help_heading = "Planning options")]
    plan_only: bool,
    /// Save the plan to this file, for `rollback FILE`, and execute nothing; sends GETs only
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// Then change the manifest, so that it declares what is live
    #[arg(long, help_heading = "Planning options", conflicts_with_all = ["plan_only", "out"])]
    write: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

pub(super) async fn run(
    args: &RollbackArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let subject = args.subject.as_deref();
    let file = subject.filter(|subject| rollback::is_plan_file(subject));
    let only_plans = args.out.as_ref().map(|_| "--out");
    let only_plans = only_plans.or(args.plan_only.then_some("--plan-only"));
    let source = match (file, only_plans) {
        (Some(_), Some(option)) => return Err(saved_plan::refuse_option(option)),
        (Some(file), None) => ApplySource::PlanFile(Path::new(file)),
        (None, Some(_)) => {
            let out = args.out.as_deref();
            return rollback::plan_only(subject, out, &args.change, settings, io).await;
        }
        (None, None) => ApplySource::Rollback(subject),
    };
    if args.write {
        manifest_edit::check(&args.change.manifest.file)?;
    }
    let options = apply::ApplyOptions {
        keeps_going: false,
        writes_manifest: args.write,
    };
    apply::run(
        source,
        Mode::Rollback,
        (&args.change, options),
        settings,
        io,
    )
    .await
}

//! `destroy`: deletes exactly the declared, live, exact-owner versions.

use crate::cli::args::DestroyArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply;
use crate::cli::workflow::cancellation::Cancellation;
use crate::cli::workflow::report::Reporting;
use crate::cli::workflow::saved_plan;
use crate::plan::Mode;

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

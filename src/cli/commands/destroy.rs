//! `destroy`: deletes exactly the declared, live, exact-owner versions.

use super::executing::{self, Start};
use super::reporting::Reporting;
use crate::cli::args::ChangeArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::Mode;

pub(super) async fn run(
    args: &ChangeArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let start = Start::new(io)?;
    let mut reporting = Reporting::new(&args.formats, settings, Mode::Destroy, io);
    let done = executing::plan_and_execute(args, settings, start, &mut reporting, io).await;
    reporting.end(done, io)
}

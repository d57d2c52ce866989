//! Plan files: their checks, and the commands that execute them.

use std::path::Path;

use super::next_command::{Repeated, with_options};
use super::output_files::NAME_ANOTHER_FILE;
use crate::cli::args::ChangeArgs;
use crate::cli::environment::context::EnvironmentContext;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::files::write_whole;
use crate::cli::invocation::PrintedCommand;
use crate::plan::{PlanKind, SavedPlan, SavedPlanError};
use crate::regular_file::{self, PLAN_LIMIT};

/// Checks that `command` can execute a plan file with these options and this manifest.
pub(super) fn check(
    path: &Path,
    command: &'static str,
    saved: &SavedPlan,
    session: &Session,
    args: &ChangeArgs,
) -> Result<(), CommandError> {
    let planning = &args.planning;
    let checked = saved
        .check_against(session.manifest())
        .and_then(|()| saved.check_command(command, &planning.replace, &planning.overrides()));
    checked.map_err(|source| {
        use SavedPlanError::{OtherKind, OtherOptions};
        let is_other = matches!(source, OtherOptions { .. } | OtherKind { .. });
        let error = refused(path, source);
        match command_of(&session.context, saved, path).filter(|_| is_other) {
            Some(command) => error.hint(format!("Run `{command}`, or make and review a new plan.")),
            None => error,
        }
    })
}

/// Returns the command that executes a saved plan, with every option that must be repeated; none if
/// it would be refused.
pub(in crate::cli) fn command_of(
    context: &EnvironmentContext,
    saved: &SavedPlan,
    path: &Path,
) -> Option<PrintedCommand> {
    if matches!(saved.kind, PlanKind::Rollback(_)) || !saved.refusals.is_empty() {
        return None;
    }
    let command = context.command(saved.kind.command());
    Some(with_options(command, &saved.options, Repeated::BesideSavedPlan).file(path))
}

/// Checks that an existing file may be overwritten by a plan: a manifest that was named by mistake
/// must not be lost.
pub(in crate::cli) fn check_target(path: &Path) -> Result<(), CommandError> {
    if path.is_file()
        && let Err(error) = read(path)
        && let Some(SavedPlanError::Damaged(_)) = error.cause()
    {
        let message = format!("`{}` exists and is not a plan file", path.display());
        return Err(CommandError::failed(message).hint(NAME_ANOTHER_FILE));
    }
    Ok(())
}

/// Writes a plan file atomically, readable by its owner only.
pub(in crate::cli) fn write(path: &Path, saved: &SavedPlan) -> Result<(), CommandError> {
    write_whole(path, saved.to_json().as_bytes())
        .map_err(|source| CommandError::io("write", path, source))
}

/// Reads a plan file.
pub(in crate::cli) fn read(path: &Path) -> Result<SavedPlan, CommandError> {
    let bytes = regular_file::read(path, PLAN_LIMIT)
        .map_err(|source| CommandError::io("read", path, source))?;
    SavedPlan::from_json(&String::from_utf8_lossy(&bytes)).map_err(|source| refused(path, source))
}

/// Returns the error of a saved plan that is refused as a whole.
pub(in crate::cli) fn refused(path: &Path, source: SavedPlanError) -> CommandError {
    let hint = source.help();
    CommandError::new(ErrorKind::Stale, source)
        .context(format!("the plan file `{}` is refused", path.display()))
        .hint(hint)
}

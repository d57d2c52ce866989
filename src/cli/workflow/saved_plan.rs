//! Plan files: their checks, and the commands that execute them.

use std::io::{self, Write};
use std::path::Path;

use super::next_command::{Repeated, with_options};
use super::output_files::NAME_ANOTHER_FILE;
use crate::cli::args::{ChangeArgs, ManifestArgs};
use crate::cli::environment::context::EnvironmentContext;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::files::write_whole;
use crate::cli::invocation::PrintedCommand;
use crate::cli::settings::Settings;
use crate::plan::{PlanFileContent, PlanKind, SavedPlan, SavedPlanError};
use crate::regular_file::{self, PLAN_LIMIT};

/// A plan file that was read, or the error of the read.
pub(super) type ReadPlanFile<'a> = (&'a Path, Result<PlanFileContent, CommandError>);

/// Checks that `command` can execute a plan file with these options and this manifest. `right` is
/// the command that executes it, if there is one.
pub(super) fn check(
    path: &Path,
    command: &'static str,
    saved: &SavedPlan,
    (session, args): (&Session, &ChangeArgs),
    right: Option<PrintedCommand>,
) -> Result<(), CommandError> {
    let planning = &args.planning;
    let checked = saved
        .check_against(session.manifest())
        .and_then(|()| saved.check_command(command, &planning.replace, &planning.overrides()));
    checked.map_err(|source| {
        use SavedPlanError::{OtherKind, OtherOptions};
        let is_other = matches!(source, OtherOptions { .. } | OtherKind { .. });
        let error = refused(path, source);
        match right.filter(|_| is_other) {
            Some(command) => error.hint(format!("Run `{command}`, or make and review a new plan.")),
            None => error,
        }
    })
}

/// Returns the error of an option that a saved plan contains already.
pub(in crate::cli) fn refuse_option(option: &str) -> CommandError {
    let message = format!("`{option}` cannot be combined with a saved plan");
    CommandError::failed(message).hint(
        "Leave it out, or make and review a new plan with it: \
         a saved plan knows what it selects.",
    )
}

/// Returns the plan of a file of one environment. A file of several is only for `apply`.
pub(super) fn of_one(
    path: &Path,
    content: PlanFileContent,
    command: &'static str,
) -> Result<SavedPlan, CommandError> {
    match content {
        PlanFileContent::One(saved) => Ok(*saved),
        PlanFileContent::Several(_) => {
            let kind = PlanKind::Apply;
            Err(refused(path, SavedPlanError::OtherKind { kind, command }))
        }
    }
}

/// The plans that approve the changes of several environments.
pub(super) struct ApprovalSource<'a> {
    /// The plan file; none if the manifest is planned, and its plans are approved.
    pub(super) path: Option<&'a Path>,
    /// The plans of the file; empty without a file.
    pub(super) saved: Vec<SavedPlan>,
}

/// Returns the plans of a file that are executed, and the environments to read.
pub(super) fn source_of<'a>(
    file: Option<ReadPlanFile<'a>>,
    args: &ChangeArgs,
) -> Result<(ApprovalSource<'a>, ManifestArgs), CommandError> {
    let mut manifest = args.manifest.clone();
    let Some((path, content)) = file else {
        let source = ApprovalSource {
            path: None,
            saved: Vec::new(),
        };
        return Ok((source, manifest));
    };
    let several = args.several.are_all().then_some("--all-environments");
    if let Some(option) = args.planning.selecting().or(several) {
        return Err(refuse_option(option));
    }
    let content = content?;
    let saved = content.plans();
    let all = saved.iter().map(SavedPlan::environment);
    let all: Vec<&str> = all.collect();
    let chosen = manifest.environments();
    if let Some(other) = chosen.iter().find(|name| !all.contains(&name.as_str())) {
        let source = SavedPlanError::NoSuchEnvironment {
            planned: all.join(", "),
            chosen: other.clone(),
        };
        return Err(refused(path, source));
    }
    let is_chosen = |saved: &&SavedPlan| {
        let name = saved.environment();
        chosen.is_empty() || chosen.iter().any(|chosen| chosen == name)
    };
    let saved: Vec<SavedPlan> = saved.iter().filter(is_chosen).cloned().collect();
    let names = saved.iter().map(|saved| saved.environment().to_owned());
    manifest.environment = names.collect();
    let path = Some(path);
    Ok((ApprovalSource { path, saved }, manifest))
}

/// Returns the command that executes a saved plan, with every option that must be repeated; none if
/// it would be refused.
pub(in crate::cli) fn command_of(
    context: &EnvironmentContext,
    saved: &SavedPlan,
    path: &Path,
) -> Option<PrintedCommand> {
    if !saved.refusals.is_empty() {
        return None;
    }
    let command = context.command(saved.kind.command());
    Some(with_options(command, &saved.options, Repeated::BesideSavedPlan).file(path))
}

/// Returns the command that executes the saved plans of several environments, with every option
/// that must be repeated; none if it would be refused.
pub(in crate::cli) fn command_of_several(
    manifest: &ManifestArgs,
    saved: &[SavedPlan],
    path: &Path,
    settings: &Settings,
) -> Option<PrintedCommand> {
    let first = saved.first()?;
    let is_refused =
        |saved: &SavedPlan| !matches!(saved.kind, PlanKind::Apply) || !saved.refusals.is_empty();
    if saved.iter().any(is_refused) {
        return None;
    }
    let names = saved.iter().map(SavedPlan::environment);
    let invocation = settings.invocation.for_several(&manifest.file, names);
    let command = invocation.command(first.kind.command());
    Some(with_options(command, &first.options, Repeated::BesideSavedPlan).file(path))
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
pub(in crate::cli) fn write(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CommandError> {
    write_whole(path, write).map_err(|source| CommandError::io("write", path, source))
}

/// Reads a plan file, of one or of several environments.
pub(in crate::cli) fn read(path: &Path) -> Result<PlanFileContent, CommandError> {
    let bytes = regular_file::read(path, PLAN_LIMIT)
        .map_err(|source| CommandError::io("read", path, source))?;
    let content = PlanFileContent::from_json(&String::from_utf8_lossy(&bytes));
    content.map_err(|source| refused(path, source))
}

/// Returns the error of a saved plan that is refused as a whole.
pub(in crate::cli) fn refused(path: &Path, source: SavedPlanError) -> CommandError {
    let hint = source.help();
    CommandError::new(ErrorKind::Stale, source)
        .context(format!("the plan file `{}` is refused", path.display()))
        .hint(hint)
}

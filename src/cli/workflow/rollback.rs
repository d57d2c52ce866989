//! The roll-back of an earlier apply: the choice of the apply, and the plan.

use std::path::Path;
use std::sync::Arc;

use super::apply_request::{Applied, ApplyWorkflow};
use super::apply_session;
use super::known_applies::KnownApplies;
use super::next_command::{Repeated, of_apply, with_options};
use super::plan;
use super::plan_output::PlanOutput;
use crate::cli::args::{ChangeArgs, PlanningArgs};
use crate::cli::environment::context::{EnvironmentContext, several_environments};
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{DiffOptions, Mode, PlanOptions, Rollback};
use crate::store::{PastApply, rollback_of};

/// Returns the error of an option that a roll-back does not take; otherwise the first option that a
/// saved plan would contain, which is allowed here.
pub(super) fn refuse_options(
    planning: &PlanningArgs,
) -> Result<Option<&'static str>, CommandError> {
    let option = if !planning.replace.is_empty() {
        "--replace"
    } else if !planning.reverify.is_empty() {
        "--reverify"
    } else {
        return Ok(None);
    };
    let message = format!("{option} cannot be combined with a roll-back");
    Err(CommandError::failed(message)
        .hint("Roll back without it, then run `solform apply` with it."))
}

/// Returns the roll-back of an apply of this store.
pub(super) fn of(applies: &[PastApply], id: &str) -> Result<Rollback, CommandError> {
    let past = apply_session::find_apply(applies, id)?;
    rollback_of(applies, past).ok_or_else(|| {
        let message = format!(
            "an earlier version of solform wrote the journal of the apply `{}`, which does not \
             record what the apply changed",
            past.id
        );
        CommandError::failed(message)
            .hint("Declare the versions as they were in the manifest, then run `solform apply`.")
    })
}

/// Returns the roll-back of the chosen apply; by default of the newest one that changed something.
/// If that is a roll-back which is not complete, it is continued. One that is complete must be
/// named: a command that is repeated must not take back what it did.
async fn choose(
    session: &Session,
    applies: &[PastApply],
    (id, store): (Option<&str>, Option<&str>),
    io: &Io,
) -> Result<Rollback, CommandError> {
    let Some(id) = id else {
        let mut newest_first = applies.iter().rev();
        let newest = newest_first.find(|past| past.rollback_of.is_some() || past.has_effect());
        let newest = newest.ok_or_else(|| {
            let name = &session.manifest().environment.name;
            let message = format!("no apply of environment `{name}` has changed anything");
            CommandError::failed(message)
                .hint("Run `solform history` to list the applies in the store.")
        })?;
        return match &newest.rollback_of {
            None => of(applies, &newest.id),
            Some(apply) if newest.complete != Some(true) => of(applies, apply),
            Some(apply) => {
                let message = format!("the apply `{apply}` is rolled back already");
                let again = of_apply(session.context.command("rollback"), Some(&newest.id));
                let hint = format!(
                    "Name another apply, which `solform history` lists; `{again}` takes the \
                     roll-back back."
                );
                Err(CommandError::failed(message).hint(hint))
            }
        };
    };
    // As a prefix, it would mean every apply.
    if id.is_empty() {
        return Err(CommandError::failed("the id of the apply is empty")
            .hint("Run `solform history` to list the applies in the store."));
    }
    let found = of(applies, id);
    let is_here = applies.iter().any(|past| past.id.starts_with(id));
    if found.is_err()
        && !is_here
        && let Some((environment, apply)) = find_elsewhere(&session.context, id, store, io).await
    {
        let name = &session.manifest().environment.name;
        let message =
            format!("the apply `{apply}` changed the environment `{environment}`, not `{name}`");
        let hint = format!("Name that environment: `-e {environment}`.");
        return Err(CommandError::failed(message).hint(hint));
    }
    found
}

/// Searches the stores of the other environments of the manifest for an apply. A store that cannot
/// be read has none.
async fn find_elsewhere(
    context: &EnvironmentContext,
    id: &str,
    store: Option<&str>,
    io: &Io,
) -> Option<(String, String)> {
    for (name, other) in context.others() {
        let Some(other) = other else {
            continue;
        };
        let Ok(store) = other.store(store, &io.secrets) else {
            continue;
        };
        let reading = tokio::time::timeout(apply_session::STORE_TIMEOUT, store.applies());
        let applies = reading.await.ok().and_then(Result::ok).unwrap_or_default();
        if let Some(apply) = applies.into_iter().find(|apply| apply.starts_with(id)) {
            return Some((name, apply));
        }
    }
    None
}

impl ApplyWorkflow<'_, '_> {
    /// Plans the roll-back of an apply, and executes it.
    pub(super) async fn roll_back(mut self, id: Option<&str>) -> Result<Applied, CommandError> {
        let session = self.apply_session.session;
        let args = self.reporting.outputs.args;
        let past = &self.apply_session.past;
        let chosen = (id, args.store.store.as_deref());
        let choosing = choose(session, &past.applies, chosen, self.io);
        let rollback = self.apply_session.cancel.or_interrupted(choosing).await?;
        // Without its id, the same command would roll back the roll-back.
        let again = of_apply(session.context.command("rollback"), Some(&rollback.apply));
        self.again = with_options(again, &args.planning.plan_options(), Repeated::Selection);
        let options = DiffOptions {
            held_back: past.held_back.clone(),
            rollback: Some(Arc::new(rollback)),
            ..args.planning.diff_options(Mode::Rollback)
        };
        self.apply_new_plan(options).await
    }
}

/// Shows the plan of a roll-back, and saves it. Sends GETs only.
pub(in crate::cli) async fn plan_only(
    id: Option<&str>,
    out: Option<&Path>,
    args: &ChangeArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let output = PlanOutput {
        outputs: args.formats.outputs(),
        detail: args.planning.detail.detail(),
        out,
        settings,
    };
    let mut is_reported = false;
    let done = make(id, output, args, &mut is_reported, io).await;
    output.write_error(&done, is_reported, io)?;
    done
}

async fn make(
    id: Option<&str>,
    output: PlanOutput<'_>,
    args: &ChangeArgs,
    is_reported: &mut bool,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    refuse_options(&args.planning)?;
    if args.several.are_all() {
        return Err(several_environments("--all-environments"));
    }
    output.check(&args.manifest.file, io)?;
    let session = session::open(&args.manifest, output.settings, io).await?;
    let typed = args.store.store.as_deref();
    let store = session.context.store(typed, &io.secrets)?;
    let applies = apply_session::applies_of(&*store).await?;
    let rollback = choose(&session, &applies, (id, typed), io).await?;
    let known = KnownApplies::of(&session, applies, Some(store), typed);
    let options = DiffOptions {
        held_back: known.held_back.clone(),
        rollback: Some(Arc::new(rollback)),
        ..args.planning.diff_options(Mode::Rollback)
    };
    let overrides = args.planning.overrides();
    let planner = known.planner(&session, &options);
    let plan = planner.make_plan(None, &overrides, io).await?;
    let status = plan::status_of(&plan, args.planning.detailed_exitcode);
    let options = PlanOptions::new(&options, overrides);
    output.write(&session, plan, options, is_reported, io)?;
    Ok(status)
}

/// Returns true if the argument of `rollback` names a plan file: an existing file, or a text that
/// is no id of an apply.
pub(in crate::cli) fn is_plan_file(argument: &str) -> bool {
    let is_id = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    Path::new(argument).is_file() || !argument.chars().all(is_id)
}

//! One plan of a watch: the manifest, the store and the live state are read anew.

use super::heal::holding_rollback;
use super::known_applies::KnownApplies;
use crate::api::{ApiError, ReadError};
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::live::Coverage;
use crate::plan::{DiffOptions, Mode, Overrides, Plan, Refusal, judge};

/// A plan, with everything that a watch reports about it.
pub(super) struct WatchedPlan {
    pub(super) plan: Plan,
    pub(super) refusals: Vec<Refusal>,
    /// The id of the roll-back because of which nothing is applied, if there is one.
    pub(super) held_by: Option<String>,
    /// The command that shows the whole plan.
    pub(super) command: String,
}

/// A plan that failed.
pub(super) struct FailedPlan {
    pub(super) error: CommandError,
    /// True if the command, the manifest or its settings are the cause, and not a server.
    pub(super) is_usage: bool,
}

/// Makes a plan, without the lock.
pub(super) async fn make(
    args: &ManifestArgs,
    store: Option<&str>,
    settings: &Settings,
    io: &mut Io,
) -> Result<WatchedPlan, FailedPlan> {
    let opened = session::open(args, settings, io).await;
    let session = opened.map_err(|error| FailedPlan {
        error,
        is_usage: true,
    })?;
    // Boxed: every future that plans would contain its state otherwise.
    let planned = Box::pin(plan(&session, store, io)).await;
    planned.map_err(|error| FailedPlan {
        is_usage: matches!(error.kind, ErrorKind::Manifest(_)),
        error,
    })
}

async fn plan(
    session: &Session,
    store: Option<&str>,
    io: &mut Io,
) -> Result<WatchedPlan, CommandError> {
    let known = KnownApplies::read(session, store, io).await?;
    let options = DiffOptions {
        mode: Mode::Converge,
        held_back: known.held_back.clone(),
        ..DiffOptions::default()
    };
    let planner = known.planner(session, &options);
    let overrides = Overrides::default();
    let plan = planner.make_plan(None, &overrides, io).await?;
    // A list without proof shows drift that may not exist.
    if let Coverage::Unproven(reason) = &plan.coverage {
        return Err(session.read_error(ReadError::UnprovenWhole(reason.clone())));
    }
    let manifest = session.manifest();
    Ok(WatchedPlan {
        refusals: judge(&plan, &manifest.environment.limits, &overrides),
        plan,
        held_by: holding_rollback(&known.applies, manifest).map(|apply| apply.id.clone()),
        command: session.context.command("plan").to_string(),
    })
}

/// Returns a text that is the same for the same error. The answers of a server to the same request
/// differ in times and ids.
pub(super) fn signature(error: &CommandError) -> String {
    let mut text = error.to_string();
    if let ErrorKind::Manifest(problems) = &error.kind {
        text.extend(problems.iter().map(ToString::to_string));
    }
    let api: Option<&ApiError> = match error.cause() {
        Some(ReadError::Api(api)) => Some(api),
        _ => None,
    };
    match api {
        Some(api) => text + &format!("{:?} {:?}", api.kind(), api.status()),
        None => text + &error.causes().concat(),
    }
}

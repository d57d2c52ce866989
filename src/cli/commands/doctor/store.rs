//! Checks of the store and its lock. They are only read, but a bucket is also tested with a
//! temporary object.

use std::time::Duration;

use super::answer::{sentence, too_slow, within};
use crate::cli::environment::context::EnvironmentContext;
use crate::cli::environment::lock_holder;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::workflow::apply_session;
use crate::diagnosis::{Check, CheckName};
use crate::render::words;
use crate::store::{PastApply, Store};

/// The timeout: long enough for a remote bucket.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn look(
    context: &EnvironmentContext,
    store: Option<&str>,
    limit: Duration,
    io: &Io,
) -> [Check; 2] {
    let limit = limit.min(LIMIT);
    let store = match context.store(store, &io.secrets) {
        Ok(store) => store,
        Err(error) => return broken(&error),
    };
    match within(limit, apply_session::runs_of(&*store)).await {
        None => [too_slow(CheckName::Store, limit), not_asked()],
        Some(Err(error)) => broken(&error),
        Some(Ok(runs)) => {
            let store_check = check_store(context, &*store, &runs);
            [store_check, check_lock(&*store, limit).await]
        }
    }
}

fn broken(error: &CommandError) -> [Check; 2] {
    let help = error.help().unwrap_or_default();
    let check = Check::fail(CheckName::Store, sentence(error), help);
    [check, not_asked()]
}

fn not_asked() -> Check {
    Check::skipped(CheckName::Lock, "The store cannot be read.")
}

fn check_store(context: &EnvironmentContext, store: &dyn Store, runs: &[PastApply]) -> Check {
    let name = CheckName::Store;
    let kept = format!(
        "`{}` keeps {}.",
        store.location(),
        words::count(runs.len(), "apply")
    );
    let open = runs.iter().filter(|run| run.needs_recovery()).count();
    if context.settings.is_ci && !store.is_remote() {
        Check::warn(
            name,
            format!("{kept} It lies on this machine, and this is a pipeline."),
            "Name a remote store with `store:`, --store or SOLFORM_STORE: if the runner goes away, \
             the journal goes with it.",
        )
    } else if open > 0 {
        Check::warn(
            name,
            format!(
                "{kept} The outcome of {} is not known.",
                words::count(open, "apply")
            ),
            "The next `solform apply` recovers it; `solform history` shows it.",
        )
    } else {
        Check::ok(name, kept)
    }
}

async fn check_lock(store: &dyn Store, limit: Duration) -> Check {
    let name = CheckName::Lock;
    match within(limit, store.prove_locks()).await {
        None => return too_slow(name, limit),
        // A plan only needs read access.
        Some(Err(error)) if error.is_denied() => {
            return Check::warn(name, sentence(&error), error.help());
        }
        Some(Err(error)) => return Check::fail(name, sentence(&error), error.help()),
        Some(Ok(())) => {}
    }
    match within(limit, store.lock_owner()).await {
        None => too_slow(name, limit),
        Some(Err(error)) => Check::fail(name, sentence(&error), error.help()),
        Some(Ok(None)) => Check::ok(name, "Nobody holds the lock."),
        Some(Ok(Some(holder))) => Check::warn(
            name,
            format!("The lock is held by {}.", lock_holder::description(&holder)),
            format!(
                "An apply is in progress. If its process no longer exists, run `solform \
                 force-unlock {}`.",
                holder.id
            ),
        ),
    }
}

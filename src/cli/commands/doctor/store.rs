//! Checks of the store and its lock. They are only read, but a bucket is also tested with a
//! temporary object.

use std::time::Duration;

use super::checks::{Checks, sentence};
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
) -> Vec<Check> {
    let mut checks = Checks::new(limit.min(LIMIT));
    let name = CheckName::Store;
    let reading = async {
        let store = context.store(store, &io.secrets)?;
        let runs = apply_session::applies_of(&*store).await?;
        Ok::<_, CommandError>((store, runs))
    };
    match checks.within(name, reading).await {
        None => {}
        Some(Err(error)) => {
            let help = error.help().unwrap_or_default();
            checks.push(Check::fail(name, sentence(&error), help));
        }
        Some(Ok((store, runs))) => {
            checks.push(check_store(context, &*store, &runs));
            check_lock(&*store, &mut checks).await;
        }
    }
    checks.skip(
        CheckName::Lock..=CheckName::Lock,
        "The store cannot be read.",
    );
    checks.made
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

async fn check_lock(store: &dyn Store, checks: &mut Checks) {
    let name = CheckName::Lock;
    let Some(proven) = checks.within(name, store.prove_locks()).await else {
        return;
    };
    if let Err(error) = proven {
        let (text, help) = (sentence(&error), error.help());
        checks.push(if error.is_denied() {
            // A plan only needs read access.
            Check::warn(name, text, help)
        } else {
            Check::fail(name, text, help)
        });
        return;
    }
    let Some(owner) = checks.within(name, store.lock_owner()).await else {
        return;
    };
    checks.push(match owner {
        Err(error) => Check::fail(name, sentence(&error), error.help()),
        Ok(None) => Check::ok(name, "The lock is free."),
        Ok(Some(holder)) => Check::warn(
            name,
            format!("The lock is held by {}.", lock_holder::description(&holder)),
            format!(
                "An apply is in progress. If its process no longer exists, run `solform \
                 force-unlock {}`.",
                holder.id
            ),
        ),
    });
}

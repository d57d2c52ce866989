//! The session of an apply: the lock, the store, and the recovery of earlier applies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cancellation::Cancellation;
use crate::apply::ContentsRecorder;
use crate::cli::args::StoreArgs;
use crate::cli::clock;
use crate::cli::environment::context::EnvironmentContext;
use crate::cli::environment::lock_holder;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::io::Io;
use crate::ident::Identity;
use crate::plan::{ApplyHistory, OwnWrites, PastWrite};
use crate::render::StreamMessage;
use crate::store::{Entry, Lease, LockOwner, PastApply, Store, Unlocked, history_of, lock};

/// The lock and the store of an apply in progress.
pub(in crate::cli) struct ApplySession<'a> {
    pub(in crate::cli) session: &'a Session,
    pub(in crate::cli) cancel: &'a Cancellation,
    pub(in crate::cli) store: Arc<dyn Store>,
    pub(in crate::cli) contents: ContentsRecorder,
    pub(in crate::cli) lease: Box<dyn Lease>,
    /// The id of the lock; none if `--lock=false`.
    pub(in crate::cli) lock: Option<String>,
    pub(in crate::cli) past: EarlierApplies,
    /// The store that the command line names.
    pub(super) typed_store: Option<&'a str>,
}

/// The state that earlier applies left.
#[derive(Default)]
pub(in crate::cli) struct EarlierApplies {
    pub(in crate::cli) history: ApplyHistory,
    /// Versions whose deploy was sent by an earlier apply, and that were not found since.
    pub(in crate::cli) sent_before: BTreeSet<Identity>,
    /// Versions whose last deploy was abandoned, with the time before which they are not deployed.
    pub(in crate::cli) held_back: BTreeMap<Identity, u64>,
    /// Versions whose change this apply found done while it recovered an earlier apply.
    pub(in crate::cli) recovered: BTreeSet<Identity>,
    /// The applies that this one recovers.
    pub(super) recovered_applies: BTreeSet<String>,
    /// The newest apply, if it is not complete.
    pub(in crate::cli) interrupted: Option<String>,
    /// All applies in the store, the oldest first.
    pub(in crate::cli) applies: Vec<PastApply>,
}

/// Opens the store, acquires the lock unless `--lock=false`, and returns the lock's id.
pub(in crate::cli) async fn open_store(
    session: &Session,
    args: &StoreArgs,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<(Arc<dyn Store>, Box<dyn Lease>, Option<String>), CommandError> {
    let store = session.context.store(args.store.as_deref(), &io.secrets)?;
    if session.context.settings.is_ci && !store.is_remote() {
        let warning = format!(
            "the journal lies on this machine, in `{}`. If the runner goes away, what it was doing \
             goes with it: name a remote store with `store:`, --store or SOLFORM_STORE.",
            store.location()
        );
        io.warn(&warning, Vec::new())?;
    }
    if !args.lock {
        return Ok((store, Box::new(Unlocked), None));
    }
    prove_locks(&*store, cancel).await?;
    let owner = lock_holder::this_process(&session.context.settings, &io.secrets);
    let err = crate::cli::io::SharedErr::new(&io.secrets);
    let stream = io.stream.clone();
    let on_wait = move |holder: &LockOwner| {
        let text = lock_holder::description(holder);
        let text = format!("Waiting for the lock, which is held by {text}.");
        err.write(|out| writeln!(out, "{text}"));
        if let Some(stream) = &stream {
            stream.send(StreamMessage::log(text));
        }
    };
    let locking = lock(&*store, &owner, args.lock_timeout, &on_wait);
    let locked = cancel.or_interrupted(locking).await?;
    let locked = locked.map_err(|holder| {
        let unlock = session
            .context
            .command("force-unlock")
            .first_argument(&holder.id);
        let environment = &session.manifest().environment.name;
        let message = format!(
            "the lock of environment `{environment}` is held by {}",
            lock_holder::description(&holder)
        );
        CommandError::new(ErrorKind::Locked, message).hint(format!(
            "Wait for it with --lock-timeout 10m. If its process no longer exists, run `{unlock}`."
        ))
    });
    Ok((store, locked?, Some(owner.id)))
}

/// The time that the probe of a store has after an interrupt to remove its objects.
const PROBE_GRACE: Duration = Duration::from_secs(5);

/// Checks, before the first lock, that the store can exclude a second apply.
async fn prove_locks(store: &dyn Store, cancel: &Cancellation) -> Result<(), CommandError> {
    let mut proof = store.prove_locks();
    tokio::select! {
        proven = &mut proof => Ok(proven?),
        () = cancel.interrupt().raised() => {
            let _ = tokio::time::timeout(PROBE_GRACE, proof).await;
            Err(CommandError::interrupted())
        }
    }
}

/// Returns all applies of a store, the oldest first.
pub(in crate::cli) async fn applies_of(store: &dyn Store) -> Result<Vec<PastApply>, CommandError> {
    let mut applies = Vec::new();
    for id in store.applies().await? {
        applies.push(read_apply(store, &id).await?);
    }
    Ok(applies)
}

pub(super) async fn read_apply(store: &dyn Store, id: &str) -> Result<PastApply, CommandError> {
    let bytes = store.read(id).await?;
    Ok(PastApply::read(id, &store.location(), &bytes)?)
}

/// The timeout for a store that a command does not need.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the state that earlier applies left. The store is only read. If this fails, the command
/// continues without it and warns.
pub(in crate::cli) async fn read_history(
    session: &Session,
    store: Option<&str>,
    io: &mut Io,
) -> Result<ApplyHistory, CommandError> {
    let (applies, _) = read_applies(session, store, io).await?;
    Ok(history_of(&applies))
}

/// Reads the earlier applies in the same way. Also returns the store, if it can be read.
pub(super) async fn read_applies(
    session: &Session,
    store: Option<&str>,
    io: &mut Io,
) -> Result<(Vec<PastApply>, Option<Arc<dyn Store>>), CommandError> {
    match applies_in_time(&session.context, store, io).await {
        Ok((applies, store)) => Ok((applies, Some(store))),
        Err(error) => {
            let warning = "earlier applies unknown: the store could not be read";
            let mut causes = vec![error.to_string()];
            causes.extend(error.causes());
            io.warn(warning, causes)?;
            Ok((Vec::new(), None))
        }
    }
}

/// Reads the earlier applies of an environment, unless its store takes too long. Also returns the
/// store.
pub(super) async fn applies_in_time(
    context: &EnvironmentContext,
    store: Option<&str>,
    io: &Io,
) -> Result<(Vec<PastApply>, Arc<dyn Store>), CommandError> {
    let store = context.store(store, &io.secrets)?;
    let reading = tokio::time::timeout(STORE_TIMEOUT, applies_of(&*store));
    let applies = reading.await.unwrap_or_else(|_| {
        let message = format!("`{}` does not answer", store.location());
        Err(CommandError::failed(message))
    });
    Ok((applies?, store))
}

/// Finds an apply by its id, or by the first characters of its id if they are unique.
pub(in crate::cli) fn find_apply<'a>(
    applies: &'a [PastApply],
    id: &str,
) -> Result<&'a PastApply, CommandError> {
    let found: Vec<&PastApply> = applies
        .iter()
        .filter(|apply| apply.id.starts_with(id))
        .collect();
    match found.as_slice() {
        [apply] => Ok(apply),
        [] => Err(
            CommandError::failed(format!("the store has no apply `{id}`"))
                .hint("Run `solform history` to list the applies in the store."),
        ),
        several => {
            let message = format!("the ids of {} applies begin with `{id}`", several.len());
            Err(CommandError::failed(message).hint("Give more characters of the id."))
        }
    }
}

/// Adds what a person decided to the journal of an earlier apply.
pub(in crate::cli) async fn add_entry(
    store: &dyn Store,
    apply: &PastApply,
    entry: Entry,
) -> Result<(), CommandError> {
    let journal = store.reopen(&apply.id).await?;
    let reopen = (!apply.is_reopened).then_some(Entry::Reopen {});
    let entries = reopen.into_iter().chain([entry]);
    journal.record_all(clock::now_ms(), entries).await?;
    Ok(store.close(&apply.id, journal).await?)
}

/// Returns the versions whose last deploy was abandoned, with the time from which an apply deploys
/// them again.
pub(in crate::cli) fn held_back(
    history: &ApplyHistory,
    session: &Session,
) -> BTreeMap<Identity, u64> {
    let hold = session.manifest().environment.timeouts.deploy.as_millis();
    let hold = u64::try_from(hold).unwrap_or(u64::MAX);
    let now_ms = clock::now_ms();
    let abandoned = history.abandoned_deploys.iter();
    abandoned
        .map(|(identity, at_ms)| (identity.clone(), at_ms.saturating_add(hold)))
        .filter(|(_, until_ms)| *until_ms > now_ms)
        .collect()
}

impl ApplySession<'_> {
    /// Releases the lock.
    pub(in crate::cli) async fn end(self) {
        self.lease.release().await;
    }

    /// Returns the writes that do not count as foreign changes: those of the applies that this one
    /// recovers, and of all applies of the same plan.
    pub(super) fn own_writes(&self, plan: &str) -> OwnWrites {
        let is_own = |apply: &&PastApply| {
            self.past.recovered_applies.contains(&apply.id) || apply.plan.as_deref() == Some(plan)
        };
        // Without the lock, an earlier apply may still be in progress.
        let applies = self.past.applies.iter().filter(|_| self.lock.is_some());
        let writes: Vec<PastWrite> = applies.filter(is_own).flat_map(PastApply::writes).collect();
        OwnWrites::of(&writes)
    }
}

//! The session of an apply: the lock, the store, and the recovery of earlier applies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::cancellation::Cancellation;
use super::execution;
use crate::apply::{self, RecoveredOutcome, Recovery};
use crate::cli::args::StoreArgs;
use crate::cli::clock;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::io::Io;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::ident::Identity;
use crate::outcome::OutcomeKind;
use crate::plan::{ApplyHistory, DiffOptions, OwnWrites, PastWrite};
use crate::render::{StreamMessage, words};
use crate::store::{
    Entry, Lease, LockOwner, PastApply, RecordedOutcome, Store, expired, history_of, lock,
};

/// The lock and the store of an apply in progress.
pub(in crate::cli) struct ApplySession {
    pub(in crate::cli) store: Arc<dyn Store>,
    pub(in crate::cli) lease: Lease,
    /// The id of the lock; none if `--lock=false`.
    pub(in crate::cli) lock: Option<String>,
    /// The state that earlier applies left.
    pub(in crate::cli) history: ApplyHistory,
    /// Versions whose deploy was sent by an earlier apply, and that were not found since.
    pub(in crate::cli) sent_before: BTreeSet<Identity>,
    /// Versions whose last deploy was abandoned, with the time before which they are not deployed.
    pub(in crate::cli) held_back: BTreeMap<Identity, u64>,
    /// Versions whose change this apply found done while it recovered an earlier apply.
    pub(in crate::cli) recovered: BTreeSet<Identity>,
    /// The writes of each earlier apply, with the plan that it applied and whether this one
    /// recovers it.
    own_writes: Vec<PastWrites>,
    /// The newest apply, if it is not complete.
    pub(in crate::cli) interrupted: Option<String>,
    /// The newest apply.
    pub(in crate::cli) newest: Option<String>,
    /// All applies in the store, the oldest first.
    pub(in crate::cli) runs: Vec<PastApply>,
}

/// The writes of an earlier apply.
struct PastWrites {
    plan: Option<String>,
    is_recovered: bool,
    writes: Vec<PastWrite>,
}

/// Acquires the lock, and recovers the open writes of earlier applies.
pub(in crate::cli) async fn take(
    session: &Session,
    args: &StoreArgs,
    start: &mut Cancellation,
    io: &mut Io,
) -> Result<ApplySession, CommandError> {
    let (store, lease, lock) = open(session, args, start, io).await?;
    let mut apply_session = ApplySession {
        store,
        lease,
        lock,
        history: ApplyHistory::default(),
        held_back: BTreeMap::new(),
        sent_before: BTreeSet::new(),
        own_writes: Vec::new(),
        recovered: BTreeSet::new(),
        interrupted: None,
        newest: None,
        runs: Vec::new(),
    };
    let recovered = apply_session.recover(session, args.lock, start, io).await;
    if let Err(error) = recovered {
        apply_session.end().await;
        return Err(error);
    }
    Ok(apply_session)
}

/// Opens the store, acquires the lock unless `--lock=false`, and returns the lock's id.
pub(in crate::cli) async fn open(
    session: &Session,
    args: &StoreArgs,
    start: &mut Cancellation,
    io: &mut Io,
) -> Result<(Arc<dyn Store>, Lease, Option<String>), CommandError> {
    let store = session.place.store(args.store.as_deref(), &io.secrets)?;
    if session.place.is_ci && !store.is_remote() {
        let warning = format!(
            "the journal lies on this machine, in `{}`. If the runner goes away, what it was doing goes with \
             it: name a remote store with `store:`, --store or SOLFORM_STORE.",
            store.location()
        );
        io.warn(&warning, Vec::new())?;
    }
    if !args.lock {
        return Ok((store, Lease::unlocked(), None));
    }
    let (lease, id) = locked(session, &*store, args, start, io).await?;
    Ok((store, lease, Some(id)))
}

async fn locked(
    session: &Session,
    store: &dyn Store,
    args: &StoreArgs,
    start: &mut Cancellation,
    io: &mut Io,
) -> Result<(Lease, String), CommandError> {
    prove_locks(store, start).await?;
    let owner = LockOwner {
        id: uuid::Uuid::new_v4().to_string(),
        who: session.place.who.clone(),
        pid: std::process::id(),
        command: io.secrets.redact(&session.place.typed).into_owned(),
        since_ms: clock::now_ms(),
    };
    let err = crate::cli::io::SharedErr::new(&io.secrets);
    let stream = io.stream.clone();
    let on_wait = move |holder: &LockOwner| {
        let text = described(holder);
        let text = format!("Waiting for the lock, which is held by {text}.");
        err.say(|out| writeln!(out, "{text}"));
        if let Some(stream) = &stream {
            stream.send(StreamMessage::log(text));
        }
    };
    let timeout = args.lock_timeout;
    let locking = async {
        lock(store, &owner, timeout, &on_wait)
            .await
            .map_err(CommandError::from)
    };
    let locked = start.or_interrupted(locking).await?;
    let locked = locked.map_err(|holder| {
        let unlock = session
            .place
            .command("force-unlock")
            .first_argument(&holder.id);
        let environment = &session.manifest().environment.name;
        let message = format!(
            "the lock of environment `{environment}` is held by {}",
            described(&holder)
        );
        CommandError::new(ErrorKind::Locked, message).hint(format!(
            "Wait for it with --lock-timeout 10m. If its process no longer exists, run `{unlock}`."
        ))
    });
    Ok((locked?, owner.id))
}

/// The time that the probe of a store has after an interrupt to remove its objects.
const PROBE_GRACE: Duration = Duration::from_secs(5);

/// Checks, before the first lock, that the store can exclude a second apply.
async fn prove_locks(store: &dyn Store, start: &Cancellation) -> Result<(), CommandError> {
    let mut proof = store.prove_locks();
    tokio::select! {
        proven = &mut proof => Ok(proven?),
        () = start.interrupt().raised() => {
            let _ = tokio::time::timeout(PROBE_GRACE, proof).await;
            Err(CommandError::interrupted())
        }
    }
}

/// Returns the holder of a lock, its start time and its command, as text.
pub(in crate::cli) fn described(holder: &LockOwner) -> String {
    let age = clock::now_ms().saturating_sub(holder.since_ms);
    let age = if holder.since_ms == 0 {
        String::new()
    } else {
        let age = words::duration(std::time::Duration::from_millis(age));
        format!(" for {age}")
    };
    format!(
        "{} (process {}){age}, by `{}`",
        words::escaped(&holder.who),
        holder.pid,
        words::escaped(&holder.command)
    )
}

/// Returns all applies of a store, the oldest first.
pub(in crate::cli) async fn runs_of(store: &dyn Store) -> Result<Vec<PastApply>, CommandError> {
    let mut runs = Vec::new();
    for id in store.applies().await? {
        let bytes = store.read(&id).await?;
        let run = PastApply::read(&id, &store.location(), &bytes)?;
        runs.push(run);
    }
    Ok(runs)
}

/// The timeout for a store that a command does not need.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the state that earlier applies left. The store is only read. If this fails, the command
/// continues without it and warns.
pub(in crate::cli) async fn read_history(
    session: &Session,
    store: Option<&str>,
    io: &mut Io,
) -> Result<ApplyHistory, CommandError> {
    let read = async {
        let store = session
            .place
            .store(store, &io.secrets)
            .map_err(|error| causes_of(&error))?;
        match tokio::time::timeout(STORE_TIMEOUT, runs_of(&*store)).await {
            Ok(runs) => runs.map_err(|error| causes_of(&error)),
            Err(_) => Err(vec![format!("`{}` does not answer", store.location())]),
        }
    };
    match read.await {
        Ok(runs) => Ok(history_of(&runs)),
        Err(causes) => {
            io.warn(
                "earlier applies unknown: the store could not be read",
                causes,
            )?;
            Ok(ApplyHistory::default())
        }
    }
}

fn causes_of(error: &CommandError) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    causes.extend(error.causes());
    causes
}

/// Finds an apply by its id, or by the first characters of its id if they are unique.
pub(in crate::cli) fn find_run<'a>(
    runs: &'a [PastApply],
    id: &str,
) -> Result<&'a PastApply, CommandError> {
    let found: Vec<&PastApply> = runs.iter().filter(|run| run.id.starts_with(id)).collect();
    match found.as_slice() {
        [run] => Ok(run),
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

impl ApplySession {
    /// Releases the lock.
    pub(in crate::cli) async fn end(self) {
        self.lease.release().await;
    }

    /// Returns the writes that do not count as foreign changes: those of the applies that this one
    /// recovers, and of all applies of the same plan.
    pub(in crate::cli) fn own_writes(&self, plan: &str) -> OwnWrites {
        let past = self.own_writes.iter();
        let own = past.filter(|past| past.is_recovered || past.plan.as_deref() == Some(plan));
        OwnWrites::of(own.flat_map(|past| &past.writes))
    }

    async fn recover(
        &mut self,
        session: &Session,
        is_locked: bool,
        start: &Cancellation,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        let mut runs = start.or_interrupted(runs_of(&*self.store)).await?;
        self.history = history_of(&runs);
        self.newest = runs.last().map(|run| run.id.clone());
        self.interrupted = runs
            .last()
            .filter(|run| run.complete != Some(true))
            .map(|run| run.id.clone());
        self.held_back = held_back(&self.history, session);
        // The server may have accepted the abandoned deploy, so the next one may be a second one.
        let abandoned = self.history.abandoned_deploys.keys();
        self.sent_before.extend(abandoned.cloned());
        if !is_locked {
            // The recorded apply may still be in progress: its writes in flight are left alone.
            self.runs = runs;
            return Ok(());
        }
        for run in &mut runs {
            if !run.needs_recovery() {
                self.remember_writes(run, false);
                continue;
            }
            let recovery = self.recover_run(run, session, start, io).await?;
            if start.interrupt().is_raised() {
                return Err(CommandError::interrupted());
            }
            self.recovered.extend(recovery.done());
            self.sent_before.extend(recovery.sent_before());
            let bytes = self.store.read(&run.id).await?;
            *run = PastApply::read(&run.id, &self.store.location(), &bytes)?;
            self.remember_writes(run, true);
        }
        self.history = history_of(&runs);
        for id in expired(&runs) {
            if let Err(error) = self.store.remove(&id).await {
                tracing::warn!(run = %id, %error, "an old run could not be removed");
            }
        }
        self.runs = runs;
        Ok(())
    }

    fn remember_writes(&mut self, run: &PastApply, is_recovered: bool) {
        self.own_writes.push(PastWrites {
            plan: run.plan.clone(),
            is_recovered,
            writes: run.writes(),
        });
    }

    async fn recover_run(
        &self,
        run: &PastApply,
        session: &Session,
        start: &Cancellation,
        io: &mut Io,
    ) -> Result<Recovery, CommandError> {
        let open = run.open_steps().count();
        if run.is_torn {
            io.note(&format!(
                "Note: the last line of the journal of run {} was cut short; what it announced was not sent.",
                run.id
            ))?;
        }
        if open > 0 {
            io.note(&format!(
                "Run {} was left with {} whose end is not known. Settling:",
                run.id,
                words::count(open, "change")
            ))?;
        }
        let journal = self.store.reopen(&run.id).await?;
        if !run.is_reopened {
            journal.record(clock::now_ms(), Entry::Reopen {}).await?;
        }
        let progress = Progress::new(open, BTreeMap::new(), io);
        let options = DiffOptions::default();
        let context = execution::context(
            session,
            self,
            &options,
            &journal,
            start,
            open.max(1),
            progress.sink(),
        );
        // No write of this apply is in progress, so an interrupt needs no grace period. An
        // incomplete listing proves nothing, so unfinished records stay open.
        let recovery = tokio::select! {
            biased;
            () = start.interrupt().raised() => Ok(Recovery::default()),
            recovery = apply::recover(run, context) => recovery,
            never = progress.beat() => match never {},
        };
        self.store.close(&run.id, journal).await?;
        let recovery = recovery?;
        for step in &recovery.steps {
            let outcome = match &step.outcome {
                RecoveredOutcome::Ended(RecordedOutcome { word, detail, .. }) => match detail {
                    Some(detail) if *word == OutcomeKind::Done => detail.clone(),
                    Some(detail) => format!("not done: {detail}"),
                    None => word.as_str().to_owned(),
                },
                RecoveredOutcome::Open { job: Some(job) } => {
                    format!("job {job} is still in progress")
                }
                RecoveredOutcome::Open { job: None } => "still not known".to_owned(),
            };
            io.note(&format!("  {}: {outcome}", step.address))?;
        }
        Ok(recovery)
    }
}

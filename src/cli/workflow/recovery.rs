//! The recovery of earlier applies when an apply begins.

use std::collections::{BTreeMap, BTreeSet};

use super::apply_session::{self, ApplySession, PastWrites, held_back, runs_of};
use super::cancellation::Cancellation;
use super::execution;
use crate::apply::{self, RecoveredOutcome, Recovery};
use crate::cli::args::StoreArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, Progress};
use crate::outcome::OutcomeKind;
use crate::plan::{ApplyHistory, DiffOptions};
use crate::render::words;
use crate::store::{Entry, PastApply, RecordedOutcome, expired, history_of};

/// Acquires the lock, and recovers the open writes of earlier applies.
pub(in crate::cli) async fn open(
    session: &Session,
    args: &StoreArgs,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<ApplySession, CommandError> {
    let (store, lease, lock) = apply_session::open_store(session, args, cancel, io).await?;
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
    let recovered = recover(&mut apply_session, session, args.lock, cancel, io).await;
    if let Err(error) = recovered {
        apply_session.end().await;
        return Err(error);
    }
    Ok(apply_session)
}

async fn recover(
    apply_session: &mut ApplySession,
    session: &Session,
    is_locked: bool,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<(), CommandError> {
    let mut runs = cancel
        .or_interrupted(runs_of(&*apply_session.store))
        .await?;
    apply_session.history = history_of(&runs);
    apply_session.newest = runs.last().map(|run| run.id.clone());
    apply_session.interrupted = runs
        .last()
        .filter(|run| run.complete != Some(true))
        .map(|run| run.id.clone());
    apply_session.held_back = held_back(&apply_session.history, session);
    // The server may have accepted the abandoned deploy, so the next one may be a second one.
    let abandoned = apply_session.history.abandoned_deploys.keys();
    apply_session.sent_before.extend(abandoned.cloned());
    if !is_locked {
        // The recorded apply may still be in progress: its writes in flight are left alone.
        apply_session.runs = runs;
        return Ok(());
    }
    for run in &mut runs {
        if !run.needs_recovery() {
            remember_writes(apply_session, run, false);
            continue;
        }
        let recovery = recover_run(apply_session, run, session, cancel, io).await?;
        if cancel.interrupt().is_raised() {
            return Err(CommandError::interrupted());
        }
        apply_session.recovered.extend(recovery.done());
        apply_session.sent_before.extend(recovery.sent_before());
        let bytes = apply_session.store.read(&run.id).await?;
        *run = PastApply::read(&run.id, &apply_session.store.location(), &bytes)?;
        remember_writes(apply_session, run, true);
    }
    apply_session.history = history_of(&runs);
    for id in expired(&runs) {
        if let Err(error) = apply_session.store.remove(&id).await {
            tracing::warn!(apply = %id, %error, "the records of an old apply could not be removed");
        }
    }
    apply_session.runs = runs;
    Ok(())
}

fn remember_writes(apply_session: &mut ApplySession, run: &PastApply, is_recovered: bool) {
    apply_session.own_writes.push(PastWrites {
        plan: run.plan.clone(),
        is_recovered,
        writes: run.writes(),
    });
}

async fn recover_run(
    apply_session: &ApplySession,
    run: &PastApply,
    session: &Session,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<Recovery, CommandError> {
    let open = run.open_steps().count();
    if run.is_torn {
        io.note(&format!(
            "Note: the last line of the journal of apply {} was cut short; what it announced was \
             not sent.",
            run.id
        ))?;
    }
    if open > 0 {
        io.note(&format!(
            "The outcome of {} of apply {} is not known. Recovering:",
            words::count(open, "change"),
            run.id
        ))?;
    }
    let journal = apply_session.store.reopen(&run.id).await?;
    if !run.is_reopened {
        journal.record(clock::now_ms(), Entry::Reopen {}).await?;
    }
    let progress = Progress::new(open, BTreeMap::new(), io);
    let options = DiffOptions::default();
    let context = execution::context(
        session,
        apply_session,
        &options,
        &journal,
        cancel,
        open.max(1),
        progress.sink(),
    );
    // No write of this apply is in progress, so an interrupt needs no grace period. An
    // incomplete listing proves nothing, so unfinished records stay open.
    let recovery = tokio::select! {
        biased;
        () = cancel.interrupt().raised() => Ok(Recovery::default()),
        recovery = apply::recover(run, context) => recovery,
        never = progress.beat() => match never {},
    };
    apply_session.store.close(&run.id, journal).await?;
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

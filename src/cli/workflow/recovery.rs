//! The recovery of earlier applies when an apply begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply_session::{self, ApplySession, EarlierApplies, held_back, read_run, runs_of};
use super::cancellation::Cancellation;
use crate::apply::{self, RecoveredOutcome, Recovery};
use crate::cli::args::StoreArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, Progress};
use crate::outcome::OutcomeKind;
use crate::plan::DiffOptions;
use crate::render::words;
use crate::store::{Entry, PastApply, RecordedOutcome, expired, history_of};

/// Acquires the lock, and recovers the open writes of earlier applies.
pub(in crate::cli) async fn open<'a>(
    session: &'a Session,
    args: &StoreArgs,
    cancel: &'a Cancellation,
    io: &mut Io,
) -> Result<ApplySession<'a>, CommandError> {
    let (store, lease, lock) = apply_session::open_store(session, args, cancel, io).await?;
    let mut apply_session = ApplySession {
        session,
        cancel,
        store,
        lease,
        lock,
        past: EarlierApplies::default(),
    };
    if let Err(error) = recover(&mut apply_session, io).await {
        apply_session.end().await;
        return Err(error);
    }
    Ok(apply_session)
}

async fn recover(apply_session: &mut ApplySession<'_>, io: &mut Io) -> Result<(), CommandError> {
    let (session, cancel) = (apply_session.session, apply_session.cancel);
    let store = Arc::clone(&apply_session.store);
    let mut runs = cancel.or_interrupted(runs_of(&*store)).await?;
    let past = &mut apply_session.past;
    past.history = history_of(&runs);
    past.interrupted = runs
        .last()
        .filter(|run| run.complete != Some(true))
        .map(|run| run.id.clone());
    past.held_back = held_back(&past.history, session);
    // The server may have accepted the abandoned deploy, so the next one may be a second one.
    let abandoned = past.history.abandoned_deploys.keys();
    past.sent_before.extend(abandoned.cloned());
    if apply_session.lock.is_none() {
        // The recorded apply may still be in progress: its writes in flight are left alone.
        past.runs = runs;
        return Ok(());
    }
    for run in runs.iter_mut().filter(|run| run.needs_recovery()) {
        let recovery = recover_run(apply_session, run, io).await?;
        if cancel.interrupt().is_raised() {
            return Err(CommandError::interrupted());
        }
        let past = &mut apply_session.past;
        past.recovered.extend(recovery.done());
        past.sent_before.extend(recovery.sent_before());
        past.recovered_runs.insert(run.id.clone());
        *run = read_run(&*store, &run.id).await?;
    }
    apply_session.past.history = history_of(&runs);
    for id in expired(&runs) {
        if let Err(error) = store.remove(&id).await {
            tracing::warn!(apply = %id, %error, "the records of an old apply could not be removed");
        }
    }
    apply_session.past.runs = runs;
    Ok(())
}

async fn recover_run(
    apply_session: &ApplySession<'_>,
    run: &PastApply,
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
    let context = apply_session.context(&options, &journal, open.max(1), progress.sink());
    // No write of this apply is in progress, so an interrupt needs no grace period. An
    // incomplete listing proves nothing, so unfinished records stay open.
    let recovery = tokio::select! {
        biased;
        () = apply_session.cancel.interrupt().raised() => Ok(Recovery::default()),
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

//! The recovery of earlier applies when an apply begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply_session::{self, ApplySession, EarlierApplies, applies_of, held_back, read_apply};
use super::cancellation::Cancellation;
use crate::apply::{self, ContentsRecorder, RecoveredOutcome, Recovery};
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
    args: &'a StoreArgs,
    cancel: &'a Cancellation,
    io: &mut Io,
) -> Result<ApplySession<'a>, CommandError> {
    let (store, lease, lock) = apply_session::open_store(session, args, cancel, io).await?;
    let mut apply_session = ApplySession {
        session,
        cancel,
        contents: ContentsRecorder::new(Arc::clone(&store)),
        store,
        lease,
        lock,
        past: EarlierApplies::default(),
        typed_store: args.store.as_deref(),
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
    let mut applies = cancel.or_interrupted(applies_of(&*store)).await?;
    let past = &mut apply_session.past;
    past.history = history_of(&applies);
    past.interrupted = applies
        .last()
        .filter(|apply| apply.complete != Some(true))
        .map(|apply| apply.id.clone());
    past.held_back = held_back(&past.history, session);
    // The server may have accepted the abandoned deploy, so the next one may be a second one.
    let abandoned = past.history.abandoned_deploys.keys();
    past.sent_before.extend(abandoned.cloned());
    if apply_session.lock.is_none() {
        // The recorded apply may still be in progress: its writes in flight are left alone.
        past.applies = applies;
        return Ok(());
    }
    for apply in applies.iter_mut().filter(|apply| apply.needs_recovery()) {
        let recovery = recover_apply(apply_session, apply, io).await?;
        if cancel.interrupt().is_raised() {
            return Err(CommandError::interrupted());
        }
        let past = &mut apply_session.past;
        past.recovered.extend(recovery.done());
        past.sent_before.extend(recovery.sent_before());
        past.recovered_applies.insert(apply.id.clone());
        *apply = read_apply(&*store, &apply.id).await?;
    }
    apply_session.past.history = history_of(&applies);
    for id in expired(&applies) {
        if let Err(error) = store.remove(&id).await {
            tracing::warn!(apply = %id, %error, "the records of an old apply could not be removed");
        }
    }
    apply_session.past.applies = applies;
    Ok(())
}

async fn recover_apply(
    apply_session: &ApplySession<'_>,
    apply: &PastApply,
    io: &mut Io,
) -> Result<Recovery, CommandError> {
    let open = apply.open_steps().count();
    if apply.is_torn {
        io.note(&format!(
            "Note: the last line of the journal of apply {} was cut short; what it announced was \
             not sent.",
            apply.id
        ))?;
    }
    if open > 0 {
        io.note(&format!(
            "The outcome of {} of apply {} is not known. Recovering:",
            words::count(open, "change"),
            apply.id
        ))?;
    }
    let journal = apply_session.store.reopen(&apply.id).await?;
    if !apply.is_reopened {
        journal.record(clock::now_ms(), Entry::Reopen {}).await?;
    }
    let progress = Progress::new(open, BTreeMap::new(), None, io);
    let options = DiffOptions::default();
    let context = apply_session.context(&options, &journal, open.max(1), progress.sink());
    // No write of this apply is in progress, so an interrupt needs no grace period. An
    // incomplete listing proves nothing, so unfinished records stay open.
    let recovery = tokio::select! {
        biased;
        () = apply_session.cancel.interrupt().raised() => Ok(Recovery::default()),
        recovery = apply::recover(apply, context) => recovery,
        never = progress.beat() => match never {},
    };
    apply_session.store.close(&apply.id, journal).await?;
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

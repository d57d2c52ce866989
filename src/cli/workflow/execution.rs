//! The execution of an approved plan, with a journal and progress.

use std::collections::BTreeMap;

use super::apply_session::ApplySession;
use super::cancellation::Cancellation;
use crate::apply::{
    self, ApplyContext, ApplyReport, ApplySettings, EventSink, PollPolicy, SharedState,
};
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, Progress};
use crate::plan::{ApprovedPlan, DiffOptions, OwnWrites, SavedPlan};
use crate::store::{Entry, Journal, Record};

/// The result of an executed plan.
pub(in crate::cli) struct ApplyResult {
    /// The id of the apply record in the store.
    pub(in crate::cli) run: String,
    pub(in crate::cli) report: ApplyReport,
}

/// The context of the steps.
pub(in crate::cli) fn context<'a>(
    session: &Session,
    apply_session: &'a ApplySession,
    options: &'a DiffOptions,
    journal: &'a Journal,
    cancel: &Cancellation,
    parallelism: usize,
    events: EventSink,
) -> ApplyContext<'a> {
    let timeouts = session.manifest().environment.timeouts;
    let settings = ApplySettings {
        parallelism,
        deploy: timeouts.deploy,
        delete: timeouts.delete,
        propagation: timeouts.propagation,
        apply: timeouts.apply,
        poll: PollPolicy::default(),
    };
    ApplyContext {
        reader: session.reader(),
        files: session.files(),
        journal,
        lease: &*apply_session.lease,
        interrupt: cancel.interrupt().clone(),
        settings,
        events,
        now_ms: clock::now_ms,
        history: &apply_session.history,
        sent_before: &apply_session.sent_before,
        options,
        own_writes: OwnWrites::default(),
        shared: SharedState::new(&settings, fastrand::u64(..)),
    }
}

pub(in crate::cli) async fn run_apply(
    session: &Session,
    approved: &ApprovedPlan,
    kept: &SavedPlan,
    (options, parallelism): (&DiffOptions, usize),
    apply_session: &ApplySession,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<ApplyResult, CommandError> {
    // The last check before the first write.
    if cancel.interrupt().is_raised() {
        return Err(CommandError::interrupted());
    }
    let plan = approved.plan();
    let identities: BTreeMap<_, _> = plan
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .map(|change| (change.address.clone(), change.identity.clone()))
        .collect();
    let total = identities.len();
    let run = clock::new_run_id(clock::now_ms(), apply_session.newest.as_deref());
    let begin = Entry::Begin {
        apply: run.clone(),
        plan: Some(kept.id.clone()),
        subject: plan.subject.clone(),
        changes: total,
        lock: apply_session.lock.clone(),
    };
    let first = Record::new(clock::now_ms(), begin);
    let journal = apply_session
        .store
        .begin(&run, kept.to_json().as_bytes(), &first)
        .await?;
    let progress = Progress::new(total, identities, io);
    let mut context = context(
        session,
        apply_session,
        options,
        &journal,
        cancel,
        parallelism,
        progress.sink(),
    );
    context.own_writes = apply_session.own_writes(&kept.id);
    let report = tokio::select! {
        report = apply::apply(approved, context) => report,
        never = progress.beat() => match never {},
    };
    progress.end();
    let end = Entry::End {
        complete: report.is_complete(),
    };
    if let Err(error) = journal.record(clock::now_ms(), end).await {
        tracing::warn!(%error, "the journal's last line could not be written");
    }
    if let Err(error) = apply_session.store.close(&run, journal).await {
        tracing::warn!(%error, "the journal could not be closed");
    }
    Ok(ApplyResult { run, report })
}

//! The execution of an approved plan, with a journal and progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply_session::ApplySession;
use super::cancellation::Cancellation;
use crate::apply::{self, ApplyReport, ApplySettings, Execution, PollPolicy};
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::ident::Identity;
use crate::plan::{ApprovedPlan, OtherMade, OwnWrites, SavedPlan};
use crate::store::{Entry, Journal, Record};

/// The result of an executed plan.
pub(in crate::cli) struct ApplyResult {
    /// The id of the apply record in the store.
    pub(in crate::cli) run: String,
    pub(in crate::cli) report: ApplyReport,
}

/// The input of an apply besides its plan.
pub(in crate::cli) struct ApplyOptions {
    pub(in crate::cli) parallelism: usize,
    /// Versions whose last deploy was abandoned, with the time before which they are not deployed.
    pub(in crate::cli) held_back: BTreeMap<Identity, u64>,
    /// Records that earlier deploys left instead of a version, unless `--replace` requests it
    /// again.
    pub(in crate::cli) made_other: BTreeMap<Identity, OtherMade>,
}

/// The context of the steps.
pub(in crate::cli) fn execution(
    session: &Session,
    apply_session: &ApplySession,
    (own_writes, held_back): (OwnWrites, BTreeMap<Identity, u64>),
    journal: &Arc<Journal>,
    start: &Cancellation,
    parallelism: usize,
    progress: &Progress,
) -> Execution {
    let timeouts = session.manifest().environment.timeouts;
    Execution {
        reader: session.reader(),
        writer: session.writer(),
        files: session.files(),
        journal: Arc::clone(journal),
        interrupt: start.interrupt().clone(),
        settings: ApplySettings {
            parallelism,
            deploy: timeouts.deploy,
            delete: timeouts.delete,
            propagation: timeouts.propagation,
            apply: timeouts.apply,
            poll: PollPolicy::default(),
        },
        events: progress.sink(),
        now_ms: Arc::new(clock::now_ms),
        confirmed: apply_session.history.confirmed.clone(),
        orphaned: apply_session.history.orphaned.keys().cloned().collect(),
        unfinished: apply_session.history.unfinished.clone(),
        in_flight: apply_session.history.jobs_in_flight(),
        deactivated: apply_session.history.deactivated.clone(),
        made_other: apply_session.history.made_other.clone(),
        sent_before: apply_session.sent_before.clone(),
        held_back,
        own_writes,
        lease: Arc::clone(&apply_session.lease),
        seed: fastrand::u64(..),
    }
}

pub(in crate::cli) async fn run_apply(
    session: &Session,
    approved: &ApprovedPlan,
    kept: &SavedPlan,
    ApplyOptions {
        parallelism,
        held_back,
        made_other,
    }: ApplyOptions,
    apply_session: &ApplySession,
    start: &Cancellation,
    io: &mut Io,
) -> Result<ApplyResult, CommandError> {
    // The last check before the first write.
    if start.interrupt().is_raised() {
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
        run: run.clone(),
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
    let journal = Arc::new(journal);
    let progress = Progress::new(total, identities, io);
    let own_writes = apply_session.own_writes(&kept.id);
    let execution = Execution {
        made_other,
        ..execution(
            session,
            apply_session,
            (own_writes, held_back),
            &journal,
            start,
            parallelism,
            &progress,
        )
    };
    let report = tokio::select! {
        report = apply::apply(approved, execution) => report,
        never = progress.beat() => match never {},
    };
    progress.end();
    let end = Entry::End {
        complete: report.is_complete(),
    };
    if let Err(error) = journal.record(clock::now_ms(), end).await {
        tracing::warn!(%error, "the journal's last line could not be written");
    }
    if let Ok(journal) = Arc::try_unwrap(journal)
        && let Err(error) = apply_session.store.close(&run, journal).await
    {
        tracing::warn!(%error, "the journal could not be closed");
    }
    Ok(ApplyResult { run, report })
}

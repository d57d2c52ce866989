//! Makes an approved plan so: with a journal, progress, and what steps work with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::executing::Start;
use super::keeping::Keeping;
use crate::apply::{self, ApplyReport, ApplySettings, Execution, PollPolicy};
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::ident::Identity;
use crate::plan::{ApprovedPlan, OtherMade, OwnWrites, SavedPlan};
use crate::store::{Entry, Journal, Record};

/// What was made of a plan.
pub(super) struct Made {
    /// The run's id in the store.
    pub(super) run: String,
    pub(super) report: ApplyReport,
}

/// What an apply is told besides its plan.
pub(super) struct ApplyOptions {
    pub(super) parallelism: usize,
    /// Versions that are not deployed before a time, because their last deploy was abandoned.
    pub(super) held_back: BTreeMap<Identity, u64>,
    /// What earlier deploys made instead of a version, where it is not asked for again.
    pub(super) made_other: BTreeMap<Identity, OtherMade>,
}

/// What steps work with.
pub(super) fn execution(
    session: &Session,
    keeping: &Keeping,
    (own_writes, held_back): (OwnWrites, BTreeMap<Identity, u64>),
    journal: &Arc<Journal>,
    start: &Start,
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
            settle: timeouts.propagation,
            run: timeouts.run,
            poll: PollPolicy::default(),
        },
        events: progress.sink(),
        now_ms: Arc::new(clock::now_ms),
        vouched: keeping.history.confirmed.clone(),
        suspects: keeping.history.orphaned.keys().cloned().collect(),
        unfinished: keeping.history.unfinished.clone(),
        in_flight: keeping.history.jobs_in_flight(),
        deactivated: keeping.history.deactivated.clone(),
        made_other: keeping.history.made_other.clone(),
        sent_before: keeping.sent_before.clone(),
        held_back,
        own_writes,
        lease: Arc::clone(&keeping.lease),
        seed: fastrand::u64(..),
    }
}

pub(super) async fn make_so(
    session: &Session,
    approved: &ApprovedPlan,
    kept: &SavedPlan,
    ApplyOptions {
        parallelism,
        held_back,
        made_other,
    }: ApplyOptions,
    keeping: &Keeping,
    start: &Start,
    io: &mut Io,
) -> Result<Made, CommandError> {
    // The last look before the first write.
    if start.interrupt().is_raised() {
        return Err(CommandError::Interrupted);
    }
    let plan = approved.plan();
    let identities: BTreeMap<_, _> = plan
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .map(|change| (change.address.clone(), change.identity.clone()))
        .collect();
    let total = identities.len();
    let run = clock::new_run_id(clock::now_ms(), keeping.newest.as_deref());
    let begin = Entry::Begin {
        run: run.clone(),
        plan: Some(kept.id.clone()),
        subject: plan.subject.clone(),
        changes: total,
        lock: keeping.lock.clone(),
    };
    let first = Record::new(clock::now_ms(), begin);
    let journal = keeping
        .store
        .begin(&run, kept.to_json().as_bytes(), &first)
        .await
        .map_err(CommandError::Store)?;
    let journal = Arc::new(journal);
    let progress = Progress::new(total, identities, io);
    let own_writes = keeping.own_writes(&kept.id);
    let execution = Execution {
        made_other,
        ..execution(
            session,
            keeping,
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
        && let Err(error) = keeping.store.close(&run, journal).await
    {
        tracing::warn!(%error, "the journal could not be closed");
    }
    Ok(Made { run, report })
}

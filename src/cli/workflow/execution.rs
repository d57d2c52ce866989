//! The execution of an approved plan, with a journal and progress.

use std::collections::BTreeMap;

use super::apply_session::ApplySession;
use super::plan::Planner;
use crate::apply::{self, ApplyContext, ApplyReport, ApplySettings, EventSink, SharedState};
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::io::{Io, Progress};
use crate::delivery::PollPolicy;
use crate::plan::{ApprovedPlan, DiffOptions, OwnWrites, SavedPlan};
use crate::render::words;
use crate::store::{Entry, Journal, Provenance, Record};

impl ApplySession<'_> {
    /// Returns the planner of this apply.
    pub(super) fn planner<'b>(&'b self, options: &'b DiffOptions) -> Planner<'b> {
        Planner {
            session: self.session,
            history: &self.past.history,
            options,
            store: Some(&*self.store),
            typed_store: self.typed_store,
            contents: Some(&self.contents),
        }
    }

    /// Returns the context of the steps.
    pub(super) fn context<'b>(
        &'b self,
        options: &'b DiffOptions,
        journal: &'b Journal,
        parallelism: usize,
        events: EventSink,
    ) -> ApplyContext<'b> {
        let timeouts = self.session.manifest().environment.timeouts;
        let settings = ApplySettings {
            parallelism,
            deploy: timeouts.deploy,
            delete: timeouts.delete,
            propagation: timeouts.propagation,
            run: timeouts.run,
            apply: timeouts.apply,
            poll: PollPolicy::default(),
        };
        ApplyContext {
            reader: self.session.reader(),
            files: self.session.files().unshown(),
            sources: self.session.sources().unshown(),
            folder: &self.session.context.folder,
            journal,
            contents: &self.contents,
            lease: &*self.lease,
            interrupt: self.cancel.interrupt().clone(),
            settings,
            events,
            now_ms: clock::now_ms,
            history: &self.past.history,
            sent_before: &self.past.sent_before,
            options,
            own_writes: OwnWrites::default(),
            shared: SharedState::new(&settings, fastrand::u64(..)),
        }
    }

    /// Executes an approved plan, and returns the id of its record in the store, too.
    pub(super) async fn execute(
        &self,
        approved: &ApprovedPlan,
        kept: &SavedPlan,
        options: &DiffOptions,
        (parallelism, provenance): (usize, Provenance),
        io: &mut Io,
    ) -> Result<(String, ApplyReport), CommandError> {
        // The last check before the first write.
        if self.cancel.interrupt().is_raised() {
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
        let newest = self.past.applies.last().map(|apply| apply.id.as_str());
        let apply = clock::new_apply_id(clock::now_ms(), newest);
        let begin = Entry::Begin {
            apply: apply.clone(),
            plan: Some(kept.id.clone()),
            subject: plan.subject.clone(),
            changes: total,
            lock: self.lock.clone(),
            provenance: Some(provenance),
            rollback_of: plan
                .rollback
                .as_ref()
                .map(|rollback| rollback.apply.clone()),
        };
        let first = Record::new(clock::now_ms(), begin);
        let journal = self
            .store
            .begin(&apply, kept.to_json().as_bytes(), &first)
            .await?;
        let expected = plan.expected_time(&self.past.history.durations, parallelism);
        let expected = expected.map(|expected| expected.whole);
        let progress = Progress::new(total, identities, expected, io);
        let context = ApplyContext {
            own_writes: self.own_writes(&kept.id),
            ..self.context(options, &journal, parallelism, progress.sink())
        };
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
        if let Err(error) = self.store.close(&apply, journal).await {
            tracing::warn!(%error, "the journal could not be closed");
        }
        let failures = self.contents.failures();
        if failures.versions > 0 {
            let versions = words::count(failures.versions, "deployed version");
            let warning = format!(
                "the contents of {versions} could not be recorded, so later plans do not know \
                 whether their packages changed"
            );
            // Writes were sent, so a closed output no longer changes the result.
            let _ = io.warn(&warning, failures.causes);
        }
        Ok((apply, report))
    }
}

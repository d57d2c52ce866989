//! One list confirms all deploys that finished within a short time, if it has fewer pages than they
//! have records.
//!
//! An answer that shows a record confirms it, so the list is not proven complete. A record that is
//! not in the list is read by its id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::Batch;
use super::context::{ApplyContext, locked};
use crate::ident::SolutionId;
use crate::live::LiveVersion;
use crate::outcome::WriteKind;

/// The number of concurrent deploys from which on records wait for each other.
const MANY: usize = 20;

/// The number of records for each page of a list that do not wait for more.
const ENOUGH: usize = 8;

/// The longest time that a record waits for others.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl ApplyContext<'_> {
    /// Returns the record that a finished deploy made, one of `ids`, from a list that also confirms
    /// others. `None` if reading it by its id costs less, or if it is not listed.
    ///
    /// A record waits only while other deploys are in progress, so that the apply ends no later.
    pub(super) async fn find_listed(&self, ids: &[SolutionId]) -> Option<LiveVersion> {
        if ids.is_empty() {
            return None;
        }
        let durations = self.shared.durations.of(WriteKind::Deploy);
        let batch = {
            let mut open = locked(&self.shared.batch);
            let waiting = open.as_ref().map_or(0, |batch| batch.deploys());
            let deploys = durations.polled() + waiting;
            let pages = self.pages_after(deploys)?;
            if deploys < MANY || deploys <= pages {
                return None;
            }
            let wait = durations.expected_end()?.min(LONGEST_WAIT);
            let batch = open.get_or_insert_with(|| Arc::new(Batch::new(Instant::now() + wait)));
            batch.add_deploy(ENOUGH * pages);
            Arc::clone(batch)
        };
        tokio::select! {
            () = tokio::time::sleep_until(batch.due) => {}
            () = batch.full() => {}
            () = durations.all_ended() => {}
            () = self.interrupt.raised() => {}
        }
        // A deploy that finishes now may not be in the list.
        locked(&self.shared.batch).take_if(|open| Arc::ptr_eq(open, &batch));
        let records = batch.records.get_or_init(|| self.list_records(&batch));
        let records = records.await;
        ids.iter().find_map(|id| records.get(id)).cloned()
    }

    async fn list_records(&self, batch: &Batch) -> HashMap<SolutionId, LiveVersion> {
        let deploys = batch.deploys();
        let mut records = HashMap::new();
        if self
            .pages_after(deploys)
            .is_some_and(|pages| pages < deploys)
        {
            // After an error, each record is read by its id, and reports its own error.
            let listed = self.reader.list_unproven(self.added(deploys)).await;
            let listed = listed.unwrap_or_default().into_iter();
            records.extend(listed.map(|live| (live.id.clone(), live)));
        }
        records
    }

    /// Returns the number of pages of a list of everything after these deploys, if it is known.
    fn pages_after(&self, deploys: usize) -> Option<usize> {
        self.reader.pages_of_everything(self.added(deploys))
    }

    /// Returns the number of records that were added since everything was listed.
    fn added(&self, deploys: usize) -> usize {
        locked(&self.shared.confirmed).len() + deploys
    }
}

//! The deploys whose records the same list confirms.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

use crate::ident::SolutionId;
use crate::live::LiveVersion;

/// The deploys whose records the same list confirms.
#[derive(Debug)]
pub(super) struct Batch {
    /// The time at which the list begins at the latest.
    pub(super) due: Instant,
    deploys: AtomicUsize,
    is_full: watch::Sender<bool>,
    /// The list, once it was read.
    pub(super) records: OnceCell<HashMap<SolutionId, LiveVersion>>,
}

impl Batch {
    pub(super) fn new(due: Instant) -> Self {
        Self {
            due,
            deploys: AtomicUsize::new(0),
            is_full: watch::Sender::new(false),
            records: OnceCell::new(),
        }
    }

    /// Adds a deploy. With `enough` of them, the batch is full.
    pub(super) fn add_deploy(&self, enough: usize) {
        if self.deploys.fetch_add(1, Ordering::Relaxed) + 1 >= enough {
            self.is_full.send_replace(true);
        }
    }

    /// Waits until the batch is full.
    pub(super) async fn full(&self) {
        // `self` holds the sender, so that the channel cannot be closed.
        let _ = self.is_full.subscribe().wait_for(|is_full| *is_full).await;
    }

    /// Returns the number of deploys.
    pub(super) fn deploys(&self) -> usize {
        self.deploys.load(Ordering::Relaxed)
    }
}

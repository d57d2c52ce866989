//! The deploys whose records the same list confirms.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::ident::SolutionId;
use crate::live::LiveVersion;

/// The deploys whose records the same list confirms.
#[derive(Debug)]
pub(super) struct Batch {
    /// The time at which the list begins at the latest.
    pub(super) due: Instant,
    deploys: AtomicUsize,
    /// The list, once it was read.
    pub(super) records: OnceCell<HashMap<SolutionId, LiveVersion>>,
}

impl Batch {
    pub(super) fn new(due: Instant) -> Self {
        Self {
            due,
            deploys: AtomicUsize::new(0),
            records: OnceCell::new(),
        }
    }

    pub(super) fn add_deploy(&self) {
        self.deploys.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of deploys.
    pub(super) fn deploys(&self) -> usize {
        self.deploys.load(Ordering::Relaxed)
    }
}

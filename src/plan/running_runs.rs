//! The RUNNING runs of a version that goes out of service, as a plan shows them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ident::Owner;
use crate::manifest::DrainMode;

/// The RUNNING runs of a version when its plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningRuns {
    /// The declared handling.
    pub mode: DrainMode,
    /// The maximum duration of the wait, in milliseconds.
    pub limit_ms: u64,
    /// The number of runs; `None` if their list could not be read.
    pub count: Option<usize>,
    /// True if the list may not contain all runs.
    pub is_minimum: bool,
    /// The declared spaces whose runs were listed; if there are none, those of `user`.
    pub spaces: BTreeSet<String>,
    /// The user that the token belongs to, if the manifest names one.
    pub user: Option<Owner>,
}

impl RunningRuns {
    /// Returns whether the list proves that no run is RUNNING.
    pub fn is_none(&self) -> bool {
        self.count == Some(0) && !self.is_minimum
    }
}

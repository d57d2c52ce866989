//! The declared handling of the RUNNING runs of a version that is taken out of service.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The handling of RUNNING runs before their version is deactivated or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drain {
    /// The way to handle them.
    pub mode: DrainMode,
    /// The maximum duration of a wait in milliseconds; by default that of the environment's
    /// `timeouts.run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The spaces whose runs count, `OWNER/SPACE`; if there are none, those of the token's user.
    pub spaces: BTreeSet<String>,
}

impl Drain {
    /// Returns the maximum duration of a wait; `run` is the maximum duration of a run.
    pub fn limit(&self, run: Duration) -> Duration {
        match self.mode {
            DrainMode::Wait => self.timeout_ms.map_or(run, Duration::from_millis),
            DrainMode::Fail => Duration::ZERO,
        }
    }
}

word_enum! {
    /// The way to handle the RUNNING runs of a version before it is taken out of service.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum DrainMode {
        /// Apply waits until they have ended.
        Wait = "wait",
        /// The change fails.
        Fail = "fail",
    }
}

/// The words of `drain`. With `ignore`, nothing looks at runs.
pub(super) const DRAIN_WORDS: [(&str, Option<DrainMode>); 3] = [
    ("ignore", None),
    ("wait", Some(DrainMode::Wait)),
    ("fail", Some(DrainMode::Fail)),
];

/// Returns whether a text has the form of a space, `OWNER/SPACE`.
pub fn is_space(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, space)| {
        !owner.is_empty() && !space.is_empty() && !space.contains('/')
    })
}

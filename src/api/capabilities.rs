//! The capabilities of the server, as learned in this process, so that nothing is asked twice.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::api::visibility_words::Words;

/// The behaviour of lists without `state=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) enum States {
    /// Not known yet.
    #[default]
    Unknown,
    /// Such a list showed versions in service and versions out of service.
    ShowsBoth,
    /// Such a list shows versions in service, and none was out of service when the instance was
    /// listed. Holds until this process takes a version out of service.
    NoneInactive,
    /// Such a list is refused, or hides versions: a separate list for each state is needed.
    PerState,
}

/// The behaviour of the filter `name=` (docs/platform.md, 8.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) enum NameFilter {
    /// The filter was not yet seen to work: an empty answer proves nothing.
    #[default]
    Unknown,
    /// It found a version by its name.
    Works,
    /// It is ignored, or finds nothing that is there.
    Broken,
}

/// The behaviour of the filter `visibility=` (docs/platform.md, U13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) enum VisibilityFilter {
    /// No answer contradicts the filter so far.
    #[default]
    Unknown,
    /// It was seen to work only without `name=`.
    Alone,
    /// It was seen to change nothing.
    Ignored,
}

/// All learned capabilities.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::api) struct Capabilities {
    pub(in crate::api) limit: Option<Limit>,
    /// The maximum number of records on a page so far.
    pub(in crate::api) longest_page: u64,
    /// The number of records in the last list of everything without a state.
    pub(in crate::api) listed: Option<u64>,
    pub(in crate::api) states: States,
    pub(in crate::api) names: NameFilter,
    /// True if a list without a state showed something in service.
    pub(in crate::api) shows_service: bool,
    /// True if this process has taken a version out of service.
    has_deactivated: bool,
    pub(in crate::api) visibilities: VisibilityFilter,
    /// True if lists filtered by name and visibility were seen to differ: the filters combine, so
    /// that a single list is enough.
    pub(in crate::api) are_filters_combined: bool,
    /// The expected number of records in a list of everything: the number of declared names, or
    /// unlimited while a big manifest is being read. Pages up to this number are requested as early
    /// as possible; the list ends where the server ends it.
    pub(in crate::api) expected: u64,
}

/// The capabilities, shared by all clones of a reader.
#[derive(Debug, Default)]
pub(in crate::api) struct ServerCapabilities {
    learned: Mutex<Capabilities>,
    /// The last read of every visibility, for the writes that start shortly after it.
    /// The lock is held during the read, so that writes that start together share it.
    pub(in crate::api) whole_visibility: tokio::sync::Mutex<Option<(Instant, Words)>>,
    /// The time at which the last read of everything began that found nothing. The lock is held
    /// while the name filter is tried, so that reads of names at the same time share the requests.
    pub(in crate::api) seen_empty: tokio::sync::Mutex<Option<Instant>>,
}

impl ServerCapabilities {
    pub(in crate::api) fn learned(&self) -> Capabilities {
        *self.lock()
    }

    /// Records what an answer showed.
    pub(in crate::api) fn learn(&self, record: impl FnOnce(&mut Capabilities)) {
        record(&mut self.lock());
    }

    pub(in crate::api) fn states(&self, states: States) {
        self.lock().states = states;
    }

    /// Records that nothing is out of service. The answer may be outdated if this process has taken
    /// a version out of service since.
    pub(in crate::api) fn none_inactive(&self) {
        let mut learned = self.lock();
        learned.states = if learned.has_deactivated {
            States::Unknown
        } else {
            States::NoneInactive
        };
    }

    /// Records that this process takes a version out of service.
    pub(in crate::api) fn deactivating(&self) {
        let mut learned = self.lock();
        learned.has_deactivated = true;
        if learned.states == States::NoneInactive {
            learned.states = States::Unknown;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Capabilities> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of records to request for a page. The contract names no maximum (docs/platform.md,
/// U12): the server may send pages of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Limit {
    Thousand,
    Hundred,
    /// The server's default.
    Unnamed,
}

impl Limit {
    pub(in crate::api) fn number(self) -> Option<u32> {
        match self {
            Self::Thousand => Some(1000),
            Self::Hundred => Some(100),
            Self::Unnamed => None,
        }
    }
}

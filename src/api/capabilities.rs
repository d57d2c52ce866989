//! The capabilities of the server, as learned in this process, so that nothing is asked twice.

use std::sync::Mutex;

use crate::api::page::Limit;

/// The behaviour of lists without `state=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum States {
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
pub(super) enum NameFilter {
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
pub(super) enum VisibilityFilter {
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
pub(super) struct Capabilities {
    pub(super) limit: Option<Limit>,
    pub(super) states: States,
    pub(super) names: NameFilter,
    /// True if a list without a state showed something in service.
    pub(super) shows_service: bool,
    /// True if this process has taken a version out of service.
    has_deactivated: bool,
    pub(super) visibilities: VisibilityFilter,
    /// True if lists filtered by name and visibility were seen to differ: the filters combine, so
    /// that a single list is enough.
    pub(super) are_filters_combined: bool,
    /// The expected number of records in a list of everything: the number of declared names, or
    /// unlimited while a big manifest is being read. Pages up to this number are requested as early
    /// as possible; the list ends where the server ends it.
    pub(super) expected: u64,
}

/// The capabilities, shared by all clones of a client.
#[derive(Debug, Default)]
pub(super) struct ServerCapabilities(Mutex<Capabilities>);

impl ServerCapabilities {
    pub(super) fn facts(&self) -> Capabilities {
        *self.lock()
    }

    pub(super) fn limit(&self, limit: Limit) {
        self.lock().limit.get_or_insert(limit);
    }

    pub(super) fn expect(&self, records: u64) {
        self.lock().expected = records;
    }

    pub(super) fn states(&self, states: States) {
        self.lock().states = states;
    }

    pub(super) fn shows_service(&self) {
        self.lock().shows_service = true;
    }

    /// Records that nothing is out of service. The answer may be outdated if this process has taken
    /// a version out of service since.
    pub(super) fn none_inactive(&self) {
        let mut facts = self.lock();
        facts.states = if facts.has_deactivated {
            States::Unknown
        } else {
            States::NoneInactive
        };
    }

    pub(super) fn names(&self, names: NameFilter) {
        self.lock().names = names;
    }

    pub(super) fn visibilities(&self, visibilities: VisibilityFilter) {
        self.lock().visibilities = visibilities;
    }

    pub(super) fn filters_combine(&self) {
        self.lock().are_filters_combined = true;
    }

    /// Records that this process takes a version out of service.
    pub(super) fn deactivating(&self) {
        let mut facts = self.lock();
        facts.has_deactivated = true;
        if facts.states == States::NoneInactive {
            facts.states = States::Unknown;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Capabilities> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

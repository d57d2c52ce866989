//! What this run has learned of the server, so that nothing is asked twice.

use std::sync::Mutex;

use crate::api::page::Limit;

/// How lists without `state=` behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum States {
    /// Not known yet.
    #[default]
    Unknown,
    /// Such a list showed versions in service and versions out of service.
    ShowsBoth,
    /// Such a list shows versions in service, and none was out of service when the instance was
    /// listed. Holds until this run takes one out of service itself.
    NoneInactive,
    /// Such a list is refused, or hides versions: one list per state is needed.
    PerState,
}

/// How the filter `name=` behaves (docs/platform.md, 8.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum NameFilter {
    /// Not seen at work yet: an empty answer proves nothing.
    #[default]
    Unknown,
    /// It found a version by its name.
    Works,
    /// It is ignored, or finds nothing that is there.
    Broken,
}

/// How the filter `visibility=` behaves (docs/platform.md, U13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum VisibilityFilter {
    /// Nothing speaks against it.
    #[default]
    Unknown,
    /// It was seen to work only without `name=`.
    Alone,
    /// It was seen to change nothing.
    Ignored,
}

/// Everything learned.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Capabilities {
    pub(super) limit: Option<Limit>,
    pub(super) states: States,
    pub(super) names: NameFilter,
    /// True if a list without a state showed something in service.
    pub(super) shows_service: bool,
    /// True if this run has taken something out of service.
    has_deactivated: bool,
    pub(super) visibilities: VisibilityFilter,
    /// True if lists filtered by name and visibility were seen to differ: the filters combine, so
    /// that one list is an answer.
    pub(super) are_filters_combined: bool,
    /// How many records a list of everything will probably have: as many as names are declared, and
    /// no end of them while a big manifest is being read. Pages up to there are asked for as early
    /// as may be; the list ends where the server ends it.
    pub(super) expected: u64,
}

/// The facts, shared by everything that talks to the server.
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

    /// Nothing is out of service. Once this run has taken something out of service, this may be
    /// an answer from before.
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

    /// This run takes a version out of service, so that there is one from now on.
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

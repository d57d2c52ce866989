//! The state of one emulated platform: solutions, jobs, files, time and ids. It is deterministic
//! for equal seeds.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::ids::IdSource;
use super::jobs::Jobs;
use super::lists::RecentLists;
use super::solutions::{Solution, Solutions, server_folder};
use super::stale::StaleRecords;
use crate::clock::{Moment, Timeline};
use crate::faults::Fault;
use crate::knobs::{Knobs, TimeResolution};
use crate::options::EmulatorOptions;
use crate::pace::JobPace;
use crate::path::NodePath;

/// The state of one emulated platform.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) knobs: Knobs,
    pub(crate) page_cap: usize,
    pub(crate) pace: JobPace,
    pub(crate) time: Timeline,
    pub(crate) counters: Counters,
    pub(crate) solutions: Solutions,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
    /// The records that lists still show as they were.
    pub(crate) list_lag: StaleRecords,
    /// The records that reads by id still show as they were.
    pub(crate) read_lag: StaleRecords,
    pub(crate) recent_lists: RecentLists,
    /// The files that reads do not find yet, with the number of such reads.
    pub(crate) file_lag: HashMap<NodePath, u32>,
    /// The number of list calls, and of all requests.
    pub(crate) list_calls: u64,
    pub(crate) requests: u64,
    /// The fault rule that hits the current request; without effect if none does.
    pub(crate) fault: Fault,
}

/// The stored part of a world besides its solutions, jobs and files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) ids: IdSource,
    /// The last position in the order of creation of solutions and jobs.
    pub(crate) sequence: u64,
    /// The time at which the world was stored.
    pub(crate) reached_ms: u64,
    /// The digest of the seed that the world began with; `None` if it is not known.
    pub(crate) seed: Option<String>,
}

impl World {
    /// Creates an empty world.
    pub(crate) fn new(options: &EmulatorOptions, knobs: Knobs) -> Self {
        let time = Timeline::new(options.clock);
        Self {
            knobs,
            // A page must have at least one record, or lists would never end.
            page_cap: options.page_cap.max(1),
            pace: options.job_pace,
            counters: Counters {
                ids: IdSource::new(options.id_seed),
                sequence: 0,
                reached_ms: 0,
                seed: None,
            },
            solutions: Solutions::restored(BTreeMap::new()),
            jobs: Jobs::restored(BTreeMap::new()),
            files: Files::restored(BTreeMap::new(), time.now_ms()),
            time,
            list_lag: StaleRecords::default(),
            read_lag: StaleRecords::default(),
            recent_lists: RecentLists::default(),
            file_lag: HashMap::new(),
            list_calls: 0,
            requests: 0,
            fault: Fault::default(),
        }
    }

    /// Returns the current time at the resolution of records, in milliseconds since 1970.
    pub(crate) fn stamp(&self) -> u64 {
        let now_ms = self.time.now_ms();
        match self.knobs.time_resolution {
            TimeResolution::Second => now_ms - now_ms % 1_000,
            TimeResolution::Millisecond => now_ms,
        }
    }

    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.counters.sequence += 1;
        self.counters.sequence
    }

    /// Moves the time on to a moment; does nothing if it is over.
    pub(crate) fn move_time(&mut self, moment: Moment) {
        self.time.move_to(moment);
        self.files.now_ms = self.time.now_ms();
    }

    // Every write of a record uses one of these three functions, so that the lags apply to all
    // writes.

    pub(crate) fn insert_solution(&mut self, solution: Solution) {
        self.note_write(&solution.id, None);
        self.solutions.insert(solution);
    }

    /// Changes a record. Does nothing if it does not exist.
    pub(crate) fn change_solution(&mut self, id: &str, change: impl FnOnce(&mut Solution)) {
        if let Some(before) = self.solutions.get(id).cloned() {
            self.note_write(id, Some(&before));
        }
        if let Some(solution) = self.solutions.get_mut(id) {
            change(solution);
        }
    }

    /// Removes a record and its server folder.
    pub(crate) fn drop_solution(&mut self, id: &str) {
        if let Some(solution) = self.solutions.remove(id) {
            self.files.remove(&server_folder(id));
            self.note_write(id, Some(&solution));
        }
    }

    fn note_write(&mut self, id: &str, before: Option<&Solution>) {
        self.recent_lists = RecentLists::default();
        let now_ms = self.time.now_ms();
        let list_lag = self.fault.list_lag.unwrap_or(self.knobs.list_lag);
        self.list_lag.insert(id, before, list_lag, now_ms);
        let read_lag = self.knobs.read_lag;
        self.read_lag.insert(id, before, read_lag, now_ms);
    }

    /// Returns true if anything has changed since the last
    /// [`clear_changes`](Self::clear_changes).
    pub(crate) fn has_changes(&self) -> bool {
        self.solutions.items.changes().next().is_some()
            || self.jobs.items.changes().next().is_some()
            || self.files.nodes.changes().next().is_some()
    }

    /// Clears the changes, once they are written or if there is no data folder.
    pub(crate) fn clear_changes(&mut self) {
        self.solutions.items.clear_changes();
        self.jobs.items.clear_changes();
        self.files.nodes.clear_changes();
    }
}

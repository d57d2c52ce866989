//! The state of one emulated platform: solutions, jobs, files, time and ids. It is deterministic
//! for equal seeds.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::ids::IdSource;
use super::jobs::Jobs;
use super::lists::RecentLists;
use super::solutions::{Solution, Solutions, server_folder};
use super::stale::StaleRecords;
use crate::clock::Timeline;
use crate::faults::JobFault;
use crate::knobs::{Knobs, TimeResolution};
use crate::lag::Lag;
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
    /// The records that lists still show as they were, by sequence number.
    pub(crate) list_lag: StaleRecords<u64>,
    /// The records that reads by id still show as they were.
    pub(crate) read_lag: StaleRecords<String>,
    pub(crate) recent_lists: RecentLists,
    /// The files that reads do not find yet, with the number of such reads.
    pub(crate) file_lag: HashMap<NodePath, u32>,
    /// The number of list calls, and of all requests.
    pub(crate) list_calls: u64,
    pub(crate) requests: u64,
    /// The overrides of a fault rule for the current request.
    pub(crate) overrides: RequestOverrides,
}

/// The stored part of a world.
#[derive(Debug)]
pub(crate) struct StoredWorld {
    pub(crate) counters: Counters,
    pub(crate) solutions: Solutions,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
}

impl StoredWorld {
    /// Returns the stored part of a new world.
    pub(crate) fn empty(id_seed: u64) -> Self {
        Self {
            counters: Counters {
                ids: IdSource::new(id_seed),
                sequence: 0,
                reached_ms: 0,
                seed: None,
            },
            solutions: Solutions::default(),
            jobs: Jobs::default(),
            files: Files::default(),
        }
    }
}

/// The stored part of a world besides its solutions, jobs and files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) ids: IdSource,
    /// The last position in the order of creation of solutions and jobs.
    pub(crate) sequence: u64,
    pub(crate) reached_ms: u64,
    /// The digest of the seed that the world began with; `None` if it is not known.
    pub(crate) seed: Option<String>,
}

/// The overrides of a fault rule for one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestOverrides {
    pub(crate) job: Option<JobFault>,
    pub(crate) pace: Option<JobPace>,
    pub(crate) list_lag: Option<Lag>,
    /// The error message of a job that the fault makes fail.
    pub(crate) text: Option<String>,
}

impl World {
    /// Creates a world from its stored part.
    pub(crate) fn new(options: &EmulatorOptions, knobs: Knobs, stored: StoredWorld) -> Self {
        Self {
            knobs,
            // A page must have at least one record, or lists would never end.
            page_cap: options.page_cap.max(1),
            pace: options.job_pace,
            time: Timeline::new(options.clock, stored.counters.reached_ms),
            counters: stored.counters,
            solutions: stored.solutions,
            jobs: stored.jobs,
            files: stored.files,
            list_lag: StaleRecords::default(),
            read_lag: StaleRecords::default(),
            recent_lists: RecentLists::default(),
            file_lag: HashMap::new(),
            list_calls: 0,
            requests: 0,
            overrides: RequestOverrides::default(),
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

    /// Returns the counters with the current time.
    pub(crate) fn counters(&self) -> Counters {
        Counters {
            reached_ms: self.time.now_ms(),
            ..self.counters.clone()
        }
    }

    // Every write of a record uses one of these three functions, so that the lags apply to all
    // writes.

    pub(crate) fn insert_solution(&mut self, solution: Solution) {
        self.note_write(&solution.id, solution.sequence, None);
        self.solutions.insert(solution);
    }

    /// Changes a record. Does nothing if it does not exist.
    pub(crate) fn change_solution(&mut self, id: &str, change: impl FnOnce(&mut Solution)) {
        if let Some(before) = self.solutions.get(id).cloned() {
            self.note_write(id, before.sequence, Some(&before));
        }
        if let Some(solution) = self.solutions.get_mut(id) {
            change(solution);
        }
    }

    /// Removes a record and its server folder.
    pub(crate) fn drop_solution(&mut self, id: &str) {
        if let Some(solution) = self.solutions.remove(id) {
            self.files.remove(&server_folder(id));
            self.note_write(id, solution.sequence, Some(&solution));
        }
    }

    fn note_write(&mut self, id: &str, sequence: u64, before: Option<&Solution>) {
        let now_ms = self.time.now_ms();
        let list_lag = self.overrides.list_lag.unwrap_or(self.knobs.list_lag);
        self.list_lag.insert(sequence, before, list_lag, now_ms);
        let read_lag = self.knobs.read_lag;
        self.read_lag
            .insert(id.to_owned(), before, read_lag, now_ms);
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

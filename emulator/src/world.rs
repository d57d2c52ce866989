//! The state of one emulated platform: solutions, jobs, files, time and ids. It is synchronous,
//! deterministic for equal seeds, and knows nothing of HTTP. The operations are next to the data
//! that they change, in `solutions`, `deploy`, `jobs` and `files`.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Timeline;
use super::faults::JobFault;
use super::files::{Files, NodePath};
use super::ids::IdSource;
use super::jobs::Jobs;
use super::knobs::{Knobs, TimeResolution};
use super::lag::{Lag, Remaining};
use super::listing::{ListLag, ReadLag, RecentLists};
use super::options::JobPace;
use super::solutions::{Solution, Solutions, server_folder};

/// The state of one emulated platform.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) knobs: Knobs,
    pub(crate) page_cap: usize,
    pub(crate) pace: JobPace,
    pub(crate) time: Timeline,
    pub(crate) ids: IdSource,
    pub(crate) solutions: Solutions,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
    pub(crate) lag: ListLag,
    pub(crate) recent: RecentLists,
    pub(crate) read_lag: ReadLag,
    /// The files that reads do not find yet, with the number of such reads.
    pub(crate) file_lag: HashMap<NodePath, u32>,
    /// The number of list calls, and of all requests.
    pub(crate) list_calls: u64,
    pub(crate) requests: u64,
    /// The overrides of a fault rule for the current request.
    pub(crate) twist: Twist,
    /// The last position in the order of creation of solutions and jobs.
    sequence: u64,
    /// The digest of the seed that the world began with; `None` if it is not known.
    pub(crate) seed: Option<String>,
}

/// The behaviour of a world; it is not stored.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) knobs: Knobs,
    pub(crate) page_cap: usize,
    pub(crate) pace: JobPace,
}

/// The stored part of a world.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) counters: Counters,
    pub(crate) solutions: Solutions,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
}

impl Remembered {
    /// Returns the stored part of a new world.
    pub(crate) fn nothing(id_seed: u64) -> Self {
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
    pub(crate) sequence: u64,
    pub(crate) reached_ms: u64,
    /// The digest of the seed that the world began with; `None` if it is not known.
    #[serde(default)]
    pub(crate) seed: Option<String>,
}

/// The overrides of a fault rule for one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Twist {
    pub(crate) job: Option<JobFault>,
    pub(crate) pace: Option<JobPace>,
    pub(crate) list_lag: Option<Lag>,
    /// The error message of a job that the fault makes fail.
    pub(crate) text: Option<String>,
}

impl World {
    /// Creates a world from its stored part.
    pub(crate) fn new(rules: Rules, time: Timeline, past: Remembered) -> Self {
        Self {
            knobs: rules.knobs,
            // A page must have at least one record, or lists would never end.
            page_cap: rules.page_cap.max(1),
            pace: rules.pace,
            time,
            ids: past.counters.ids,
            solutions: past.solutions,
            jobs: past.jobs,
            files: past.files,
            lag: ListLag::default(),
            recent: RecentLists::default(),
            read_lag: ReadLag::default(),
            file_lag: HashMap::new(),
            list_calls: 0,
            requests: 0,
            twist: Twist::default(),
            sequence: past.counters.sequence,
            seed: past.counters.seed,
        }
    }

    /// Begins an operation: moves the time on, and ends the jobs whose time has come.
    pub(crate) fn begin(&mut self) {
        self.time.tick();
        self.finish_due_jobs();
    }

    /// Moves a logical clock forward, and ends the jobs whose time has come.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.time.advance(by);
        self.finish_due_jobs();
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
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            ids: self.ids.clone(),
            sequence: self.sequence,
            reached_ms: self.time.now_ms(),
            seed: self.seed.clone(),
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
        if let Some(left) = Remaining::of(self.knobs.read_lag, now_ms) {
            self.read_lag.note(id, before, left, now_ms);
        }
        let lag = self.twist.list_lag.unwrap_or(self.knobs.list_lag);
        if let Some(left) = Remaining::of(lag, now_ms) {
            self.lag.expire(now_ms);
            self.lag.note(sequence, before, left);
        }
    }

    /// Returns true if anything has changed since the last [`settle`](Self::settle).
    pub(crate) fn has_changes(&self) -> bool {
        self.solutions.changes().next().is_some()
            || self.jobs.changes().next().is_some()
            || self.files.changes().next().is_some()
    }

    /// Clears the changes, once they are written or if there is no data folder.
    pub(crate) fn settle(&mut self) {
        self.solutions.settle();
        self.jobs.settle();
        self.files.settle();
    }
}

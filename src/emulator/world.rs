//! The state of one emulated platform: solutions, jobs, files, time and ids. It is sync, seeded and
//! knows nothing of HTTP; the operations on it stand beside the things that they change, in
//! `solutions`, `deploy`, `jobs` and
//! `files`.

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

/// One emulated platform.
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
    /// The files that reads do not find yet, and for how many reads.
    pub(crate) file_lag: HashMap<NodePath, u32>,
    /// How many lists were asked for, and how many requests in all.
    pub(crate) list_calls: u64,
    pub(crate) requests: u64,
    /// What a fault does to the request that is being worked on.
    pub(crate) twist: Twist,
    /// The place of the next solution or job in the order of creation.
    sequence: u64,
    /// The digest of the seed that it began with; none where that is not known.
    pub(crate) seed: Option<String>,
}

/// How a world behaves; not part of what it remembers.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) knobs: Knobs,
    pub(crate) page_cap: usize,
    pub(crate) pace: JobPace,
}

/// What a world remembers when nobody runs it.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) counters: Counters,
    pub(crate) solutions: Solutions,
    pub(crate) jobs: Jobs,
    pub(crate) files: Files,
}

impl Remembered {
    /// The memory of a new world.
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

/// What a world remembers besides its solutions, jobs and files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) ids: IdSource,
    pub(crate) sequence: u64,
    pub(crate) reached_ms: u64,
    /// The digest of the seed that the world began with; none where that is not known.
    #[serde(default)]
    pub(crate) seed: Option<String>,
}

/// What a fault does to the work of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Twist {
    pub(crate) job: Option<JobFault>,
    pub(crate) pace: Option<JobPace>,
    pub(crate) list_lag: Option<Lag>,
    /// What a job that is made to fail says.
    pub(crate) text: Option<String>,
}

impl World {
    /// A world that goes on from what it remembers.
    pub(crate) fn new(rules: Rules, time: Timeline, past: Remembered) -> Self {
        Self {
            knobs: rules.knobs,
            // A server whose pages hold nothing could not be listed at all.
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

    /// Begins an operation: time moves, and the jobs whose time has come end.
    pub(crate) fn begin(&mut self) {
        self.time.tick();
        self.finish_due_jobs();
    }

    /// Moves a logical clock on by hand; the jobs whose time has come end.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.time.advance(by);
        self.finish_due_jobs();
    }

    /// The time that a record is stamped with.
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

    // Every write of a record goes through these three, so that none escapes the list lag.

    pub(crate) fn insert_solution(&mut self, solution: Solution) {
        self.note_write(&solution.id, solution.sequence, None);
        self.solutions.insert(solution);
    }

    /// Changes a record; one that is gone stays gone.
    pub(crate) fn change_solution(&mut self, id: &str, change: impl FnOnce(&mut Solution)) {
        if let Some(before) = self.solutions.get(id).cloned() {
            self.note_write(id, before.sequence, Some(&before));
        }
        if let Some(solution) = self.solutions.get_mut(id) {
            change(solution);
        }
    }

    /// Removes a record with its server folder.
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

    /// Whether anything was touched since the last [`settle`](Self::settle).
    pub(crate) fn has_changes(&self) -> bool {
        self.solutions.changes().next().is_some()
            || self.jobs.changes().next().is_some()
            || self.files.changes().next().is_some()
    }

    /// Forgets what was touched, once it is written or nobody keeps it.
    pub(crate) fn settle(&mut self) {
        self.solutions.settle();
        self.jobs.settle();
        self.files.settle();
    }
}

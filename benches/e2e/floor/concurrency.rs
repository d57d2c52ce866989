//! The number of concurrent reads. It begins at ten, and grows by one with each answer that is
//! about as fast as the fastest one, to at most 64.

use std::time::Duration;

/// The number of reads at the start, which is that of the program.
const FIRST: usize = 10;

const MOST: usize = 64;

/// The current number of concurrent reads.
pub(super) struct Concurrency {
    reads: usize,
    fastest: Duration,
}

impl Concurrency {
    pub(super) fn new() -> Self {
        Self {
            reads: FIRST,
            fastest: Duration::MAX,
        }
    }

    pub(super) fn reads(&self) -> usize {
        self.reads
    }

    /// Records the duration of a request.
    pub(super) fn record(&mut self, time: Duration) {
        self.fastest = self.fastest.min(time);
        if time <= self.fastest * 3 / 2 {
            self.reads = MOST.min(self.reads + 1);
        }
    }
}

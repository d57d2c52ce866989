//! What time it is in a world: people's time, or a count of operations for tests.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place of the emulator that reads the wall clock, for worlds that people use"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a logical clock moves with each operation. A second, because the records of the
/// platform know no finer time, and tests like records whose times differ.
const LOGICAL_STEP: Duration = Duration::from_secs(1);

/// Which time a world keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The time of the machine.
    #[default]
    System,
    /// A clock that stands still between operations and moves one second with each, so that tests
    /// get equal times without waiting.
    Logical {
        /// The time of the first operation, in milliseconds since 1970.
        start_ms: u64,
    },
}

/// The running time of one world. It never goes back, whatever the machine's clock does.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    now_ms: u64,
    /// The nanoseconds within the millisecond; none on a logical clock.
    sub_ns: u32,
}

impl Timeline {
    /// Starts at the later of the clock's time and the time that a stored world had reached.
    pub(crate) fn new(clock: Clock, reached_ms: u64) -> Self {
        let mut timeline = Self {
            clock,
            now_ms: reached_ms,
            sub_ns: 0,
        };
        match clock {
            Clock::System => timeline.tick(),
            Clock::Logical { start_ms } => timeline.now_ms = timeline.now_ms.max(start_ms),
        }
        timeline
    }

    /// Begins an operation.
    pub(crate) fn tick(&mut self) {
        match self.clock {
            Clock::System => {
                let (now_ms, sub_ns) = system_time();
                (self.now_ms, self.sub_ns) = (self.now_ms, self.sub_ns).max((now_ms, sub_ns));
            }
            Clock::Logical { .. } => self.advance(LOGICAL_STEP),
        }
    }

    /// Moves on by hand, which only a logical clock does.
    pub(crate) fn advance(&mut self, by: Duration) {
        if let Clock::Logical { .. } = self.clock {
            self.now_ms = self.now_ms.saturating_add(milliseconds(by));
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The nanoseconds within the millisecond of [`now_ms`](Self::now_ms).
    pub(crate) fn sub_ns(&self) -> u32 {
        self.sub_ns
    }
}

/// Whole milliseconds; a duration that is too long for the type lasts for ever.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The milliseconds since 1970, and the nanoseconds within the last one.
fn system_time() -> (u64, u32) {
    // A machine whose clock is set before 1970 is at the beginning of time.
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (milliseconds(elapsed), elapsed.subsec_nanos() % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logical_clock_moves_a_second_with_each_operation() {
        let mut timeline = Timeline::new(Clock::Logical { start_ms: 5_000 }, 0);
        assert_eq!(timeline.now_ms(), 5_000);
        timeline.tick();
        timeline.tick();
        timeline.advance(Duration::from_millis(500));
        assert_eq!(timeline.now_ms(), 7_500);
    }

    #[test]
    fn time_never_goes_back_behind_a_stored_world() {
        let far = u64::MAX - 5;
        for clock in [Clock::System, Clock::Logical { start_ms: 1 }] {
            assert_eq!(Timeline::new(clock, far).now_ms(), far);
        }
    }
}

//! The clock of a world: the system clock, or a count of operations for tests; and the text form of
//! durations.

#![expect(
    clippy::disallowed_methods,
    reason = "only this module of the emulator reads the wall clock, for interactive use"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The step of a logical clock for each operation. It is one second because the records of the
/// platform have no finer times, and tests need records whose times differ.
const LOGICAL_STEP: Duration = Duration::from_secs(1);

/// The milliseconds since 1970, and the nanoseconds within the last one, which are 0 on a logical
/// clock.
pub(crate) type Moment = (u64, u32);

/// The source of time for a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system clock.
    #[default]
    System,
    /// A clock that moves one second with each operation and not at all between operations, so that
    /// tests get the same times at each execution and do not wait.
    Logical {
        /// The time of the first operation, in milliseconds since 1970.
        start_ms: u64,
    },
}

/// The current time of one world. It never goes back, even if the system clock does.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    now: Moment,
}

impl Timeline {
    /// Creates a timeline at the clock's time.
    pub(crate) fn new(clock: Clock) -> Self {
        let now = match clock {
            Clock::System => system_time(),
            Clock::Logical { start_ms } => (start_ms, 0),
        };
        Self { clock, now }
    }

    /// Returns the moment at which the next operation begins.
    pub(crate) fn next(&self) -> Moment {
        match self.clock {
            Clock::System => system_time(),
            Clock::Logical { .. } => self.after(LOGICAL_STEP),
        }
    }

    /// Returns the moment after a time on a logical clock, and the current one on the system clock.
    pub(crate) fn after(&self, time: Duration) -> Moment {
        let (now_ms, sub_ns) = self.now;
        match self.clock {
            Clock::System => self.now,
            Clock::Logical { .. } => (now_ms.saturating_add(milliseconds(time)), sub_ns),
        }
    }

    /// Moves the time on to a moment; does nothing if it is over.
    pub(crate) fn move_to(&mut self, moment: Moment) {
        self.now = self.now.max(moment);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now.0
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }
}

/// Returns whole milliseconds; `u64::MAX` if the duration is longer than that.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Parses a duration like `500ms`, `2s` or `15m`; `None` if the text is no such duration.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let unit_ms: u64 = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// Formats a duration in a form that [`parse_duration`] accepts.
pub(crate) fn show_duration(duration: Duration) -> String {
    match duration.as_millis() {
        total if total > 0 && total % 60_000 == 0 => format!("{}m", total / 60_000),
        total if total % 1_000 == 0 => format!("{}s", total / 1_000),
        total => format!("{total}ms"),
    }
}

fn system_time() -> Moment {
    // A clock that is set before 1970 counts as 1970.
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
        let mut timeline = Timeline::new(Clock::Logical { start_ms: 5_000 });
        assert_eq!(timeline.now_ms(), 5_000);
        timeline.move_to(timeline.next());
        timeline.move_to(timeline.next());
        timeline.move_to(timeline.after(Duration::from_millis(500)));
        timeline.move_to((6_000, 0));
        assert_eq!(timeline.now_ms(), 7_500);
    }

    #[test]
    fn time_never_goes_back_behind_a_stored_world() {
        let far = u64::MAX - 5;
        for clock in [Clock::System, Clock::Logical { start_ms: 1 }] {
            let mut timeline = Timeline::new(clock);
            timeline.move_to((far, 0));
            timeline.move_to(timeline.next());
            assert!(timeline.now_ms() >= far);
        }
    }
}

//! The delay until reads show a write.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clock::{milliseconds, parse_duration, show_duration};

/// The delay until reads show a write: a number of reads, or a time. The default is 0 reads, so
/// that reads show writes at once. The text form is `3`, `250ms`, `2s` or `1m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// A number of reads that do not show the write yet.
    Reads(u32),
    /// A time on the world's clock, independent of the number of reads.
    Time(Duration),
}

impl Default for Lag {
    fn default() -> Self {
        Self::Reads(0)
    }
}

/// An error for a text that is neither a number of reads nor a time.
#[derive(Debug, thiserror::Error)]
#[error("expected a number of reads, or a time like `250ms`")]
pub struct LagError;

impl FromStr for Lag {
    type Err = LagError;

    fn from_str(text: &str) -> Result<Self, LagError> {
        let reads = text.parse().map(Self::Reads).ok();
        reads
            .or_else(|| parse_duration(text).map(Self::Time))
            .ok_or(LagError)
    }
}

impl std::fmt::Display for Lag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reads(reads) => write!(f, "{reads}"),
            Self::Time(time) => f.write_str(&show_duration(*time)),
        }
    }
}

impl Serialize for Lag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Reads(reads) => serializer.serialize_u32(*reads),
            Self::Time(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Lag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected a number of reads, or a time like `250ms`"
        )]
        enum Form {
            Reads(u32),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Reads(reads) => Ok(Self::Reads(reads)),
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// The rest of the lag of one write.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remaining {
    Reads(u32),
    Until(u64),
}

impl Remaining {
    /// Returns the lag of a write at `now_ms`; `None` if reads show the write at once.
    pub(crate) fn of(lag: Lag, now_ms: u64) -> Option<Self> {
        match lag {
            Lag::Reads(0) => None,
            Lag::Reads(reads) => Some(Self::Reads(reads)),
            Lag::Time(time) => Some(Self::Until(now_ms.saturating_add(milliseconds(time)))),
        }
    }

    /// Returns true if reads do not show the write yet.
    pub(crate) fn is_left(self, now_ms: u64) -> bool {
        match self {
            Self::Reads(reads) => reads > 0,
            Self::Until(until_ms) => now_ms < until_ms,
        }
    }

    /// Counts one read.
    pub(crate) fn count_read(&mut self) {
        if let Self::Reads(reads) = self {
            *reads = reads.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_a_number_of_reads_or_a_time() {
        for (text, lag) in [
            ("0", Lag::Reads(0)),
            ("3", Lag::Reads(3)),
            ("250ms", Lag::Time(Duration::from_millis(250))),
            ("2s", Lag::Time(Duration::from_secs(2))),
        ] {
            assert_eq!(text.parse::<Lag>().unwrap(), lag);
            assert_eq!(lag.to_string(), text);
            let value = serde_json::to_value(lag).unwrap();
            assert_eq!(serde_json::from_value::<Lag>(value).unwrap(), lag);
        }
        for text in ["-1", "soon", "", "1.5"] {
            assert!(text.parse::<Lag>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_lag_ends_with_its_reads_or_its_time() {
        assert!(Remaining::of(Lag::Reads(0), 5).is_none());
        let mut reads = Remaining::of(Lag::Reads(2), 5).unwrap();
        assert!(reads.is_left(5));
        reads.count_read();
        assert!(reads.is_left(9_000));
        reads.count_read();
        assert!(!reads.is_left(5));

        let mut time = Remaining::of(Lag::Time(Duration::from_millis(10)), 5).unwrap();
        for _ in 0..9 {
            time.count_read();
        }
        assert!(time.is_left(14));
        assert!(!time.is_left(15));
    }
}

//! The pace of jobs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::{parse_duration, show_duration};

/// The time at which a job ends. The text form is `0`, `500ms`, `2s`, `1m`, `polls:3`, `lists:3`,
/// `manual` or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobPace {
    /// The job ends before the answer with its id is sent.
    #[default]
    Immediate,
    /// The job ends when this time has passed on the world's clock.
    After(Duration),
    /// This number of status calls find the job pending; the next one finds it done.
    Polls(u32),
    /// This number of lists show a run RUNNING; the next one finds it ended. Other jobs end at
    /// once.
    Lists(u32),
    /// The job ends by the control route `finish` or
    /// [`Emulator::finish_job`](super::Emulator::finish_job).
    Manual,
    /// The job never ends.
    Never,
}

/// An error for a text that is not a job pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a job pace; expected `0`, `500ms`, `2s`, `1m`, `polls:3`, `lists:3`, `manual` or \
     `never`"
)]
pub struct JobPaceError(String);

impl FromStr for JobPace {
    type Err = JobPaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pace = match (text, text.split_once(':')) {
            ("0" | "immediate", _) => Some(Self::Immediate),
            ("manual", _) => Some(Self::Manual),
            ("never", _) => Some(Self::Never),
            (_, Some(("polls", count))) => count.parse().map(Self::Polls).ok(),
            (_, Some(("lists", count))) => count.parse().map(Self::Lists).ok(),
            _ => parse_duration(text).map(|time| match time {
                Duration::ZERO => Self::Immediate,
                time => Self::After(time),
            }),
        };
        pace.ok_or_else(|| JobPaceError(text.to_owned()))
    }
}

impl fmt::Display for JobPace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => f.write_str("0"),
            Self::After(time) => f.write_str(&show_duration(*time)),
            Self::Polls(count) => write!(f, "polls:{count}"),
            Self::Lists(count) => write!(f, "lists:{count}"),
            Self::Manual => f.write_str("manual"),
            Self::Never => f.write_str("never"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_paces_are_read_from_text() {
        let cases = [
            ("0", JobPace::Immediate),
            ("0s", JobPace::Immediate),
            ("500ms", JobPace::After(Duration::from_millis(500))),
            ("2s", JobPace::After(Duration::from_secs(2))),
            ("15m", JobPace::After(Duration::from_mins(15))),
            ("polls:3", JobPace::Polls(3)),
            ("lists:2", JobPace::Lists(2)),
            ("manual", JobPace::Manual),
            ("never", JobPace::Never),
        ];
        for (text, pace) in cases {
            assert_eq!(text.parse(), Ok(pace), "{text}");
            assert_eq!(pace.to_string().parse(), Ok(pace), "{text}");
        }
        for text in [
            "",
            "2",
            "-1s",
            "2 s",
            "s",
            "polls:",
            "polls:x",
            "lists:",
            "2h5",
            "99999999999999999999s",
        ] {
            let error = text.parse::<JobPace>().unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("`{text}`")),
                "{error}"
            );
        }
    }
}

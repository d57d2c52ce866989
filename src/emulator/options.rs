//! How an emulator is started: address, token, data, time, pace and behaviour. Values only.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::faults::Fault;
use super::knobs::{Knobs, OwnerAfterVisibility, PatchStates, PatchStyle, RecordKeys, TimeForm};
use super::seed::Seed;

/// Everything that [`start`](super::start) needs to know. The default is an empty world on a free
/// loopback port that takes any bearer token.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The token of [`user`](Self::user). Without it every token that no user of the seed has is
    /// that user's.
    pub token: Option<Token>,
    /// The name of the caller who has no other name; an administrator.
    pub user: String,
    /// The accounts that an `IB-Context` header may name; none means any.
    pub contexts: Vec<String>,
    /// What the world starts with. Its records, packages and files apply to a new world only; its
    /// users and knobs always.
    pub seed: Option<Seed>,
    /// The folder that keeps the world over restarts; without it the world lives in memory.
    pub data: Option<PathBuf>,
    /// How deploy jobs, delete jobs and runs come to their end.
    pub job_pace: JobPace,
    /// The greatest page of a list, whatever `limit` asks for.
    pub page_cap: usize,
    /// How long each answer of the API takes at least.
    pub latency: Duration,
    /// Which time the world keeps.
    pub clock: Clock,
    /// Where the ids of a new world start from: equal seeds and equal requests give equal ids.
    pub id_seed: u64,
    /// The form of the answers.
    pub profile: Profile,
    /// The behaviour, in full. `None` takes the profile's with the knobs of the seed on top.
    pub knobs: Option<Knobs>,
    /// Fault rules, asked after those of the seed.
    pub faults: Vec<Fault>,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: None,
            user: "admin".to_owned(),
            contexts: Vec::new(),
            seed: None,
            data: None,
            job_pace: JobPace::Immediate,
            page_cap: 100,
            latency: Duration::ZERO,
            clock: Clock::System,
            id_seed: 0,
            profile: Profile::Docs,
            knobs: None,
            faults: Vec::new(),
        }
    }
}

/// A bearer token. It does not show itself in debug output.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token's text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The form of the answers as a whole; single traits are [`Knobs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Profile {
    /// What the page of the Deployed Solutions API says, to the letter: whole numbers for times,
    /// no visibility in records, paging keys wrapped in lists, public solutions owned by
    /// `IB_DEPLOYED` and private ones by their author.
    #[default]
    Docs,
    /// What captured records of AI Hub look like (docs/platform.md, "Records"): times as text, more
    /// keys, visibility in records, PATCH with a body that also knows PRODUCTION, and an owner that
    /// no visibility changes.
    Aihub,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Docs, Self::Aihub];

    /// The profile's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Aihub => "aihub",
        }
    }

    /// The knobs as the profile sets them.
    pub fn knobs(self) -> Knobs {
        match self {
            Self::Docs => Knobs::default(),
            Self::Aihub => Knobs {
                times: TimeForm::String,
                visibility_in_records: true,
                record_keys: RecordKeys::Aihub,
                patch_style: PatchStyle::Both,
                patch_states: PatchStates::Production,
                owner_after_visibility: OwnerAfterVisibility::Unchanged,
                ..Knobs::default()
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{name}`; the profiles are `docs` and `aihub`")]
pub struct ProfileError {
    name: String,
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| ProfileError {
            name: text.to_owned(),
        })
    }
}

/// How a job comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobPace {
    /// The job is done when its id is told.
    #[default]
    Immediate,
    /// The job is done when so much time has passed on the world's clock.
    After(Duration),
    /// So many status calls find the job pending; the next one finds it done.
    Polls(u32),
    /// The job waits for the control route `finish`.
    Manual,
    /// The job is pending for ever.
    Never,
}

/// A job pace that is none of `0`, `500ms`, `2s`, `1m`, `polls:3`, `manual` and `never`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no job pace; expected `0`, `500ms`, `2s`, `1m`, `polls:3`, `manual` or `never`"
)]
pub struct JobPaceError {
    text: String,
}

impl FromStr for JobPace {
    type Err = JobPaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || JobPaceError {
            text: text.to_owned(),
        };
        match text {
            "0" | "immediate" => return Ok(Self::Immediate),
            "manual" => return Ok(Self::Manual),
            "never" => return Ok(Self::Never),
            _ => {}
        }
        if let Some(count) = text.strip_prefix("polls:") {
            return count.parse().map(Self::Polls).map_err(|_| error());
        }
        let time = parse_duration(text).ok_or_else(error)?;
        Ok(match time {
            Duration::ZERO => Self::Immediate,
            time => Self::After(time),
        })
    }
}

impl fmt::Display for JobPace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => f.write_str("0"),
            Self::After(time) => f.write_str(&show_duration(*time)),
            Self::Polls(count) => write!(f, "polls:{count}"),
            Self::Manual => f.write_str("manual"),
            Self::Never => f.write_str("never"),
        }
    }
}

/// Reads a duration like `500ms`, `2s` or `15m`.
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

/// Writes a duration so that [`parse_duration`] reads it again.
pub(crate) fn show_duration(duration: Duration) -> String {
    match duration.as_millis() {
        total if total > 0 && total % 60_000 == 0 => format!("{}m", total / 60_000),
        total if total % 1_000 == 0 => format!("{}s", total / 1_000),
        total => format!("{total}ms"),
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

    #[test]
    fn tokens_do_not_show_in_debug_output() {
        let options = EmulatorOptions {
            token: Some("sesame".into()),
            ..EmulatorOptions::default()
        };
        assert!(!format!("{options:?}").contains("sesame"));
    }
}

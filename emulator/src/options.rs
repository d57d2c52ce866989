//! The options of an emulator: address, token, data, time, pace and behaviour.

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

/// The options for [`start`](super::start). The default is an empty world in memory on a free
/// loopback port, which accepts any bearer token.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// The loopback address to listen on. The default is 127.0.0.1 with port 0, which chooses a
    /// free port.
    pub listen: SocketAddr,
    /// The token of [`user`](Self::user). `None`, the default, gives every token that belongs to no
    /// user of the seed to that user.
    pub token: Option<Token>,
    /// The name of the default caller, who is an administrator; `admin` by default.
    pub user: String,
    /// The accounts that an `IB-Context` header may name. Empty, the default, allows any.
    pub contexts: Vec<String>,
    /// The starting state. Its records, packages and files only apply to a new world, its users,
    /// knobs and faults at every start.
    pub seed: Option<Seed>,
    /// The folder that stores the world across restarts. `None`, the default, keeps the world in
    /// memory.
    pub data: Option<PathBuf>,
    /// The pace of deploy jobs, delete jobs and runs; immediate by default.
    pub job_pace: JobPace,
    /// The maximum page size of a list, 100 by default. A greater `limit` is handled by the knob
    /// `over_limit`.
    pub page_cap: usize,
    /// The delay before the work of each API request; zero by default.
    pub latency: Duration,
    /// The source of time; the system clock by default.
    pub clock: Clock,
    /// The seed for the ids of a new world, 0 by default. Equal seeds and equal requests produce
    /// equal ids.
    pub id_seed: u64,
    /// The form of the answers; [`Profile::Docs`] by default.
    pub profile: Profile,
    /// All knobs. `None`, the default, takes the knobs of the profile with those of the seed on
    /// top.
    pub knobs: Option<Knobs>,
    /// The fault rules, which are tried after those of the seed. Empty by default.
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

/// A bearer token. Its debug output hides the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Returns the text of the token.
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

/// A set of knobs that gives answers a known form; [`Knobs`] sets each part alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Profile {
    /// The form that the page of the Deployed Solutions API documents: whole numbers for times, no
    /// visibility in records, paging keys wrapped in lists, public solutions owned by `IB_DEPLOYED`
    /// and private ones by their author.
    #[default]
    Docs,
    /// The form of captured records of AI Hub (docs/platform.md, "Records"): times as text, more
    /// keys, visibility in records, PATCH with a body that also accepts PRODUCTION, and an owner
    /// that a change of visibility does not change.
    Aihub,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::Docs, Self::Aihub];

    /// Returns the name of the profile, which its `FromStr` accepts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Aihub => "aihub",
        }
    }

    /// Returns the knobs of the profile.
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

/// An error for an unknown name of a profile.
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

/// The time at which a job ends. The text form is `0`, `500ms`, `2s`, `1m`, `polls:3`, `manual` or
/// `never`.
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
    /// The job ends by the control route `finish` or
    /// [`Emulator::finish_job`](super::Emulator::finish_job).
    Manual,
    /// The job never ends.
    Never,
}

/// An error for a text that is not a job pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a job pace; expected `0`, `500ms`, `2s`, `1m`, `polls:3`, `manual` or `never`"
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

//! Parsing of fault rules from settings, and writing them back.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::fault::{Fault, RetryAfter, When};
use crate::clock::{parse_duration, show_duration};
use crate::knobs::{KnobError, Knobs};

/// The prefix of knob settings.
const KNOB: &str = "knob.";

/// The names of all settings.
const SETTINGS: &str = "method, operation, address, request, skip, nth, times, probability, seed, \
                        when, status, body, text, retry_after, delay, connection, job, pace, \
                        list_lag, knob.NAME";

/// An error in the text of a fault rule.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The name of a setting is unknown.
    #[error("a fault has no setting `{name}`; it has {SETTINGS}")]
    UnknownSetting {
        /// The name that was given.
        name: String,
    },
    /// The text does not begin with a setting.
    #[error("`{text}` is not a fault rule; expected settings like `operation=deploy,status=503`")]
    NoSetting {
        /// The text that was given.
        text: String,
    },
    /// The value of a setting is not valid.
    #[error("the fault setting `{name}` does not take `{value}`; expected {expected}")]
    BadValue {
        /// The name of the setting.
        name: String,
        /// The value that was given.
        value: String,
        /// The values that the setting accepts.
        expected: String,
    },
    /// A knob setting is not valid.
    #[error("a knob setting of the fault rule is not valid")]
    BadKnob(#[from] KnobError),
    /// The rule has no effect.
    #[error(
        "the fault does nothing; give it at least one of status, body, retry_after, delay, \
         connection, job, pace, list_lag and knob.NAME"
    )]
    NoEffect,
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Parses `name=value,name=value`. A part without `=` continues the value before it, so that a
    /// value may contain commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut settings: Vec<(String, String)> = Vec::new();
        for part in text.split(',') {
            match (part.split_once('='), settings.last_mut()) {
                (Some((name, value)), _) => {
                    settings.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                (None, Some((_, value))) => {
                    value.push(',');
                    value.push_str(part);
                }
                (None, None) => {
                    return Err(FaultError::NoSetting {
                        text: text.to_owned(),
                    });
                }
            }
        }
        Self::from_settings(settings)
    }
}

impl Fault {
    /// Builds a rule from its settings, each a name and a value. Fails if a name is unknown, a
    /// value is not valid, or the rule has no effect.
    pub fn from_settings(
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, FaultError> {
        let mut fault = Self::default();
        for (name, value) in settings {
            fault.set(&Setting {
                name: &name,
                value: &value,
            })?;
        }
        let has_effect = fault.replaces_answer()
            || fault.delay.is_some()
            || fault.connection.is_some()
            || fault.job.is_some()
            || fault.pace.is_some()
            || fault.list_lag.is_some()
            || !fault.knobs.is_empty();
        if has_effect {
            Ok(fault)
        } else {
            Err(FaultError::NoEffect)
        }
    }

    fn set(&mut self, setting: &Setting<'_>) -> Result<(), FaultError> {
        let value = setting.value;
        match setting.name {
            "method" => self.method = Some(value.to_ascii_uppercase()),
            "operation" => self.operation = Some(setting.word()?),
            "address" => self.address = Some(value.to_owned()),
            "request" => self.request = Some(value.to_owned()),
            "skip" => self.skip = setting.parse(WHOLE_NUMBER)?,
            "nth" => {
                let nth: u32 = setting.parse(WHOLE_NUMBER)?;
                self.skip = setting.read("a number from 1 up", |_| nth.checked_sub(1))?;
                self.times = Some(1);
            }
            "times" => self.times = Some(setting.parse(WHOLE_NUMBER)?),
            "probability" => {
                let share = |text: &str| text.parse().ok().filter(|s| (0.0..=1.0).contains(s));
                self.probability = Some(setting.read("a number from 0 to 1", share)?);
            }
            "seed" => self.seed = Some(setting.parse(WHOLE_NUMBER)?),
            "when" => self.when = setting.word()?,
            "status" => {
                let status = |text: &str| text.parse().ok().filter(|s| (200..=599).contains(s));
                self.status = Some(setting.read("a status from 200 to 599", status)?);
            }
            "body" => self.body = Some(setting.word()?),
            "text" => self.text = Some(value.to_owned()),
            "retry_after" => self.retry_after = Some(RetryAfter::from(value)),
            "delay" => {
                let expected = "a duration like `500ms` or `2s`";
                self.delay = Some(setting.read(expected, parse_duration)?);
            }
            "connection" => self.connection = Some(setting.word()?),
            "job" => self.job = Some(setting.word()?),
            "pace" => self.pace = Some(setting.parse("a job pace like `polls:3`")?),
            "list_lag" => {
                let lag = setting.parse("a number of lists, or a time like `250ms`")?;
                self.list_lag = Some(lag);
            }
            name => {
                let Some(knob) = name.strip_prefix(KNOB) else {
                    let name = name.to_owned();
                    return Err(FaultError::UnknownSetting { name });
                };
                Knobs::default().set(knob, value)?;
                self.knobs.push((knob.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    /// Returns the settings from which this rule can be built again.
    fn settings(&self) -> Vec<(String, String)> {
        fn show(value: Option<impl ToString>) -> Option<String> {
            value.map(|value| value.to_string())
        }
        fn word(value: Option<impl serde::Serialize>) -> Option<String> {
            let value = serde_json::to_value(value?).ok()?;
            value.as_str().map(str::to_owned)
        }
        let all = [
            ("method", self.method.clone()),
            ("operation", word(self.operation)),
            ("address", self.address.clone()),
            ("request", self.request.clone()),
            ("skip", show((self.skip > 0).then_some(self.skip))),
            ("times", show(self.times)),
            ("probability", show(self.probability)),
            ("seed", show(self.seed)),
            (
                "when",
                word((self.when == When::After).then_some(self.when)),
            ),
            ("status", show(self.status)),
            ("body", word(self.body)),
            ("text", self.text.clone()),
            ("retry_after", show(self.retry_after.as_ref())),
            ("delay", self.delay.map(show_duration)),
            ("connection", word(self.connection)),
            ("job", word(self.job)),
            ("pace", show(self.pace)),
            ("list_lag", show(self.list_lag)),
        ];
        let plain = all
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let knobs = self
            .knobs
            .iter()
            .map(|(name, value)| (format!("{KNOB}{name}"), value.clone()));
        plain.chain(knobs).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings().into_iter();
        let settings: Vec<_> = settings.map(|(n, v)| format!("{n}={v}")).collect();
        f.write_str(&settings.join(","))
    }
}

const WHOLE_NUMBER: &str = "a whole number";

/// A setting of a rule as text.
struct Setting<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Setting<'a> {
    fn bad(&self, expected: &str) -> FaultError {
        FaultError::BadValue {
            name: self.name.to_owned(),
            value: self.value.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn read<T>(
        &self,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FaultError> {
        read(self.value).ok_or_else(|| self.bad(expected))
    }

    fn parse<T: FromStr>(&self, expected: &str) -> Result<T, FaultError> {
        self.read(expected, |text| text.parse().ok())
    }

    /// Parses a word of an enum with serde. The error lists the expected words.
    fn word<T: Deserialize<'a>>(&self) -> Result<T, FaultError> {
        let deserializer: StrDeserializer<'a, ValueError> = self.value.into_deserializer();
        T::deserialize(deserializer).map_err(|error| {
            let text = error.to_string();
            let expected = text.split_once("expected ").map(|(_, words)| words);
            self.bad(expected.unwrap_or(&text))
        })
    }
}

impl From<&str> for RetryAfter {
    fn from(text: &str) -> Self {
        let date = text
            .strip_prefix("date:")
            .and_then(|text| text.parse().ok());
        match (text.parse(), date) {
            (Ok(seconds), _) => Self::Seconds(seconds),
            (Err(_), Some(seconds)) => Self::Date(seconds),
            (Err(_), None) => Self::Text(text.to_owned()),
        }
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::Date(seconds) => write!(f, "date:{seconds}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_shown_again() {
        for text in [
            "operation=deploy,skip=1,times=2,status=503,body=html,retry_after=3",
            "method=GET,address=/api/v2/*,probability=0.5,seed=7,delay=500ms",
            "request=*A, B*,when=after,connection=drop",
            "operation=deploy,text=out of memory, alas,job=fail,pace=polls:3",
            "operation=delete_solution,list_lag=4,knob.delete_answer=no_content",
            "status=429,retry_after=date:30",
            "status=429,retry_after=soon",
            "delay=2m,connection=truncate",
            "pace=never",
        ] {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
        }
        let nth: Fault = "nth=3, status=500".parse().unwrap();
        assert_eq!((nth.skip, nth.times), (2, Some(1)));
    }

    #[test]
    fn a_bad_rule_names_what_is_wrong() {
        for (text, part) in [
            ("", "`` is not a fault rule"),
            ("deploy", "`deploy` is not a fault rule"),
            ("statsu=500", "no setting `statsu`; it has method"),
            (
                "operation=deploi,status=500",
                "expected one of `deploy`, `list_solutions`",
            ),
            ("operation=deploy", "the fault does nothing"),
            ("status=99", "expected a status from 200 to 599"),
            ("status=500,body=xml", "expected one of `message`"),
            ("status=500,probability=2", "from 0 to 1"),
            ("status=500,probability=NaN", "from 0 to 1"),
            ("status=500,nth=0", "from 1 up"),
            ("status=500,when=never", "expected `before` or `after`"),
            ("delay=5", "expected a duration"),
            ("pace=5", "expected a job pace"),
            ("job=die", "one of `fail`"),
            ("status=500,skip=-1", "expected a whole number"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let error = "knob.paging=loose".parse::<Fault>().unwrap_err();
        assert!(matches!(error, FaultError::BadKnob(_)), "{error}");
    }
}

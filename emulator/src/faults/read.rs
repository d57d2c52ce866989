//! Parsing of fault rules from settings, and writing them back.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::{ConnectionFault, Fault, JobFault, RetryAfter, When};
use crate::knobs::{ErrorBody, KnobError, Knobs};
use crate::options::{parse_duration, show_duration};
use crate::routes::Operation;

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
            fault.set(&name, &value)?;
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

    fn set(&mut self, name: &str, value: &str) -> Result<(), FaultError> {
        let bad = |expected: &str| FaultError::BadValue {
            name: name.to_owned(),
            value: value.to_owned(),
            expected: expected.to_owned(),
        };
        let number = || value.parse().map_err(|_| bad("a whole number"));
        match name {
            "method" => self.method = Some(value.to_ascii_uppercase()),
            "operation" => {
                self.operation = Some(word::<Operation>(value).map_err(|text| bad(&text))?);
            }
            "address" => self.address = Some(value.to_owned()),
            "request" => self.request = Some(value.to_owned()),
            "skip" => self.skip = number()?,
            "nth" => {
                let nth: u32 = number()?;
                self.skip = nth
                    .checked_sub(1)
                    .ok_or_else(|| bad("a number from 1 up"))?;
                self.times = Some(1);
            }
            "times" => self.times = Some(number()?),
            "probability" => {
                let share: f64 = value.parse().unwrap_or(-1.0);
                if !(0.0..=1.0).contains(&share) {
                    return Err(bad("a number from 0 to 1"));
                }
                self.probability = Some(share);
            }
            "seed" => self.seed = Some(value.parse().map_err(|_| bad("a whole number"))?),
            "when" => self.when = pick(&WHEN, value).map_err(|text| bad(&text))?,
            "status" => {
                let status = value.parse().unwrap_or(0);
                if !(200..=599).contains(&status) {
                    return Err(bad("a status from 200 to 599"));
                }
                self.status = Some(status);
            }
            "body" => self.body = Some(word::<ErrorBody>(value).map_err(|text| bad(&text))?),
            "text" => self.text = Some(value.to_owned()),
            "retry_after" => self.retry_after = Some(retry_after(value)),
            "delay" => {
                let delay = parse_duration(value);
                self.delay = Some(delay.ok_or_else(|| bad("a duration like `500ms` or `2s`"))?);
            }
            "connection" => {
                self.connection = Some(pick(&CONNECTION, value).map_err(|text| bad(&text))?);
            }
            "job" => self.job = Some(pick(&JOB, value).map_err(|text| bad(&text))?),
            "pace" => {
                let pace = value.parse();
                self.pace = Some(pace.map_err(|_| bad("a job pace like `polls:3`"))?);
            }
            "list_lag" => {
                let lag = value.parse();
                self.list_lag =
                    Some(lag.map_err(|_| bad("a number of lists, or a time like `250ms`"))?);
            }
            _ => {
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
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let operation = self.operation.map(|operation| show_word(&operation));
        let body = self.body.map(|body| show_word(&body));
        let retry_after = self.retry_after.as_ref().map(|value| match value {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(seconds) => format!("date:{seconds}"),
            RetryAfter::Text(text) => text.clone(),
        });
        let when = (self.when == When::After).then(|| "after".to_owned());
        let all = [
            ("method", self.method.clone()),
            ("operation", operation),
            ("address", self.address.clone()),
            ("request", self.request.clone()),
            ("skip", (self.skip > 0).then(|| self.skip.to_string())),
            ("times", self.times.map(|times| times.to_string())),
            (
                "probability",
                self.probability.map(|share| share.to_string()),
            ),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("when", when),
            ("status", self.status.map(|status| status.to_string())),
            ("body", body),
            ("text", self.text.clone()),
            ("retry_after", retry_after),
            ("delay", self.delay.map(show_duration)),
            (
                "connection",
                self.connection
                    .and_then(|fault| name_of(&CONNECTION, fault)),
            ),
            ("job", self.job.and_then(|fault| name_of(&JOB, fault))),
            ("pace", self.pace.map(|pace| pace.to_string())),
            ("list_lag", self.list_lag.map(|lag| lag.to_string())),
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

const WHEN: [(&str, When); 2] = [("before", When::Before), ("after", When::After)];

const CONNECTION: [(&str, ConnectionFault); 3] = [
    ("drop", ConnectionFault::Drop),
    ("truncate", ConnectionFault::Truncate),
    ("endless", ConnectionFault::Endless),
];

const JOB: [(&str, JobFault); 8] = [
    ("fail", JobFault::Fail),
    ("leave_record", JobFault::LeaveRecord),
    ("lost", JobFault::Lost),
    ("forgotten", JobFault::Forgotten),
    ("slow", JobFault::Slow),
    ("stuck", JobFault::Stuck),
    ("cancel", JobFault::Cancel),
    ("checkpoint", JobFault::Checkpoint),
];

fn pick<T: Copy>(table: &[(&str, T)], value: &str) -> Result<T, String> {
    let found = table.iter().find(|(name, _)| *name == value);
    found.map(|(_, word)| *word).ok_or_else(|| {
        let names: Vec<_> = table.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("one of {}", names.join(", "))
    })
}

fn name_of<T: PartialEq + Copy>(table: &[(&str, T)], word: T) -> Option<String> {
    let found = table.iter().find(|(_, known)| *known == word);
    found.map(|(name, _)| (*name).to_owned())
}

/// Parses a word of an enum with serde. The error lists the expected words.
fn word<'a, T: Deserialize<'a>>(value: &'a str) -> Result<T, String> {
    let deserializer: StrDeserializer<'a, ValueError> = value.into_deserializer();
    T::deserialize(deserializer).map_err(|error| {
        let text = error.to_string();
        let expected = text
            .split_once("expected ")
            .map(|(_, words)| words.to_owned());
        expected.unwrap_or(text)
    })
}

fn show_word(word: &impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(text)) => text,
        _ => unreachable!("invariant: words are written as text"),
    }
}

fn retry_after(value: &str) -> RetryAfter {
    if let Ok(seconds) = value.parse() {
        return RetryAfter::Seconds(seconds);
    }
    match value
        .strip_prefix("date:")
        .and_then(|text| text.parse().ok())
    {
        Some(seconds) => RetryAfter::Date(seconds),
        None => RetryAfter::Text(value.to_owned()),
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
            ("status=500,when=never", "one of `before`, `after`"),
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

//! Small values that are written as text: durations, limits and counts.

use std::time::Duration;

use super::model::Limit;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: write one like `1500ms`, `60s`, `15m` or `2h`")]
pub struct DurationError {
    text: String,
}

/// Parses the duration of an option, in the same form as in a manifest.
pub fn duration_from(text: &str) -> Result<Duration, DurationError> {
    parse_duration(text).ok_or_else(|| DurationError {
        text: text.to_owned(),
    })
}

/// Parses `1500ms`, `60s`, `15m` or `2h`: one whole number and one unit, of at most a year.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len()
        - text
            .trim_start_matches(|char: char| char.is_ascii_digit())
            .len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    (duration <= LONGEST).then_some(duration)
}

/// Returns a duration as manifests write it, in the largest unit that divides it exactly.
pub fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut exact = units
        .iter()
        .filter(|(_, length)| millis >= *length && millis.is_multiple_of(*length));
    let (unit, length) = exact.next().unwrap_or(&("ms", 1));
    format!("{}{unit}", millis / length)
}

/// The longest duration, one year: a longer one is a typing error. Sums cannot overflow.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Parses a count, or a percentage like `30%`.
pub(super) fn parse_limit(text: &str) -> Option<Limit> {
    match text.strip_suffix('%') {
        None => parse_count(text).map(Limit::Count),
        Some(share) => {
            let percent = u8::try_from(parse_count(share.trim_end())?).ok()?;
            (percent <= 100).then_some(Limit::Percent(percent))
        }
    }
}

/// Parses a count: digits only, no sign.
pub(super) fn parse_count(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("1500ms", Some(1_500)),
            ("60s", Some(60_000)),
            ("15m", Some(900_000)),
            ("2h", Some(7_200_000)),
            ("0s", Some(0)),
            ("8760h", Some(31_536_000_000)),
            ("8761h", None),
            ("", None),
            ("15", None),
            ("m", None),
            ("1.5h", None),
            ("-1s", None),
            ("1h30m", None),
            ("5 m", None),
            ("5M", None),
            ("99999999999999999999h", None),
            ("18446744073709551615h", None),
            ("٣s", None),
        ];
        for (text, millis) in cases {
            let expected = millis.map(Duration::from_millis);
            assert_eq!(parse_duration(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_are_written_as_manifests_write_them() {
        for (millis, expected) in [
            (0, "0ms"),
            (1500, "1500ms"),
            (90_000, "90s"),
            (900_000, "15m"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(duration_text(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn limits() {
        let cases = [
            ("0", Some(Limit::Count(0))),
            ("2", Some(Limit::Count(2))),
            ("0%", Some(Limit::Percent(0))),
            ("30%", Some(Limit::Percent(30))),
            ("30 %", Some(Limit::Percent(30))),
            ("100%", Some(Limit::Percent(100))),
            ("101%", None),
            ("256%", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("%", None),
            ("0x10", None),
            ("1_000", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_limit(text), expected, "{text:?}");
        }
    }
}

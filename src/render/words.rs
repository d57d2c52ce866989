//! Phrases that several renderers share: plurals, durations, escaping, and the literals that other
//! programs search for.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

pub use crate::escape::escaped;
use crate::ident::Address;

/// Returns a number with its noun: `1 version`, `2 versions`, `2 applies`.
pub fn count(number: usize, singular: &str) -> String {
    match singular.strip_suffix("ly") {
        _ if number == 1 => format!("{number} {singular}"),
        Some(stem) => format!("{number} {stem}lies"),
        None => format!("{number} {singular}s"),
    }
}

/// Returns a time, given in milliseconds since 1970, such as `2023-05-04T00:17:43.986Z`; `None`
/// outside of the calendar.
pub fn time(ms: impl TryInto<i64>) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms.try_into().ok()?).ok()?;
    Some(time.to_string())
}

/// Returns a time without fractions of a second, for tables.
pub fn brief_time(ms: impl TryInto<i64>) -> Option<String> {
    let ms: i64 = ms.try_into().ok()?;
    time(ms.checked_sub(ms.rem_euclid(1_000))?)
}

/// Returns a time, given in milliseconds since 1970, to the second.
pub fn instant(ms: u64) -> String {
    brief_time(ms).unwrap_or_else(|| "the end of time".to_owned())
}

/// Returns the messages of the causes of an error, the outermost first.
pub fn causes(error: &dyn Error) -> impl Iterator<Item = String> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.map(ToString::to_string)
}

/// Returns a duration for people: `0.3s`, `12s`, `2m05s`, `1h02m`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 10 {
        format!("{:.1}s", duration.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds}s")
    } else if seconds < 3600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Returns a number of bytes for people: `12 B`, `1.20 MiB`.
pub fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// The maximum length of a text from outside that is shown in full, in characters.
const SHOWN: usize = 200;
/// The lengths of the shown beginning and end of a longer text, in characters.
const SHOWN_ENDS: (usize, usize) = (120, 40);

/// Returns a text from outside, escaped and in quotes.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\\""))
}

/// Returns a text from outside, escaped and in quotes; a long one without its middle, and with its
/// length.
pub fn value(text: &str) -> String {
    let (shown, length) = clipped(text);
    let length = length.map_or_else(String::new, |length| format!(" ({length} characters)"));
    format!("{}{length}", quoted(&shown))
}

/// Returns an address, escaped: a name on a server may contain any character.
pub fn address(address: &Address) -> String {
    escaped(address.as_str())
}

/// Returns the first addresses of a list, and the number of the others.
pub fn addresses<'a>(list: impl ExactSizeIterator<Item = &'a Address>) -> String {
    joined(list.map(address))
}

/// Returns the first items of a list, and the number of the others.
pub fn joined(list: impl ExactSizeIterator<Item = String>) -> String {
    const MAX_SHOWN: usize = 4;
    let more = list.len().saturating_sub(MAX_SHOWN);
    let mut text = list.take(MAX_SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// Returns environments as a part of a sentence.
pub fn environments(names: &[&str]) -> String {
    let noun = match names {
        [_] => "environment",
        _ => "environments",
    };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{noun} {}", names.join(", "))
}

/// Returns a text; a long one without its middle, and with its length in characters.
pub fn clipped(text: &str) -> (String, Option<usize>) {
    let length = text.chars().count();
    if length <= SHOWN {
        return (text.to_owned(), None);
    }
    let (first, last) = SHOWN_ENDS;
    let mut shown: String = text.chars().take(first).collect();
    shown.push('…');
    shown.extend(text.chars().skip(length - last));
    (shown, Some(length))
}

/// Returns a text with at most `limit` characters; a longer one without its middle, so that the
/// version at the end of an address stays.
pub fn shortened(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let last = limit / 3;
    let first = text.chars().take(limit - last - 1);
    let last = text.chars().skip(length - last);
    first.chain(['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_escaped_in_quoted_text() {
        assert_eq!(quoted("say \"hi\"\n"), "\"say \\\"hi\\\"\\n\"");
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(time(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(
            time(1_683_159_463_986_u64).unwrap(),
            "2023-05-04T00:17:43.986Z"
        );
        assert_eq!(time(i64::MAX), None);
        assert_eq!(time(u64::MAX), None);
        assert_eq!(
            brief_time(1_683_159_463_986_i64).unwrap(),
            "2023-05-04T00:17:43Z"
        );
        assert_eq!(brief_time(-1).unwrap(), "1969-12-31T23:59:59Z");
        assert_eq!(brief_time(i64::MIN), None);
    }

    #[test]
    fn long_lists_and_texts_are_cut_and_counted() {
        let names = |number: usize| joined((0..number).map(|nth| nth.to_string()));
        assert_eq!(names(4), "0, 1, 2, 3");
        assert_eq!(names(6), "0, 1, 2, 3 and 2 more");
        assert_eq!(clipped("short"), ("short".to_owned(), None));
        let (shown, length) = clipped(&"é".repeat(1_000));
        assert_eq!((shown.chars().count(), length), (161, Some(1_000)));
        assert_eq!(shortened("Form@1.0", 8), "Form@1.0");
        assert_eq!(shortened("Long name@1.0", 12), "Long na…@1.0");
    }

    #[test]
    fn durations_read_well() {
        for (millis, expected) in [
            (300, "0.3s"),
            (12_400, "12s"),
            (125_000, "2m05s"),
            (3_725_000, "1h02m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}

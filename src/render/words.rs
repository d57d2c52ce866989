//! Phrases that several renderers share: plurals, durations, escaping, and the literals that other
//! programs search for.

use std::fmt::Write as _;
use std::time::Duration;

pub use crate::escape::escaped;
use crate::ident::{Address, Identity};
use crate::plan::{InFlight, Mode, OrphanedRecord, Reason, Succession, Summary};

/// Returns a number with its noun: `1 version`, `2 versions`.
pub fn count(number: usize, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {singular}{plural}")
}

/// Returns the warning above a plan that takes retained versions out of service.
pub fn coexisting(number: usize) -> String {
    format!(
        "{} will be deactivated by policy.\nTo keep {}, declare `superseded: keep`.",
        count(number, "coexisting version"),
        if number == 1 { "it" } else { "them" }
    )
}

/// Returns the reason of a change, in short.
pub(in crate::render) fn why(reason: &Reason) -> &'static str {
    match reason {
        Reason::Declared => "declared",
        Reason::Superseded { .. } => "superseded",
        Reason::Undeclared => "not declared",
        Reason::Tombstone => "declared as ABSENT",
        Reason::Requested => "requested by the command",
    }
}

/// The risk marks of plans and reviews.
pub mod risk {
    #![expect(missing_docs, reason = "each is the mark of its name")]
    pub const BLOCKED: &str = "blocked by protection";
    pub const BAD_PACKAGE: &str = "blocked by its package";
    pub const DELETED: &str = "deleted";
    pub const IRREVERSIBLE: &str = "irreversible";
    pub const OUT_OF_SERVICE_MEANWHILE: &str = "out of service meanwhile";
    pub const OUT_OF_SERVICE: &str = "out of service";
    pub const BECOMES_PUBLIC: &str = "becomes PUBLIC";
    pub const NARROWS: &str = "becomes less visible";
    pub const GOES_DOWN: &str = "version goes down";
}

/// Returns the verdict of an apply whose changes are all done, if an interrupt ended the check
/// after it early.
pub fn all_done(added: usize, changed: usize, destroyed: usize) -> String {
    format!("All changes are done: {added} added, {changed} changed, {destroyed} destroyed.")
}

/// Returns a time, given in milliseconds since 1970, to the second.
pub fn instant(ms: u64) -> String {
    let text = i64::try_from(ms).ok().and_then(super::human::brief_time);
    text.unwrap_or_else(|| "the end of time".to_owned())
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

/// The maximum length of a text from outside that is shown in full, in characters.
const SHOWN: usize = 200;
/// The lengths of the shown beginning and end of a longer text, in characters.
const SHOWN_ENDS: (usize, usize) = (120, 40);

/// Returns a text from outside, escaped and in quotes.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\\""))
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

/// Returns the versions that a version replaces, such as `upgrade from Form@1`; `show` escapes an
/// address.
pub fn succession(succession: &Succession<'_>, show: impl Fn(&Address) -> String) -> String {
    let from = joined(succession.from.iter().map(|address| show(address)));
    format!("{} from {from}", succession.course.as_str())
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

/// Returns the verdict of a plan: the main sentence, and the rest of the line.
pub(in crate::render) fn verdict(mode: Mode, summary: &Summary) -> (String, &'static str) {
    if summary.has_changes() {
        let line = format!(
            "Plan: {} to add, {} to change, {} to destroy.",
            summary.add, summary.change, summary.destroy
        );
        return (line, "");
    }
    if summary.has_leftovers() {
        let mut left = Vec::new();
        if summary.in_flight > 0 {
            let writes = count(summary.in_flight, "write");
            left.push(format!("{writes} of earlier applies in flight"));
        }
        if summary.orphaned > 0 {
            left.push(count(summary.orphaned, "orphaned record"));
        }
        if summary.unknown > 0 {
            let versions = count(summary.unknown, "declared version");
            left.push(format!("{versions} in an unknown state or visibility"));
        }
        return (
            format!(
                "Nothing to change, but action is needed: {}.",
                left.join(", ")
            ),
            "",
        );
    }
    let why = match mode {
        Mode::Converge => " Your infrastructure matches the configuration.",
        Mode::Destroy => " Nothing that the manifest declares is live.",
    };
    ("No changes.".to_owned(), why)
}

/// Returns the text for a write of an earlier apply that is in flight.
pub(in crate::render) fn in_flight(write: &InFlight, address: &str) -> String {
    let job = write.job.as_ref().map_or_else(
        || "whose job is not known".to_owned(),
        |job| format!("job {}", escaped(job.as_str())),
    );
    format!(
        "the {} of {address}, {job}, sent by apply {}; the next apply waits until it ends, then plans",
        write.write, write.apply
    )
}

/// Returns the text for a record that a failed deploy left, with the possible fixes.
pub fn orphaned(record: &OrphanedRecord, address_of: impl Fn(&Identity) -> String) -> String {
    let id = escaped(record.id.as_str());
    let live = address_of(record.live());
    let apply = &record.apply;
    let declared = address_of(&record.identity);
    let quoted = shlex::try_quote(&declared).unwrap_or_default();
    let abandon = format!("solform abandon {quoted} --apply {apply}");
    match &record.made {
        None => format!(
            "{live}, record {id}: the deploy by apply {apply} failed and left it; deploy it again with --replace, or clear it with `{abandon}`"
        ),
        Some(_) => format!(
            "{live}, record {id}: the deploy of {declared} by apply {apply} made it instead; delete it on the platform, or clear it with `{abandon}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_escaped_in_quoted_text() {
        assert_eq!(quoted("say \"hi\"\n"), "\"say \\\"hi\\\"\\n\"");
    }

    #[test]
    fn long_lists_and_texts_are_cut_and_counted() {
        let names = |number: usize| joined((0..number).map(|nth| nth.to_string()));
        assert_eq!(names(4), "0, 1, 2, 3");
        assert_eq!(names(6), "0, 1, 2, 3 and 2 more");
        assert_eq!(clipped("short"), ("short".to_owned(), None));
        let (shown, length) = clipped(&"é".repeat(1_000));
        assert_eq!((shown.chars().count(), length), (161, Some(1_000)));
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

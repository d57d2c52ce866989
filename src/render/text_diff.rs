//! Differences between two texts, through `similar`: of values, or of the parts of a value.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use similar::{ChangeTag, DiffTag, TextDiff};

use super::styles::{StyledWriter, styled};
use super::words;
use crate::plan::Difference;

/// Writes the differences between the plan (`-`) and the current state (`+`).
pub(super) fn render_differences(
    differences: &[Difference],
    indent: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let ended = |side: &str| format!("{}\n", words::escaped(side));
    let sides = differences.iter().map(Difference::sides);
    let (planned, live): (String, String) = sides
        .map(|(planned, live)| (ended(&planned), ended(&live)))
        .unzip();
    let diff = TextDiff::from_lines(&planned, &live);
    for change in diff.iter_all_changes() {
        let (sign, style) = match change.tag() {
            ChangeTag::Delete => ("-", out.styles.destroy),
            ChangeTag::Insert => ("+", out.styles.add),
            ChangeTag::Equal => (" ", out.styles.faint),
        };
        let text = change.value().trim_end_matches('\n');
        writeln!(out, "{indent}{}", styled(style, format!("{sign} {text}")))?;
    }
    Ok(())
}

/// Writes the differences between two texts of a file, with three lines around each.
pub fn render_text_diff(
    name: &str,
    before: &str,
    after: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let diff = TextDiff::from_lines(before, after);
    let name = words::escaped(name);
    out.line(out.styles.strong, format_args!("--- {name}\n+++ {name}"))?;
    for hunk in diff.unified_diff().iter_hunks() {
        writeln!(out, "{}", hunk.header())?;
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ("-", out.styles.destroy),
                ChangeTag::Insert => ("+", out.styles.add),
                ChangeTag::Equal => (" ", anstyle::Style::new()),
            };
            let text = change.value().trim_end_matches(['\n', '\r']);
            let text = words::escaped(text);
            out.line(style, format_args!("{sign}{text}"))?;
        }
    }
    Ok(())
}

/// The maximum size, in bytes, of differing parts that are compared piece by piece.
const COMPARED: usize = 1_000;
/// The maximum length of a piece, in characters.
const CONTEXT: usize = 24;

/// Returns two values as one, without quotes, such as `Form-[-1-]{+2+}.0`: removed parts are in
/// `[- -]` and added parts in `{+ +}`. Two different values never look equal.
pub(super) fn marked(before: &str, after: &str) -> String {
    let (before, after) = (pieces(before), pieces(after));
    let common = |left: &mut dyn Iterator<Item = (&&str, &&str)>| {
        left.take_while(|(left, right)| left == right).count()
    };
    let first = common(&mut before.iter().zip(&after));
    let rest = before.len().min(after.len()) - first;
    let last = common(&mut before.iter().rev().zip(after.iter().rev())).min(rest);
    let middle = |pieces: &[&str]| pieces[first..pieces.len() - last].concat();
    let (goes, comes) = (middle(&before), middle(&after));
    let mut text = String::new();
    push_equal(&before[..first], &mut text);
    if goes.len() + comes.len() > COMPARED {
        push_marked(["[-", "-]"], &goes, &mut text);
        push_marked(["{+", "+}"], &comes, &mut text);
    } else {
        let (goes, comes) = (
            &before[first..before.len() - last],
            &after[first..after.len() - last],
        );
        for operation in TextDiff::from_slices(goes, comes).ops() {
            let (tag, goes_range, comes_range) = operation.as_tag_tuple();
            if tag == DiffTag::Equal {
                push_equal(&goes[goes_range], &mut text);
            } else {
                push_marked(["[-", "-]"], &goes[goes_range].concat(), &mut text);
                push_marked(["{+", "+}"], &comes[comes_range].concat(), &mut text);
            }
        }
    }
    push_equal(&before[before.len() - last..], &mut text);
    text
}

/// Splits a text into words of letters and digits, and the characters between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut length = 0;
    let mut is_word = false;
    for (index, letter) in text.char_indices() {
        let is_more = letter.is_alphanumeric() && is_word && length < CONTEXT;
        if index > 0 && !is_more {
            pieces.push(&text[start..index]);
            start = index;
            length = 0;
        }
        is_word = letter.is_alphanumeric();
        length += 1;
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

fn push_equal(pieces: &[&str], text: &mut String) {
    let equal = pieces.concat();
    text.push_str(&words::escaped(&words::clipped(&equal).0));
}

fn push_marked(marks: [&str; 2], piece: &str, text: &mut String) {
    if piece.is_empty() {
        return;
    }
    let [opening, closing] = marks;
    let (shown, length) = words::clipped(piece);
    text.push_str(opening);
    text.push_str(&words::escaped(&shown));
    if let Some(length) = length {
        // Writing to a String cannot fail.
        let _ = write!(text, " ({length} characters)");
    }
    text.push_str(closing);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_piece_by_piece() {
        for (before, after, expected) in [
            (
                "acme/fs/Form-1.0.ibsolution",
                "acme/fs/Form-2.0.ibsolution",
                "acme/fs/Form-[-1-]{+2+}.0.ibsolution",
            ),
            ("a b", "a b c", "a b{+ c+}"),
            ("x-1-y-1", "x-2-y-2", "x-[-1-]{+2+}-y-[-1-]{+2+}"),
            ("", "a", "{+a+}"),
            ("a\u{200b}", "a", "a[-\\u{200b}-]"),
            ("aa", "aaaa", "[-aa-]{+aaaa+}"),
        ] {
            assert_eq!(marked(before, after), expected);
        }
    }

    #[test]
    fn long_values_stay_short_and_different() {
        let long = |middle: &str| format!("{}{middle}{}", "x".repeat(5_000), "y".repeat(5_000));
        let text = marked(&long("1"), &long("2"));
        assert!(text.len() < 1_000, "{text}");
        assert!(text.contains("{+"), "{text}");
        let text = marked(&"ab ".repeat(9_000), &"cd ".repeat(9_001));
        assert!(text.len() < 1_000, "{text}");
        assert!(text.contains("(26999 characters)"), "{text}");
    }
}

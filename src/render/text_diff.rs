//! Differences between two texts, through `similar`: line by line, or within one line.

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

/// The maximum number of lines of a text that is compared by lines.
const LINES: usize = 5_000;
/// The number of equal lines that are shown around different ones.
const AROUND: usize = 3;

/// A line of the comparison of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DiffLine {
    pub(super) kind: LineKind,
    /// The number of the line in the first text, from 1.
    pub(super) before: Option<usize>,
    /// The number of the line in the second text, from 1.
    pub(super) after: Option<usize>,
    /// The line without its end.
    pub(super) text: String,
}

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Both texts have it.
    Context,
    /// Only the first text has it.
    Removed,
    /// Only the second text has it.
    Added,
}

/// Compares two texts by lines. Returns the groups of different lines with the lines around them;
/// none if the texts have too many lines.
pub(super) fn line_diff(before: &str, after: &str) -> Option<Vec<Vec<DiffLine>>> {
    if [before, after]
        .iter()
        .any(|text| text.lines().count() > LINES)
    {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(AROUND);
    let lines_of = |group: &Vec<similar::DiffOp>| {
        let changes = group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation));
        let line = |change: similar::Change<&str>| DiffLine {
            kind: match change.tag() {
                ChangeTag::Equal => LineKind::Context,
                ChangeTag::Delete => LineKind::Removed,
                ChangeTag::Insert => LineKind::Added,
            },
            before: change.old_index().map(|index| index + 1),
            after: change.new_index().map(|index| index + 1),
            text: change.value().trim_end_matches('\n').to_owned(),
        };
        changes.map(line).collect()
    };
    Some(groups.iter().map(lines_of).collect())
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
    fn texts_are_compared_by_lines() {
        let numbered = |skipped: usize| {
            let lines = (1..=40).filter(|number| *number != skipped);
            let lines: Vec<String> = lines.map(|number| number.to_string()).collect();
            lines.join("\n") + "\n"
        };
        let (before, after) = (numbered(0), numbered(20).replace("35\n", "x\n"));
        let groups = line_diff(&before, &after).unwrap();
        let shown: Vec<String> = groups
            .iter()
            .map(|group| {
                let lines = group.iter().map(|line| match line.kind {
                    LineKind::Context => line.text.clone(),
                    LineKind::Removed => format!("-{}", line.text),
                    LineKind::Added => format!("+{}", line.text),
                });
                lines.collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(shown, ["17 18 19 -20 21 22 23", "32 33 34 -35 +x 36 37 38"]);
        assert_eq!((groups[1][4].before, groups[1][4].after), (None, Some(34)));
        assert!(line_diff(&"a\n".repeat(5_001), "").is_none());
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

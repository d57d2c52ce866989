//! The differences between two texts, line by line.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

/// The maximum number of lines of a text that is compared by lines.
const LINES: usize = 5_000;
/// The number of equal lines that are shown around different ones.
const AROUND: usize = 3;

/// A line of the comparison of two texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffLine {
    /// The kind of the line.
    pub kind: LineKind,
    /// The number of the line in the first text, from 1.
    pub before: Option<usize>,
    /// The number of the line in the second text, from 1.
    pub after: Option<usize>,
    /// The line without its end.
    pub text: String,
}

word_enum! {
    /// The kind of a line.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum LineKind {
        /// Both texts have it.
        Context = "context",
        /// Only the first text has it.
        Removed = "removed",
        /// Only the second text has it.
        Added = "added",
    }
}

/// Compares two texts by lines. Returns the groups of different lines with the lines around them;
/// none if the texts have too many lines.
pub fn line_diff(before: &str, after: &str) -> Option<Vec<Vec<DiffLine>>> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

//! Warnings about invisible characters: they can make two different names look equal, hide a part
//! of a line, or show it in another order than the one in which it is read.

use std::collections::BTreeSet;

use super::near::head;
use super::position::Mark;
use super::problem::{Code, Problem};
use super::source::SourceFile;
use crate::escape::{is_hidden, is_plain};

/// The maximum number of warnings about lines of a file.
const MAX_LINES: usize = 1_000;

/// The maximum number of characters that a warning names.
const MAX_NAMED: usize = 4;

/// Returns a warning for each line of the file with an invisible character, comments included.
pub(super) fn warnings(source: &SourceFile) -> Vec<Problem> {
    let text = source.text();
    if text.lines().all(is_plain) {
        return Vec::new();
    }
    let mut hits = text
        .char_indices()
        // Some editors write a byte order mark at the start.
        .filter(|(offset, letter)| is_invisible(*letter) && (*letter, *offset) != ('\u{feff}', 0))
        .map(|(offset, letter)| (source.line_of(offset), offset, letter))
        .peekable();
    let mut found = Vec::new();
    while let Some((line, offset, letter)) = hits.next() {
        let mut letters = BTreeSet::from([letter]);
        while let Some((_, _, letter)) = hits.next_if(|(next, ..)| *next == line) {
            letters.insert(letter);
        }
        let mut message = message(&letters);
        let is_last = found.len() + 1 == MAX_LINES;
        if is_last && hits.peek().is_some() {
            message.push_str(", and lines below have such characters too");
        }
        let start = source.line_range(line).start;
        let column = text[start..offset].chars().count() + 1;
        found.push(warning(source, &message, source.mark_at(line + 1, column)));
        if is_last {
            break;
        }
    }
    found
}

/// Returns a warning about a value with an invisible character that comes from an escape or a
/// variable; `None` if the text in the file has the character itself.
pub(super) fn in_value(source: &SourceFile, text: &str, at: Mark) -> Option<Problem> {
    if is_plain(text) {
        return None;
    }
    let letters: BTreeSet<char> = text
        .chars()
        .filter(|letter| is_invisible(*letter))
        .collect();
    if letters.is_empty() || source.slice(at).chars().any(is_invisible) {
        return None;
    }
    Some(warning(source, &message(&letters), at))
}

fn is_invisible(letter: char) -> bool {
    is_hidden(letter) && !matches!(letter, '\n' | '\r' | '\t')
}

fn message(letters: &BTreeSet<char>) -> String {
    let names = head(letters, MAX_NAMED, |letter| {
        format!("U+{:04X}", u32::from(*letter))
    });
    let plural = if letters.len() == 1 { "" } else { "s" };
    format!("invisible character{plural}: {names}")
}

fn warning(source: &SourceFile, message: &str, at: Mark) -> Problem {
    Problem::new(Code::InvisibleCharacter, message).at(source, at)
}

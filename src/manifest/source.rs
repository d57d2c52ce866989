//! The manifest as text: its name, its lines, and the positions in it. Diagnostics show a part of
//! the text as a [`Snippet`](super::snippet::Snippet).

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::masking;
use super::position::{Mark, Position, narrow};

/// The keys that identify a manifest: it has at least one of them.
const MANIFEST_KEYS: [&str; 2] = ["solform", "environments"];

/// The minimum size of a big manifest, in bytes: smaller ones are read at once.
pub(super) const BIG: usize = 200 * 1024;

/// The minimum ratio of a big manifest to the part above its solutions.
pub(super) const SHARE: usize = 10;

/// A manifest's name and text. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceFile(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    name: Arc<String>,
    text: Arc<String>,
    /// The positions of texts that must not be shown.
    hidden: Vec<Mark>,
    line_starts: OnceLock<Vec<usize>>,
    masked: OnceLock<String>,
    is_manifest: OnceLock<bool>,
}

impl SourceFile {
    /// The name of a manifest that is read from standard input.
    pub const STANDARD_INPUT: &'static str = "standard input";

    pub(super) fn new(name: &str, text: String) -> Self {
        Self(Arc::new(Inner {
            name: Arc::new(name.to_owned()),
            text: Arc::new(text),
            ..Inner::default()
        }))
    }

    /// Returns the same file; the texts at these positions are never shown.
    pub(super) fn hiding(&self, hidden: Vec<Mark>) -> Self {
        Self(Arc::new(Inner {
            name: Arc::clone(&self.0.name),
            text: Arc::clone(&self.0.text),
            hidden,
            line_starts: self.0.line_starts.clone(),
            ..Inner::default()
        }))
    }

    /// Returns the part above the solutions of a big manifest, as a file of the same name. `None`
    /// if the manifest is not big, or if that part is not a small one of it: it is read twice.
    pub(super) fn above_solutions(&self) -> Option<Self> {
        let text = self.text();
        let end = text.find("\nsolutions:").filter(|_| text.len() >= BIG)? + 1;
        (end <= text.len() / SHARE).then(|| Self::new(&self.0.name, text[..end].to_owned()))
    }

    /// Returns the name of the file as the user wrote it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the text as it was read. It may contain secrets: never print it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns whether another file has the same text.
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }

    /// Returns the text at a mark; empty if the mark is outside of the text.
    pub(super) fn slice(&self, mark: Mark) -> &str {
        self.0.text.get(mark.range()).unwrap_or_default()
    }

    /// Returns the public form of a mark.
    pub(super) fn position(&self, mark: Mark) -> Position {
        Position {
            file: Arc::clone(&self.0.name),
            line: mark.line,
            column: mark.column,
            offset: mark.offset,
            length: mark.length,
        }
    }

    /// Returns the mark of a byte range inside of a marked scalar.
    pub(super) fn mark_within(&self, outer: Mark, range: Range<usize>) -> Mark {
        let slice = self.slice(outer);
        let before = slice.get(..range.start).unwrap_or_default();
        let (lines, column) = match before.rsplit_once('\n') {
            None => (0, outer.column + narrow(before.chars().count())),
            Some((above, line)) => (
                narrow(above.matches('\n').count() + 1),
                narrow(line.chars().count() + 1),
            ),
        };
        Mark {
            offset: outer.offset + narrow(range.start),
            length: narrow(range.len()),
            line: outer.line + lines,
            column,
        }
    }

    /// Returns the mark of the character at a line and column (both from 1).
    pub(super) fn mark_at(&self, line: usize, column: usize) -> Mark {
        let starts = self.line_starts();
        let index = line.saturating_sub(1).min(starts.len() - 1);
        let start = starts[index];
        let end = starts.get(index + 1).copied().unwrap_or(self.0.text.len());
        let text = self.0.text[start..end].trim_end_matches(['\n', '\r']);
        let (offset, length) = text
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or((text.len(), 0), |(offset, char)| (offset, char.len_utf8()));
        Mark {
            offset: narrow(start + offset),
            length: narrow(length),
            line: narrow(index + 1),
            column: narrow(column.max(1)),
        }
    }

    pub(super) fn line_starts(&self) -> &[usize] {
        self.0.line_starts.get_or_init(|| {
            let breaks = self
                .0
                .text
                .match_indices('\n')
                .map(|(offset, _)| offset + 1);
            std::iter::once(0).chain(breaks).collect()
        })
    }

    /// Returns the index of the line with this byte, from 0.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.line_starts().partition_point(|start| *start <= offset) - 1
    }

    /// Returns the number of lines; the empty text has one.
    pub(super) fn lines(&self) -> usize {
        self.line_starts().len()
    }

    /// Returns the byte range of a line without its line break.
    pub(super) fn line_range(&self, line: usize) -> Range<usize> {
        let starts = self.line_starts();
        let start = starts[line];
        let end = starts.get(line + 1).copied().unwrap_or(self.0.text.len());
        let text = &self.0.text[start..end];
        let text = text.strip_suffix('\n').unwrap_or(text);
        start..start + text.strip_suffix('\r').unwrap_or(text).len()
    }

    /// Returns the text with its secrets masked: it has the same length and the same line breaks.
    pub fn masked(&self) -> &str {
        self.0
            .masked
            .get_or_init(|| masking::mask(&self.0.text, &self.0.hidden))
    }

    /// Returns whether the text looks like a manifest, even an invalid one. The content of any
    /// other file, which a wrong path may lead to, must not be shown.
    pub(super) fn is_manifest(&self) -> bool {
        *self.0.is_manifest.get_or_init(|| is_manifest(&self.0.text))
    }
}

fn is_manifest(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', '%']) && !line.starts_with("---")
    });
    first.and_then(key_of).is_some_and(is_word)
        && !text.contains('\0')
        && MANIFEST_KEYS.iter().any(|key| has_key(text, key))
}

/// Returns whether a line begins with this key.
fn has_key(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(found, _)| {
        let start = text[..found].rfind('\n').map_or(0, |end| end + 1);
        // A key is within the first characters of its line; long lines are not searched.
        let line = &text[start..];
        found - start <= 8 && key_of(line.lines().next().unwrap_or_default()) == Some(key)
    })
}

/// Returns the key that a line begins with.
fn key_of(line: &str) -> Option<&str> {
    let line = match line.strip_prefix('{') {
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (key, _) = line.split_once(':')?;
    Some(key.trim_end().trim_matches(['"', '\'']))
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::super::problem::Code;
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile::from_bytes("solform.yaml", text).unwrap()
    }

    #[test]
    fn marks_count_characters() {
        let source = source("a: ü\nbß: ${x}\n");
        let mark = source.mark_at(2, 5);
        assert_eq!((mark.line, mark.column, mark.offset), (2, 5, 11));
        let outer = Mark { length: 4, ..mark };
        let inner = source.mark_within(outer, 2..3);
        assert_eq!((inner.line, inner.column, inner.offset), (2, 7, 13));
        let past_the_end = source.mark_at(99, 99);
        assert_eq!(past_the_end.line, 3);
    }

    #[test]
    fn invalid_utf8_has_a_position() {
        let problems = SourceFile::from_bytes("m.yaml", b"a: 1\nb: \xff\n".to_vec()).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.code, Code::NotUtf8);
        let position = &problem.primary.as_ref().unwrap().position;
        assert_eq!((position.line, position.column), (2, 4));
    }
}

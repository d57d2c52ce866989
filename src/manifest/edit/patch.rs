//! Changes of a text at positions: new entries of mappings, and new values of scalars.
//!
//! A function returns `None` if the text has a form that it does not edit. The result of all others
//! must be read again, because a form may be rarer than this module knows.

use std::ops::Range;

use serde_yaml::granit_parser::ScalarStyle;

use super::super::scalar::{quoted, scalar, value};
use super::super::yaml::outline::{Entry, Form, Outline};
use crate::ident::Version;

/// The number of spaces by which a new block is indented.
const STEP: usize = 2;

/// A new entry: a key and a value on one line.
pub(super) struct Item {
    pub(super) key: String,
    pub(super) value: String,
}

impl Item {
    fn text(&self) -> String {
        format!("{}: {}", self.key, self.value)
    }
}

/// Returns entries in the form of the inside of braces.
pub(super) fn inline(items: &[Item]) -> String {
    let items: Vec<String> = items.iter().map(Item::text).collect();
    items.join(", ")
}

/// Returns whether a value is empty: nothing, `~` or `null`.
pub(super) fn is_empty(text: &str, value: &Outline) -> bool {
    let written = text.get(value.range.clone()).unwrap_or_default();
    matches!(value.form, Form::Scalar(ScalarStyle::Plain))
        && matches!(written, "" | "~" | "null" | "Null" | "NULL")
}

/// A text with its changes.
pub(super) struct Patch<'a> {
    text: &'a str,
    line_end: &'static str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Patch<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let first = text.find('\n').unwrap_or_default();
        let is_crlf = text[..first].ends_with('\r');
        Self {
            text,
            line_end: if is_crlf { "\r\n" } else { "\n" },
            edits: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the changed text.
    pub(super) fn apply(mut self) -> String {
        self.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, new) in self.edits {
            text.push_str(self.text.get(at..range.start).unwrap_or_default());
            text.push_str(&new);
            at = range.end;
        }
        text.push_str(self.text.get(at..).unwrap_or_default());
        text
    }

    fn replace(&mut self, range: Range<usize>, new: String) {
        self.edits.push((range, new));
    }

    /// Replaces the value of an entry by another text; its quotes stay.
    pub(super) fn replace_scalar(&mut self, entry: &Entry, text: &str) -> Option<()> {
        if is_empty(self.text, &entry.value) {
            return self.put(entry, &value(text));
        }
        let range = entry.value.range.clone();
        let new = match entry.value.form {
            Form::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
            | Form::List
            | Form::Mapping { .. } => return None,
            Form::Alias => value(text),
            Form::Scalar(_) => self.in_quotes_of(&range, &text.replace("${", "$${")),
        };
        self.replace(range, new);
        Some(())
    }

    /// Replaces the key of an entry by another version; its quotes stay. Nothing is replaced by
    /// solform in a key, so `$` is not escaped.
    pub(super) fn replace_key(&mut self, entry: &Entry, version: &Version) {
        let new = self.in_quotes_of(&entry.key, version.as_str());
        self.replace(entry.key.clone(), new);
    }

    /// Returns a text as a scalar in the quotes of another scalar, if it can be written in them.
    fn in_quotes_of(&self, old: &Range<usize>, text: &str) -> String {
        let is_ascii = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match self.text.as_bytes().get(old.start) {
            Some(b'\'') if is_ascii && !text.contains('\'') => format!("'{text}'"),
            Some(b'\'' | b'"') => quoted(text),
            _ if is_plain(text) => text.to_owned(),
            _ => scalar(text),
        }
    }

    /// Replaces the value of an entry, which is written on one line.
    pub(super) fn replace_value(&mut self, entry: &Entry, new: &str) -> Option<()> {
        if is_empty(self.text, &entry.value) {
            return self.put(entry, new);
        }
        match entry.value.form {
            Form::Alias
            | Form::Scalar(
                ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted,
            ) => {
                self.replace(entry.value.range.clone(), new.to_owned());
                Some(())
            }
            Form::Scalar(_) | Form::List | Form::Mapping { .. } => None,
        }
    }

    /// Replaces the empty value of an entry.
    pub(super) fn put(&mut self, entry: &Entry, new: &str) -> Option<()> {
        if entry.value.range.is_empty() {
            let colon = self.colon(entry)?;
            self.replace(colon..colon, format!(" {new}"));
        } else {
            self.replace(entry.value.range.clone(), new.to_owned());
        }
        Some(())
    }

    /// Returns the position behind the colon of an entry.
    fn colon(&self, entry: &Entry) -> Option<usize> {
        let rest = self.text.get(entry.key.end..)?;
        let behind = rest.trim_start_matches(' ').strip_prefix(':')?;
        Some(self.text.len() - behind.len())
    }

    /// Gives an entry with an empty value a mapping with these entries.
    pub(super) fn fill(&mut self, entry: &Entry, items: &[Item]) -> Option<()> {
        let is_block = entry.value.range.is_empty();
        match self.indent_of(entry).filter(|_| is_block) {
            Some(indent) => {
                let at = self.line_behind(self.colon(entry)?);
                self.insert_lines(at, &" ".repeat(indent + STEP), items);
                Some(())
            }
            None => self.put(entry, &format!("{{ {} }}", inline(items))),
        }
    }

    /// Adds an entry that is a mapping to the end of a mapping.
    pub(super) fn append_mapping(
        &mut self,
        mapping: &Outline,
        key: &str,
        items: &[Item],
    ) -> Option<()> {
        let item = Item {
            key: key.to_owned(),
            value: format!("{{ {} }}", inline(items)),
        };
        let Some((at, indent)) = self.end_of_block(mapping) else {
            return self.append(mapping, &[item]);
        };
        let deeper = " ".repeat(STEP);
        let mut lines = vec![format!("{key}:")];
        lines.extend(items.iter().map(|item| format!("{deeper}{}", item.text())));
        self.insert_text(at, &" ".repeat(indent), &lines);
        Some(())
    }

    /// Adds entries to the end of a mapping.
    pub(super) fn append(&mut self, mapping: &Outline, items: &[Item]) -> Option<()> {
        let Form::Mapping { is_flow, entries } = &mapping.form else {
            return None;
        };
        if !is_flow {
            let (at, indent) = self.end_of_block(mapping)?;
            self.insert_lines(at, &" ".repeat(indent), items);
            return Some(());
        }
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return self.fill_braces(mapping, &inline(items));
        };
        if last.value.range.is_empty() {
            let at = first.key.start;
            self.replace(at..at, format!("{}, ", inline(items)));
        } else {
            let at = last.value.range.end;
            self.replace(at..at, format!(", {}", inline(items)));
        }
        Some(())
    }

    /// Adds an entry to the beginning of the mapping that is the value of an entry.
    pub(super) fn prepend(&mut self, entry: &Entry, item: &Item) -> Option<()> {
        let Form::Mapping { is_flow, entries } = &entry.value.form else {
            return None;
        };
        match (is_flow, entries.first()) {
            (true, None) => self.fill_braces(&entry.value, &item.text()),
            (true, Some(first)) => {
                let at = first.key.start;
                self.replace(at..at, format!("{}, ", item.text()));
                Some(())
            }
            (false, first) => {
                let first = first?;
                let indent = self.indent_of(first)?;
                // The comments above the first entry stay with it.
                let at = self.line_behind(entry.key.end);
                if at > first.key.start {
                    return None;
                }
                self.insert_text(at, &" ".repeat(indent), &[item.text()]);
                Some(())
            }
        }
    }

    /// Fills empty braces.
    fn fill_braces(&mut self, mapping: &Outline, inside: &str) -> Option<()> {
        let start = mapping.range.start + 1;
        let old = self.text.get(start..mapping.range.end.checked_sub(1)?)?;
        let end = if old.trim().is_empty() {
            start + old.len()
        } else {
            // A comment stays behind the new entries.
            start
        };
        self.replace(start..end, format!(" {inside} "));
        Some(())
    }

    /// Returns the number of spaces before the key of an entry; `None` if there is anything else.
    fn indent_of(&self, entry: &Entry) -> Option<usize> {
        let start = self.line_start(entry.key.start);
        let before = self.text.get(start..entry.key.start)?;
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        before
            .bytes()
            .all(|byte| byte == b' ')
            .then_some(before.len())
    }

    /// Returns the position of the line behind a mapping in block form, and its indentation. Its
    /// last comments belong to it.
    fn end_of_block(&self, mapping: &Outline) -> Option<(usize, usize)> {
        let Form::Mapping { is_flow, entries } = &mapping.form else {
            return None;
        };
        let first = entries.first().filter(|_| !is_flow)?;
        let indent = self.indent_of(first)?;
        if mapping
            .last()
            .is_some_and(|last| self.keeps_blank_lines(last))
        {
            return None;
        }
        let end = mapping.range.end;
        let is_at_start = self.text.get(..end)?.ends_with('\n');
        let mut at = if is_at_start {
            end
        } else {
            self.line_behind(end)
        };
        // A block scalar ends before the next key, behind blank lines and the comments of others.
        while let Some(before) = self.text[..at].strip_suffix('\n') {
            let line = &self.text[self.line_start(before.len())..before.len()];
            let content = line.trim();
            let is_other = content.starts_with('#') && !line.starts_with(&" ".repeat(indent));
            if !content.is_empty() && !is_other {
                break;
            }
            at = self.line_start(before.len());
        }
        while let Some(line) = self.text.get(at..).and_then(|rest| rest.lines().next()) {
            let content = line.trim_start_matches(' ');
            if !content.starts_with('#') || line.len() - content.len() < indent {
                break;
            }
            at = self.line_behind(at);
        }
        Some((at, indent))
    }

    /// Returns whether the value of an entry is a block scalar to which the blank lines behind it
    /// belong. The range of such a scalar begins behind its header.
    fn keeps_blank_lines(&self, entry: &Entry) -> bool {
        let behind_key = entry.key.end..self.line_behind(entry.key.end);
        let header = self.text.get(behind_key).unwrap_or_default();
        let header = header.split(" #").next().unwrap_or_default();
        matches!(
            entry.value.form,
            Form::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
        ) && header.contains('+')
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Returns the position of the line behind the one with this position.
    fn line_behind(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n');
        end.map_or(self.text.len(), |end| at + end + 1)
    }

    fn insert_lines(&mut self, at: usize, indent: &str, items: &[Item]) {
        let lines: Vec<String> = items.iter().map(Item::text).collect();
        self.insert_text(at, indent, &lines);
    }

    /// Inserts lines before the line at this position.
    fn insert_text(&mut self, at: usize, indent: &str, lines: &[String]) {
        let lines: Vec<String> = lines.iter().map(|line| format!("{indent}{line}")).collect();
        let text = lines.join(self.line_end);
        let end = self.line_end;
        let is_unended = at == self.text.len() && !self.text.ends_with('\n');
        let text = if is_unended {
            format!("{end}{text}")
        } else {
            format!("{text}{end}")
        };
        self.replace(at..at, text);
    }
}

/// Returns whether a version can be written without quotes wherever the old one was. solform reads
/// `1.10` as a text, and an author who writes no quotes relies on that.
fn is_plain(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+'))
        && !text.eq_ignore_ascii_case("null")
}

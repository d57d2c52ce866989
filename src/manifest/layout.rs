//! The layout of a manifest's text: two spaces for each level, and one space behind `:` and `-`.
//! Everything else stays: values, comments, order, quotes and braces.
//!
//! Only white space changes, and the parser reads the same before and after; a text for which that
//! is not so is refused. `pretty_yaml` (0.6) does not pass the tests of this module: it drops lines
//! that `|+` keeps, and some files of a few kilobytes take it minutes.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::problem::Problems;
use super::source::SourceFile;
use super::yaml;

/// The spaces of each level.
const STEP: usize = 2;

/// The error of a manifest whose layout is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The file is not the YAML of a manifest.
    #[error(transparent)]
    Invalid(Problems),
    /// The text has a form that this module does not lay out.
    #[error("the layout of `{0}` is left as it is: another one would change what it means")]
    Form(String),
}

impl LayoutError {
    /// The fix for a text that is not laid out.
    pub const HELP: &str = "Write block scalars and nested lists in their usual form.";
}

/// Returns the manifest in its layout. It means the same.
pub fn laid_out_manifest(source: &SourceFile) -> Result<SourceFile, LayoutError> {
    // The parser has limits, and its errors have positions.
    yaml::parse(source).map_err(LayoutError::Invalid)?;
    let text = laid_out(source.text());
    let text = text.ok_or_else(|| LayoutError::Form(source.name().to_owned()))?;
    Ok(SourceFile::new(source.name(), text))
}

/// Returns the text in its layout; `None` if it is not YAML, or if the layout would change what it
/// means.
fn laid_out(text: &str) -> Option<String> {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let made = Layout::read(plain)?.write();
    let is_same = visible(&made).eq(visible(plain)) && same_events(&made, plain);
    is_same.then_some(made)
}

/// Returns the characters that are not white space.
fn visible(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| !letter.is_whitespace())
}

/// Returns true if the parser reads the same in both texts.
fn same_events(left: &str, right: &str) -> bool {
    let mut left = Parser::new_from_str(left);
    let mut right = Parser::new_from_str(right);
    loop {
        match (left.next_event(), right.next_event()) {
            (None, None) => return true,
            (Some(Ok((left, _))), Some(Ok((right, _)))) if left == right => {}
            _ => return false,
        }
    }
}

/// The part of a value in which a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// None: the line begins with a key, a dash or a comment.
    Nothing,
    /// A value of several lines, whose indentation means nothing.
    Value,
    /// A block scalar whose text begins at this column.
    Block(usize),
}

/// A level of the block structure.
#[derive(Debug, Clone, Copy)]
struct Level {
    is_list: bool,
    old: usize,
    new: usize,
}

/// The lines of a text, with what the parser found in them.
struct Layout<'t> {
    lines: Vec<&'t str>,
    starts: Vec<usize>,
    inside: Vec<Inside>,
    /// True for each line whose end is inside of quotes.
    is_open: Vec<bool>,
    /// The ends of the scalars and aliases, by their starts.
    ends: HashMap<usize, usize>,
    line_end: &'static str,
    /// True if the last line has a line end.
    is_ended: bool,
}

impl<'t> Layout<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let lines: Vec<&str> = text.lines().collect();
        let has_cr = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        let count = lines.len();
        let mut layout = Self {
            lines,
            starts,
            inside: vec![Inside::Nothing; count],
            is_open: vec![false; count],
            ends: HashMap::new(),
            line_end: if has_cr { "\r\n" } else { "\n" },
            is_ended: text.ends_with('\n'),
        };
        layout.mark(text)?;
        Some(layout)
    }

    /// Marks the lines of the values that have several lines.
    fn mark(&mut self, text: &str) -> Option<()> {
        let mut parser = Parser::new_from_str(text);
        let mut flows = Vec::new();
        while let Some(event) = parser.next_event() {
            let (event, span) = event.ok()?;
            let (start, end) = bytes(&span)?;
            match event {
                Event::Scalar(value, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                    self.mark_block(&value, start, end);
                }
                Event::Scalar(_, style, ..) => {
                    self.ends.insert(start, end);
                    let is_quoted = style != ScalarStyle::Plain;
                    self.mark_value(start, end, is_quoted);
                }
                Event::Alias(_) => {
                    self.ends.insert(start, end);
                }
                Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                    flows.push((style == StructureStyle::Flow).then_some(start));
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(Some(start)) = flows.pop() {
                        self.mark_value(start, end, false);
                    }
                }
                _ => {}
            }
        }
        Some(())
    }

    fn mark_value(&mut self, start: usize, end: usize, is_quoted: bool) {
        let (first, last) = (self.line_of(start), self.line_of(end.saturating_sub(1)));
        for line in first..last {
            self.inside[line + 1] = Inside::Value;
            self.is_open[line] |= is_quoted;
        }
    }

    fn mark_block(&mut self, value: &str, start: usize, end: usize) {
        if start == end || value.is_empty() {
            return;
        }
        let (mut first, mut last) = (self.line_of(start), self.line_of(end - 1));
        let column = start - self.starts[first];
        let is_blank = |line: usize| self.lines[line].trim_matches(is_space).is_empty();
        // The end may be behind the spaces of the next line.
        let head = self.lines[last].get(..end - self.starts[last]);
        if last > first
            && !is_blank(last)
            && head.is_some_and(|head| head.trim_matches(is_space).is_empty())
        {
            last -= 1;
        }
        // Empty lines above the text are part of it.
        while first > 0 && is_blank(first - 1) {
            first -= 1;
        }
        // Empty lines below it are part of it only if they are kept.
        let keeps = value.ends_with("\n\n") || value.chars().all(|letter| letter == '\n');
        // Spaces behind the column of the text are part of it, too.
        while !keeps && last > first && is_blank(last) && self.lines[last].len() <= column {
            last -= 1;
        }
        for line in first..=last {
            self.inside[line] = Inside::Block(column);
        }
    }

    fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) - 1
    }

    /// Returns the text in its layout.
    fn write(&self) -> String {
        let mut writer = Writer {
            layout: self,
            out: Vec::new(),
            levels: Vec::new(),
            waiting: Vec::new(),
            parent: None,
            content: None,
            has_indicator: false,
        };
        for line in 0..self.lines.len() {
            writer.line(line);
        }
        let levels = writer.levels.clone();
        writer.release(None, &levels);
        while writer.out.last().is_some_and(String::is_empty) && !self.ends_in_block() {
            writer.out.pop();
        }
        let mut text = writer.out.join(self.line_end);
        text.push_str(self.line_end);
        text
    }

    /// Returns true if the last line belongs to a block scalar.
    fn ends_in_block(&self) -> bool {
        matches!(self.inside.last(), Some(Inside::Block(_)))
    }
}

/// The lines that are written.
struct Writer<'l> {
    layout: &'l Layout<'l>,
    out: Vec<String>,
    levels: Vec<Level>,
    /// The empty lines and comments above the next line.
    waiting: Vec<usize>,
    /// The level that the value of the last line belongs to.
    parent: Option<Level>,
    /// The position of the last line, before and after.
    content: Option<(usize, usize)>,
    /// True if the last line ends with the header of a block scalar that has its indentation.
    has_indicator: bool,
}

impl Writer<'_> {
    fn line(&mut self, number: usize) {
        let text = self.layout.lines[number];
        let column = text.len() - text.trim_start_matches([' ', '\t']).len();
        match self.layout.inside[number] {
            Inside::Block(from) => self.block_line(number, text, from),
            Inside::Value => self.value_line(number, text, column),
            Inside::Nothing if column == text.len() || text[column..].starts_with('#') => {
                self.waiting.push(number);
            }
            Inside::Nothing if is_marker(text) => {
                self.levels.clear();
                self.release(Some((0, 0)), &[]);
                (self.parent, self.content) = (None, None);
                self.push(number, text);
            }
            Inside::Nothing => self.structure_line(number, text, column),
        }
    }

    fn block_line(&mut self, number: usize, text: &str, from: usize) {
        let new = match self.parent {
            None => from,
            Some(parent) if self.has_indicator => (from + parent.new).saturating_sub(parent.old),
            Some(parent) => parent.new + STEP,
        };
        let rest = text.get(from..).unwrap_or_default();
        if !rest.is_empty() {
            self.out.push(indented(new, rest));
        } else if number + 1 < self.layout.lines.len() || self.layout.is_ended {
            // Spaces at the end of the file are no line.
            self.out.push(String::new());
        }
    }

    fn value_line(&mut self, number: usize, text: &str, column: usize) {
        let rest = &text[column..];
        if rest.is_empty() {
            self.out.push(String::new());
            return;
        }
        // A bracket may be at the column of its key.
        let least = self
            .parent
            .map_or(0, |parent| parent.new + usize::from(column > parent.old));
        let (old, new) = self.content.unwrap_or_default();
        let indent = (column + new).saturating_sub(old).max(least);
        self.push(number, &indented(indent, rest));
    }

    fn structure_line(&mut self, number: usize, text: &str, column: usize) {
        let before = self.levels.clone();
        let mut made = String::new();
        let (mut at, mut new) = (column, None);
        let mut first = None;
        loop {
            let rest = &text[at..];
            let is_indicator =
                rest.starts_with(['-', '?', ':']) && rest[1..].chars().next().is_none_or(is_space);
            let is_list = is_indicator && rest.starts_with('-');
            let level = self.enter(at, is_list, new);
            first.get_or_insert(level.new);
            if !is_indicator {
                let is_entry = self.content(number, text, at, &mut made);
                if !is_entry {
                    self.levels.pop();
                }
                self.parent = self.levels.last().copied();
                self.content = Some((at, level.new));
                break;
            }
            self.parent = Some(level);
            self.content = Some((at, level.new));
            made.push_str(&rest[..1]);
            let behind = rest[1..].trim_start_matches(is_space);
            if behind.is_empty() || behind.starts_with('#') {
                made.push_str(&rest[1..]);
                break;
            }
            made.push(' ');
            at = text.len() - behind.len();
            new = Some(level.new + STEP);
        }
        let first = first.unwrap_or_default();
        self.release(Some((column, first)), &before);
        let line = indented(first, &made);
        self.has_indicator = has_indicator(&line);
        self.push(number, &line);
    }

    /// Adds a key with its value, or a value; returns true for a key.
    fn content(&self, number: usize, text: &str, at: usize, made: &mut String) -> bool {
        // The anchor and the tag.
        let mut key = at;
        while text[key..].starts_with(['&', '!']) {
            let rest = text[key..].trim_start_matches(|letter| !is_space(letter));
            key = text.len() - rest.trim_start_matches(is_space).len();
        }
        let start = self.layout.starts[number];
        let end = self.layout.ends.get(&(start + key));
        let end = end.map(|end| end - start).filter(|end| *end <= text.len());
        let entry = end.and_then(|end| {
            let behind = text[end..].trim_start_matches(is_space).strip_prefix(':')?;
            (behind.is_empty() || behind.starts_with(is_space)).then_some((end, behind))
        });
        let Some((end, behind)) = entry else {
            made.push_str(&text[at..]);
            return false;
        };
        made.push_str(&text[at..end]);
        // Behind an alias, the colon would be part of its name.
        made.push_str(if text[key..].starts_with('*') {
            " :"
        } else {
            ":"
        });
        let value = behind.trim_start_matches(is_space);
        if value.starts_with('#') {
            made.push_str(behind);
        } else if !value.is_empty() {
            made.push(' ');
            made.push_str(value);
        }
        true
    }

    /// Returns the level at a column, which a line or a part of it begins.
    fn enter(&mut self, old: usize, is_list: bool, new: Option<usize>) -> Level {
        while let Some(top) = self.levels.last()
            && (top.old > old || (top.old == old && top.is_list && !is_list))
        {
            self.levels.pop();
        }
        let top = self.levels.last().copied();
        if let Some(top) = top
            && top.old == old
            && top.is_list == is_list
        {
            return top;
        }
        let below = top.map_or(0, |top| top.new + STEP);
        let level = Level {
            is_list,
            old,
            new: new.unwrap_or(below),
        };
        self.levels.push(level);
        level
    }

    /// Writes the empty lines and comments above a line, whose position before and after is given.
    /// A comment is at the level of that line, or at the one of `levels` that has its column.
    fn release(&mut self, next: Option<(usize, usize)>, levels: &[Level]) {
        for number in std::mem::take(&mut self.waiting) {
            let text = self.layout.lines[number];
            let comment = text.trim_matches(is_space);
            if comment.is_empty() {
                if self.out.last().is_some_and(|line| !line.is_empty()) {
                    self.out.push(String::new());
                }
                continue;
            }
            let column = text.len() - text.trim_start_matches(is_space).len();
            let level = levels.iter().rev().find(|level| level.old == column);
            let indent = match (next, level) {
                (Some((old, new)), _) if old == column => new,
                (_, Some(level)) => level.new,
                (Some((_, new)), None) => new,
                (None, None) => 0,
            };
            self.out.push(indented(indent, comment));
        }
    }

    /// Writes a line; spaces at its end are part of the value inside of quotes only.
    fn push(&mut self, number: usize, line: &str) {
        let line = if self.layout.is_open[number] {
            line
        } else {
            line.trim_end_matches(is_space)
        };
        self.out.push(line.to_owned());
    }
}

fn is_space(letter: char) -> bool {
    letter == ' ' || letter == '\t'
}

fn indented(spaces: usize, text: &str) -> String {
    format!("{:spaces$}{text}", "")
}

/// Returns true for `---`, `...` and a directive.
fn is_marker(line: &str) -> bool {
    let marker = line
        .strip_prefix("---")
        .or_else(|| line.strip_prefix("..."));
    line.starts_with('%') || marker.is_some_and(|rest| rest.chars().next().is_none_or(is_space))
}

/// Returns true if a line ends with the header of a block scalar that names its indentation.
fn has_indicator(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let word = line.rsplit(is_space).next().unwrap_or_default();
    word.strip_prefix(['|', '>'])
        .is_some_and(|rest| rest.bytes().any(|byte| byte.is_ascii_digit()))
}

fn bytes(span: &Span) -> Option<(usize, usize)> {
    Some((span.start.byte_offset()?, span.end.byte_offset()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn texts_are_laid_out() {
        for (text, expected) in [
            ("a:   1\nb :\n    c: 2   # x\n", "a: 1\nb:\n  c: 2   # x\n"),
            ("\u{feff}a: 1", "a: 1\n"),
            ("a:\r\n    b:  1\r\n", "a:\r\n  b: 1\r\n"),
            ("\n\na: 1\n\n\n\nb: 2  \n\n", "a: 1\n\nb: 2\n"),
            // Lists are one level below their key.
            (
                "a:\n-   b: 1\n    c: 2\n-   - d\n",
                "a:\n  - b: 1\n    c: 2\n  - - d\n",
            ),
            // The text of a block scalar moves as a whole.
            (
                "a:\n    b: |\n          x\n            y\n\n    c: >-\n     z\n",
                "a:\n  b: |\n    x\n      y\n\n  c: >-\n    z\n",
            ),
            (
                "a:\n    b: |2\n         x\n      y\n",
                "a:\n  b: |2\n       x\n    y\n",
            ),
            ("a: |+\n    x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"),
            // Values of several lines keep their own layout.
            (
                "a:\n    b: {x:  1, # c\n        y: 2\n    }\n",
                "a:\n  b: {x:  1, # c\n      y: 2\n  }\n",
            ),
            ("a:\n    b: \"x \n\n     y\"\n", "a:\n  b: \"x \n\n   y\"\n"),
            // Comments are at the level of what they are about.
            (
                "# top\na:\n    # of b\n    b: 1\n    # behind b\n# of c\nc:   # right\n    d: 1\n",
                "# top\na:\n  # of b\n  b: 1\n  # behind b\n# of c\nc:   # right\n  d: 1\n",
            ),
            (
                "l:\n- |\n      x\n  # c\n- 1\n",
                "l:\n  - |\n    x\n  # c\n  - 1\n",
            ),
            ("? a\n:   - b\n? [c]\n: d\n", "? a\n: - b\n? [c]\n: d\n"),
            (
                "&k  'a' :  &x !t  b\nc: *x\n*k : 1\n",
                "&k  'a': &x !t  b\nc: *x\n*k : 1\n",
            ),
            (
                "%YAML 1.2\n---\na:  1\n...\n",
                "%YAML 1.2\n---\na: 1\n...\n",
            ),
        ] {
            assert_eq!(laid_out(text).as_deref(), Some(expected), "{text}");
            assert_eq!(laid_out(expected).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_not_yaml_is_refused() {
        for text in ["a: [", "a:\n\tb: 1\n", "a: 'x\n", "a: *b\n"] {
            assert_eq!(laid_out(text), None, "{text}");
        }
    }

    /// Returns a value as it is written behind a key, and the lines below it.
    fn any_value() -> impl Strategy<Value = Vec<String>> {
        let scalar = select(vec![
            "1",
            "'it''s'",
            "\"a\\n\\\"b\"",
            "~",
            "",
            "x y",
            "&x y",
            "!t z",
            "|-",
            "-x",
            "a#b",
            "a # c",
            "[1,  2]",
            "{a: 1,b:  [2]}",
            "{a: 1, # c\n  b: 2}",
            "[\n 1,\n\n 2\n ]",
            "one\n  two",
            "\"one\n\n   two \n  three\"",
            "'q\n    r'",
            "|\n  x\n    y\n\n  z",
            "|+\n   x\n\n",
            "|2\n     x\n   y",
            ">-\n      a\n      b\n\n\n",
            "|1-\n  x",
            "  |  # c\n  x",
        ]);
        scalar.prop_map(|text| text.split('\n').map(str::to_owned).collect())
    }

    fn below(lines: Vec<String>, first: &str, spaces: usize) -> Vec<String> {
        let mut lines = lines.into_iter();
        let head = format!("{first}{}", lines.next().unwrap_or_default());
        let rest = lines.map(|line| {
            if line.is_empty() {
                line
            } else {
                format!("{:spaces$}{line}", "")
            }
        });
        std::iter::once(head).chain(rest).collect()
    }

    /// Returns the lines of a block, at column 0.
    fn any_block() -> impl Strategy<Value = Vec<String>> {
        let key = select(vec!["a", "'b c'", "\"d\"", "e f", "? g\n", "&k h", "i  "]);
        let leaf = (key.clone(), any_value()).prop_map(|(key, value)| entry(key, 0, value, false));
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let extra = select(vec!["", "# comment", "    # far", "", "  "]);
            let part = (
                key.clone(),
                0..5_usize,
                prop_oneof![
                    inner.prop_map(|block| (block, true)),
                    any_value().prop_map(|value| (value, false))
                ],
                extra,
                any::<bool>(),
            );
            let part = part.prop_map(|(key, spaces, (value, is_block), extra, is_list)| {
                let mut lines = if is_list && is_block {
                    below(value, &format!("-{:1$}", "", spaces + 1), spaces + 2)
                } else if is_list {
                    below(value, "- ", 1)
                } else {
                    entry(key, spaces, value, is_block)
                };
                lines.push(extra.to_owned());
                (is_list, lines)
            });
            prop::collection::vec(part, 1..4).prop_map(|parts| {
                let is_list = parts[0].0;
                let same = parts.into_iter().filter(|part| part.0 == is_list);
                let lines = same.enumerate().flat_map(|(number, (_, lines))| {
                    lines
                        .into_iter()
                        .map(move |line| match line.strip_prefix("e f") {
                            Some(rest) => format!("e {number}{rest}"),
                            None => line,
                        })
                });
                lines.collect()
            })
        })
    }

    fn entry(key: &str, spaces: usize, value: Vec<String>, is_block: bool) -> Vec<String> {
        let key = match key.strip_prefix("? ") {
            Some(key) => format!("? {}\n:", key.trim()),
            None => format!("{key}:"),
        };
        let (above, last) = key.rsplit_once('\n').unwrap_or(("", &key));
        let mut lines: Vec<String> = above.lines().map(str::to_owned).collect();
        if is_block {
            lines.push(last.to_owned());
            let block = value.into_iter();
            lines.extend(block.map(|line| format!("{:1$}{line}", "", spaces + 1)));
        } else {
            lines.extend(below(value, &format!("{last} "), 0));
        }
        lines
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Every valid text is laid out, at once in its final form, and means the same.
        #[test]
        fn a_layout_never_changes_the_meaning(
            block in any_block(),
            end in select(vec!["\n", "\r\n"]),
        ) {
            let text = block.join(end);
            let is_valid = Parser::new_from_str(&text).all(|event| event.is_ok());
            let made = laid_out(&text);
            prop_assert_eq!(made.is_some(), is_valid, "{}", text);
            if let Some(made) = made {
                prop_assert!(same_events(&made, &text));
                prop_assert_eq!(laid_out(&made), Some(made));
            }
        }

        #[test]
        fn any_text_is_laid_out_or_refused(text in "[-a:#|>&*!?'\"\\[\\]{}, \t\n+1]{0,40}") {
            if let Some(made) = laid_out(&text) {
                prop_assert!(same_events(&made, &text));
                prop_assert_eq!(laid_out(&made), Some(made), "{}", text);
            }
        }
    }
}

//! The outline of a part of the file: the exact position of each key and value there, and the way
//! in which it is written. An edit of the text needs both, and a raw manifest has neither.

use std::collections::HashMap;
use std::ops::Range;

use serde_yaml::granit_parser::{
    Event, Parser, ScalarStyle, Span, StrInput, StructureStyle as Style,
};

use super::MAX_DEPTH;

/// A value as it is written in the file.
#[derive(Debug)]
pub(in crate::manifest) struct Outline {
    /// The bytes of the value, without its anchor and its tag. A block ends with its last value.
    pub(in crate::manifest) range: Range<usize>,
    pub(in crate::manifest) form: Form,
}

/// The form of a value.
#[derive(Debug)]
pub(in crate::manifest) enum Form {
    Scalar(ScalarStyle),
    Alias,
    List,
    /// A mapping with its entries, in braces or by indentation.
    Mapping {
        is_flow: bool,
        entries: Vec<Entry>,
    },
}

/// An entry of a mapping.
#[derive(Debug)]
pub(in crate::manifest) struct Entry {
    /// The key; `None` if it is not a text.
    name: Option<String>,
    /// The bytes of the key.
    pub(in crate::manifest) key: Range<usize>,
    pub(in crate::manifest) value: Outline,
}

impl Outline {
    /// Returns the entry with this key, if the value is a mapping that has it.
    pub(in crate::manifest) fn get(&self, name: &str) -> Option<&Entry> {
        let mut entries = self.entries().iter();
        entries.find(|entry| entry.name.as_deref() == Some(name))
    }

    /// Returns the last entry of a mapping, at any depth.
    pub(in crate::manifest) fn last(&self) -> Option<&Entry> {
        let mut last = self.entries().last()?;
        while let Some(deeper) = last.value.entries().last() {
            last = deeper;
        }
        Some(last)
    }

    /// Returns the entries of a mapping by their keys; none if the value is not one.
    pub(in crate::manifest) fn by_name(&self) -> HashMap<&str, &Entry> {
        let entries = self.entries().iter();
        entries
            .filter_map(|entry| Some((entry.name.as_deref()?, entry)))
            .collect()
    }

    /// Returns the entries of a mapping; none if the value is not one.
    pub(in crate::manifest) fn entries(&self) -> &[Entry] {
        match &self.form {
            Form::Mapping { entries, .. } => entries,
            Form::Scalar(_) | Form::Alias | Form::List => &[],
        }
    }
}

/// Returns the outline of a file, with the entries on this path of keys and everything below it;
/// `None` if the file cannot be read.
pub(in crate::manifest) fn outline(text: &str, path: &[&str]) -> Option<Outline> {
    let mut events = Events {
        parser: Parser::new_from_str(text),
        depth: 0,
    };
    events.begin()?;
    match events.part(Kept::Path(path))? {
        Part::Value(outline) => Some(outline),
        Part::End(_) => None,
    }
}

/// The entries of a mapping that are kept.
#[derive(Clone, Copy)]
enum Kept<'a> {
    Path(&'a [&'a str]),
    Nothing,
}

impl<'a> Kept<'a> {
    /// Returns what is kept below a key; `None` if its entry is not kept.
    fn below(self, name: Option<&str>) -> Option<Kept<'a>> {
        match self {
            Self::Path([]) => Some(self),
            Self::Path([first, rest @ ..]) if name == Some(*first) => Some(Self::Path(rest)),
            Self::Path(_) | Self::Nothing => None,
        }
    }
}

/// A value, or the end of the surrounding mapping or list.
enum Part {
    Value(Outline),
    End(Range<usize>),
}

struct Events<'s> {
    parser: Parser<'s, StrInput<'s>>,
    depth: usize,
}

impl<'s> Events<'s> {
    fn next(&mut self) -> Option<(Event<'s>, Range<usize>)> {
        let (event, span) = self.parser.next_event()?.ok()?;
        Some((event, range(&span)?))
    }

    /// Reads up to the first value.
    fn begin(&mut self) -> Option<()> {
        let stream = matches!(self.next()?.0, Event::StreamStart);
        let document = matches!(self.next()?.0, Event::DocumentStart(..));
        (stream && document).then_some(())
    }

    fn part(&mut self, kept: Kept<'_>) -> Option<Part> {
        let (event, range) = self.next()?;
        let (range, form) = match event {
            Event::Scalar(_, style, ..) => (range, Form::Scalar(style)),
            Event::Alias(_) => (range, Form::Alias),
            Event::SequenceStart(style, ..) => (self.list(style, range)?, Form::List),
            Event::MappingStart(style, ..) => self.mapping(style, range, kept)?,
            Event::SequenceEnd | Event::MappingEnd => return Some(Part::End(range)),
            _ => return None,
        };
        Some(Part::Value(Outline { range, form }))
    }

    fn list(&mut self, style: Style, mut range: Range<usize>) -> Option<Range<usize>> {
        self.enter()?;
        let end = loop {
            match self.part(Kept::Nothing)? {
                Part::Value(item) if item.range.is_empty() => {}
                Part::Value(item) => range.end = range.end.max(item.range.end),
                Part::End(end) => break end,
            }
        };
        self.depth -= 1;
        Some(closed(style, range, &end))
    }

    fn mapping(
        &mut self,
        style: Style,
        mut range: Range<usize>,
        kept: Kept<'_>,
    ) -> Option<(Range<usize>, Form)> {
        self.enter()?;
        let mut entries = Vec::new();
        let end = loop {
            let (event, key) = self.next()?;
            let (name, key) = match event {
                Event::MappingEnd => break key,
                Event::Scalar(text, ..) => (Some(text), key),
                Event::Alias(_) => (None, key),
                Event::SequenceStart(style, ..) => (None, self.list(style, key)?),
                Event::MappingStart(style, ..) => {
                    (None, self.mapping(style, key, Kept::Nothing)?.0)
                }
                _ => return None,
            };
            let below = kept.below(name.as_deref());
            let Part::Value(value) = self.part(below.unwrap_or(Kept::Nothing))? else {
                return None;
            };
            range.end = range.end.max(key.end);
            // The position of an empty value may be that of the next key.
            if !value.range.is_empty() {
                range.end = range.end.max(value.range.end);
            }
            if below.is_some() {
                entries.push(Entry {
                    name: name.map(std::borrow::Cow::into_owned),
                    key,
                    value,
                });
            }
        };
        self.depth -= 1;
        let is_flow = style == Style::Flow;
        let form = Form::Mapping { is_flow, entries };
        Some((closed(style, range, &end), form))
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }
}

/// Returns the range of a collection: a flow ends with its bracket, a block with its last value.
fn closed(style: Style, range: Range<usize>, end: &Range<usize>) -> Range<usize> {
    match style {
        Style::Flow => range.start..end.end,
        Style::Block => range,
    }
}

fn range(span: &Span) -> Option<Range<usize>> {
    Some(span.start.byte_offset()?..span.end.byte_offset()?)
}

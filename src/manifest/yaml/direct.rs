//! The direct reader: reads a plain manifest from the events of the parser.
//!
//! The YAML crate has features that few manifests need: it keeps the events of every key, counts
//! the values that aliases repeat, merges and converts. They cost more time than its parser;
//! without them a big manifest is read in half the time. The direct reader uses the same parser and
//! reads only texts, lists and mappings of the right shape. Anything else is [`Unusual`], and the
//! crate reads the whole file again. So only the crate decides what YAML means, and only it reports
//! problems.
//!
//! The solutions are most of a big manifest. If they come last, [`Solutions`] reads them one after
//! the other, so that they are not all in memory before they are checked.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::super::node::{Entries, Field, Found, Items, Key, Node, Shape};
use super::super::position::{Mark, narrow, widen};
use super::super::raw::{RawManifest, RawSolution};
use super::{MAX_DEPTH, MAX_NODES};

/// The error for a file that is not plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manifest) struct Unusual;

/// Reads a manifest; an error if anything in it is not plain.
pub(super) fn read(text: &str) -> Result<RawManifest, Unusual> {
    let mut events = Events::begin(text)?;
    let node: Node<RawManifest> = events.item()?.ok_or(Unusual)?;
    events.end()?;
    node.value
        .filter(|_| node.found == Found::Mapping)
        .ok_or(Unusual)
}

/// A solution of the manifest: its name and its value.
type NamedSolution<'s> = (Cow<'s, str>, Field<Box<RawSolution>>);

/// The solutions of a manifest of which they are the last key, read one after the other.
pub(in crate::manifest) struct Solutions<'s> {
    events: Events<'s>,
    hasher: RandomState,
    /// The hashes of the names so far. Two names with the same one look like a duplicate key, which
    /// only means that the file is read in another way.
    names: HashSet<u64>,
}

impl<'s> Solutions<'s> {
    /// Finds the solutions in a text; an error if their key is not at this offset.
    pub(super) fn find(text: &'s str, offset: usize) -> Result<Self, Unusual> {
        let mut events = Events::begin(text)?;
        if !matches!(events.start()?.0, Start::Mapping) {
            return Err(Unusual);
        }
        while let Some(key) = events.key()? {
            if widen(key.at.offset) < offset {
                Entries::skip(&mut events)?;
                continue;
            }
            let is_found = key.text == "solutions" && widen(key.at.offset) == offset;
            if is_found && matches!(events.start()?.0, Start::Mapping) {
                return Ok(Self {
                    events,
                    hasher: RandomState::new(),
                    names: HashSet::new(),
                });
            }
            break;
        }
        Err(Unusual)
    }

    /// Reads the next solution; `None` after the last one. After an error, the rest cannot be read:
    /// something in the file is not plain, or has a fault.
    pub(in crate::manifest) fn read(&mut self) -> Result<Option<NamedSolution<'s>>, Unusual> {
        let Some(Key { text, at }) = self.events.key()? else {
            let is_last = self.events.key()?.is_none();
            self.events.end()?;
            return is_last.then_some(None).ok_or(Unusual);
        };
        let node: Node<Box<RawSolution>> = self.events.value()?;
        let mut faults = Vec::new();
        node.faults(&mut faults);
        let is_new = self.names.insert(self.hasher.hash_one(&text));
        if !is_new || !faults.is_empty() {
            return Err(Unusual);
        }
        Ok(Some((text, Field { key: at, node })))
    }
}

/// The parser, with the depth and the number of values so far.
struct Events<'s> {
    parser: Parser<'s, StrInput<'s>>,
    depth: usize,
    nodes: usize,
}

/// The first event of a value or a key.
enum Start<'s> {
    Scalar(Cow<'s, str>, ScalarStyle),
    List,
    Mapping,
    /// The end of the surrounding list or mapping.
    End,
}

impl<'s> Events<'s> {
    /// Begins with the first value of a text.
    fn begin(text: &'s str) -> Result<Self, Unusual> {
        let mut events = Self {
            parser: Parser::new_from_str(text),
            depth: 0,
            nodes: 0,
        };
        let is_begun = matches!(events.next()?.0, Event::StreamStart)
            && matches!(events.next()?.0, Event::DocumentStart(_, None));
        is_begun.then_some(events).ok_or(Unusual)
    }

    /// Checks that the text ends after its first value.
    fn end(&mut self) -> Result<(), Unusual> {
        let is_ended = matches!(self.next()?.0, Event::DocumentEnd)
            && matches!(self.next()?.0, Event::StreamEnd);
        is_ended.then_some(()).ok_or(Unusual)
    }

    fn next(&mut self) -> Result<(Event<'s>, Span), Unusual> {
        self.parser.next_event().ok_or(Unusual)?.or(Err(Unusual))
    }

    /// Reads the next event, which must have neither anchor nor tag.
    fn start(&mut self) -> Result<(Start<'s>, Mark), Unusual> {
        let (event, span) = self.next()?;
        let start = match event {
            // A merge key is not plain, even inside of a skipped value.
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => return Err(Unusual),
            Event::Scalar(text, style, 0, None) => Start::Scalar(text, style),
            Event::SequenceStart(_, 0, None) => Start::List,
            Event::MappingStart(_, 0, None) => Start::Mapping,
            Event::SequenceEnd | Event::MappingEnd => Start::End,
            _ => return Err(Unusual),
        };
        match start {
            Start::Scalar(..) => self.nodes += 1,
            Start::List | Start::Mapping => {
                self.nodes += 1;
                self.depth += 1;
            }
            Start::End => self.depth -= 1,
        }
        if self.depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(Unusual);
        }
        Ok((start, mark(&span)?))
    }
}

impl Items for Events<'_> {
    type Error = Unusual;

    fn item<T: Shape>(&mut self) -> Result<Option<Node<T>>, Unusual> {
        let (start, at) = self.start()?;
        let (value, found) = match start {
            Start::Scalar(text, style) if is_nothing(&text, style) => {
                (T::nothing(), Found::Nothing)
            }
            // The kind of scalar only matters for problems, which the crate reports.
            Start::Scalar(text, style) => (T::scalar(decoded(text, style)), Found::Text),
            Start::List => (T::list(self)?, Found::List),
            Start::Mapping => (T::mapping(self)?, Found::Mapping),
            Start::End => return Ok(None),
        };
        // The crate reports a value of the wrong shape.
        let value = Some(value.ok_or(Unusual)?);
        Ok(Some(Node {
            value,
            found,
            used: at,
            defined: at,
        }))
    }

    fn skip(&mut self) -> Result<bool, Unusual> {
        let outer = self.depth;
        if matches!(self.start()?.0, Start::End) {
            return Ok(false);
        }
        while self.depth > outer {
            self.start()?;
        }
        Ok(true)
    }
}

impl<'s> Entries<'s> for Events<'s> {
    type Error = Unusual;

    fn key(&mut self) -> Result<Option<Key<'s>>, Unusual> {
        match self.start()? {
            (Start::Scalar(text, style), at) if !is_nothing(&text, style) => {
                Ok(Some(Key { text, at }))
            }
            (Start::End, _) => Ok(None),
            _ => Err(Unusual),
        }
    }

    fn value<T: Shape>(&mut self) -> Result<Node<T>, Unusual> {
        self.item()?.ok_or(Unusual)
    }

    fn skip(&mut self) -> Result<(), Unusual> {
        Items::skip(self)?.then_some(()).ok_or(Unusual)
    }

    fn skip_entry(&mut self) -> Result<bool, Unusual> {
        Ok(self
            .key()?
            .map(|_| Items::skip(self))
            .transpose()?
            .is_some())
    }
}

/// Returns whether a scalar is an empty value.
fn is_nothing(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Returns the text of a scalar; `None` if it is the same as in the file.
fn decoded(text: Cow<'_, str>, style: ScalarStyle) -> Option<Cow<'_, str>> {
    match (text, style) {
        (Cow::Borrowed(_), ScalarStyle::Plain) => None,
        (text, _) => Some(text),
    }
}

fn mark(span: &Span) -> Result<Mark, Unusual> {
    let (start, end) = (span.start.byte_offset(), span.end.byte_offset());
    let (Some(start), Some(end)) = (start, end) else {
        return Err(Unusual);
    };
    Ok(Mark {
        offset: narrow(start),
        length: narrow(end.saturating_sub(start)),
        line: narrow(span.start.line()),
        column: narrow(span.start.col() + 1),
    })
}

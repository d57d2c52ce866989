//! The direct reader: reads a plain manifest from the events of the parser.
//!
//! The YAML crate has features that few manifests need: it keeps the events of every key, counts
//! the values that aliases repeat, merges and converts. They cost more time than its parser;
//! without them a big manifest is read in half the time. The direct reader uses the same parser and
//! reads only texts, lists and mappings of the right shape. Anything else is [`Unusual`], and the
//! crate reads the whole file again. So only the crate decides what YAML means, and only it reports
//! problems.

use std::borrow::Cow;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::super::node::{Entries, Found, Items, Key, Node, Shape};
use super::super::position::{Mark, narrow};
use super::super::raw::RawManifest;
use super::{MAX_DEPTH, MAX_NODES};

/// The error for a file that is not plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusual;

/// Reads a manifest; an error if anything in it is not plain.
pub(super) fn read(text: &str) -> Result<RawManifest, Unusual> {
    let mut events = Events {
        parser: Parser::new_from_str(text),
        depth: 0,
        nodes: 0,
    };
    let is_begun = matches!(events.next()?.0, Event::StreamStart)
        && matches!(events.next()?.0, Event::DocumentStart(_, None));
    if !is_begun {
        return Err(Unusual);
    }
    let node: Node<RawManifest> = events.item()?.ok_or(Unusual)?;
    let is_ended = matches!(events.next()?.0, Event::DocumentEnd)
        && matches!(events.next()?.0, Event::StreamEnd);
    node.value
        .filter(|_| is_ended && node.found == Found::Mapping)
        .ok_or(Unusual)
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

//! Reading YAML without stopping at the first fault.
//!
//! Derived deserialisation gives up at the first unknown field, duplicate key or wrong type, and a
//! manifest's author would learn of them one by one. The types here read on: whatever does not fit
//! is kept as a [`Fault`] beside what does, and the value in question is just not there. Only what
//! breaks the YAML itself, or its budget, ends the reading.
//!
//! Where the values come from is behind [`Items`] and [`Entries`]: the YAML crate, or the events of
//! its parser.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::near::nearest;
use super::source::{Mark, SourceFile};

/// What a value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Text,
    Number,
    Boolean,
    List,
    Mapping,
}

impl Found {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        }
    }
}

/// Something that does not fit the shape of a manifest.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// A key that is not known in this kind of mapping.
    UnknownField {
        key: Key<'static>,
        kind: &'static str,
        fields: &'static [&'static str],
    },
    /// A key that is kept for a later version.
    ReservedField {
        key: Key<'static>,
        kind: &'static str,
    },
    /// A key that is there twice.
    DuplicateKey { key: Key<'static>, first: Mark },
    /// A value of another kind than expected.
    WrongType {
        at: Mark,
        expected: &'static str,
        found: Found,
    },
}

/// A list that is being read.
pub(super) trait Items {
    /// Why reading ended.
    type Error;

    /// The next item.
    fn item<T: Shape>(&mut self) -> Result<Option<Node<T>>, Self::Error>;

    /// Passes over the next item; false after the last one.
    fn skip(&mut self) -> Result<bool, Self::Error>;
}

/// A mapping that is being read; its keys may borrow from the source.
pub(super) trait Entries<'s> {
    /// Why reading ended.
    type Error;

    /// The next key; its value comes next.
    fn key(&mut self) -> Result<Option<Key<'s>>, Self::Error>;

    /// The value of the key that came last.
    fn value<T: Shape>(&mut self) -> Result<Node<T>, Self::Error>;

    /// Passes over the value of the key that came last.
    fn skip(&mut self) -> Result<(), Self::Error>;

    /// Passes over the next key and its value; false after the last one.
    fn skip_entry(&mut self) -> Result<bool, Self::Error>;
}

/// A type that a YAML value can have. What is not overridden does not fit.
pub(super) trait Shape: Sized {
    /// What is expected, for messages: "a text".
    const EXPECTED: &'static str;

    /// Takes an empty value.
    fn nothing() -> Option<Self> {
        None
    }

    /// Takes a scalar; a number or boolean has no text here, as it stands in the source as written.
    fn scalar(_text: Option<Cow<'_, str>>) -> Option<Self> {
        None
    }

    /// Takes a list.
    fn list<I: Items>(items: &mut I) -> Result<Option<Self>, I::Error> {
        while items.skip()? {}
        Ok(None)
    }

    /// Takes a mapping.
    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        while entries.skip_entry()? {}
        Ok(None)
    }

    /// What did not fit into the value itself.
    fn invalid_entries(&self) -> &[Fault] {
        &[]
    }

    /// Returns whether an unknown key was probably meant to be this field. Few are looked at: the
    /// answer only keeps a follow-up problem quiet.
    fn misspells(&self, field: &str) -> bool {
        self.invalid_entries()
            .iter()
            .take(8)
            .any(|fault| match fault {
                Fault::UnknownField { key, fields, .. } => {
                    nearest(&key.text, fields.iter().copied()) == Some(field)
                }
                Fault::ReservedField { .. }
                | Fault::DuplicateKey { .. }
                | Fault::WrongType { .. } => false,
            })
    }

    /// Adds what did not fit inside the value, at any depth.
    fn faults(&self, _faults: &mut Vec<Fault>) {}
}

/// Large values stand in boxes, as a value is handed on several times before it is in its place.
impl<T: Shape> Shape for Box<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn nothing() -> Option<Self> {
        T::nothing().map(Self::new)
    }

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        T::scalar(text).map(Self::new)
    }

    fn list<I: Items>(items: &mut I) -> Result<Option<Self>, I::Error> {
        T::list(items).map(|list| list.map(Self::new))
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        T::mapping(entries).map(|mapping| mapping.map(Self::new))
    }

    fn invalid_entries(&self) -> &[Fault] {
        T::invalid_entries(self)
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        T::faults(self, faults);
    }
}

/// A value with its place: the value is there only if it had the right shape.
#[derive(Debug, Clone)]
pub(super) struct Node<T> {
    pub(super) value: Option<T>,
    pub(super) found: Found,
    /// Where it is used: the place of the alias, if it is one.
    pub(super) used: Mark,
    /// Where it is written.
    pub(super) defined: Mark,
}

impl<T: Shape> Node<T> {
    pub(super) fn faults(&self, faults: &mut Vec<Fault>) {
        match &self.value {
            Some(value) => value.faults(faults),
            None => faults.push(Fault::WrongType {
                at: self.used,
                expected: T::EXPECTED,
                found: self.found,
            }),
        }
    }
}

/// A key with its place. Keys are always texts: `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub(super) struct Key<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) at: Mark,
}

impl Key<'_> {
    /// The key by itself.
    pub(super) fn kept(self) -> Key<'static> {
        Key {
            text: Cow::Owned(self.text.into_owned()),
            at: self.at,
        }
    }
}

/// A value with the place of its key.
#[derive(Debug, Clone)]
pub(super) struct Field<T> {
    pub(super) key: Mark,
    pub(super) node: Node<T>,
}

impl<T> Field<T> {
    /// The value, if it had the right shape.
    pub(super) fn value(&self) -> Option<&T> {
        self.node.value.as_ref()
    }
}

/// A scalar, taken as the text that it is in the file.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// Quotes and escapes are resolved.
    Decoded(Box<str>),
    /// A number or a boolean: as it stands in the source.
    AsWritten,
}

impl Shape for Text {
    const EXPECTED: &'static str = "a text";

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        Some(text.map_or(Self::AsWritten, |text| Self::Decoded(text.into())))
    }
}

impl Node<Text> {
    /// The text; none if the value is no scalar.
    pub(super) fn text<'a>(&'a self, source: &'a SourceFile) -> Option<&'a str> {
        match self.value.as_ref()? {
            Text::Decoded(text) => Some(text),
            Text::AsWritten => Some(source.slice(self.defined)),
        }
    }
}

/// A list of values.
#[derive(Debug, Clone)]
pub(super) struct List<T>(pub(super) Vec<Node<T>>);

impl<T: Shape> Shape for List<T> {
    const EXPECTED: &'static str = "a list";

    fn list<I: Items>(items: &mut I) -> Result<Option<Self>, I::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.item()? {
            nodes.push(node);
        }
        Ok(Some(Self(nodes)))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        for node in &self.0 {
            node.faults(faults);
        }
    }
}

/// A mapping whose keys the author chooses.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    pub(super) entries: IndexMap<Box<str>, Field<T>>,
    pub(super) invalid_entries: Vec<Fault>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: IndexMap::new(),
            invalid_entries: Vec::new(),
        }
    }
}

impl<T: Shape> Shape for Table<T> {
    const EXPECTED: &'static str = "a mapping";

    fn nothing() -> Option<Self> {
        Some(Self::default())
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        let mut table = Self::default();
        while let Some(key) = entries.key()? {
            if let Some(field) = table.entries.get(&*key.text) {
                let first = field.key;
                let key = key.kept();
                table
                    .invalid_entries
                    .push(Fault::DuplicateKey { key, first });
                entries.skip()?;
            } else {
                let node = entries.value()?;
                let field = Field { key: key.at, node };
                table.entries.insert(key.text.into(), field);
            }
        }
        Ok(Some(table))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        faults.extend_from_slice(&self.invalid_entries);
        for field in self.entries.values() {
            field.node.faults(faults);
        }
    }
}

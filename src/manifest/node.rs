//! A reader of YAML values that does not stop at the first fault.
//!
//! Derived deserialization stops at the first unknown field, duplicate key or wrong type, so the
//! author of a manifest would see one problem at a time. The types here continue: an invalid entry
//! is kept as a [`Fault`] beside the valid ones, and a value of the wrong shape is missing. Only
//! invalid YAML, or YAML that exceeds its budget, ends the reading.
//!
//! The traits [`Items`] and [`Entries`] hide the source of the values: the YAML crate, or the
//! events of its parser.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::near::nearest;
use super::position::Mark;
use super::source::SourceFile;

/// The kind of a value in the file.
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

/// A key or value that does not have the shape of a manifest.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// A key that is not known in this kind of mapping.
    UnknownField {
        key: Key<'static>,
        kind: &'static str,
        fields: &'static [&'static str],
    },
    /// A key that one mapping has twice.
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
    /// The reason why reading stopped.
    type Error;

    /// Reads the next item; `None` after the last one.
    fn item<T: Shape>(&mut self) -> Result<Option<Node<T>>, Self::Error>;

    /// Skips the next item; false after the last one.
    fn skip(&mut self) -> Result<bool, Self::Error>;
}

/// A mapping that is being read; its keys may borrow from the source.
pub(super) trait Entries<'s> {
    /// The reason why reading stopped.
    type Error;

    /// Reads the next key; `None` after the last one. Its value must be read or skipped next.
    fn key(&mut self) -> Result<Option<Key<'s>>, Self::Error>;

    /// Reads the value of the last key.
    fn value<T: Shape>(&mut self) -> Result<Node<T>, Self::Error>;

    /// Skips the value of the last key.
    fn skip(&mut self) -> Result<(), Self::Error>;

    /// Skips the next key and its value; false after the last one.
    fn skip_entry(&mut self) -> Result<bool, Self::Error>;
}

/// A type that a YAML value can be read as. Kinds of values without their own method are faults.
pub(super) trait Shape: Sized {
    /// The expected kind, for messages: "a text".
    const EXPECTED: &'static str;

    /// Reads an empty value.
    fn nothing() -> Option<Self> {
        None
    }

    /// Reads a scalar. The parameter is `None` if the text is exactly the one in the source.
    fn scalar(_text: Option<Cow<'_, str>>) -> Option<Self> {
        None
    }

    /// Reads a list.
    fn list<I: Items>(items: &mut I) -> Result<Option<Self>, I::Error> {
        while items.skip()? {}
        Ok(None)
    }

    /// Reads a mapping.
    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        while entries.skip_entry()? {}
        Ok(None)
    }

    /// Returns the known keys of the mapping, with their positions.
    fn keys(&self) -> Vec<(&'static str, Mark)> {
        Vec::new()
    }

    /// Returns the faults of the value itself.
    fn invalid_entries(&self) -> &[Fault] {
        &[]
    }

    /// Returns whether an unknown key is probably a misspelling of this field. Only a few keys are
    /// compared: the result only avoids a second problem about the missing field.
    fn misspells(&self, field: &str) -> bool {
        self.invalid_entries()
            .iter()
            .take(8)
            .any(|fault| match fault {
                Fault::UnknownField { key, fields, .. } => {
                    nearest(&key.text, fields.iter().copied()) == Some(field)
                }
                Fault::DuplicateKey { .. } | Fault::WrongType { .. } => false,
            })
    }

    /// Returns the number of entries of all tables and lists, at any depth.
    fn size(&self) -> usize {
        0
    }

    /// Adds the faults of the value and of everything inside, at any depth.
    fn faults(&self, _faults: &mut Vec<Fault>) {}
}

/// Large values are boxed: a value is moved several times before it is stored.
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

    fn keys(&self) -> Vec<(&'static str, Mark)> {
        T::keys(self)
    }

    fn invalid_entries(&self) -> &[Fault] {
        T::invalid_entries(self)
    }

    fn size(&self) -> usize {
        T::size(self)
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        T::faults(self, faults);
    }
}

/// A value with its position. The value is present only if it has the right shape.
#[derive(Debug, Clone)]
pub(super) struct Node<T> {
    pub(super) value: Option<T>,
    pub(super) found: Found,
    /// The position where it is used: that of the alias, if it comes from one.
    pub(super) used: Mark,
    /// The position where it is written.
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

/// A key with its position. Keys are always texts: `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub(super) struct Key<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) at: Mark,
}

impl Key<'_> {
    /// Returns the key without a borrow from the source.
    pub(super) fn kept(self) -> Key<'static> {
        Key {
            text: Cow::Owned(self.text.into_owned()),
            at: self.at,
        }
    }
}

/// A value with the position of its key.
#[derive(Debug, Clone)]
pub(super) struct Field<T> {
    pub(super) key: Mark,
    pub(super) node: Node<T>,
}

impl<T> Field<T> {
    /// Returns the value, if it has the right shape.
    pub(super) fn value(&self) -> Option<&T> {
        self.node.value.as_ref()
    }
}

/// An optional field of a mapping. It is one pointer, because most entries of a manifest have few
/// of their fields.
#[derive(Debug, Clone)]
pub(super) struct Slot<T>(Option<Box<Field<T>>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    /// Returns a slot with a field.
    pub(super) fn filled(field: Field<T>) -> Self {
        Self(Some(Box::new(field)))
    }

    /// Returns the field, if there is one.
    pub(super) fn as_ref(&self) -> Option<&Field<T>> {
        self.0.as_deref()
    }
}

impl<'a, T> From<&'a Slot<T>> for Option<&'a Field<T>> {
    fn from(slot: &'a Slot<T>) -> Self {
        slot.as_ref()
    }
}

/// A scalar as text: `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// A text whose quotes and escapes are resolved.
    Decoded(Box<str>),
    /// A text that is the same as in the source: a number, a boolean or a plain scalar.
    AsWritten,
}

impl Shape for Text {
    const EXPECTED: &'static str = "a text";

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        Some(text.map_or(Self::AsWritten, |text| Self::Decoded(text.into())))
    }
}

impl<T> Node<T> {
    /// Returns a text that this value consists of, at its position.
    pub(super) fn with(&self, text: Text) -> Node<Text> {
        Node {
            value: Some(text),
            found: self.found,
            used: self.used,
            defined: self.defined,
        }
    }
}

impl Node<Text> {
    /// Returns the text; `None` if the value is not a scalar.
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

    fn size(&self) -> usize {
        self.0.len()
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        for node in &self.0 {
            node.faults(faults);
        }
    }
}

/// A mapping with keys of the author's choice.
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

    fn size(&self) -> usize {
        let inner = self.entries.values().filter_map(Field::value);
        self.entries.len() + inner.map(T::size).sum::<usize>()
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        faults.extend_from_slice(&self.invalid_entries);
        for field in self.entries.values() {
            field.node.faults(faults);
        }
    }
}

//! Reading YAML without stopping at the first fault.
//!
//! Derived deserialisation gives up at the first unknown field, duplicate key or wrong type, and a
//! manifest's author would learn of them one by one. The types here read on: whatever does not fit
//! is kept as a [`Fault`] beside what does, and the value in question is just not there. Only what
//! breaks the YAML itself, or its budget, ends the reading.
//!
//! [`Node`] is the one place that knows how the YAML crate reports positions.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::near::nearest;
use super::source::{Mark, SourceFile, narrow};

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
        key: Key,
        kind: &'static str,
        fields: &'static [&'static str],
    },
    /// A key that is kept for a later version.
    ReservedField { key: Key, kind: &'static str },
    /// A key that is there twice.
    DuplicateKey { key: Key, first: Mark },
    /// A value of another kind than expected.
    WrongType {
        at: Mark,
        expected: &'static str,
        found: Found,
    },
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
    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// Takes a mapping.
    fn mapping<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Option<Self>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// What did not fit into the value itself.
    fn strays(&self) -> &[Fault] {
        &[]
    }

    /// Whether an unknown key was probably meant to be this field. Few are looked at: the answer only
    /// keeps a follow-up problem quiet.
    fn misspells(&self, field: &str) -> bool {
        self.strays().iter().take(8).any(|fault| match fault {
            Fault::UnknownField { key, fields, .. } => {
                nearest(&key.text, fields.iter().copied()) == Some(field)
            }
            Fault::ReservedField { .. } | Fault::DuplicateKey { .. } | Fault::WrongType { .. } => {
                false
            }
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

    fn list<'de, A: SeqAccess<'de>>(items: A) -> Result<Option<Self>, A::Error> {
        T::list(items).map(|list| list.map(Self::new))
    }

    fn mapping<'de, A: MapAccess<'de>>(entries: A) -> Result<Option<Self>, A::Error> {
        T::mapping(entries).map(|mapping| mapping.map(Self::new))
    }

    fn strays(&self) -> &[Fault] {
        T::strays(self)
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

impl<'de, T: Shape> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Loose<T>>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value.value,
            found: spanned.value.found,
            used: mark(spanned.referenced),
            defined: mark(spanned.defined),
        })
    }
}

/// The mark of a place that the YAML crate reports.
pub(super) fn mark(location: Location) -> Mark {
    let narrow = |number: u64| narrow(usize::try_from(number).unwrap_or(usize::MAX));
    let span = location.span();
    Mark {
        offset: narrow(span.byte_offset().unwrap_or_default()),
        length: narrow(span.byte_len().unwrap_or_default()),
        line: narrow(location.line()),
        column: narrow(location.column()),
    }
}

/// A value without its place.
struct Loose<T> {
    value: Option<T>,
    found: Found,
}

impl<'de, T: Shape> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}

struct LooseVisitor<T>(PhantomData<T>);

impl<T: Shape> LooseVisitor<T> {
    fn as_written(found: Found) -> Loose<T> {
        Loose {
            value: T::scalar(None),
            found,
        }
    }
}

impl<'de, T: Shape> Visitor<'de> for LooseVisitor<T> {
    type Value = Loose<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose {
            value: T::nothing(),
            found: Found::Nothing,
        })
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(LooseVisitor::as_written(Found::Boolean))
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Self::Value, E> {
        Ok(LooseVisitor::as_written(Found::Number))
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<Self::Value, E> {
        Ok(LooseVisitor::as_written(Found::Number))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Self::Value, E> {
        Ok(LooseVisitor::as_written(Found::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Loose {
            value: T::scalar(Some(Cow::Borrowed(value))),
            found: Found::Text,
        })
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Loose {
            value: T::scalar(Some(Cow::Owned(value))),
            found: Found::Text,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Ok(Loose {
            value: T::list(items)?,
            found: Found::List,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        Ok(Loose {
            value: T::mapping(entries)?,
            found: Found::Mapping,
        })
    }
}

/// A key with its place. Keys are always texts: `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: Box<str>,
    pub(super) at: Mark,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Box<str>>::deserialize(deserializer)?;
        Ok(Self {
            text: spanned.value,
            at: mark(spanned.referenced),
        })
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

    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
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
    pub(super) strays: Vec<Fault>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: IndexMap::new(),
            strays: Vec::new(),
        }
    }
}

impl<T: Shape> Shape for Table<T> {
    const EXPECTED: &'static str = "a mapping";

    fn nothing() -> Option<Self> {
        Some(Self::default())
    }

    fn mapping<'de, A: MapAccess<'de>>(mut source: A) -> Result<Option<Self>, A::Error> {
        let mut table = Self::default();
        while let Some(key) = source.next_key::<Key>()? {
            if let Some(field) = table.entries.get(&key.text) {
                let first = field.key;
                table.strays.push(Fault::DuplicateKey { key, first });
                source.next_value::<IgnoredAny>()?;
            } else {
                let node = source.next_value()?;
                table.entries.insert(key.text, Field { key: key.at, node });
            }
        }
        Ok(Some(table))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        faults.extend_from_slice(&self.strays);
        for field in self.entries.values() {
            field.node.faults(faults);
        }
    }
}

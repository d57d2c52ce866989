//! The reader that uses the YAML crate. Only this file depends on how the crate reports positions.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::super::node::{Entries, Found, Items, Key, Node, Shape};
use super::super::position::{Mark, narrow};

/// A list that the crate reads.
struct Listed<'de, A>(A, PhantomData<&'de ()>);

impl<'de, A: SeqAccess<'de>> Items for Listed<'de, A> {
    type Error = A::Error;

    fn item<T: Shape>(&mut self) -> Result<Option<Node<T>>, A::Error> {
        self.0.next_element()
    }

    fn skip(&mut self) -> Result<bool, A::Error> {
        Ok(self.0.next_element::<IgnoredAny>()?.is_some())
    }
}

/// A mapping that the crate reads.
struct Mapped<'de, A>(A, PhantomData<&'de ()>);

impl<'de, A: MapAccess<'de>> Entries<'de> for Mapped<'de, A> {
    type Error = A::Error;

    fn key(&mut self) -> Result<Option<Key<'de>>, A::Error> {
        self.0.next_key()
    }

    fn value<T: Shape>(&mut self) -> Result<Node<T>, A::Error> {
        self.0.next_value()
    }

    fn skip(&mut self) -> Result<(), A::Error> {
        self.0.next_value::<IgnoredAny>().map(|_| ())
    }

    fn skip_entry(&mut self) -> Result<bool, A::Error> {
        Ok(self.0.next_entry::<IgnoredAny, IgnoredAny>()?.is_some())
    }
}

impl<'de, T: Shape> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Loose<T>>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value.0,
            found: spanned.value.1,
            used: mark(spanned.referenced),
            defined: mark(spanned.defined),
        })
    }
}

/// Returns the mark of a position that the YAML crate reports.
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

/// A value without its position; `None` if it has the wrong shape.
struct Loose<T>(Option<T>, Found);

impl<'de, T: Shape> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}

struct LooseVisitor<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for LooseVisitor<T> {
    type Value = Loose<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose(T::nothing(), Found::Nothing))
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(None), Found::Boolean))
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(None), Found::Number))
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(None), Found::Number))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(None), Found::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(Some(Cow::Borrowed(value))), Found::Text))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Loose(T::scalar(Some(Cow::Owned(value))), Found::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        let list = T::list(&mut Listed(items, PhantomData))?;
        Ok(Loose(list, Found::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        let mapping = T::mapping(&mut Mapped(entries, PhantomData))?;
        Ok(Loose(mapping, Found::Mapping))
    }
}

impl<'de> Deserialize<'de> for Key<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self {
            text: Cow::Owned(spanned.value),
            at: mark(spanned.referenced),
        })
    }
}

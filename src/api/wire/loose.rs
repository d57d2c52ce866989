//! JSON values of unreliable types: `wire` builds its replies from them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::api::http::error::ApiErrorKind;

/// Any JSON value, reduced to the scalar in it. A list is replaced by its first element: `has_more`
/// and `next_offset` are documented as lists with one element (docs/platform.md, 8.1, 8.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::api) enum Loose<'a> {
    /// The key is missing.
    #[default]
    Missing,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    /// An object, or an empty list.
    Other,
}

impl<'a> Loose<'a> {
    /// Returns a truth value, in any of its forms.
    pub(in crate::api) fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Int(0) => Some(false),
            Self::Int(1) => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Returns a whole number, in any of its forms.
    pub(in crate::api) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some(*number as i64)
            }
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns a text. A whole number counts as text; any other number may have lost digits.
    pub(in crate::api) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// Returns a text that is not blank.
    pub(in crate::api) fn word(self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.trim().is_empty())
    }

    /// Returns a number, in any of its forms.
    pub(in crate::api) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Int(number) => f64::from(i32::try_from(*number).ok()?),
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        Some(number).filter(|number| number.is_finite())
    }

    /// Returns whether a `status` reports that the request was refused, as the platform's first API
    /// does (docs/platform.md, U15).
    pub(in crate::api) fn is_error(&self) -> bool {
        matches!(self, Self::Text(word) if word.trim().eq_ignore_ascii_case("ERROR"))
    }

    /// Returns whether an `error` contains a message (docs/platform.md, U14 and U15).
    pub(in crate::api) fn is_message(&self) -> bool {
        matches!(self, Self::Text(text) if !text.trim().is_empty())
    }

    /// Returns whether the value is missing or null.
    pub(in crate::api) fn is_absent(&self) -> bool {
        matches!(self, Self::Missing | Self::Null)
    }
}

impl<'de> Deserialize<'de> for Loose<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Loose::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value)
            .map_or_else(|_| Loose::Text(Cow::Owned(value.to_string())), Loose::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Loose::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first = list.next_element()?.unwrap_or(Loose::Other);
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        skip_map(map)?;
        Ok(Loose::Other)
    }
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A value that may be missing, or null. The two differ: `"solution": null` is an answer, a missing
/// `solution` is not.
#[derive(Debug, Default)]
pub(in crate::api) enum Nested<T> {
    #[default]
    Missing,
    Null,
    Is(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<T>::deserialize(deserializer)? {
            Some(value) => Self::Is(value),
            None => Self::Null,
        })
    }
}

/// A list of objects; a single object is a list with one element, null is an empty list.
#[derive(Debug, Default)]
pub(in crate::api) enum Many<T> {
    #[default]
    Missing,
    Are(Vec<T>),
    /// A value that is neither a list nor an object.
    Wrong,
}

impl<T> Many<T> {
    /// Returns the objects of a required list; an error if it is missing.
    pub(in crate::api) fn required(
        self,
        key: &'static str,
        status: &Loose<'_>,
    ) -> Result<Vec<T>, ApiErrorKind> {
        match self {
            Self::Are(values) => Ok(values),
            Self::Missing | Self::Wrong if status.is_error() => Err(ApiErrorKind::Refused),
            Self::Missing | Self::Wrong => Err(ApiErrorKind::Shape {
                detail: format!("the answer has no list `{key}`"),
            }),
        }
    }

    /// Returns the objects, an empty list if there are none.
    pub(in crate::api) fn into_vec(self) -> Vec<T> {
        match self {
            Self::Are(values) => values,
            Self::Missing | Self::Wrong => Vec::new(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(std::marker::PhantomData))
    }
}

struct ManyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Many::Are(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let value = T::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Many::Are(vec![value]))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Many::Are(Vec::new()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Many::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Many::Wrong)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Many::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Many::Wrong)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Many::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_form_of_has_more_and_next_offset() {
        for (json, flag, int) in [
            ("true", Some(true), None),
            ("[true]", Some(true), None),
            ("[false]", Some(false), None),
            ("\"true\"", Some(true), None),
            ("[\"False\"]", Some(false), None),
            ("null", None, None),
            ("[]", None, None),
            ("{}", None, None),
            ("0", Some(false), Some(0)),
            ("20", None, Some(20)),
            ("[-1]", None, Some(-1)),
            ("\"40\"", None, Some(40)),
            ("[\"40\", 7]", None, Some(40)),
            ("40.0", None, Some(40)),
            ("40.5", None, None),
            ("\"x\"", None, None),
            ("18446744073709551615", None, None),
        ] {
            let value = loose(json);
            assert_eq!((value.flag(), value.int()), (flag, int), "{json}");
        }
    }

    #[test]
    fn texts_and_numbers() {
        assert_eq!(loose("\"1.10\"").text().as_deref(), Some("1.10"));
        assert_eq!(loose("2").text().as_deref(), Some("2"));
        assert_eq!(loose("1.10").text(), None);
        assert_eq!(loose("\"a\\u0041\"").text().as_deref(), Some("aA"));
        assert_eq!(loose("\" \"").word(), None);
    }
}

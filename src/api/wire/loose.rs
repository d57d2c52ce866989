//! JSON values of unreliable types: `wire` builds its replies from them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

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

    /// Returns whether the value is missing or null.
    pub(in crate::api) fn is_absent(&self) -> bool {
        matches!(self, Self::Missing | Self::Null)
    }
}

/// A type that can be read from every JSON value.
pub(in crate::api) trait FromAny<'de>: Sized {
    /// Converts a scalar or null.
    fn scalar(value: Loose<'de>) -> Self;

    /// Reads a list.
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error>;

    /// Reads an object.
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

/// Reads a value of any type.
pub(in crate::api) fn any<'de, T: FromAny<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(AnyVisitor(PhantomData))
}

/// Skips the rest of a list.
pub(in crate::api) fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: FromAny<'de>> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::scalar(Loose::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::scalar(Loose::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::scalar(i64::try_from(value).map_or_else(
            |_| Loose::Text(Cow::Owned(value.to_string())),
            Loose::Int,
        )))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::scalar(Loose::Float(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T, E> {
        Ok(T::scalar(Loose::Text(Cow::Borrowed(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::scalar(Loose::Text(Cow::Owned(value.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::scalar(Loose::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }
}

impl<'de> FromAny<'de> for Loose<'de> {
    fn scalar(value: Self) -> Self {
        value
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let first = list.next_element()?.unwrap_or(Self::Other);
        skip_list(list)?;
        Ok(first)
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Other)
    }
}

impl<'de> Deserialize<'de> for Loose<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any(deserializer)
    }
}

/// The value of the key `error`, in any form: text, number, truth value, or an object or list that
/// contains one of them (docs/platform.md, U14 and U15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) struct ErrorField {
    /// True if there is an error: an empty value, zero, false and null are none.
    pub(in crate::api) is_set: bool,
}

impl<'de> FromAny<'de> for ErrorField {
    fn scalar(value: Loose<'de>) -> Self {
        let is_set = match &value {
            Loose::Missing | Loose::Null | Loose::Other => false,
            Loose::Text(text) if text.trim().is_empty() => false,
            Loose::Float(number) => *number != 0.0,
            Loose::Bool(_) | Loose::Int(_) | Loose::Text(_) => value.flag() != Some(false),
        };
        Self { is_set }
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut whole = Self::default();
        while let Some(element) = list.next_element::<Self>()? {
            whole.is_set |= element.is_set;
        }
        Ok(whole)
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut whole = Self::default();
        while let Some((_, value)) = map.next_entry::<IgnoredAny, Self>()? {
            whole.is_set |= value.is_set;
        }
        Ok(whole)
    }
}

impl<'de> Deserialize<'de> for ErrorField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any(deserializer)
    }
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
    /// The key is missing, or its value is neither a list nor an object.
    #[default]
    Missing,
    Are(Vec<T>),
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
            Self::Missing if status.is_error() => Err(ApiErrorKind::Refused),
            Self::Missing => Err(ApiErrorKind::Shape(format!(
                "the answer has no list `{key}`"
            ))),
        }
    }

    /// Returns the objects, an empty list if there are none.
    pub(in crate::api) fn into_vec(self) -> Vec<T> {
        match self {
            Self::Are(values) => values,
            Self::Missing => Vec::new(),
        }
    }
}

impl<'de, T: FromAny<'de> + Deserialize<'de>> FromAny<'de> for Many<T> {
    fn scalar(value: Loose<'de>) -> Self {
        match value {
            Loose::Null => Self::Are(Vec::new()),
            _ => Self::Missing,
        }
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Self::Are(values))
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self::Are(vec![T::object(map)?]))
    }
}

impl<'de, T: FromAny<'de> + Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any(deserializer)
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

    #[test]
    fn errors_are_found_in_every_form() {
        for (json, is_set) in [
            (r#""in use""#, true),
            (r#"["in use"]"#, true),
            (r#"["", "in use"]"#, true),
            (r#"{"code": null, "message": "in use"}"#, true),
            (r#"{"inner": [{"code": 409}]}"#, true),
            ("true", true),
            ("409", true),
            ("-1", true),
            ("0.5", true),
            ("null", false),
            ("false", false),
            (r#""false""#, false),
            ("0", false),
            ("0.0", false),
            (r#"" ""#, false),
            ("{}", false),
            ("[]", false),
            (r#"[{"code": 0, "message": ""}, null]"#, false),
        ] {
            let field: ErrorField = serde_json::from_str(json).unwrap();
            assert_eq!(field.is_set, is_set, "{json}");
        }
    }
}

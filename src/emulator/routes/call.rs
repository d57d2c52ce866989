//! A request, decoded: query, headers, path parameter and body, with the checks that every
//! operation shares.

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::emulator::refusal::Refusal;

/// What an operation gets to see of a request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path, as it was sent.
    pub(crate) path: String,
    /// The id or file path in the address, decoded; empty where the route has none.
    pub(crate) parameter: String,
    pub(crate) query: Query,
    /// The query string as it was sent.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A header's text; a header that is no text counts as not there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path with its percent-encoding taken off, as far as that gives text.
    pub(crate) fn decoded_path(&self) -> String {
        percent_decode_str(&self.path)
            .decode_utf8_lossy()
            .into_owned()
    }

    /// The path and, behind a question mark, the query, both decoded.
    pub(crate) fn decoded_address(&self) -> String {
        let pairs: Vec<String> = self
            .query
            .0
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        format!("{}?{}", self.decoded_path(), pairs.join("&"))
    }

    /// The body as a JSON object. Its content type does not matter: clients forget it.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Refusal::NotAnObject),
            Err(source) => Err(Refusal::BadJson { source }),
        }
    }
}

/// A text field of a JSON body; `null` counts as not there.
pub(crate) fn text_field(
    fields: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, Refusal> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::BadField {
            field,
            expected: "a text",
        }),
    }
}

/// A field of a JSON body that is true or false; `null` counts as not there.
pub(crate) fn flag_field(
    fields: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<bool>, Refusal> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(Refusal::BadField {
            field,
            expected: "true or false",
        }),
    }
}

/// A text field that must be there and say something.
pub(crate) fn required_field(
    fields: &Map<String, Value>,
    field: &'static str,
) -> Result<String, Refusal> {
    text_field(fields, field)?
        .filter(|text| !text.is_empty())
        .ok_or(Refusal::MissingField { field })
}

/// The parameters of an address, in their order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string of the form that HTML forms send.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode_form(name)?, decode_form(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value of a parameter; an empty one counts as not there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// All values of a parameter that may be repeated, but no empty ones.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self
            .0
            .iter()
            .filter(|(known, value)| known == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A whole number of 64 bits with a sign that is no smaller than `least`.
    pub(crate) fn number(
        &self,
        name: &'static str,
        least: usize,
        expected: &'static str,
    ) -> Result<Option<usize>, Refusal> {
        // An empty text is no number; a server that takes it for none would hide a client's
        // mistake.
        let given = self.0.iter().find(|(known, _)| known == name);
        given
            .map(|(_, text)| {
                let number: Option<i64> = text.parse().ok();
                let number = number.and_then(|number| usize::try_from(number).ok());
                number
                    .filter(|number| *number >= least)
                    .ok_or(Refusal::BadField {
                        field: name,
                        expected,
                    })
            })
            .transpose()
    }
}

/// Decodes one part of an address.
pub(crate) fn decode(text: &str) -> Result<String, Refusal> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refusal::BadAddress)
}

fn decode_form(text: &str) -> Result<String, Refusal> {
    decode(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_forms_are() {
        let query = Query::parse("name=Form+W%2D2&&state=&offset=3&name=other&flag").unwrap();
        assert_eq!(query.get("name"), Some("Form W-2"));
        assert_eq!(query.get("state"), None);
        assert_eq!(query.get("flag"), None);
        assert_eq!(query.all("name"), ["Form W-2", "other"]);
        assert_eq!(query.number("offset", 0, "x").unwrap(), Some(3));
        assert_eq!(query.number("limit", 0, "x").unwrap(), None);
        assert!(query.number("state", 0, "x").is_err());
        assert!(query.number("offset", 4, "x").is_err());
        assert!(query.number("name", 0, "x").is_err());
        assert!(Query::parse("name=%ff").is_err());
    }
}

//! A decoded request: query, headers, path parameter and body, with the checks that all operations
//! share.

use axum::http::request::Parts;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::state::content::NewBytes;

/// The parts of a request that an operation uses.
#[derive(Debug)]
pub(crate) struct Call {
    /// The method, the address and the headers as sent.
    pub(crate) parts: Parts,
    /// The decoded id or file path in the address; empty if the route has none.
    pub(crate) parameter: String,
    pub(crate) query: Query,
    /// The body; only its beginning if it is a large file.
    pub(crate) body: Bytes,
    /// The body of a write to a file.
    pub(crate) file: NewBytes,
}

impl Call {
    /// Returns the text of a header; a header that is not text counts as absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Returns the decoded path; bytes that are not UTF-8 are replaced.
    pub(crate) fn decoded_path(&self) -> String {
        let path = percent_decode_str(self.parts.uri.path());
        path.decode_utf8_lossy().into_owned()
    }

    /// Returns the decoded path and query, separated by a question mark.
    pub(crate) fn decoded_address(&self) -> String {
        let pairs = self.query.0.iter();
        let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n}={v}")).collect();
        format!("{}?{}", self.decoded_path(), pairs.join("&"))
    }

    /// Returns the refusal of an address that has no operation.
    pub(crate) fn no_such_route(&self) -> Refusal {
        Refusal::NoSuchRoute(self.parts.method.clone(), self.parts.uri.path().to_owned())
    }

    /// Returns the body as a JSON object. The content type is ignored, because clients omit it.
    pub(crate) fn object(&self) -> Result<Fields, Refusal> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Refusal::Malformed("the body must be a JSON object")),
            Err(error) => Err(Refusal::BadJson(error)),
        }
    }
}

/// The fields of a JSON body.
pub(crate) type Fields = Map<String, Value>;

/// Returns a field of a JSON body that `read` accepts; `null` counts as absent.
pub(crate) fn optional_field<T>(
    fields: &Fields,
    field: &'static str,
    expected: &'static str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value)
            .map(Some)
            .ok_or(Refusal::BadField(field, expected)),
    }
}

/// Returns a text field of a JSON body.
pub(crate) fn text_field(fields: &Fields, field: &'static str) -> Result<Option<String>, Refusal> {
    optional_field(fields, field, "a text", |value| {
        value.as_str().map(str::to_owned)
    })
}

/// Returns a boolean field of a JSON body.
pub(crate) fn flag_field(fields: &Fields, field: &'static str) -> Result<Option<bool>, Refusal> {
    optional_field(fields, field, "true or false", Value::as_bool)
}

/// Returns a text field that is required and must not be empty.
pub(crate) fn required_field(fields: &Fields, field: &'static str) -> Result<String, Refusal> {
    filled_field(fields, field)?.ok_or(Refusal::MissingField(field))
}

/// Returns a text field; an empty text counts as absent.
pub(crate) fn filled_field(
    fields: &Fields,
    field: &'static str,
) -> Result<Option<String>, Refusal> {
    Ok(text_field(fields, field)?.filter(|text| !text.is_empty()))
}

/// The parameters of a query string, in their order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses a query string in the form that HTML forms send.
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

    /// Returns the first value of a parameter; an empty value counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Returns all values of a parameter that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(known, _)| known == name);
        values
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Returns the parameters `limit` and `offset` of a list. A limit of 0 is for the knob
    /// `limit_zero` to decide.
    pub(crate) fn page(&self) -> Result<(Option<usize>, usize), Refusal> {
        let limit = self.number("limit", "a whole number from 1 up")?;
        let offset = self.number("offset", "a whole number from 0 up")?;
        Ok((limit, offset.unwrap_or(0)))
    }

    /// Returns a whole number that fits into 64 bits with a sign.
    fn number(&self, name: &'static str, expected: &'static str) -> Result<Option<usize>, Refusal> {
        // An empty text is not a number: ignoring it would hide a mistake of the client.
        let given = self.0.iter().find(|(known, _)| known == name);
        let number = given.map(|(_, text)| {
            let number: Option<i64> = text.parse().ok();
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.ok_or(Refusal::BadField(name, expected))
        });
        number.transpose()
    }
}

/// Decodes the percent-encoding of a part of an address.
pub(crate) fn decode(text: &str) -> Result<String, Refusal> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| {
        Refusal::Malformed("the address is not well-formed UTF-8 after percent-decoding")
    })
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
        assert!(query.all("name").eq(["Form W-2", "other"]));
        assert_eq!(query.number("offset", "x").unwrap(), Some(3));
        assert_eq!(query.number("limit", "x").unwrap(), None);
        assert!(query.number("state", "x").is_err());
        assert!(query.number("name", "x").is_err());
        assert!(Query::parse("name=%ff").is_err());
    }
}

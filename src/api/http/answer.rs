//! The answer to a request: a body of limited size, and its JSON.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use serde::Deserialize;

use crate::api::http::coding::Coding;
use crate::api::http::error::ApiErrorKind;
use crate::api::http::excerpt::capped;

/// The maximum size of a list: a thousand records take about a hundredth of it. As every limit, it
/// applies to the bytes that are received, and again after decompression.
pub(in crate::api) const LIST_LIMIT: u64 = 64 * 1024 * 1024;

/// The maximum size of all other answers.
pub(in crate::api) const ANSWER_LIMIT: u64 = 1024 * 1024;

/// The maximum size that is read of an error's body.
const ERROR_LIMIT: usize = 64 * 1024;

/// The answer to a request.
#[derive(Debug)]
pub(in crate::api) struct Answer {
    pub(in crate::api) status: StatusCode,
    pub(in crate::api) headers: HeaderMap,
    pub(in crate::api) body: Bytes,
}

impl Answer {
    /// Parses the body of a success as JSON.
    pub(in crate::api) fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ApiErrorKind> {
        if !self.status.is_success() {
            return Err(ApiErrorKind::Status);
        }
        decode(&self.body)
    }
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiErrorKind> {
    let text = body.trim_ascii();
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    if text.is_empty() {
        return Err(ApiErrorKind::EmptyBody);
    }
    serde_json::from_slice(text).map_err(|error| match (text[0], error.classify()) {
        (b'<', _) => ApiErrorKind::NotJson { html: true },
        (b'{' | b'[', serde_json::error::Category::Eof) => ApiErrorKind::Truncated,
        // The parser's message quotes the unexpected value.
        (_, serde_json::error::Category::Data) => {
            ApiErrorKind::Shape(capped(&error.to_string()).into_owned())
        }
        _ => ApiErrorKind::NotJson { html: false },
    })
}

/// The reason why there is no body.
#[derive(Debug)]
pub(in crate::api) enum BodyFault {
    TooLarge { head: Vec<u8> },
    Broken(reqwest::Error),
}

/// How much of a body is in the coding that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Decoded {
    Wholly,
    Partly,
    /// The body is not changed, so that its reader reports it.
    Not,
}

/// Reads the whole body up to the limit, and decompresses it; of an error's body, only the useful
/// beginning.
pub(in crate::api) async fn plain(
    response: reqwest::Response,
    limit: u64,
) -> Result<(Bytes, Decoded), BodyFault> {
    let is_success = response.status().is_success();
    let coding = Coding::of(response.headers());
    let is_coded = response.headers().contains_key(CONTENT_ENCODING);
    let body = bounded(response, limit).await?;
    let Some(coding) = coding else {
        let decoded = if is_coded {
            Decoded::Not
        } else {
            Decoded::Wholly
        };
        return Ok((body, decoded));
    };
    let most = if is_success {
        limit.saturating_add(1)
    } else {
        ERROR_LIMIT as u64
    };
    let (mut plain, is_whole) = coding.decode(&body, most);
    if is_success && plain.len() as u64 > limit {
        plain.truncate(ERROR_LIMIT);
        return Err(BodyFault::TooLarge { head: plain });
    }
    Ok(match (is_whole, plain.is_empty()) {
        (true, _) => (Bytes::from(plain), Decoded::Wholly),
        (false, false) => (Bytes::from(plain), Decoded::Partly),
        (false, true) => (body, Decoded::Not),
    })
}

/// Reads the bytes of a body, as they were sent.
pub(in crate::api) async fn bounded(
    mut response: reqwest::Response,
    limit: u64,
) -> Result<Bytes, BodyFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_success = response.status().is_success();
    let announced = response
        .content_length()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if is_success && announced.is_some_and(|length| length > limit) {
        return Err(BodyFault::TooLarge { head: Vec::new() });
    }
    let mut body: Vec<u8> = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(Bytes::from(body)),
            Err(_) if !is_success => return Ok(Bytes::from(body)),
            Err(error) => return Err(BodyFault::Broken(error)),
        };
        if body.len() + chunk.len() > limit && is_success {
            body.truncate(ERROR_LIMIT);
            return Err(BodyFault::TooLarge { head: body });
        }
        body.extend_from_slice(&chunk);
        if !is_success && body.len() >= ERROR_LIMIT {
            body.truncate(ERROR_LIMIT);
            return Ok(Bytes::from(body));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_not_json_are_distinguished() {
        for (body, expected) in [
            ("", ApiErrorKind::EmptyBody),
            (" \r\n", ApiErrorKind::EmptyBody),
            ("<html>", ApiErrorKind::NotJson { html: true }),
            (
                "\u{feff}<!doctype html>",
                ApiErrorKind::NotJson { html: true },
            ),
            ("{\"solutions\": [", ApiErrorKind::Truncated),
            ("[{\"a\": \"b", ApiErrorKind::Truncated),
            ("Bad Gateway", ApiErrorKind::NotJson { html: false }),
            ("{\"a\": }", ApiErrorKind::NotJson { html: false }),
        ] {
            assert_eq!(
                decode::<serde::de::IgnoredAny>(body.as_bytes()).err(),
                Some(expected),
                "{body:?}"
            );
        }
        assert!(matches!(
            decode::<Vec<u8>>(b"{}"),
            Err(ApiErrorKind::Shape(_))
        ));
    }
}

//! The errors of a bucket, shortened, and the limits of what it may send.

use http_body_util::BodyExt as _;
use object_store::Error;
use object_store::client::{HttpError, HttpResponse};
use object_store::path::Path;
use reqwest::StatusCode;

use crate::store_location::BucketService;

/// The most pages of one list.
pub(in crate::store) const MAX_PAGES: usize = 1_000;
/// The most names of one list, and the most bytes that they have together.
pub(in crate::store) const MAX_NAMES: usize = 100_000;
pub(in crate::store) const MAX_NAME_BYTES: usize = 64 * 1024 * 1024;

/// A bucket that sends more than the limits allow.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum BoundError {
    #[error("the bucket lists more than {MAX_NAMES} names, or names that are too long, in `{0}`")]
    Names(Path),
    #[error("the bucket answers with more than {MAX_PAGES} pages for the list of `{0}`")]
    Pages(Path),
    #[error("the bucket repeats a continuation token, so that the list of `{0}` has no end")]
    Token(Path),
    #[error("the object `{path}` has more than {limit} bytes")]
    Object { path: Path, limit: u64 },
}

impl From<BoundError> for Error {
    fn from(error: BoundError) -> Self {
        Self::Generic {
            store: "bucket",
            source: Box::new(error),
        }
    }
}

/// An answer that refuses a request.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {status}: {text}")]
pub(in crate::store) struct Refused {
    pub(in crate::store) status: StatusCode,
    /// The body of the answer.
    pub(in crate::store) text: String,
}

impl Refused {
    /// Reads the body of an answer.
    pub(in crate::store) async fn read(answer: HttpResponse) -> Result<Self, HttpError> {
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Self { status, text })
    }
}

/// An error of a bucket, in one message: the bucket's client wraps errors in up to eight others.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct BucketError {
    text: String,
    pub(in crate::store) kind: BucketErrorKind,
}

/// The kinds of errors, each with a fix of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum BucketErrorKind {
    /// Credentials are missing, unknown to the server, or without the needed permission.
    Denied,
    /// The bucket does not exist.
    NotFound,
    /// A limit of this program is exceeded.
    Bound,
    /// Any other error, mostly one of the network.
    Other,
}

impl BucketError {
    /// Reads an error of the bucket's client.
    pub(in crate::store) fn of(error: &Error) -> Self {
        let mut innermost: &(dyn std::error::Error + 'static) = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let refusal = innermost
            .downcast_ref()
            .map(|Refused { status, .. }| *status);
        let kind = match error {
            _ if innermost.is::<BoundError>() => BucketErrorKind::Bound,
            _ if matches!(
                refusal,
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            ) =>
            {
                BucketErrorKind::Denied
            }
            _ if refusal == Some(StatusCode::NOT_FOUND) => BucketErrorKind::NotFound,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                BucketErrorKind::Denied
            }
            Error::NotFound { .. } => BucketErrorKind::NotFound,
            _ => BucketErrorKind::Other,
        };
        Self {
            text: readable(&innermost.to_string()),
            kind,
        }
    }

    /// Returns the fix for a bucket of a service, as a sentence.
    pub(in crate::store) fn help(&self, service: BucketService) -> &'static str {
        match self.kind {
            BucketErrorKind::Denied => service.credentials_help(),
            BucketErrorKind::NotFound => service.name_help(),
            BucketErrorKind::Bound => {
                "Check the contents of the bucket, or name another bucket or prefix."
            }
            BucketErrorKind::Other => service.network_help(),
        }
    }
}

/// Returns the message of an answer without its XML, on one line of limited length.
fn readable(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.replace(
        "Server returned non-2xx status code: ",
        "the server answered ",
    );
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (part, _) = rest.split_once(&format!("</{name}>"))?;
        Some(part.to_owned())
    };
    let head = text.split('<').next().unwrap_or_default();
    let head = head.trim_end_matches([':', ' ']).to_owned();
    let parts: Vec<String> = [Some(head), part("Code"), part("Message")]
        .into_iter()
        .flatten()
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    let line = parts.join(": ");
    if line.chars().count() > LONGEST {
        let cut: String = line.chars().take(LONGEST).collect();
        format!("{cut}...")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_messages_become_one_short_line() {
        for (text, expected) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml \
                 version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The \
                 signature\n differs</Message></Error>",
                "the server answered 403 Forbidden: SignatureDoesNotMatch: The signature differs",
            ),
            (
                "Server returned non-2xx status code: 500 Internal Server Error: ",
                "the server answered 500 Internal Server Error",
            ),
            (
                "Connection refused (os error 111)",
                "Connection refused (os error 111)",
            ),
            ("<Code>A</Code>", "A"),
        ] {
            assert_eq!(readable(text), expected);
        }
        assert_eq!(readable(&"x".repeat(9_000)).len(), 303);
    }
}

//! The errors of a bucket, shortened, and the limits of what it may send.

use object_store::Error;
use object_store::path::Path;

/// The most pages of one list.
pub(super) const MAX_PAGES: usize = 1_000;
/// The most names of one list, and the most bytes that they have together.
pub(super) const MAX_NAMES: usize = 100_000;
pub(super) const MAX_NAME_BYTES: usize = 64 * 1024 * 1024;

/// A bucket that sends more than the limits allow.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoundError {
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

/// An error of a bucket, in one message: the bucket's client wraps errors in up to eight others.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct BucketError {
    text: String,
    pub(super) kind: BucketErrorKind,
}

/// The kinds of errors, each with a fix of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BucketErrorKind {
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
    pub(super) fn of(error: &Error) -> Self {
        let mut innermost: &(dyn std::error::Error + 'static) = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let kind = match error {
            _ if innermost.is::<BoundError>() => BucketErrorKind::Bound,
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

    /// Returns the fix, as a sentence.
    pub(super) fn help(&self) -> &'static str {
        match self.kind {
            BucketErrorKind::Denied => {
                "Check the credentials in the AWS_* variables, and the rights that they give: to \
                 list, read, write and delete."
            }
            BucketErrorKind::NotFound => "Check the bucket's name, and AWS_REGION.",
            BucketErrorKind::Bound => {
                "Check the contents of the bucket, or name another bucket or prefix."
            }
            BucketErrorKind::Other => {
                "Check the bucket's name, AWS_REGION and AWS_ENDPOINT_URL, the network and the \
                 proxy."
            }
        }
    }
}

/// Returns the message of an S3 error without its XML, on one line of limited length.
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

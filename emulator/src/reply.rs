//! The answers of the server: statuses, headers and bodies, in the form that profile and knobs ask
//! for. The wire structs are only in this module.

pub(crate) mod jobs;
pub(crate) mod records;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, StreamExt as _, future, stream};
use serde::Serialize;
use serde_json::json;

use super::faults::ConnectionFault;
use super::knobs::{ErrorBody, ErrorStatus};
use super::refusal::Refusal;
use super::state::content::{Content, Part};

/// The result of an operation: its answer, or the reason why the server refuses it.
pub(crate) type Answer = Result<Reply, Refusal>;

/// An answer before it is sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: ReplyBody,
    /// The fault of the connection that sends the answer.
    pub(crate) connection: Option<ConnectionFault>,
}

/// The body of an answer.
#[derive(Debug)]
enum ReplyBody {
    Bytes(Bytes),
    /// The parts of a file, and their length.
    File(Vec<Part>, usize),
}

impl ReplyBody {
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(_, length) => *length,
        }
    }

    fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (bytes, parts) = match self {
            Self::Bytes(bytes) => (Some(bytes), Vec::new()),
            Self::File(parts, _) => (None, parts),
        };
        let parts = stream::iter(parts).then(|part| async move {
            // The bytes may be on disk.
            let read = tokio::task::spawn_blocking(move || part.read()).await;
            read.map_err(io::Error::other).flatten()
        });
        stream::iter(bytes.map(Ok)).chain(parts)
    }
}

impl From<ReplyBody> for Body {
    fn from(body: ReplyBody) -> Self {
        match body {
            ReplyBody::Bytes(bytes) => bytes.into(),
            file @ ReplyBody::File(..) => Self::from_stream(file.stream()),
        }
    }
}

/// A mark on a response that makes the server close the connection instead of sending it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HangUp;

impl Reply {
    /// Creates an answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: ReplyBody::Bytes(Bytes::new()),
            connection: None,
        }
    }

    /// Creates a successful answer with a JSON body.
    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("invariant: replies have text keys");
        Self::bytes(status, "application/json", body.into())
    }

    pub(crate) fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        Self {
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
            body: ReplyBody::Bytes(body),
            ..Self::empty(status)
        }
    }

    /// Creates an answer with a range of a file, which is read while it is sent.
    pub(crate) fn file(
        status: StatusCode,
        content_type: &'static str,
        content: &Content,
        range: Range<usize>,
    ) -> Self {
        let length = range.len();
        let parts = content.parts(range);
        if let [part] = &parts[..]
            && let Some(bytes) = part.in_memory()
        {
            return Self::bytes(status, content_type, bytes);
        }
        let mut reply = Self::bytes(status, content_type, Bytes::new());
        reply.body = ReplyBody::File(parts, length);
        reply.with(header::CONTENT_LENGTH, &length.to_string())
    }

    /// Adds a header. A value that is not valid in a header is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Compresses a JSON body by gzip.
    pub(crate) fn gzipped(mut self) -> Self {
        let json = (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let ReplyBody::Bytes(bytes) = &self.body
            && self.headers.contains(&json)
            && let Ok(gzipped) = gzip(bytes)
        {
            self.body = ReplyBody::Bytes(gzipped.into());
            self.headers
                .push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        self
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        *response.body_mut() = match self.connection {
            None => self.body.into(),
            Some(ConnectionFault::Drop) => {
                response.extensions_mut().insert(HangUp);
                Body::empty()
            }
            Some(ConnectionFault::Truncate) => {
                let length = self.body.length();
                // An answer without a body announces one too.
                let announced = HeaderValue::from(length.max(2));
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_LENGTH, announced);
                truncated(self.body, length / 2)
            }
            Some(ConnectionFault::Endless) => {
                Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(ENDLESS)))
            }
        };
        response
    }
}

/// The bytes that an endless body repeats.
const ENDLESS: Bytes = Bytes::from_static(&[b' '; 4_096]);

/// Returns a body that breaks off after this number of bytes.
fn truncated(body: ReplyBody, length: usize) -> Body {
    let head = body.stream().scan(length, |left, bytes| {
        let head = bytes.map(|bytes| bytes.slice(..bytes.len().min(*left)));
        *left -= head.as_ref().map_or(0, Bytes::len);
        future::ready(Some(head))
    });
    let end = stream::once(async {
        // The server flushes its buffer when the body has no data ready; the body must not fail
        // before that.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("a fault rule cuts the body off"))
    });
    Body::from_stream(head.chain(end))
}

/// Returns the HTTP status of a refusal. Calls of API v2 use the usual statuses.
fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        // A missing right is 401 on the platform, not 403.
        Refusal::WrongToken | Refusal::WrongContext(..) | Refusal::NotAllowed(..) => {
            StatusCode::UNAUTHORIZED
        }
        Refusal::NoSuchRoute(..)
        | Refusal::NoSuchFault(..)
        | Refusal::NothingToRun(..)
        | Refusal::NoSuchSolution(..)
        | Refusal::NoSuchJob(..)
        | Refusal::NoSuchNode(..) => StatusCode::NOT_FOUND,
        Refusal::WrongMethod(..) => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Malformed(..)
        | Refusal::NoHost
        | Refusal::BadJson(..)
        | Refusal::MissingField(..)
        | Refusal::BadField(..)
        | Refusal::WrongState(..)
        | Refusal::StillReferenced(..)
        | Refusal::BadPackage(..)
        | Refusal::BadPath(..)
        | Refusal::ParentIsFile(..)
        | Refusal::BadKnob(..)
        | Refusal::BadFault(..) => StatusCode::BAD_REQUEST,
        Refusal::TooLong(..) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Refusal::AlreadyDeployed(_, status) => *status,
        Refusal::JobExists(..) | Refusal::JobIsOver(..) => StatusCode::CONFLICT,
        Refusal::Forbidden(..) => StatusCode::FORBIDDEN,
        Refusal::WrongHost => StatusCode::MISDIRECTED_REQUEST,
        Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Refusal::WrongNodeType(..) | Refusal::NodeExists(..) => StatusCode::PRECONDITION_FAILED,
        Refusal::RangeOutside { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        Refusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Disk(..) | Refusal::Broken(..) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the answer for a refusal, in the form that the knobs ask for.
pub(crate) fn refusal(refusal: &Refusal, form: ErrorBody, status: ErrorStatus) -> Reply {
    let text = refusal.to_string();
    let reply = match status {
        ErrorStatus::Http => error(status_of(refusal), &text, form),
        ErrorStatus::Ok => v1_error(&text),
    };
    match refusal {
        Refusal::RangeOutside { length } => {
            reply.with(header::CONTENT_RANGE, &format!("bytes */{length}"))
        }
        // The rest of the body is not read, so the connection cannot be used again.
        Refusal::TooLong(_) | Refusal::TooSlow | Refusal::NoHost | Refusal::WrongHost => {
            reply.with(header::CONNECTION, "close")
        }
        _ => reply,
    }
}

/// Returns the answer for a refusal in the usual form, whatever the knobs ask for.
pub(crate) fn plain_refusal(cause: &Refusal) -> Reply {
    refusal(cause, ErrorBody::Message, ErrorStatus::Http)
}

/// Returns an error of a v1 call, which is 200 with `ERROR` in the body.
pub(crate) fn v1_error(text: &str) -> Reply {
    error(StatusCode::OK, text, ErrorBody::StatusMsg)
}

/// Returns an error with a body in one of its forms.
pub(crate) fn error(status: StatusCode, text: &str, form: ErrorBody) -> Reply {
    match form {
        ErrorBody::Message => Reply::json(status, &json!({ "message": text })),
        ErrorBody::Msg => Reply::json(status, &json!({ "msg": text })),
        ErrorBody::Error => Reply::json(status, &json!({ "error": text })),
        ErrorBody::StatusMsg => Reply::json(status, &json!({ "status": "ERROR", "msg": text })),
        ErrorBody::Html => {
            let reason = status.canonical_reason().unwrap_or("Error");
            let page = format!(
                "<html>\n<head><title>{code} {reason}</title></head>\n<body>\n\
                 <center><h1>{code} {reason}</h1></center>\n</body>\n</html>\n",
                code = status.as_u16(),
            );
            Reply::bytes(status, "text/html", page.into())
        }
        ErrorBody::Empty => Reply::empty(status),
    }
}

/// Formats a time for an HTTP header.
pub(crate) fn http_date(milliseconds: u64) -> String {
    // The date format ends with the year 9999.
    let seconds = (milliseconds / 1_000).min(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

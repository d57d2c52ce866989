//! The errors of requests: the request, the answer, and the fix.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::api::http::bounds::ListBound;
use crate::live::Unproven;

/// A request that failed. Its `Display` names method, URL, status and the head of the body, never
/// a secret and never its source.
#[derive(Debug)]
pub struct ApiError(pub(in crate::api) Box<Failure>);

/// The request that failed, and the facts about its answer.
#[derive(Debug)]
pub(in crate::api) struct Failure {
    pub(in crate::api) method: String,
    pub(in crate::api) url: String,
    pub(in crate::api) status: Option<u16>,
    /// The head of the body: short, escaped and redacted.
    pub(in crate::api) excerpt: Option<String>,
    pub(in crate::api) request_id: Option<String>,
    pub(in crate::api) retry_after: Option<Duration>,
    pub(in crate::api) attempts: u32,
    pub(in crate::api) kind: ApiErrorKind,
    pub(in crate::api) source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The token could not be read; nothing was sent.
    #[error("no token")]
    Token,
    /// No connection: refused, unknown host, no route, or a time-out while connecting. Nothing was
    /// sent.
    #[error("cannot connect")]
    Connect,
    /// No trusted connection: the certificate or the handshake failed. Nothing was sent.
    #[error("no trusted connection")]
    Tls,
    /// No answer in time.
    #[error("no answer within {} s", .after.as_secs_f64())]
    Timeout {
        /// The time that was waited.
        after: Duration,
    },
    /// The connection broke before an answer came.
    #[error("the connection broke before an answer came")]
    Reset,
    /// The body ended too early.
    #[error("the answer's body ended too early")]
    Truncated,
    /// The body is larger than any proper answer.
    #[error("the answer's body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A list that does not end, or exceeds a limit.
    #[error("the list is longer than {0}")]
    TooLong(ListBound),
    /// An HTTP status of failure.
    #[error("answered")]
    Status,
    /// A success status with `"status": "ERROR"` in the body (docs/platform.md, U15).
    #[error("refused in the body of a success")]
    Refused,
    /// A body that is not JSON.
    #[error("answered with {}", if *.html { "a web page" } else { "something that is not JSON" })]
    NotJson {
        /// True if it is a web page.
        html: bool,
    },
    /// An empty body, although JSON was expected.
    #[error("answered with an empty body")]
    EmptyBody,
    /// JSON, but not of the documented shape, with the difference from it.
    #[error("unexpected answer: {0}")]
    Shape(String),
    /// A record of the platform that no manifest can declare, with the reason.
    #[error("the record is not usable: {0}")]
    Record(String),
    /// A redirect that is not followed.
    #[error("redirected to `{location}`, which is not followed")]
    Redirect {
        /// The target of the redirect.
        location: String,
    },
}

/// The reason why the live state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Every request was answered, but the answers prove nothing.
    #[error("the list of `{name}` proves nothing: {reason}")]
    Unproven {
        /// The requested name.
        name: crate::ident::SolutionName,
        /// The reason.
        reason: Unproven,
    },
    /// The same for the whole listing.
    #[error("the listing proves nothing: {0}")]
    UnprovenWhole(Unproven),
}

impl ReadError {
    /// Returns the fix, in full sentences.
    pub fn help(&self) -> Cow<'static, str> {
        match self {
            Self::Api(error) => error.help(),
            Self::Unproven { .. } | Self::UnprovenWhole(_) => {
                Cow::Borrowed("Run the command again; if it stays, look at the server.")
            }
        }
    }
}

impl ApiError {
    /// Returns the URL, without user information and secrets.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the HTTP status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the time in `Retry-After`, if the server sent one.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> &ApiErrorKind {
        &self.0.kind
    }

    /// Returns whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            ApiErrorKind::Connect
            | ApiErrorKind::Timeout { .. }
            | ApiErrorKind::Reset
            | ApiErrorKind::Truncated => true,
            ApiErrorKind::Status => matches!(self.0.status, Some(408 | 429 | 500 | 502..=504)),
            ApiErrorKind::Token
            | ApiErrorKind::Tls
            | ApiErrorKind::TooLarge { .. }
            | ApiErrorKind::TooLong(_)
            | ApiErrorKind::Refused
            | ApiErrorKind::NotJson { .. }
            | ApiErrorKind::EmptyBody
            | ApiErrorKind::Shape(_)
            | ApiErrorKind::Record(_)
            | ApiErrorKind::Redirect { .. } => false,
        }
    }

    /// Returns whether an answer came that could not be understood: a retry may help, a long wait
    /// does not.
    pub(in crate::api) fn is_odd_answer(&self) -> bool {
        matches!(
            self.0.kind,
            ApiErrorKind::NotJson { .. }
                | ApiErrorKind::EmptyBody
                | ApiErrorKind::Refused
                | ApiErrorKind::Shape(_)
        )
    }

    /// Returns whether the request never reached the server.
    pub(in crate::api) fn is_before_sending(&self) -> bool {
        matches!(
            self.0.kind,
            ApiErrorKind::Token | ApiErrorKind::Connect | ApiErrorKind::Tls
        )
    }

    /// Returns whether the server refused this particular request, not the caller, the time or the
    /// address: a limit, a filter or an offset that it does not accept (docs/platform.md, U12,
    /// U13).
    pub fn is_refused_request(&self) -> bool {
        self.0.kind == ApiErrorKind::Status
            && self.0.status.is_some_and(|status| {
                (400..500).contains(&status)
                    && !matches!(status, 401 | 403 | 404 | 405 | 407 | 408 | 410 | 429)
            })
    }

    /// Returns whether the server refused a page beyond the announced pages.
    pub(in crate::api) fn is_refused_page(&self) -> bool {
        self.is_refused_request()
            || (self.0.kind == ApiErrorKind::Status && self.0.status == Some(404))
    }

    /// Returns the fix, in full sentences.
    pub fn help(&self) -> Cow<'static, str> {
        Cow::Borrowed(match &self.0.kind {
            ApiErrorKind::Token => {
                "Check the environment's `token`: its variable, file or command must yield the \
                 token alone."
            }
            ApiErrorKind::Connect => {
                "Check the environment's `url`, that the server is up, and the proxy settings."
            }
            ApiErrorKind::Tls => {
                "Check the server's certificate. If a private authority issued it, name that \
                 authority's certificate in `ca_bundle`; if the server asks for a client \
                 certificate, configure one."
            }
            ApiErrorKind::Timeout { .. } => {
                "The server is slow or unreachable: check the environment's `url` and try again \
                 later."
            }
            ApiErrorKind::Reset | ApiErrorKind::Truncated => {
                "The connection broke. Try again; if it happens each time, check the proxies \
                 between this machine and the server."
            }
            ApiErrorKind::TooLarge { .. } => {
                "A correct answer is never that large: check that the environment's `url` is the \
                 platform's root URL."
            }
            ApiErrorKind::TooLong(_) => {
                "The server's list does not seem to end, or the instance is larger than solform's \
                 limit: check the server."
            }
            ApiErrorKind::Status => return self.help_for_status(),
            ApiErrorKind::Refused => "The server refused the request: see its message in the body.",
            ApiErrorKind::NotJson { html: true } => {
                "A web page came instead of JSON: a proxy or a login page answered, or the \
                 environment's `url` is not the platform's root URL."
            }
            ApiErrorKind::NotJson { html: false }
            | ApiErrorKind::EmptyBody
            | ApiErrorKind::Shape(_) => {
                "The answer does not seem to come from the platform's API: check the environment's \
                 `url`, and the proxies between this machine and the server."
            }
            ApiErrorKind::Record(_) => {
                "solform leaves such a record alone; `solform list` shows it. Rename or delete it \
                 on the platform."
            }
            ApiErrorKind::Redirect { location } => {
                return Cow::Owned(format!(
                    "The token is not sent elsewhere. If `{location}` belongs to the platform, put \
                     the platform's own root URL into the environment's `url`."
                ));
            }
        })
    }

    fn help_for_status(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0.status {
            Some(401) => {
                "The token is invalid or expired, the `context` (IB-Context) is not one of its \
                 accounts, or the token lacks the permission for this call: the platform answers \
                 401 in all three cases."
            }
            Some(403) => {
                "The platform answers 403 when a quota is used up or a trial has ended. If this is \
                 not so, a proxy refused the request."
            }
            Some(404) => {
                "Check that the environment's `url` is the platform's root URL, without `/api`, \
                 and that the requested resource exists."
            }
            Some(407) => "Give the proxy's user and password in the proxy settings.",
            Some(409) => "A resource of the same identity already exists, or is being changed.",
            Some(413 | 414 | 431) => "A proxy or the server refuses requests of this size.",
            Some(429) => {
                "The server asks for fewer requests: try again later, or lower `--parallelism`."
            }
            Some(507) => "The file system of the platform is full: free space on the drive.",
            Some(500..=599) => {
                "The server or a proxy before it has failed: try again later; if it persists, send \
                 the request above to the platform's support."
            }
            _ => "The server refused the request: see the body.",
        })
    }
}

/// Returns the message of an error with the messages of all causes.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&cause| cause.source());
    let messages: Vec<String> = causes.map(ToString::to_string).collect();
    messages.join(": ")
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        write!(f, "`{} {}`: {}", parts.method, parts.url, parts.kind)?;
        if let Some(status) = parts.status {
            let name = reqwest::StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"));
            if parts.kind == ApiErrorKind::Status {
                write!(f, " {name}")?;
            } else {
                write!(f, " ({name})")?;
            }
        }
        if let Some(excerpt) = &parts.excerpt {
            write!(f, ": `{excerpt}`")?;
        }
        if let Some(request_id) = &parts.request_id {
            write!(f, ", request id `{request_id}`")?;
        }
        if let Some(retry_after) = parts.retry_after {
            write!(f, ", retry after {} s", retry_after.as_secs())?;
        }
        if parts.attempts > 1 {
            write!(f, ", after {} attempts", parts.attempts)?;
        }
        Ok(())
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.0.source.as_ref()?)
    }
}

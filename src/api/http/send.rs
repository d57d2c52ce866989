//! The sending of requests, and the retries of reads.
//!
//! One sending adds the token, applies the time limits, reads a body of limited size and describes
//! the failure. After a 401 the token is read anew and the request is sent once more: the server
//! has surely not accepted it. Redirects are followed only within the origin, because a token must
//! not be sent elsewhere, and by writes only if they add or remove a final slash, because a write
//! must not be repeated as another request (docs/platform.md, U16).

use std::error::Error;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, RANGE,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::api::http::answer::{Answer, BodyFault, Decoded, bounded, plain};
use crate::api::http::bounds::ListBound;
use crate::api::http::client::Client;
use crate::api::http::coding::{ACCEPTED, IDENTITY};
use crate::api::http::error::{ApiError, ApiErrorKind, Failure};
use crate::api::http::events::{RequestSink, SentRequest};
use crate::api::http::excerpt::excerpt;
use crate::api::http::file_content::FileContent;
use crate::api::http::redact::Redactor;
use crate::api::http::retry::retry_after;
use crate::api::http::routes::Route;
use crate::api::http::token::{Bearer, TokenError};
use crate::api::http::transport::{self, Cause};

/// The maximum number of redirects that are followed.
const REDIRECTS: usize = 5;

/// The factor by which a file transfer may take longer than an answer.
const TRANSFER_FACTOR: u32 = 10;

/// The minimum pause that is reported to the user.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);

/// The pause after a 429 without `Retry-After`.
const UNNAMED_PAUSE: Duration = Duration::from_secs(1);

/// The headers in which servers and proxies send the id of a request.
const REQUEST_IDS: [&str; 5] = [
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
];

/// A request that can be sent any number of times.
#[derive(Debug)]
pub(in crate::api) struct Call {
    pub(in crate::api) route: Route,
    pub(in crate::api) content: Option<Content>,
    /// Additional headers.
    pub(in crate::api) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::api) range: Option<(u64, u64)>,
    /// The maximum size of the body, in bytes.
    pub(in crate::api) limit: u64,
    /// True if the content of a file is read or written, which may take longer.
    pub(in crate::api) is_transfer: bool,
}

/// The body of a request.
#[derive(Debug)]
pub(in crate::api) enum Content {
    Json(Bytes),
    File(FileContent),
}

impl Call {
    pub(in crate::api) fn new(route: Route, limit: u64) -> Self {
        Self {
            route,
            content: None,
            headers: Vec::new(),
            range: None,
            limit,
            is_transfer: false,
        }
    }

    /// Returns whether the answer may be compressed. The content of a file is compared byte by
    /// byte, and its ranges count the bytes of the file.
    fn takes_coding(&self) -> bool {
        !self.is_transfer && self.route.method != Method::HEAD
    }
}

impl Client {
    /// Sends a request; a second time only with another token after a 401.
    pub(in crate::api) async fn send(&self, call: &Call) -> Result<Answer, ApiError> {
        let shared = &*self.0;
        shared.limiter.ready().await;
        let Some(token) = &shared.token else {
            return self.follow(call, None).await;
        };
        let no_token = |source: TokenError| self.no_token(call, &*source);
        let bearer = token
            .bearer(None, &shared.secrets)
            .await
            .map_err(no_token)?;
        let answer = self.follow(call, Some(&bearer)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let url = self.shown(&call.route.url);
        tracing::debug!(%url, "the token was refused, it is read anew");
        let bearer = token
            .bearer(Some(&bearer), &shared.secrets)
            .await
            .map_err(no_token)?;
        self.follow(call, Some(&bearer)).await
    }

    /// Sends a read until the answer is understood, the retries are used up, or the answer is a
    /// clear refusal.
    pub(in crate::api) async fn read<T>(
        &self,
        call: &Call,
        understand: impl Fn(&Answer) -> Result<T, ApiErrorKind>,
    ) -> Result<T, ApiError> {
        let began = Instant::now();
        let mut tried = 0;
        let mut patience = self.patience();
        loop {
            tried += 1;
            let sent = {
                let _permit = self.0.limiter.read_permit().await;
                // Boxed: every future that reads would contain its state otherwise.
                Box::pin(self.send(call)).await
            };
            let mut error = match sent {
                Ok(answer) => match understand(&answer) {
                    Ok(value) => return Ok(value),
                    Err(kind) => self.error(call, kind, &answer),
                },
                Err(error) => error,
            };
            let Some(wait) = self.wait_before_next_try(&error, tried, began) else {
                error.0.attempts = tried;
                return Err(error);
            };
            tracing::debug!(%error, tried, wait_ms = wait.as_millis(), "trying again");
            if wait >= NOTABLE_WAIT {
                patience.retrying(&error, wait, tried);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Returns the pause before the retry of a read; `None` if there is no retry.
    fn wait_before_next_try(
        &self,
        error: &ApiError,
        tried: u32,
        began: Instant,
    ) -> Option<Duration> {
        let policy = &self.0.settings.retry;
        let most = match error.kind() {
            // The whole answer arrived, but was cut before it was sent.
            ApiErrorKind::EmptyBody | ApiErrorKind::Truncated if error.status().is_some() => {
                policy.tries.div_ceil(2)
            }
            _ if error.is_retryable() => policy.tries,
            _ if error.is_odd_answer() => policy.tries_of_odd_answers,
            _ => return None,
        };
        if tried >= most {
            return None;
        }
        let wait = match error.retry_after() {
            Some(asked) if asked > policy.longest_asked_wait => return None,
            Some(asked) => asked.max(self.0.backoff.wait(policy, 1)),
            None => self.0.backoff.wait(policy, tried),
        };
        let is_first_contact = !self.0.has_answered.load(Ordering::Relaxed);
        if is_first_contact && began.elapsed() + wait > policy.first_contact {
            return None;
        }
        Some(wait)
    }

    /// Waits until the host accepts requests and a token is available: a writer does this before it
    /// records that it is about to send.
    pub(in crate::api) async fn prepare(&self, call: &Call) -> Result<(), ApiError> {
        if let Some(token) = &self.0.token {
            token
                .bearer(None, &self.0.secrets)
                .await
                .map_err(|source| self.no_token(call, &*source))?;
        }
        self.0.limiter.ready().await;
        Ok(())
    }

    fn no_token(&self, call: &Call, source: &(dyn Error + 'static)) -> ApiError {
        // The source of a token describes what failed and where; the system gives the cause.
        let cause = Cause::whole(source, &self.0.secrets);
        self.without_answer(call, ApiErrorKind::Token, Some(cause))
    }

    /// Returns the error for an answer that is a failure.
    pub(in crate::api) fn error(
        &self,
        call: &Call,
        kind: ApiErrorKind,
        answer: &Answer,
    ) -> ApiError {
        let request_id = REQUEST_IDS
            .iter()
            .find_map(|name| answer.headers.get(HeaderName::from_static(name)))
            .and_then(|value| excerpt(value.as_bytes(), &self.0.secrets));
        ApiError(Box::new(Failure {
            status: Some(answer.status.as_u16()),
            excerpt: excerpt(&answer.body, &self.0.secrets),
            request_id,
            retry_after: retry_after(&answer.headers, self.0.settings.wall_clock),
            ..self.failure(call, kind)
        }))
    }

    /// Returns the error for a list that is longer than the limits allow.
    pub(in crate::api) fn too_long(&self, call: &Call, bound: ListBound) -> ApiError {
        self.without_answer(call, ApiErrorKind::TooLong(bound), None)
    }

    fn without_answer(&self, call: &Call, kind: ApiErrorKind, cause: Option<Cause>) -> ApiError {
        let mut failure = self.failure(call, kind);
        failure.source = cause.map(Into::into);
        ApiError(Box::new(failure))
    }

    fn failure(&self, call: &Call, kind: ApiErrorKind) -> Failure {
        Failure {
            method: call.route.method.to_string(),
            url: self.shown(&call.route.url),
            status: None,
            excerpt: None,
            request_id: None,
            retry_after: None,
            attempts: 1,
            kind,
            source: None,
        }
    }

    fn shown(&self, url: &Url) -> String {
        self.0.secrets.redact(url.as_str()).into_owned()
    }

    /// Follows the allowed redirects.
    async fn follow(&self, call: &Call, bearer: Option<&Bearer>) -> Result<Answer, ApiError> {
        let mut url = call.route.url.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.send_once(call, &url, bearer).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let location = answer
                .headers
                .get(LOCATION)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let target = location
                .as_deref()
                .and_then(|location| url.join(location).ok());
            match target {
                Some(target)
                    if target.origin() == url.origin()
                        && (call.route.method == Method::GET
                            || is_same_write(answer.status, &url, &target)) =>
                {
                    url = target;
                }
                _ => {
                    let location = location
                        .and_then(|location| excerpt(location.as_bytes(), &self.0.secrets))
                        .unwrap_or_else(|| "nowhere".to_owned());
                    return Err(self.error(call, ApiErrorKind::Redirect { location }, &answer));
                }
            }
        }
        let location = self.shown(&url);
        Err(self.without_answer(call, ApiErrorKind::Redirect { location }, None))
    }

    /// Sends a request once, reads its answer and writes a line to the log.
    async fn send_once(
        &self,
        call: &Call,
        url: &Url,
        bearer: Option<&Bearer>,
    ) -> Result<Answer, ApiError> {
        let started = Instant::now();
        let result = self.exchange(call, self.request(call, url, bearer)).await;
        let took = started.elapsed();
        let ms = took.as_millis();
        let method = &call.route.method;
        if let Some(RequestSink(take)) = &self.0.settings.requests {
            take(SentRequest {
                method: method.as_str(),
                path: call.route.template,
                took,
            });
        }
        match &result {
            Ok(answer) => {
                tracing::debug!(
                    %method,
                    url = %self.shown(url),
                    status = answer.status.as_u16(),
                    bytes = answer.body.len(),
                    ms,
                    "answered"
                );
                let limiter = &self.0.limiter;
                match answer.status {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        limiter.refused(started);
                    }
                    StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                        limiter.failed(started);
                    }
                    status if status.is_success() && call.route.is_list() => {
                        limiter.answered(started, took);
                    }
                    _ => {}
                }
            }
            Err(error) => {
                tracing::debug!(%method, url = %self.shown(url), %error, ms, "failed");
                self.0.limiter.failed(started);
            }
        }
        result
    }

    async fn exchange(&self, call: &Call, request: RequestBuilder) -> Result<Answer, ApiError> {
        let shared = &*self.0;
        let is_read = call.route.method == Method::GET;
        let limit = shared.settings.request_timeout;
        let factor = if call.is_transfer { TRANSFER_FACTOR } else { 1 };
        let body_limit = limit * factor;
        let broken = |kind, error: &reqwest::Error| {
            self.without_answer(call, kind, Some(Cause::of(error, &shared.secrets)))
        };
        let body_deadline = Instant::now() + body_limit;
        // The answer to an upload begins after its last byte.
        let is_upload = matches!(call.content, Some(Content::File(_)));
        let limit = if is_upload { body_limit } else { limit };
        let response = timeout(limit, request.send())
            .await
            .map_err(|_| self.without_answer(call, ApiErrorKind::Timeout { after: limit }, None))?
            .map_err(|error| broken(transport::kind(&error, limit), &error))?;
        shared.has_answered.store(true, Ordering::Relaxed);
        let status = response.status();
        let headers = response.headers().clone();
        let answered = |kind| {
            ApiError(Box::new(Failure {
                status: Some(status.as_u16()),
                ..self.failure(call, kind)
            }))
        };
        if status == StatusCode::TOO_MANY_REQUESTS {
            let pause = retry_after(&headers, shared.settings.wall_clock).unwrap_or(UNNAMED_PAUSE);
            let longest = shared.settings.retry.longest_asked_wait;
            shared.limiter.pause(pause.min(longest));
        }
        let reading = async {
            if call.takes_coding() {
                plain(response, call.limit).await
            } else {
                Ok((bounded(response, call.limit).await?, Decoded::Wholly))
            }
        };
        let body = match timeout_at(body_deadline, reading).await {
            Ok(Ok((body, Decoded::Wholly))) => body,
            Ok(Ok((body, decoded))) => {
                tracing::debug!("the answer is not in the coding that it names");
                shared.wants_plain.store(true, Ordering::Relaxed);
                // What could be read of the answer to a write is used: it may name the job.
                if status.is_success() && is_read && decoded == Decoded::Partly {
                    return Err(answered(ApiErrorKind::Truncated));
                }
                body
            }
            // The body of an error is useful, but failing to read it is not an error of its own.
            _ if !status.is_success() => Bytes::new(),
            Err(_) => return Err(answered(ApiErrorKind::Timeout { after: body_limit })),
            Ok(Err(BodyFault::TooLarge { head })) => {
                return Err(ApiError(Box::new(Failure {
                    status: Some(status.as_u16()),
                    excerpt: excerpt(&head, &shared.secrets),
                    ..self.failure(call, ApiErrorKind::TooLarge { limit: call.limit })
                })));
            }
            Ok(Err(BodyFault::Broken(error))) => {
                return Err(broken(ApiErrorKind::Truncated, &error));
            }
        };
        Ok(Answer {
            status,
            headers: clean_headers(headers, &shared.secrets),
            // The bytes of a file are compared; the values that are read from them are redacted
            // later.
            body: if call.is_transfer {
                body
            } else {
                shared.secrets.redact_input(&body).map_or(body, Bytes::from)
            },
        })
    }

    fn request(&self, call: &Call, url: &Url, bearer: Option<&Bearer>) -> RequestBuilder {
        let mut request = self.0.http.request(call.route.method.clone(), url.clone());
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer.header.clone());
        }
        let wants_plain = self.0.wants_plain.load(Ordering::Relaxed);
        let codings = if call.takes_coding() && !wants_plain {
            ACCEPTED
        } else {
            IDENTITY
        };
        request = request.header(ACCEPT_ENCODING, codings);
        if let Some((first, last)) = call.range {
            request = request.header(RANGE, format!("bytes={first}-{last}"));
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        match &call.content {
            Some(Content::Json(json)) => request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(json.clone()),
            Some(Content::File(content)) => request
                .header(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/octet-stream"),
                )
                .header(CONTENT_LENGTH, content.size)
                .body(reqwest::Body::wrap_stream(content.stream())),
            // Some servers require a length even for an empty body, and the documented clients send
            // it.
            None if call.route.method == Method::PATCH => {
                request.header(CONTENT_LENGTH, HeaderValue::from_static("0"))
            }
            None => request,
        }
    }
}

/// Returns the headers of an answer without any known secret.
fn clean_headers(mut headers: HeaderMap, secrets: &Redactor) -> HeaderMap {
    for value in headers.values_mut() {
        if let Some(clean) = secrets.redact_input(value.as_bytes()) {
            // The replacement of a secret is valid in a header.
            *value =
                HeaderValue::from_bytes(&clean).unwrap_or_else(|_| HeaderValue::from_static(""));
        }
    }
    headers
}

/// Returns whether a redirect of a write only adds or removes a final slash. The exception is "see
/// other", which some servers send after they have executed the request.
fn is_same_write(status: StatusCode, from: &Url, to: &Url) -> bool {
    let bare = |url: &Url| url.path().trim_end_matches('/').to_owned();
    status != StatusCode::SEE_OTHER && bare(from) == bare(to) && from.query() == to.query()
}

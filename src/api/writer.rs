//! The writer: one deploy, patch, delete or run per call, sent exactly once.
//!
//! Only `apply` holds a writer. It records each request before it is sent, so nothing here repeats
//! a request. The result is reported in the three ways that matter to the caller: surely not
//! accepted, perhaps accepted, refused. The exception is a 401, after which the same request is
//! sent once more with another token: the server has surely not accepted the first.

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use crate::api::http::answer::{ANSWER_LIMIT, Answer};
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::file_content::FileContent;
use crate::api::http::send::{Call, Content};
use crate::api::reader::Reader;
use crate::api::records::{is_gone, read_solution};
use crate::api::runs;
use crate::api::wire::bodies::StartedReply;
use crate::ident::{JobId, SolutionId};
use crate::job::{RunRequest, RunTarget};
use crate::live::LiveVersion;

/// The header with the position of a part in its file.
const IB_CURSOR: HeaderName = HeaderName::from_static("ib-cursor");

/// The values that a patch sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patch<'a> {
    /// The state to set.
    pub state: Option<&'a str>,
    /// The visibility to set.
    pub visibility: Option<&'a str>,
}

/// The form in which a patch carries its values (docs/platform.md, 8.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchStyle {
    /// Values in the query string, as documented.
    Query,
    /// Values in a JSON body, as seen on real servers.
    Body,
}

/// The result of a write without a reliable answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum WriteError {
    /// Surely not accepted: no connection, no TLS, no token, 429, or 503 with `Retry-After`. It may
    /// be sent again if [`ApiError::is_retryable`] returns true.
    NotTaken(ApiError),
    /// Perhaps accepted: any other 5xx, a broken connection, a time-out after sending, an answer
    /// that cannot be read. Before it is sent again, its effect must be searched for.
    Ambiguous(ApiError),
    /// 404 or 410: there is no such solution.
    NotFound(ApiError),
    /// Refused, by the status or in the body.
    Refused(ApiError),
}

impl WriteError {
    /// Returns the failed request.
    pub fn api(&self) -> &ApiError {
        match self {
            Self::NotTaken(error)
            | Self::Ambiguous(error)
            | Self::NotFound(error)
            | Self::Refused(error) => error,
        }
    }

    /// Classifies a failure.
    fn of(error: ApiError) -> Self {
        if error.is_before_sending() {
            return Self::NotTaken(error);
        }
        match error.kind() {
            ApiErrorKind::Status => match error.status() {
                Some(429) => Self::NotTaken(error),
                Some(503) if error.retry_after().is_some() => Self::NotTaken(error),
                Some(404 | 410) => Self::NotFound(error),
                // The server stopped waiting for a request that it may have received.
                Some(408) => Self::Ambiguous(error),
                // 507: the server's file system is full.
                Some(400..=499 | 507) => Self::Refused(error),
                _ => Self::Ambiguous(error),
            },
            // Some servers send "see other" after they have executed the request.
            ApiErrorKind::Redirect { .. } if error.status() == Some(303) => Self::Ambiguous(error),
            ApiErrorKind::Redirect { .. } | ApiErrorKind::Refused => Self::Refused(error),
            _ => Self::Ambiguous(error),
        }
    }
}

/// A writer to a platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer(Reader);

impl Writer {
    /// Creates a writer over the client of a reader. The reader learns what the writes change.
    pub fn new(reader: &Reader) -> Self {
        Self(reader.clone())
    }

    /// Waits until the host accepts requests after a 429, and until a token is available. Call this
    /// before a request is recorded, so that the record is not older than the request.
    pub async fn ready(&self) -> Result<(), WriteError> {
        let call = Call::new(self.0.client.0.routes.deploy(), ANSWER_LIMIT);
        self.0.client.prepare(&call).await.map_err(WriteError::of)
    }

    /// Deploys the package at a path of the platform's file system. The answer contains a job, or
    /// the request is accepted without a job (docs/platform.md, 8.29).
    pub async fn deploy(&self, path: &str) -> Result<Option<JobId>, WriteError> {
        let mut call = Call::new(self.0.client.0.routes.deploy(), ANSWER_LIMIT);
        call.content = Some(json_object(&[("solution_path", path)]));
        self.start(&call).await
    }

    /// Deletes a version. A missing version is reported as [`WriteError::NotFound`].
    pub async fn delete(&self, id: &SolutionId) -> Result<Option<JobId>, WriteError> {
        let call = Call::new(self.0.client.0.routes.delete(id), ANSWER_LIMIT);
        self.start(&call).await
    }

    /// Sets state or visibility or both, without a job. The answer contains the version as it is
    /// now, or nothing; in both cases only a read proves the result.
    pub async fn patch(
        &self,
        id: &SolutionId,
        patch: Patch<'_>,
        style: PatchStyle,
    ) -> Result<Option<LiveVersion>, WriteError> {
        let values: Vec<(&str, &str)> = [("visibility", patch.visibility), ("state", patch.state)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        if patch.state == Some("INACTIVE") {
            self.0.capabilities.deactivating();
        }
        let routes = &self.0.client.0.routes;
        let call = match style {
            PatchStyle::Query => Call::new(routes.patch(id, &values), ANSWER_LIMIT),
            PatchStyle::Body => {
                let mut call = Call::new(routes.patch(id, &[]), ANSWER_LIMIT);
                call.content = Some(json_object(&values));
                call
            }
        };
        self.send(&call, |answer| match read_solution(answer) {
            // The patch was accepted: if the answer has no usable version, the following read shows
            // it.
            Err(ApiErrorKind::EmptyBody | ApiErrorKind::Shape(_) | ApiErrorKind::Record(_)) => {
                Ok(None)
            }
            result => result,
        })
        .await
    }

    /// Starts a run. Returns the id in the answer; if it is accepted without an id, the id that was
    /// sent.
    pub async fn run(
        &self,
        target: &RunTarget,
        request: &RunRequest,
    ) -> Result<Option<JobId>, WriteError> {
        let mut call = Call::new(self.0.client.0.routes.run(target), ANSWER_LIMIT);
        call.content = Some(Content::Json(runs::body(target, request)));
        self.start(&call).await
    }

    /// Writes a whole file. With `must_be_new`, a file that exists is not changed, and the result
    /// is false.
    pub async fn put_file(
        &self,
        path: &str,
        content: FileContent,
        must_be_new: bool,
    ) -> Result<bool, WriteError> {
        let mut call = self.file_call(Method::PUT, path, content);
        if must_be_new {
            call.headers
                .push((IF_NONE_MATCH, HeaderValue::from_static("*")));
        }
        self.send(&call, |answer| match answer.status {
            StatusCode::PRECONDITION_FAILED if must_be_new => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(ApiErrorKind::Status),
        })
        .await
    }

    /// Appends bytes to a file, or creates it with them.
    pub async fn append_file(
        &self,
        path: &str,
        content: FileContent,
        creates: bool,
    ) -> Result<(), WriteError> {
        let mut call = self.file_call(Method::PATCH, path, content);
        let cursor = HeaderValue::from_static(if creates { "0" } else { "-1" });
        call.headers.push((IB_CURSOR, cursor));
        self.send(&call, accepted).await
    }

    /// Deletes a file, or starts to. A missing file is no error.
    pub async fn delete_file(&self, path: &str) -> Result<(), WriteError> {
        let route = self.0.client.0.routes.file_write(Method::DELETE, path);
        let deleted = self.send(&Call::new(route, ANSWER_LIMIT), accepted).await;
        match deleted {
            Err(WriteError::NotFound(_)) => Ok(()),
            result => result,
        }
    }

    /// Starts to move a file.
    pub async fn move_file(&self, from: &str, to: &str) -> Result<(), WriteError> {
        let mut call = Call::new(self.0.client.0.routes.move_file(), ANSWER_LIMIT);
        call.content = Some(json_object(&[("src_path", from), ("dst_path", to)]));
        self.send(&call, accepted).await
    }

    fn file_call(&self, method: Method, path: &str, content: FileContent) -> Call {
        let route = self.0.client.0.routes.file_write(method, path);
        let mut call = Call::new(route, ANSWER_LIMIT);
        call.content = Some(Content::File(content));
        call.is_transfer = true;
        call
    }

    async fn start(&self, call: &Call) -> Result<Option<JobId>, WriteError> {
        self.send(call, started).await
    }

    async fn send<T>(
        &self,
        call: &Call,
        understand: impl Fn(&Answer) -> Result<T, ApiErrorKind>,
    ) -> Result<T, WriteError> {
        let answer = self.0.client.send(call).await.map_err(WriteError::of)?;
        let kind = if is_gone(&answer) {
            ApiErrorKind::Status
        } else {
            match understand(&answer) {
                Ok(value) => return Ok(value),
                Err(kind) => kind,
            }
        };
        Err(WriteError::of(self.0.client.error(call, kind, &answer)))
    }
}

fn accepted(answer: &Answer) -> Result<(), ApiErrorKind> {
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(ApiErrorKind::Status)
    }
}

/// Returns the job in an answer.
pub(super) fn started(answer: &Answer) -> Result<Option<JobId>, ApiErrorKind> {
    let reply: StartedReply<'_> = match answer.decode() {
        Ok(reply) => reply,
        // 204, or an empty body: accepted without a job.
        Err(ApiErrorKind::EmptyBody) => return Ok(None),
        Err(kind) => return Err(kind),
    };
    let id = reply.job_id.word().and_then(|id| JobId::parse(&id).ok());
    match id {
        None if reply.status.is_error() || reply.error.is_set => Err(ApiErrorKind::Refused),
        id => Ok(id),
    }
}

fn json_object(values: &[(&str, &str)]) -> Content {
    let object: serde_json::Map<String, serde_json::Value> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    Content::Json(Bytes::from(serde_json::Value::Object(object).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    #[test]
    fn a_started_job_is_found_in_every_form() {
        for (status, body, expected) in [
            (200, r#"{"job_id": "j1"}"#, "Some(j1)"),
            (202, r#"{"job_id": ["j1"]}"#, "Some(j1)"),
            (201, r#"{"status":"OK","jobId": 17}"#, "Some(17)"),
            (200, r#"{"status":"ERROR","job_id":"j1"}"#, "Some(j1)"),
            (204, "", "None"),
            (200, " ", "None"),
            (200, "{}", "None"),
            (200, r#"{"job_id": null}"#, "None"),
            (200, r#"{"status": "OK"}"#, "None"),
            (200, r#"{"status": "ERROR", "msg": "no"}"#, "Refused"),
            (200, r#"{"error": "in use"}"#, "Refused"),
            (200, r#"{"error": {"message": "in use"}}"#, "Refused"),
            (200, r#"{"error": true, "message": "in use"}"#, "Refused"),
            (200, r#"{"error": "", "job_id": null}"#, "None"),
            (200, r#"{"error": {"message": ""}}"#, "None"),
            (200, r#"{"error": "late", "job_id": "j1"}"#, "Some(j1)"),
            (200, "<html>", "NotJson { html: true }"),
            (200, "{\"job_id\":", "Truncated"),
            (400, "{}", "Status"),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::copy_from_slice(body.as_bytes()),
            };
            let found = match started(&answer) {
                Ok(Some(id)) => format!("Some({id})"),
                Ok(None) => "None".to_owned(),
                Err(kind) => format!("{kind:?}"),
            };
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}

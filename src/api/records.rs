//! Single records, by their id.

use crate::api::http::answer::{ANSWER_LIMIT, Answer};
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::send::Call;
use crate::api::reader::Reader;
use crate::api::wire::bodies::{FolderBody, FolderReply, SolutionBody, SolutionReply};
use crate::api::wire::convert::{Interner, Record, record};
use crate::api::wire::loose::Nested;
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord};

/// The maximum length of a folder's path, in bytes.
const PATH: usize = 4096;

impl Reader {
    /// Reads one record by its id, also one that no manifest can declare.
    pub async fn get_any(&self, id: &SolutionId) -> Result<Option<AnyRecord>, ApiError> {
        self.record(id, read_any).await
    }

    /// Reads a version by its id. 404, 410 and `"solution": null` prove that it does not exist. Any
    /// other refusal, also `"status": "ERROR"` in a success (docs/platform.md, U15), is an error
    /// and no proof of absence: the texts of messages are not interpreted.
    pub async fn get(&self, id: &SolutionId) -> Result<Option<LiveVersion>, ApiError> {
        self.record(id, |answer| match read_solution(answer)? {
            Some(version) if version.id != *id => Err(ApiErrorKind::Shape(format!(
                "another solution came, with the id `{}`",
                version.id
            ))),
            version => Ok(version),
        })
        .await
    }

    /// Reads the folder of a deployed version on the platform's file system (docs/platform.md,
    /// "Files"). `None` if the record is gone, or names no folder.
    pub async fn folder_of(&self, id: &SolutionId) -> Result<Option<String>, ApiError> {
        let folder = self.record(id, |answer| {
            let reply: FolderReply<'_> = answer.decode()?;
            let body = match reply.solution {
                Nested::Is(body) => body,
                Nested::Null => return Ok(None),
                Nested::Missing => answer.decode::<FolderBody<'_>>()?,
            };
            let path = body.path.word().map(std::borrow::Cow::into_owned);
            Ok(path.filter(|path| !path.is_empty() && path.len() <= PATH))
        });
        folder.await
    }

    async fn record<T>(
        &self,
        id: &SolutionId,
        understand: impl Fn(&Answer) -> Result<Option<T>, ApiErrorKind>,
    ) -> Result<Option<T>, ApiError> {
        let call = Call::new(self.client.0.routes.get(id), ANSWER_LIMIT);
        let read = self.client.read(&call, |answer| {
            if is_gone(answer) {
                return Ok(None);
            }
            understand(answer)
        });
        read.await
    }
}

/// Returns whether the answer reports that the requested thing does not exist.
pub(super) fn is_gone(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 404 | 410)
}

/// Returns the version in an answer. Some servers of this family answer without the enclosing
/// `solution`, which is accepted too.
pub(super) fn read_solution(answer: &Answer) -> Result<Option<LiveVersion>, ApiErrorKind> {
    match read_any(answer)? {
        None => Ok(None),
        Some(AnyRecord::Version(version)) => Ok(Some(version)),
        Some(AnyRecord::Unmanageable(record)) => Err(ApiErrorKind::Record(format!(
            "{} cannot be declared: {}",
            record.label, record.reason
        ))),
    }
}

/// A record of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyRecord {
    /// A version that a manifest can declare.
    Version(LiveVersion),
    /// A record that no manifest can declare.
    Unmanageable(UnmanageableRecord),
}

/// Returns the record in an answer, if it has one.
pub(super) fn read_any(answer: &Answer) -> Result<Option<AnyRecord>, ApiErrorKind> {
    let reply: SolutionReply<'_> = answer.decode()?;
    let body = match reply.solution {
        Nested::Null => return Ok(None),
        Nested::Is(body) => body,
        Nested::Missing => {
            if reply.status.is_error() {
                return Err(ApiErrorKind::Refused);
            }
            let body = answer.decode::<SolutionBody<'_>>()?;
            if body.id.is_absent() && reply.error.is_set {
                return Err(ApiErrorKind::Refused);
            }
            body
        }
    };
    match record(body, &mut Interner::default()) {
        Record::Understood(version) => Ok(Some(AnyRecord::Version(version))),
        Record::Unmanageable(record) => Ok(Some(AnyRecord::Unmanageable(record))),
        // A record needs an id; without it, another program may have answered.
        Record::Bad(record) if record.id.is_none() => Err(ApiErrorKind::Shape(record.detail)),
        Record::Bad(record) => Err(ApiErrorKind::Record(record.detail)),
    }
}

//! The reader: every request that changes nothing.
//!
//! `plan` holds a reader and nothing else, so it cannot write. Reads are retried according to
//! [`crate::api::RetryPolicy`].

use std::collections::BTreeSet;

use crate::api::http::answer::{ANSWER_LIMIT, Answer};
use crate::api::http::client::Client;
use crate::api::http::error::{ApiError, ApiErrorKind, ReadError};
use crate::api::http::send::Call;
use crate::api::jobs;
use crate::api::listing::lister::Lister;
use crate::api::listing::pending_listing::{PendingListing, UnconfirmedListing};
use crate::api::listing::request::{ListRequest, VisibilityOf};
use crate::api::wire::bodies::{SolutionBody, SolutionReply};
use crate::api::wire::convert::{Interner, Record, record};
use crate::api::wire::loose::Nested;
use crate::attribute::LiveVisibilityWord;
use crate::ident::{JobId, SolutionId, SolutionName};
use crate::job::{JobKind, JobState, JobStatus, RunFilter, RunList};
use crate::live::{Coverage, LiveState, LiveVersion, UnmanageableRecord, Unproven};

/// The usual number of records on a page, to estimate the cost of a list of everything.
const RECORDS_PER_PAGE: usize = 100;

/// A reader of a platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) lister: Lister,
}

impl Reader {
    /// Creates a reader over this client. Its clones share what they learn about the server.
    pub fn new(client: Client) -> Self {
        Self {
            lister: Lister::new(client),
        }
    }

    /// Returns the client, for other kinds of requests.
    pub fn client(&self) -> Client {
        self.lister.client.clone()
    }

    /// Raises the maximum number of concurrent reads to the number of concurrent steps, if that is
    /// more than the default: a step that waits for the reads of others keeps the permit of its
    /// job.
    pub fn serve_steps(&self, at_once: usize) {
        self.lister.client.0.limiter.widen_reads(at_once);
    }

    /// Reads a snapshot of the needed versions, with the proof of its completeness.
    pub async fn collect(&self, request: &ListRequest) -> Result<LiveState, ApiError> {
        self.lister.collect(request).await
    }

    /// Starts to list the whole instance before the needed names are known.
    pub fn start_listing(&self) -> PendingListing {
        self.lister.start_listing()
    }

    /// As [`Reader::collect`], but from a pending listing, if the request needs a whole listing.
    /// The result must be confirmed.
    pub async fn collect_from(
        &self,
        pending: PendingListing,
        request: &ListRequest,
    ) -> Result<UnconfirmedListing, ApiError> {
        self.lister.collect_from(pending, request).await
    }

    /// Lists every version with exactly that name, in all states and of all owners. Normally this
    /// takes a single request, after the instance was listed in this process. An answer that is not
    /// proven complete is an error.
    pub async fn named(&self, name: &SolutionName) -> Result<Vec<LiveVersion>, ReadError> {
        let listing = self.lister.named(name).await?;
        let reason = listing.doubt.or_else(|| {
            let first = listing.bad.first()?;
            Some(Unproven::BadRecords {
                count: listing.bad.len(),
                detail: first.detail.clone(),
            })
        });
        if let Some(reason) = reason {
            return Err(ReadError::Unproven {
                name: name.clone(),
                reason,
            });
        }
        Ok(LiveState::new(
            listing.versions,
            crate::live::Coverage::Names(BTreeSet::from([name.clone()])),
        )
        .versions()
        .to_vec())
    }

    /// Reads one record by its id, also one that no manifest can declare.
    pub async fn get_any(&self, id: &SolutionId) -> Result<Option<AnyRecord>, ApiError> {
        let call = Call::new(self.lister.client.0.routes.get(id), ANSWER_LIMIT);
        self.lister
            .client
            .read(&call, |answer| {
                if is_gone(answer) {
                    return Ok(None);
                }
                read_any(answer)
            })
            .await
    }

    /// Reads a version by its id. 404, 410 and `"solution": null` prove that it does not exist. Any
    /// other refusal, also `"status": "ERROR"` in a success (docs/platform.md, U15), is an error
    /// and no proof of absence: the texts of messages are not interpreted.
    pub async fn get(&self, id: &SolutionId) -> Result<Option<LiveVersion>, ApiError> {
        let call = Call::new(self.lister.client.0.routes.get(id), ANSWER_LIMIT);
        self.lister
            .client
            .read(&call, |answer| {
                if is_gone(answer) {
                    return Ok(None);
                }
                let version = read_solution(answer)?;
                match version {
                    Some(version) if version.id != *id => Err(ApiErrorKind::Shape {
                        detail: format!("another solution came, with the id `{}`", version.id),
                    }),
                    version => Ok(version),
                }
            })
            .await
    }

    /// Returns the visibility of a version: from its own record, or from filtered lists. `None` is
    /// unknown.
    pub async fn visibility_of(
        &self,
        version: &LiveVersion,
    ) -> Result<Option<LiveVisibilityWord>, ApiError> {
        self.lister.visibility(version).await
    }

    /// Reads the visibility of a version right before a write, where the plan showed `planned`;
    /// `None` is unknown.
    pub async fn visibility_before_write(
        &self,
        version: &LiveVersion,
        planned: &LiveVisibilityWord,
    ) -> Result<Option<LiveVisibilityWord>, ApiError> {
        self.lister.visibility_before_write(version, planned).await
    }

    /// Fills in the visibility of every version of these names, as far as lists show it.
    pub async fn with_visibility(
        &self,
        live: LiveState,
        names: BTreeSet<SolutionName>,
    ) -> Result<LiveState, ApiError> {
        let pages = matches!(live.coverage(), Coverage::Whole)
            .then(|| live.versions().len().div_ceil(RECORDS_PER_PAGE));
        let coverage = live.coverage().clone();
        let unmanageable = live.unmanageable().to_vec();
        let mut versions = live.into_versions();
        let needed = VisibilityOf::Names(names);
        self.lister
            .add_visibility(&mut versions, &needed, pages)
            .await?;
        Ok(LiveState::new(versions, coverage).with_unmanageable(unmanageable))
    }

    /// Reads the state of a job from the Job API (docs/platform.md, "Jobs").
    pub async fn job(&self, id: &JobId) -> Result<JobState, ApiError> {
        let route = self.lister.client.0.routes.job(id, JobKind::Async);
        self.lister
            .client
            .read(&Call::new(route, ANSWER_LIMIT), |answer| {
                jobs::state(answer, &self.lister.client.0.secrets)
            })
            .await
    }

    /// Reads everything that the Job API reports about a job or a run (docs/platform.md, "Jobs").
    pub async fn job_status(&self, id: &JobId, kind: JobKind) -> Result<JobStatus, ApiError> {
        let route = self.lister.client.0.routes.job(id, kind);
        self.lister
            .client
            .read(&Call::new(route, ANSWER_LIMIT), |answer| {
                jobs::status(answer, &self.lister.client.0.secrets)
            })
            .await
    }

    /// Lists the runs that pass a filter.
    pub async fn runs(&self, filter: &RunFilter) -> Result<RunList, ApiError> {
        self.lister.client.runs(filter).await
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
        Some(AnyRecord::Unmanageable(record)) => Err(ApiErrorKind::Record {
            detail: format!("{} cannot be declared: {}", record.label, record.reason),
        }),
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

fn read_any(answer: &Answer) -> Result<Option<AnyRecord>, ApiErrorKind> {
    let reply: SolutionReply<'_> = answer.decode()?;
    let body = match reply.solution {
        Nested::Null => return Ok(None),
        Nested::Is(body) => body,
        Nested::Missing => {
            if reply.status.is_error() {
                return Err(ApiErrorKind::Refused);
            }
            let body = answer.decode::<SolutionBody<'_>>()?;
            if body.id.is_absent() && reply.error.is_message() {
                return Err(ApiErrorKind::Refused);
            }
            body
        }
    };
    match record(body, &mut Interner::default()) {
        Record::Understood(version) => Ok(Some(AnyRecord::Version(version))),
        Record::Unmanageable(record) => Ok(Some(AnyRecord::Unmanageable(record))),
        // A record needs an id; without it, another program may have answered.
        Record::Bad(record) if record.id.is_none() => Err(ApiErrorKind::Shape {
            detail: record.detail,
        }),
        Record::Bad(record) => Err(ApiErrorKind::Record {
            detail: record.detail,
        }),
    }
}

//! Runs of solutions: the body of the call that starts a run, and the lists of runs.
//!
//! The lists take `limit` and `offset` and announce no further pages (`docs/platform.md`), so a
//! list is read until a page is empty. A page whose last run was seen before shows that the server
//! ignores the offset. Filters that can be compared with a record are applied again by the client;
//! the user who started a run, and the names and owners of solutions, are not part of a record.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::json;

use crate::api::http::answer::{Answer, LIST_LIMIT};
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::excerpt::message;
use crate::api::http::redact::Redactor;
use crate::api::http::send::Call;
use crate::api::reader::Reader;
use crate::api::wire::bodies::{RunBody, RunListReply};
use crate::api::wire::loose::Loose;
use crate::ident::{JobId, SolutionId};
use crate::job::{RunFilter, RunList, RunRecord, RunRequest, RunState, RunTarget};

/// The number of runs to request for a page.
const PAGE: u64 = 100;

const NS_PER_MS: i64 = 1_000_000;

/// Returns the body of a call that starts a run. Missing values are left out: the page knows "not
/// specified" and "left empty", and only the former means the same everywhere (docs/platform.md,
/// 8.19). `settings` is always sent, as it is not documented as optional (docs/platform.md, 8.18).
pub(super) fn body(target: &RunTarget, request: &RunRequest) -> Bytes {
    let mut body = json!({
        "input_dir": request.input_dir,
        "job_id": request.id.as_str(),
        "settings": request.settings,
    });
    if let Some(output_dir) = &request.output_dir {
        body["output_dir"] = output_dir.as_str().into();
    }
    if let RunTarget::Name {
        name,
        version,
        owner,
    } = target
    {
        body["name"] = name.as_str().into();
        if let Some(version) = version {
            body["version"] = version.as_str().into();
        }
        if let Some(owner) = owner {
            body["owner"] = owner.as_str().into();
        }
    }
    Bytes::from(body.to_string())
}

/// A page of a list of runs.
pub(super) struct RunPage {
    /// The number of entries on the page, of any kind.
    received: u64,
    /// The number of bytes of the answer.
    bytes: u64,
    pub(super) runs: Vec<RunRecord>,
    /// The number of entries without an id.
    unreadable: usize,
}

impl Reader {
    /// Reads a list of runs to its end, or up to the wanted number.
    pub async fn runs(&self, filter: &RunFilter) -> Result<RunList, ApiError> {
        let mut list = RunList::default();
        let mut seen = HashSet::new();
        let mut unreadable = 0;
        let mut offset = filter.offset;
        let wanted = filter.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let mut size = Some(filter.limit.unwrap_or(PAGE).min(PAGE));
        let mut received = (0, 0);
        for pages in 0.. {
            let mut answer = self.run_page(filter, size, offset).await;
            if pages == 0
                && let Err(refusal) = &answer
                && refusal.is_refused_request()
            {
                // This server may refuse the limit (docs/platform.md, U25): its default is used
                // then. If that is refused as well, the limit was not the cause.
                if let Ok(page) = self.run_page(filter, None, offset).await {
                    size = None;
                    answer = Ok(page);
                }
            }
            let page = match answer {
                // The last page was already read.
                Err(error) if pages > 0 && error.is_refused_page() => break,
                answer => answer?,
            };
            if page.received == 0 {
                break;
            }
            received.0 += page.received;
            received.1 += page.bytes;
            if let Some(bound) = self.client.0.settings.list_bounds.exceeded(received) {
                let route = self.client.0.routes.runs(filter, size, offset);
                return Err(self.client.too_long(&Call::new(route, LIST_LIMIT), bound));
            }
            unreadable += page.unreadable;
            // A list that grows at its front shows known runs first, and new runs behind them.
            let ends_known = page.runs.last().is_none_or(|run| seen.contains(&run.id));
            let fresh: Vec<RunRecord> = page
                .runs
                .into_iter()
                .filter(|run| seen.insert(run.id.clone()))
                .collect();
            let is_readable = page.received > page.unreadable as u64;
            offset += page.received;
            list.runs
                .extend(fresh.into_iter().filter(|run| passes(filter, run)));
            if list.runs.len() >= wanted {
                list.runs.truncate(wanted);
                break;
            }
            if ends_known && is_readable {
                // A short page proves nothing: the server may limit its pages below the requested
                // size.
                list.incomplete = Some(
                    "the server repeats its page: it ignores `offset`, and there may be more"
                        .to_owned(),
                );
                break;
            }
            if !is_readable {
                list.incomplete = Some(format!(
                    "a whole page has no run with an id: {unreadable} listed runs have none"
                ));
                break;
            }
        }
        if unreadable > 0 && list.incomplete.is_none() {
            list.incomplete = Some(format!("{unreadable} listed runs have no id"));
        }
        Ok(list)
    }

    async fn run_page(
        &self,
        filter: &RunFilter,
        limit: Option<u64>,
        offset: u64,
    ) -> Result<RunPage, ApiError> {
        let route = self.client.0.routes.runs(filter, limit, offset);
        let secrets = &self.client.0.secrets;
        self.client
            .read(&Call::new(route, LIST_LIMIT), |answer| {
                read_page(answer, secrets)
            })
            .await
    }
}

/// Reads a page.
pub(super) fn read_page(answer: &Answer, secrets: &Redactor) -> Result<RunPage, ApiErrorKind> {
    let reply: RunListReply<'_> = answer.decode()?;
    let bodies = reply.jobs.required("jobs", &reply.status)?;
    let received = bodies.len();
    let runs: Vec<RunRecord> = bodies
        .into_iter()
        .filter_map(|body| record(body, secrets))
        .collect();
    Ok(RunPage {
        received: received as u64,
        bytes: answer.body.len() as u64,
        unreadable: received - runs.len(),
        runs,
    })
}

/// Parses an entry; none if it has no id.
fn record(body: RunBody<'_>, secrets: &Redactor) -> Option<RunRecord> {
    let text = |value: Loose<'_>| value.word().map(|text| message(&text, secrets));
    let ms = |value: &Loose<'_>| value.int().map(|ns| ns / NS_PER_MS);
    Some(RunRecord {
        id: JobId::parse(&body.id.text()?).ok()?,
        solution_id: body
            .solution_id
            .word()
            .and_then(|id| SolutionId::parse(&id).ok()),
        account_id: text(body.account_id),
        state: text(body.state).map(|word| RunState::new(&word)),
        started_at_ms: ms(&body.started),
        completed_at_ms: ms(&body.completed),
        time_taken_ms: ms(&body.time_taken),
        message: text(body.message),
        output_folder: text(body.output_folder),
    })
}

/// Returns whether a run passes the filters, as far as its record shows. For missing fields the
/// server's own filter is trusted.
fn passes(filter: &RunFilter, run: &RunRecord) -> bool {
    fn fits<T: PartialEq<U>, U: ?Sized>(wanted: &[T], value: Option<&U>) -> bool {
        wanted.is_empty() || value.is_none_or(|value| wanted.iter().any(|one| one == value))
    }
    let space = run.output_folder.as_deref().and_then(|folder| {
        let folder = folder.trim_start_matches('/');
        let (end, _) = folder.match_indices('/').nth(1)?;
        Some(&folder[..end])
    });
    fits(&filter.ids, Some(&run.id))
        && fits(&filter.solution_ids, run.solution_id.as_ref())
        && fits(&filter.states, run.state.as_ref().map(RunState::as_str))
        && fits(&filter.output_repos, space)
}

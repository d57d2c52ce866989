//! The reading of single answers without a server: [`AnswerText`] passes a body to the functions
//! that also read the answers of a connection. Only the fuzz targets use it.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::api::http::answer::Answer;
use crate::api::http::error::ApiErrorKind;
use crate::api::http::excerpt::excerpt;
use crate::api::http::redact::Redactor;
use crate::api::listing::page;
use crate::api::records::AnyRecord;
use crate::api::{jobs, records, runs, writer};
use crate::ident::JobId;
use crate::job::{JobStatus, RunRecord};
use crate::live::{LiveVersion, UnmanageableRecord};

/// An answer that did not come over a connection.
pub struct AnswerText {
    answer: Answer,
    secrets: Arc<Redactor>,
}

/// The content of an answer to a list of versions.
#[derive(Debug)]
pub struct ListedPage {
    /// The number of entries, of any kind.
    pub received: u64,
    /// The versions that a manifest can declare.
    pub versions: Vec<LiveVersion>,
    /// The records that no manifest can declare.
    pub unmanageable: Vec<UnmanageableRecord>,
    /// What is wrong with each record that cannot be identified.
    pub bad: Vec<String>,
}

impl AnswerText {
    /// Creates a success or a refusal with this body, without its secrets, as a connection does.
    pub fn new(is_success: bool, body: &[u8], secrets: Arc<Redactor>) -> Self {
        let clean = secrets.redact_input(body);
        Self {
            answer: Answer {
                status: if is_success {
                    StatusCode::OK
                } else {
                    StatusCode::BAD_REQUEST
                },
                headers: HeaderMap::new(),
                body: clean.map_or_else(|| Bytes::copy_from_slice(body), Bytes::from),
            },
            secrets,
        }
    }

    /// Reads a page of a list of versions.
    pub fn list(&self) -> Result<ListedPage, ApiErrorKind> {
        let page = page::read_page(&self.answer, 0)?;
        Ok(ListedPage {
            received: page.received,
            versions: page.versions,
            unmanageable: page.unmanageable,
            bad: page.bad.into_iter().map(|record| record.detail).collect(),
        })
    }

    /// Reads a single record.
    pub fn record(&self) -> Result<Option<AnyRecord>, ApiErrorKind> {
        records::read_any(&self.answer)
    }

    /// Reads the job that a request started.
    pub fn started_job(&self) -> Result<Option<JobId>, ApiErrorKind> {
        writer::started(&self.answer)
    }

    /// Reads the status of a job or a run.
    pub fn job(&self) -> Result<JobStatus, ApiErrorKind> {
        jobs::status(&self.answer, &self.secrets)
    }

    /// Reads a page of a list of runs.
    pub fn runs(&self) -> Result<Vec<RunRecord>, ApiErrorKind> {
        Ok(runs::read_page(&self.answer, &self.secrets)?.runs)
    }

    /// Returns the part of the body that an error shows.
    pub fn excerpt(&self) -> Option<String> {
        excerpt(&self.answer.body, &self.secrets)
    }
}

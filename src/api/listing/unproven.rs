//! A list of everything that is not proven complete: it shows what exists, and never what does not.

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::api::capabilities::Limit;
use crate::api::http::error::ApiError;
use crate::api::http::routes::ListFilter;
use crate::api::reader::Reader;
use crate::live::LiveVersion;

/// The usual number of records on a page, to estimate the cost of a list of everything.
pub(in crate::api) const RECORDS_PER_PAGE: usize = 100;

impl Reader {
    /// Estimates the number of pages of a list of everything. `added` is the number of records that
    /// were added since everything was listed; `None` if that was not done in a single list.
    pub fn pages_of_everything(&self, added: usize) -> Option<usize> {
        let records = self.records_of_everything(added)?;
        Some(records.div_ceil(RECORDS_PER_PAGE))
    }

    fn records_of_everything(&self, added: usize) -> Option<usize> {
        let listed = usize::try_from(self.capabilities.learned().listed?).ok()?;
        Some(listed + added)
    }

    /// Lists everything, each page once: a list that changes meanwhile may lack records, and so do
    /// pages behind the estimated end.
    pub async fn list_unproven(&self, added: usize) -> Result<Vec<LiveVersion>, ApiError> {
        let everything = ListFilter::default();
        let limit = self.capabilities.learned().limit;
        let limit = limit.unwrap_or(Limit::Thousand);
        let first = self.page(&everything, limit, 0).await?;
        let mut versions = first.versions;
        let length = usize::try_from(first.received).unwrap_or(usize::MAX).max(1);
        let end = self.records_of_everything(added).unwrap_or(added);
        let rest = (length..end)
            .step_by(length)
            .map(|offset| self.page(&everything, limit, offset as u64));
        let at_once = self.client.0.limiter.most_reads();
        let mut pages = futures_util::stream::iter(rest).buffer_unordered(at_once);
        while let Some(page) = pages.try_next().await? {
            versions.extend(page.versions);
        }
        Ok(versions)
    }
}

//! A listing that starts before the needed names are known, and that can be used before it is
//! proven complete.

use tokio::task::JoinSet;

use crate::api::http::error::ApiError;
use crate::api::listing::paging::{Listing, Recheck, joined};
use crate::api::listing::request::NAMES_LIMIT;
use crate::api::reader::Reader;
use crate::live::LiveState;

/// A pending listing of everything. Dropping it aborts the requests.
#[derive(Debug)]
pub struct PendingListing(JoinSet<Result<Listing, ApiError>>);

impl Reader {
    /// Starts to list the whole instance in the background, before the needed names are known.
    /// Callers do this only for a big listing.
    pub fn start_listing(&self) -> PendingListing {
        self.start(u64::MAX)
    }

    /// Starts the same listing if the names are known, and too many to be listed one by one.
    pub fn start_listing_of(&self, names: usize) -> Option<PendingListing> {
        (names > NAMES_LIMIT).then(|| self.start(names as u64))
    }

    fn start(&self, expected: u64) -> PendingListing {
        let reader = self.clone();
        reader.capabilities.learn(|known| known.expected = expected);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _reading = reader.client.reading();
            let (filter, start) = reader.opening().await?;
            if filter.state.is_some() {
                return reader.everything(&filter, start).await;
            }
            let listing = reader.list_early(&filter, start).await?;
            reader.complete(&filter, listing).await
        });
        PendingListing(task)
    }
}

impl PendingListing {
    /// Returns the listed versions; `None` if the runtime has shut down.
    pub(in crate::api) async fn listing(mut self) -> Result<Option<Listing>, ApiError> {
        joined(&mut self.0).await.transpose()
    }
}

/// A snapshot whose last proof may still be pending. Callers may compute with it meanwhile.
#[derive(Debug)]
pub struct UnconfirmedListing {
    pub(in crate::api) live: LiveState,
    pub(in crate::api) pending: Option<Recheck>,
}

impl UnconfirmedListing {
    /// Returns the listed versions. They must not be used for a decision before they are confirmed.
    pub fn unconfirmed(&self) -> &LiveState {
        &self.live
    }

    /// Returns the snapshot after the proof that the list did not change while it was read; `None`
    /// if it changed, so that it must be read again.
    pub async fn confirmed(self) -> Result<Option<LiveState>, ApiError> {
        let is_proven = Recheck::stood_still(self.pending).await?;
        Ok(is_proven.then_some(self.live))
    }
}

//! A listing that starts before the needed names are known, and that can be used before it is
//! proven complete.

use tokio::task::JoinSet;

use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::api::paging::{Listing, Recheck, joined};
use crate::live::LiveState;

/// A pending listing of everything. Dropping it aborts the requests.
#[derive(Debug)]
pub struct PendingListing(JoinSet<Result<Listing, ApiError>>);

impl Client {
    /// Starts to list everything, in the background. Callers do this only for a big listing.
    pub(super) fn look(&self) -> PendingListing {
        let client = self.clone();
        client.0.capabilities.expect(u64::MAX);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _reading = client.reading();
            let (filter, start) = client.opening().await?;
            if filter.state.is_some() {
                return client.everything(&filter, start).await;
            }
            let listing = client.list_early(&filter, start).await?;
            client.complete(&filter, listing).await
        });
        PendingListing(task)
    }
}

impl PendingListing {
    /// Returns the listed versions; `None` if the runtime has shut down.
    pub(super) async fn listing(mut self) -> Result<Option<Listing>, ApiError> {
        joined(&mut self.0).await.transpose()
    }
}

/// A snapshot whose last proof may still be pending. Callers may compute with it meanwhile.
#[derive(Debug)]
pub struct UnconfirmedListing {
    pub(super) live: LiveState,
    pub(super) pending: Option<Recheck>,
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

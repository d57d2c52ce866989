//! A look that is begun before it is known what is wished to be known, and can be used before its
//! last proof has come.

use tokio::task::JoinSet;

use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::api::paging::{Listing, Recheck, joined};
use crate::live::LiveState;

/// A look at everything that is under way. It is broken off when it is dropped.
#[derive(Debug)]
pub struct PendingListing(JoinSet<Result<Listing, ApiError>>);

impl Client {
    /// Begins to list everything, in the background. There is much: else it would not be begun.
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
    /// What was listed; `None` if the runtime has ended the look.
    pub(super) async fn listing(mut self) -> Result<Option<Listing>, ApiError> {
        joined(&mut self.0).await.transpose()
    }
}

/// A snapshot whose last proof may still be under way: something to reckon with meanwhile.
#[derive(Debug)]
pub struct UnconfirmedListing {
    pub(super) live: LiveState,
    pub(super) pending: Option<Recheck>,
}

impl UnconfirmedListing {
    /// What was listed. It counts for nothing before it is confirmed.
    pub fn unconfirmed(&self) -> &LiveState {
        &self.live
    }

    /// The snapshot, once it is known that the list stood still while it was read; `None` if it
    /// moved: then it must be read again.
    pub async fn confirmed(self) -> Result<Option<LiveState>, ApiError> {
        let is_proven = Recheck::stood_still(self.pending).await?;
        Ok(is_proven.then_some(self.live))
    }
}

//! A look that is begun before it is known what is wished to be known.

use tokio::task::JoinSet;

use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::api::paging::Listing;

/// A look at everything that is under way. It is broken off when it is dropped.
#[derive(Debug)]
pub struct Look(JoinSet<Result<Listing, ApiError>>);

impl Client {
    /// Begins to list everything, in the background.
    pub(super) fn look(&self) -> Look {
        let client = self.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (filter, start) = client.opening().await?;
            client.everything(&filter, start).await
        });
        Look(task)
    }
}

impl Look {
    /// What was listed; `None` if the runtime has ended the look.
    pub(super) async fn listing(mut self) -> Result<Option<Listing>, ApiError> {
        match self.0.join_next().await {
            Some(Ok(listing)) => listing.map(Some),
            Some(Err(fault)) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
            Some(Err(_)) | None => Ok(None),
        }
    }
}

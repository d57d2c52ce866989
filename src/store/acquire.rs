//! The wait for the lock of an environment.

use std::time::Duration;

use tokio::time::Instant;

use super::backend::Store;
use super::error::StoreError;
use super::lease::WATCHED;
use super::lock::{Lease, LockOwner};

/// The pause between two attempts to take a lock that is held.
const RETRY: Duration = Duration::from_millis(500);

/// Takes the lock; waits at most `timeout` for its current holder.
pub async fn lock(
    store: &dyn Store,
    owner: &LockOwner,
    timeout: Duration,
    on_wait: &(dyn Fn(&LockOwner) + Send + Sync),
) -> Result<Result<Box<dyn Lease>, LockOwner>, StoreError> {
    let begun = Instant::now();
    let mut is_reported = false;
    loop {
        let held = match store.try_lock(owner).await? {
            Ok(lease) => return Ok(Ok(lease)),
            Err(held) => held,
        };
        // A lock that has probably expired is watched, even without a timeout.
        let patience = if held.is_silent {
            timeout.max(WATCHED + RETRY)
        } else {
            timeout
        };
        let deadline = begun + patience;
        let now = Instant::now();
        if now >= deadline {
            return Ok(Err(held.owner));
        }
        if !is_reported {
            is_reported = true;
            on_wait(&held.owner);
        }
        tokio::time::sleep_until(deadline.min(now + RETRY)).await;
    }
}

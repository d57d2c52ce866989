//! The lock of an environment: who holds it, and how it is waited for.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::backend::{Held, Store, StoreError};
use super::lease::WATCHED;

/// How often a lock that somebody holds is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Who holds a lock, as others are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// Tells this holding from every other.
    pub id: String,
    /// `user@host`.
    pub who: String,
    /// The process, on that host.
    pub pid: u32,
    /// What was typed.
    pub command: String,
    /// Since when, in milliseconds since 1970, by the owner's clock.
    pub since_ms: u64,
}

impl LockOwner {
    /// Whoever is just taking or giving back the lock is not to be read.
    pub(super) fn nobody_known() -> Self {
        Self {
            id: "unknown".to_owned(),
            who: "somebody".to_owned(),
            pid: 0,
            command: "unknown".to_owned(),
            since_ms: 0,
        }
    }
}

/// A lock that is held until it is released, its process dies, or it is taken away.
#[derive(Debug)]
pub struct Lease(Box<dyn LeaseKeeper>);

/// What a kind of store does for a lock that is held.
#[async_trait]
pub trait LeaseKeeper: std::fmt::Debug + Send + Sync {
    /// Returns whether it is still held. To be asked before each write.
    fn is_held(&self) -> bool;

    /// Gives it back.
    async fn release(self: Box<Self>);
}

impl Lease {
    pub(super) fn new(keeper: Box<dyn LeaseKeeper>) -> Self {
        Self(keeper)
    }

    /// One for whoever does without a lock.
    pub fn unlocked() -> Self {
        Self(Box::new(Unlocked))
    }

    /// Returns whether it is still held.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// Gives it back.
    pub async fn release(self) {
        self.0.release().await;
    }
}

#[derive(Debug)]
struct Unlocked;

#[async_trait]
impl LeaseKeeper for Unlocked {
    fn is_held(&self) -> bool {
        true
    }

    async fn release(self: Box<Self>) {}
}

/// Takes the lock, waiting at most `timeout` for whoever holds it.
pub async fn lock(
    store: &dyn Store,
    owner: &LockOwner,
    timeout: Duration,
    on_wait: &(dyn Fn(&LockOwner) + Send + Sync),
) -> Result<Result<Lease, LockOwner>, StoreError> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let Held {
            owner: holder,
            is_silent,
        } = match store.try_lock(owner).await? {
            Ok(lease) => return Ok(Ok(lease)),
            Err(held) => held,
        };
        // A lock that is likely gone is watched, even by whoever does not want to wait.
        let patience = if is_silent {
            timeout.max(WATCHED + RETRY)
        } else {
            timeout
        };
        let deadline = begun + patience;
        let now = Instant::now();
        if now >= deadline {
            return Ok(Err(holder));
        }
        if !told {
            told = true;
            on_wait(&holder);
        }
        tokio::time::sleep_until(deadline.min(now + RETRY)).await;
    }
}

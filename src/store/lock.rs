//! The lock of an environment, and its holder.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The largest lock that is read.
pub(super) const LOCK_LIMIT: u64 = 64 * 1024;

/// The holder of a lock, as other processes see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// The id of this holding of the lock, different for each one.
    pub id: String,
    /// `user@host`.
    pub who: String,
    /// The process id, on that host.
    pub pid: u32,
    /// The command line.
    pub command: String,
    /// The start of the holding, in milliseconds since 1970, by the owner's clock.
    pub since_ms: u64,
}

impl LockOwner {
    /// Returns a placeholder for a holder that is not known, as it is just taking or releasing the
    /// lock.
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

/// A lock that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The holder.
    pub owner: LockOwner,
    /// True if the holder has not renewed the lock for so long that its process has probably ended:
    /// a short wait is then enough to get the lock.
    pub is_silent: bool,
}

/// A lock that is held until it is released, its process ends, or it is removed.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Returns whether it is still held. Call this before each write.
    fn is_held(&self) -> bool;

    /// Releases the lock.
    async fn release(self: Box<Self>);
}

impl fmt::Debug for dyn Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// The lease of a command that does not lock.
pub struct Unlocked;

#[async_trait]
impl Lease for Unlocked {
    fn is_held(&self) -> bool {
        true
    }

    async fn release(self: Box<Self>) {}
}

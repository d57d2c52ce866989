//! The operations of every kind of store, as one trait: the rest of solform does not depend on
//! where the records are.

use async_trait::async_trait;

use super::entry::Record;
use super::error::StoreError;
use super::journal::Journal;
use super::lock::{Held, Lease, LockOwner};
use crate::ident::{Digest, SolutionId};

/// The key of an environment's folder in a store. It contains the server, so that two servers never
/// share a journal.
#[derive(Debug, Clone, Copy)]
pub struct StoreKey<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The URL of the server.
    pub url: &'a str,
    /// The context (`IB-Context`).
    pub context: Option<&'a str>,
}

impl StoreKey<'_> {
    /// Returns the name of the folder.
    pub(super) fn folder_name(self) -> String {
        let context = self.context.unwrap_or_default();
        let key = Digest::of(format!("{}\n{}\n{context}", self.environment, self.url).as_bytes());
        let mut name = self
            .environment
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        name.truncate(40);
        format!("{name}-{}", &key.as_str()[..12])
    }
}

/// The maximum size of the document of a deployed record, in bytes.
pub(super) const DEPLOYED_LIMIT: u64 = 8 * 1024 * 1024;

/// Returns the name of the document of a deployed record. An id may have any characters, and a file
/// may not.
pub(super) fn deployed_name(id: &SolutionId) -> String {
    format!("{}.json", Digest::of(id.as_str().as_bytes()))
}

/// A store of the journals, the plans and the lock of one environment.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Returns the location of the store, as messages show it.
    fn location(&self) -> String;

    /// Returns whether what is kept here outlives the machine.
    fn is_remote(&self) -> bool;

    /// Returns the ids of all applies, the oldest first: an id begins with its time.
    async fn applies(&self) -> Result<Vec<String>, StoreError>;

    /// Returns the journal of an apply, byte for byte.
    async fn read(&self, apply: &str) -> Result<Vec<u8>, StoreError>;

    /// Returns the plan that an apply executes; none if it was not kept.
    async fn plan(&self, apply: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores the plan of a new apply, and opens its journal. A journal never exists without its
    /// first entry, so that an empty one is known to be damaged.
    async fn begin(&self, apply: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError>;

    /// Opens the journal of an earlier apply, to record the recovered outcomes. A last line that
    /// was cut short is removed.
    async fn reopen(&self, apply: &str) -> Result<Journal, StoreError>;

    /// Closes a journal that gets no further entries.
    async fn close(&self, apply: &str, journal: Journal) -> Result<(), StoreError>;

    /// Removes the records of an apply.
    async fn remove(&self, apply: &str) -> Result<(), StoreError>;

    /// Stores the document of a record that an apply deployed, in place of an earlier one. It may
    /// be lost in a crash.
    async fn write_deployed(&self, id: &SolutionId, document: &[u8]) -> Result<(), StoreError>;

    /// Returns the document of a deployed record, if there is one.
    async fn read_deployed(&self, id: &SolutionId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes the document of a deployed record, if there is one.
    async fn remove_deployed(&self, id: &SolutionId) -> Result<(), StoreError>;

    /// Checks that the store can keep two processes apart, with temporary objects that it removes
    /// again. If the call is dropped, the check still continues to its end.
    async fn prove_locks(&self) -> Result<(), StoreError>;

    /// Takes the lock, or returns its holder.
    async fn try_lock(&self, owner: &LockOwner)
    -> Result<Result<Box<dyn Lease>, Held>, StoreError>;

    /// Returns the holder of the lock.
    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError>;

    /// Returns whether the lock is held under this id by a process that still renews it.
    async fn is_locked_by(&self, id: &str) -> Result<bool, StoreError> {
        let owner = self.lock_owner().await?;
        Ok(owner.is_some_and(|owner| owner.id == id))
    }

    /// Removes the lock from its holder. Returns `false` if it is held under another id, or not
    /// held.
    async fn force_unlock(&self, id: &str) -> Result<bool, StoreError> {
        if self.lock_owner().await?.is_none_or(|owner| owner.id != id) {
            return Ok(false);
        }
        self.remove_lock().await?;
        Ok(true)
    }

    /// Removes the lock from any holder.
    async fn remove_lock(&self) -> Result<(), StoreError>;
}

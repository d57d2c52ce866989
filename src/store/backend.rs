//! The operations of every kind of store, as one trait: the rest of solform does not depend on
//! where the records are.

use std::path::PathBuf;

use async_trait::async_trait;

use super::bucket::{BucketError, BucketErrorKind};
use super::entry::Record;
use super::journal::Journal;
use super::lock::{Lease, LockOwner};
use super::probe::Lacking;
use super::s3_settings::BucketSettingsError;

/// A store of the journals, the plans and the lock of one environment.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Returns the location of the store, as messages show it.
    fn place(&self) -> String;

    /// Returns whether what is kept here outlives the machine.
    fn is_remote(&self) -> bool;

    /// Returns the ids of all applies, the oldest first: an id begins with its time.
    async fn runs(&self) -> Result<Vec<String>, StoreError>;

    /// Returns the journal of an apply, byte for byte.
    async fn read(&self, run: &str) -> Result<Vec<u8>, StoreError>;

    /// Returns the plan that an apply executes; none if it was not kept.
    async fn plan(&self, run: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores the plan of a new apply, and opens its journal. A journal never exists without its
    /// first entry, so that an empty one is known to be damaged.
    async fn begin(&self, run: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError>;

    /// Opens the journal of an earlier apply, to record the recovered outcomes. A last line that
    /// was cut short is removed.
    async fn reopen(&self, run: &str) -> Result<Journal, StoreError>;

    /// Closes a journal that gets no further entries.
    async fn close(&self, run: &str, journal: Journal) -> Result<(), StoreError>;

    /// Removes the records of an apply.
    async fn remove(&self, run: &str) -> Result<(), StoreError>;

    /// Checks that the store can keep two processes apart, with temporary objects that it removes
    /// again. If the call is dropped, the check still continues to its end.
    async fn prove_locks(&self) -> Result<(), StoreError>;

    /// Takes the lock, or returns its holder.
    async fn try_lock(&self, owner: &LockOwner) -> Result<Result<Lease, Held>, StoreError>;

    /// Returns the holder of the lock.
    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError>;

    /// Returns whether the lock is held under this id by a process that still renews it.
    async fn is_locked_by(&self, id: &str) -> Result<bool, StoreError> {
        let owner = self.lock_owner().await?;
        Ok(owner.is_some_and(|owner| owner.id == id))
    }

    /// Removes the lock from its holder. Returns `false` if it is held under another id, or not
    /// held.
    async fn force_unlock(&self, id: &str) -> Result<bool, StoreError>;
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

/// The reason why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The path of the file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A bucket could not be used.
    #[error("failed to {action} `{place}`")]
    Remote {
        /// The operation that failed.
        action: &'static str,
        /// The URL of the bucket or object.
        place: String,
        /// The cause.
        #[source]
        source: BucketError,
    },
    /// The variables that configure access to the bucket are not usable.
    #[error("the settings of the bucket `{place}` are not usable")]
    Settings {
        /// The URL of the bucket.
        place: String,
        /// The cause.
        #[source]
        source: BucketSettingsError,
    },
    /// A bucket in which two applies could hold the lock at once.
    #[error("the bucket of `{place}` {}", lacking.as_str())]
    Unfit {
        /// The URL of the store.
        place: String,
        /// The missing guarantee.
        lacking: Lacking,
    },
    /// A file system on which two applies could hold the lock at once.
    #[error("the file system of `{}` has no file locks", path.display())]
    NoFileLocks {
        /// The lock's file.
        path: PathBuf,
    },
    /// A journal contains a line that is not an entry, before its last line.
    #[error("line {line} of the journal of apply `{run}` in `{place}` is damaged")]
    Corrupt {
        /// The id of the apply.
        run: String,
        /// The number of the line, counted from 1.
        line: usize,
        /// The store.
        place: String,
    },
    /// A journal has no complete line, although it is created together with its first line.
    #[error("the journal of apply `{run}` in `{place}` is empty")]
    Empty {
        /// The apply.
        run: String,
        /// The store.
        place: String,
    },
    /// A journal was written by a newer solform.
    #[error("the journal of apply `{run}` in `{place}` was written by a newer solform")]
    Newer {
        /// The id of the apply.
        run: String,
        /// The store.
        place: String,
    },
}

impl StoreError {
    /// Returns the error of a bucket's client, shortened.
    pub(super) fn remote(action: &'static str, place: String, error: &object_store::Error) -> Self {
        match BucketSettingsError::in_chain(error) {
            Some(source) => Self::Settings { place, source },
            None => Self::Remote {
                action,
                place,
                source: BucketError::of(error),
            },
        }
    }

    /// Returns whether the store refuses an operation because the caller may only read.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Remote { source, .. } if source.kind == BucketErrorKind::Denied)
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "Make room on the disk, or name another store with --store.".to_owned()
            }
            Self::Io { .. } => {
                "Make the folder writable, or name another store with --store.".to_owned()
            }
            Self::Remote { source, .. } => source.help().to_owned(),
            Self::Settings { source, .. } => source.help().to_owned(),
            Self::Unfit { .. } => {
                "The lock needs a service with conditional writes (`If-None-Match: *` and `If-Match` on PUT): without them two applies could change the environment at the same time. docs/stores.md names services that have them."
                    .to_owned()
            }
            Self::NoFileLocks { .. } => {
                "Name a store on another file system, or in a bucket, with `store:`, --store or SOLFORM_STORE: without locks two applies could change the environment at the same time."
                    .to_owned()
            }
            Self::Corrupt { run, place, .. } | Self::Empty { run, place } => format!(
                "It is not known what the apply sent. Check the live versions with `solform list` and the jobs with `solform jobs`. When no job is in progress, move everything named `{run}` out of `{place}/runs`, and plan again."
            ),
            Self::Newer { .. } => "Use the version of solform that started the apply.".to_owned(),
        }
    }
}

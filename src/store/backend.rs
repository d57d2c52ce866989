//! What every kind of store can do. One trait, so that the rest of solform does not know where its
//! records lie.

use std::path::PathBuf;

use async_trait::async_trait;

use super::bucket::{BucketError, BucketErrorKind};
use super::entry::Record;
use super::journal::Journal;
use super::lock::{Lease, LockOwner};
use super::probe::Lacking;
use super::s3_settings::BucketSettingsError;

/// Keeps journals, plans and the lock of one environment.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// Returns whether what is kept here outlives the machine.
    fn is_remote(&self) -> bool;

    /// The ids of all runs, the oldest first: an id begins with its time.
    async fn runs(&self) -> Result<Vec<String>, StoreError>;

    /// The journal of a run, as it was written.
    async fn read(&self, run: &str) -> Result<Vec<u8>, StoreError>;

    /// The plan that a run carries out; none where it was not kept.
    async fn plan(&self, run: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps the plan of a new run, and opens its journal. The journal never exists without its
    /// first entry, so that an empty one is known to be damaged.
    async fn begin(&self, run: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError>;

    /// Opens the journal of an earlier run, to write down what became of it. A last line that was
    /// cut short is taken away.
    async fn reopen(&self, run: &str) -> Result<Journal, StoreError>;

    /// Closes a journal that nothing more is written to.
    async fn close(&self, run: &str, journal: Journal) -> Result<(), StoreError>;

    /// Removes a run.
    async fn remove(&self, run: &str) -> Result<(), StoreError>;

    /// Proves that the store can keep two processes apart, with objects of its own that are removed
    /// again. Goes on to its end if it is dropped.
    async fn prove_locks(&self) -> Result<(), StoreError>;

    /// Takes the lock, or tells who holds it.
    async fn try_lock(&self, owner: &LockOwner) -> Result<Result<Lease, Held>, StoreError>;

    /// Who holds the lock.
    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError>;

    /// Returns whether the lock is held under this id by a process that still renews it.
    async fn is_locked_by(&self, id: &str) -> Result<bool, StoreError> {
        let owner = self.lock_owner().await?;
        Ok(owner.is_some_and(|owner| owner.id == id))
    }

    /// Takes the lock away from whoever holds it; `false` where it is held under another id, or by
    /// nobody.
    async fn force_unlock(&self, id: &str) -> Result<bool, StoreError>;
}

/// A lock that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub owner: LockOwner,
    /// True if nothing was heard of its holder for so long that it is likely gone: whoever waits a
    /// little gets it.
    pub is_silent: bool,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A bucket could not be used.
    #[error("failed to {action} `{place}`")]
    Remote {
        /// What was tried.
        action: &'static str,
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: BucketError,
    },
    /// The variables that say how a bucket is reached cannot be used.
    #[error("the bucket `{place}` cannot be asked")]
    Settings {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: BucketSettingsError,
    },
    /// A bucket in which two applies could hold the lock at once.
    #[error("the bucket of `{place}` {}", lacking.as_str())]
    Unfit {
        /// Where.
        place: String,
        /// What it lacks.
        lacking: Lacking,
    },
    /// A file system on which two applies could hold the lock at once.
    #[error("the file system of `{}` has no file locks", path.display())]
    NoFileLocks {
        /// The lock's file.
        path: PathBuf,
    },
    /// A journal has a line that is none, before its end.
    #[error("line {line} of the journal of run `{run}` in `{place}` is damaged")]
    Corrupt {
        /// The run.
        run: String,
        /// Counted from 1.
        line: usize,
        /// The store.
        place: String,
    },
    /// A journal has no whole line, although it is made with its first one.
    #[error("the journal of apply `{run}` in `{place}` is empty")]
    Empty {
        /// The apply.
        run: String,
        /// The store.
        place: String,
    },
    /// A journal was written by a later solform.
    #[error("the journal of run `{run}` in `{place}` was written by a newer solform")]
    Newer {
        /// The run.
        run: String,
        /// The store.
        place: String,
    },
}

impl StoreError {
    /// The error of a bucket's client, in short.
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

    /// Returns whether the store refuses what its reader may not do.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Remote { source, .. } if source.kind == BucketErrorKind::Denied)
    }

    /// What to do about it, as a sentence.
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
                "The lock needs a service with conditional writes (`If-None-Match: *` and `If-Match` on PUT): without them two applies could work at once. docs/stores.md names services that have them."
                    .to_owned()
            }
            Self::NoFileLocks { .. } => {
                "Name a store on another file system, or in a bucket, with `store:`, --store or SOLFORM_STORE: without locks two applies could work at once."
                    .to_owned()
            }
            Self::Corrupt { run, place, .. } | Self::Empty { run, place } => format!(
                "What the apply sent is not known. Check with `solform list` and `solform jobs` what is live and which jobs run. Once none runs, move everything named `{run}` out of `{place}/runs`, and plan again."
            ),
            Self::Newer { .. } => "Use the version of solform that began the run.".to_owned(),
        }
    }
}

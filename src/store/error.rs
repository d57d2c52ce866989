//! The reasons why a store cannot be used, each with its fix.

use std::path::PathBuf;

use super::bucket::{BucketError, BucketErrorKind, BucketSettingsError};
use crate::store_location::BucketService;

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
    #[error("failed to {action} `{location}`")]
    Remote {
        /// The operation that failed.
        action: &'static str,
        /// The URL of the bucket or object.
        location: String,
        /// The cause.
        #[source]
        source: BucketError,
    },
    /// The variables that configure access to the bucket are not usable.
    #[error("the settings of the bucket `{location}` are not usable")]
    Settings {
        /// The URL of the bucket.
        location: String,
        /// The cause.
        #[source]
        source: BucketSettingsError,
    },
    /// A bucket in which two applies could hold the lock at once.
    #[error("the bucket of `{location}` {}", lacking.as_str())]
    Unfit {
        /// The URL of the store.
        location: String,
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
    #[error("line {line} of {journal} is damaged")]
    Corrupt {
        /// The number of the line, counted from 1.
        line: usize,
        /// The journal.
        journal: JournalRef,
    },
    /// A journal has no complete line, although it is created together with its first line.
    #[error("{0} is empty")]
    Empty(JournalRef),
    /// A journal was written by a newer solform.
    #[error("{0} was written by a newer solform")]
    Newer(JournalRef),
}

/// A journal that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the journal of apply `{apply}` in `{location}`")]
pub struct JournalRef {
    /// The id of the apply.
    pub apply: String,
    /// The store.
    pub location: String,
}

impl StoreError {
    /// Returns the error of a bucket's client, shortened.
    pub(super) fn remote(
        action: &'static str,
        location: String,
        error: &object_store::Error,
    ) -> Self {
        match BucketSettingsError::in_chain(error) {
            Some(source) => Self::Settings { location, source },
            None => Self::Remote {
                action,
                location,
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
            Self::Remote {
                source, location, ..
            } => {
                let service = BucketService::of(location).unwrap_or(BucketService::S3);
                source.help(service).to_owned()
            }
            Self::Settings { source, .. } => source.help(),
            Self::Unfit { .. } => {
                "The lock needs a service with conditional writes (`If-None-Match: *` and \
                 `If-Match` on PUT, or `x-goog-if-generation-match`): without them two applies \
                 could change the environment at the same time. docs/stores.md names services that \
                 have them."
                    .to_owned()
            }
            Self::NoFileLocks { .. } => {
                "Name a store on another file system, or in a bucket, with `store:`, --store or \
                 SOLFORM_STORE: without locks two applies could change the environment at the \
                 same time."
                    .to_owned()
            }
            Self::Corrupt { journal, .. } | Self::Empty(journal) => format!(
                "It is not known what the apply sent. Check the live versions with `solform list` \
                 and the jobs with `solform jobs`. When no job is in progress, move everything \
                 named `{}` out of `{}/runs`, and plan again.",
                journal.apply, journal.location
            ),
            Self::Newer(_) => "Use the version of solform that started the apply.".to_owned(),
        }
    }
}

/// A guarantee that a bucket does not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// A write that must create an object replaced one.
    CreateIgnored,
    /// A write that must create an object is refused, where the same write without the condition is
    /// accepted.
    CreateRefused,
    /// A write that must replace a known version of an object replaced another one.
    MatchIgnored,
    /// A write that must replace a known version of an object, and names the right one, is refused.
    MatchRefused,
    /// A read does not return the content that was written last.
    Stale,
}

impl Lacking {
    /// Returns the finding, to be shown behind the name of the bucket.
    fn as_str(self) -> &'static str {
        match self {
            Self::CreateIgnored => {
                "ignores the condition that no object is there, and replaced an object"
            }
            Self::CreateRefused => "refuses a write with the condition that no object is there",
            Self::MatchIgnored => {
                "ignores the condition that the object has a known version, and replaced another"
            }
            Self::MatchRefused => {
                "refuses a write with the condition that the object has a known version"
            }
            Self::Stale => "does not show what was written last",
        }
    }
}

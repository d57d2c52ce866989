//! The events of a client that reads, for progress output. No result depends on them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::client::Client;
use crate::api::error::ApiError;

/// An event while an environment is read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadEvent<'a> {
    /// A snapshot of the live state is being read.
    Began,
    /// Records of a list arrived.
    Records {
        /// True if the list only shows the visibility of records that are known already.
        is_visibility: bool,
        /// The number of records that arrived.
        records: u64,
        /// The expected number of records in the whole list, if it is known.
        expected: Option<u64>,
    },
    /// The versions of single names are listed.
    Names {
        /// The number of names that are listed.
        done: usize,
        /// The number of all names.
        total: usize,
    },
    /// The reading of the snapshot ended, with or without success.
    Ended,
    /// A part of a file is being read.
    FileBegan,
    /// The reading of the part ended, with or without success.
    FileEnded,
    /// A read failed, and will be retried.
    Retrying {
        /// The failure.
        error: &'a ApiError,
        /// The pause before the retry.
        after: Duration,
        /// The number of attempts so far.
        tried: u32,
    },
    /// A retried read has ended.
    Resumed,
}

/// A sink for the events of a client.
#[derive(Clone)]
pub struct ReadSink(Arc<dyn Fn(&ReadEvent<'_>) + Send + Sync>);

impl ReadSink {
    /// Creates a sink that passes the events to a function.
    pub fn new(take: impl Fn(&ReadEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for ReadSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadSink")
    }
}

impl Client {
    pub(super) fn emit(&self, event: &ReadEvent<'_>) {
        if let Some(sink) = &self.0.settings.events {
            (sink.0)(event);
        }
    }

    /// Emits that a snapshot is being read, until the guard is dropped.
    pub(super) fn reading(&self) -> Closing {
        self.emit(&ReadEvent::Began);
        Closing {
            client: self.clone(),
            last: Some(ReadEvent::Ended),
        }
    }

    /// Emits that a part of a file is being read, until the guard is dropped.
    pub(super) fn reading_file(&self) -> Closing {
        self.emit(&ReadEvent::FileBegan);
        Closing {
            client: self.clone(),
            last: Some(ReadEvent::FileEnded),
        }
    }

    /// Emits nothing before [`Closing::retrying`].
    pub(super) fn patience(&self) -> Closing {
        Closing {
            client: self.clone(),
            last: None,
        }
    }
}

/// Emits the event that closes another one, when it is dropped.
pub(super) struct Closing {
    client: Client,
    last: Option<ReadEvent<'static>>,
}

impl Closing {
    /// Emits that a read will be retried.
    pub(super) fn retrying(&mut self, error: &ApiError, after: Duration, tried: u32) {
        if self.last.take().is_some() {
            self.client.emit(&ReadEvent::Resumed);
        }
        self.last = Some(ReadEvent::Resumed);
        self.client.emit(&ReadEvent::Retrying {
            error,
            after,
            tried,
        });
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(last) = self.last.take() {
            self.client.emit(&last);
        }
    }
}

//! What a client is reading, as events for whoever shows it. Nothing depends on them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::client::Client;
use crate::api::error::ApiError;

/// What happens while an environment is read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadEvent<'a> {
    /// A snapshot of the live state is being read.
    Began,
    /// Records of a list came.
    Records {
        /// True if the list only tells the visibility of records that are known already.
        is_visibility: bool,
        /// How many records came.
        records: u64,
        /// How many records the whole list will have about, where something is known.
        expected: Option<u64>,
    },
    /// The versions of single names are listed.
    Names {
        /// Names that are listed.
        done: usize,
        /// All names.
        total: usize,
    },
    /// The snapshot is read, or given up.
    Ended,
    /// A part of a file is being read.
    FileBegan,
    /// The part of a file is read, or given up.
    FileEnded,
    /// A read failed, and is sent again.
    Retrying {
        /// Why.
        error: &'a ApiError,
        /// How long is waited.
        after: Duration,
        /// How often it was sent.
        tried: u32,
    },
    /// A read that was sent again has ended.
    Resumed,
}

/// Takes the events of a client.
#[derive(Clone)]
pub struct ReadSink(Arc<dyn Fn(&ReadEvent<'_>) + Send + Sync>);

impl ReadSink {
    /// A sink that gives the events to a function.
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
    /// Emits that a read is sent again.
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

//! Emits the events of reads, from a guard that closes each of them.

use std::time::Duration;

use crate::api::http::client::Client;
use crate::api::http::error::ApiError;
use crate::api::http::events::ReadEvent;

impl Client {
    pub(in crate::api) fn emit(&self, event: &ReadEvent<'_>) {
        if let Some(sink) = &self.0.settings.events {
            (sink.0)(event);
        }
    }

    /// Emits that a snapshot is being read, until the guard is dropped.
    pub(in crate::api) fn reading(&self) -> Closing {
        self.emit(&ReadEvent::Began);
        Closing {
            client: self.clone(),
            last: Some(ReadEvent::Ended),
        }
    }

    /// Emits that a part of a file is being read, until the guard is dropped.
    pub(in crate::api) fn reading_file(&self) -> Closing {
        self.emit(&ReadEvent::FileBegan);
        Closing {
            client: self.clone(),
            last: Some(ReadEvent::FileEnded),
        }
    }

    /// Emits nothing before [`Closing::retrying`].
    pub(in crate::api) fn patience(&self) -> Closing {
        Closing {
            client: self.clone(),
            last: None,
        }
    }
}

/// Emits the event that closes another one, when it is dropped.
pub(in crate::api) struct Closing {
    client: Client,
    last: Option<ReadEvent<'static>>,
}

impl Closing {
    /// Emits that a read will be retried.
    pub(in crate::api) fn retrying(&mut self, error: &ApiError, after: Duration, tried: u32) {
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

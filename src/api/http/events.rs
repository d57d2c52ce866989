//! The events of a client that reads, for progress output. No result depends on them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::http::error::ApiError;

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
pub struct ReadSink(pub(in crate::api) Arc<dyn Fn(&ReadEvent<'_>) + Send + Sync>);

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

/// A request that was sent once.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SentRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path with placeholders, which names the operation.
    pub path: &'static str,
    /// The time until the whole answer arrived, or until the request failed.
    pub took: Duration,
}

/// A sink for the requests of a client.
#[derive(Clone)]
pub struct RequestSink(pub(in crate::api) Arc<dyn Fn(SentRequest<'_>) + Send + Sync>);

impl RequestSink {
    /// Creates a sink that passes the requests to a function.
    pub fn new(take: impl Fn(SentRequest<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for RequestSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestSink")
    }
}

//! The limits of a list.

use std::fmt;

use crate::live::grouped;

const GIB: u64 = 1024 * 1024 * 1024;

/// The limits of a list, so that reading an endless list ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListBounds {
    /// The maximum number of records that are received for a list.
    pub records: u64,
    /// The maximum number of bytes that are received for a list, after decompression.
    pub bytes: u64,
}

impl Default for ListBounds {
    fn default() -> Self {
        Self {
            records: 2_000_000,
            bytes: 4 * GIB,
        }
    }
}

impl ListBounds {
    /// Returns the limit that these numbers of records and bytes exceed.
    pub(in crate::api) fn exceeded(self, (records, bytes): (u64, u64)) -> Option<ListBound> {
        if records > self.records {
            Some(ListBound::Records(self.records))
        } else if bytes > self.bytes {
            Some(ListBound::Bytes(self.bytes))
        } else {
            None
        }
    }
}

/// A limit of [`ListBounds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListBound {
    /// The number of records.
    Records(u64),
    /// The number of bytes.
    Bytes(u64),
}

impl fmt::Display for ListBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(records) => write!(f, "{} records", grouped(*records)),
            Self::Bytes(bytes) if bytes.is_multiple_of(GIB) => write!(f, "{} GiB", bytes / GIB),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
        }
    }
}

//! A package on the local file system.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::file_part::FilePart;
use crate::package::inspect::{RangeSource, SourceError};
use crate::platform;
use crate::regular_file;

/// A package on the local file system.
#[derive(Debug)]
pub struct LocalPackage(File);

impl LocalPackage {
    /// Opens a package.
    pub fn open(path: &Path) -> io::Result<Self> {
        regular_file::open(path).map(Self)
    }

    /// Returns the package in an open file.
    pub fn of(file: File) -> Self {
        Self(file)
    }
}

/// Reads a range of a file; a shorter one if the file ends before. The position in the file does
/// not change, so that several reads may run at the same time.
fn read_at(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match platform::read_at(file, &mut bytes[filled..], range.start + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

impl RangeSource for LocalPackage {
    async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
        let total = self.0.metadata()?.len();
        let bytes = read_at(&self.0, range.start..range.end.min(total))?;
        Ok(Some(FilePart {
            start: range.start,
            bytes: bytes.into(),
            total: Some(total),
        }))
    }
}

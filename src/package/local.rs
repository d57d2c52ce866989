//! A package on the local file system.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::file_part::FilePart;
use crate::package::inspect::{RangeSource, SourceError};
use crate::regular_file;

/// A package on the local file system.
#[derive(Debug)]
pub struct LocalPackage(File);

impl LocalPackage {
    /// Opens a package.
    pub fn open(path: &Path) -> io::Result<Self> {
        regular_file::open(path).map(Self)
    }

    /// Returns the package in an open file. The position in the file changes.
    pub fn of(file: File) -> Self {
        Self(file)
    }
}

impl RangeSource for LocalPackage {
    async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
        let total = self.0.metadata()?.len();
        let mut file = &self.0;
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        file.take(range.end.saturating_sub(range.start))
            .read_to_end(&mut bytes)?;
        Ok(Some(FilePart {
            start: range.start,
            bytes: bytes.into(),
            total: Some(total),
        }))
    }
}

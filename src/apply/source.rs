//! Packages on the file system of a platform, and the readers of other environments, whose packages
//! an apply transfers.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::api::{Client, Files};
use crate::file_part::FilePart;
use crate::package::{RangeSource, SourceError};

/// A package on the platform's file system.
#[derive(Debug)]
pub struct PlatformPackage<'a> {
    /// The reader.
    pub files: &'a Files,
    /// The path.
    pub path: &'a str,
}

impl RangeSource for PlatformPackage<'_> {
    async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
        Ok(self.files.read(self.path, range).await?)
    }

    fn clean(&self, text: Vec<u8>) -> Vec<u8> {
        self.files.clean(text)
    }
}

/// A reader of the packages on the file system of one environment. It has the client of that
/// environment, and nothing that writes: the writer of an apply is made from another type, so that
/// no request can be sent with the token of the other environment.
#[derive(Debug, Clone)]
pub struct SourceReader {
    environment: String,
    files: Files,
}

impl SourceReader {
    /// Creates the reader of an environment over the client of that environment.
    pub fn new(environment: &str, client: Client) -> Self {
        Self {
            environment: environment.to_owned(),
            files: Files::new(client),
        }
    }

    /// Returns the package at a path.
    pub fn package<'a>(&'a self, path: &'a str) -> PlatformPackage<'a> {
        PlatformPackage {
            files: &self.files,
            path,
        }
    }
}

/// The readers of the environments whose packages are transferred, each under the name of the
/// environment that it was created for.
#[derive(Debug, Clone, Default)]
pub struct SourceReaders(BTreeMap<String, SourceReader>);

impl SourceReaders {
    /// Adds a reader.
    pub fn add(&mut self, reader: SourceReader) {
        self.0.insert(reader.environment.clone(), reader);
    }

    /// Returns the reader of an environment.
    pub fn get(&self, environment: &str) -> Option<&SourceReader> {
        self.0.get(environment)
    }

    /// Returns readers whose reads are part of another operation, which shows its own progress.
    #[must_use]
    pub fn unshown(self) -> Self {
        let unshown = |reader: SourceReader| SourceReader {
            files: reader.files.unshown(),
            ..reader
        };
        let readers = self.0.into_iter();
        Self(readers.map(|(name, it)| (name, unshown(it))).collect())
    }
}

//! The facts about a package that all formats show.

use crate::ident::Digest;
use crate::plan::PackageContents;

/// A package with the file that contains it.
#[derive(Debug, Clone, Copy)]
pub struct PackageView<'a> {
    /// The path, as it was given.
    pub file: &'a str,
    /// The environment on whose file system the file is; none for a local file.
    pub environment: Option<&'a str>,
    /// The contents.
    pub contents: &'a PackageContents,
    /// The SHA-256 of the file, if it was computed.
    pub sha256: Option<&'a Digest>,
}

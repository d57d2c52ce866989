//! Why a package does not tell what it is.

use std::error::Error;

/// Why nothing is known of a package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is no file.
    #[error("there is no such package")]
    Missing,
    /// There is a file, but what it holds cannot be read.
    #[error("the package cannot be read")]
    Unreadable {
        /// Why.
        #[from]
        source: Unreadable,
    },
}

/// Why a file that is there cannot be read as a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file could not be fetched.
    #[error("the file could not be read")]
    Refused {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not say how large the file is.
    #[error("the server does not tell the size of the file")]
    UnknownSize,
    /// A read brought other bytes than it asked for, or none.
    #[error("the server sent {found} bytes from {start} where the file goes on at {wanted}")]
    WrongPart {
        /// Where bytes were needed.
        wanted: u64,
        /// Where those that came begin.
        start: u64,
        /// How many came.
        found: usize,
    },
    /// The file was replaced between two reads.
    #[error("the file changed while it was read")]
    Changed,
    /// Not a zip, or a damaged one.
    #[error("the file is not a proper zip archive")]
    NotAZip {
        /// What is wrong.
        #[source]
        source: zip::result::ZipError,
    },
    /// The member is encrypted (docs/platform.md, "Packages": packages may be).
    #[error("its `package.json` is encrypted")]
    Encrypted,
    /// No `package.json` at the root.
    #[error("it has no `package.json` at its root")]
    NoPackageJson,
    /// Several members of one name: readers differ in which of them they take.
    #[error("it holds several members of the same name")]
    DuplicateMembers,
    /// More of something than any proper package has.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How much is accepted.
        limit: u64,
    },
    /// The member is not a JSON object.
    #[error("its `package.json` is not a JSON object")]
    BadJson {
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

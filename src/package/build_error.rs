//! The reasons why a folder cannot be made into a package.

use std::io;
use std::path::PathBuf;

use crate::package::error::Unreadable;
use crate::plan::PackageProblem;

/// The reason why a folder cannot be made into a package.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file or folder cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The folder has no `package.json`.
    #[error("there is no `{}`", path.display())]
    NoPackageJson {
        /// The path that it would have.
        path: PathBuf,
    },
    /// The `package.json` is not one that can be read.
    #[error("`{}` cannot be used", path.display())]
    BadPackageJson {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Unreadable,
    },
    /// The `package.json` begins with a character that JSON does not allow.
    #[error("`{}` begins with a byte order mark, which JSON does not allow", path.display())]
    ByteOrderMark {
        /// The file.
        path: PathBuf,
    },
    /// Required fields are missing, or are not texts.
    #[error("`{}` does not have all required fields: {}", path.display(), listed(fields))]
    Fields {
        /// The file.
        path: PathBuf,
        /// The problem of each field.
        fields: Vec<PackageProblem>,
    },
    /// A symbolic link leads out of the folder.
    #[error(
        "`{}` is a symbolic link to `{}`, outside of the folder",
        path.display(),
        target.display()
    )]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// The file or folder that it leads to.
        target: PathBuf,
    },
    /// A symbolic link leads to a folder.
    #[error("`{}` is a symbolic link to a folder", path.display())]
    LinkToFolder {
        /// The link.
        path: PathBuf,
    },
    /// A pipe, a socket or a device.
    #[error("`{}` is neither a file nor a folder", path.display())]
    Special {
        /// Its path.
        path: PathBuf,
    },
    /// A name that other systems cannot unpack.
    #[error(
        "the name of `{}` is not UTF-8, or has a control character or a backslash",
        path.display()
    )]
    Name {
        /// The file or folder.
        path: PathBuf,
    },
    /// Too many files.
    #[error("the folder has more than {limit} files")]
    TooMany {
        /// The maximum.
        limit: u64,
    },
    /// A file changed while it was read.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The package cannot be written.
    #[error("the package cannot be written")]
    Write(#[source] zip::result::ZipError),
    /// The build was cancelled.
    #[error("interrupted: nothing was written")]
    Cancelled,
}

/// Returns the problems as one sentence.
fn listed(fields: &[PackageProblem]) -> String {
    let fields = fields.iter().map(ToString::to_string);
    fields.collect::<Vec<_>>().join(", ")
}

impl BuildError {
    /// The fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } => "Check the path, and the permissions on it.",
            Self::NoPackageJson { .. } => "Name the folder that contains `package.json`.",
            Self::BadPackageJson { source, .. } => source.help(),
            Self::ByteOrderMark { .. } => "Save the file as UTF-8 without a byte order mark.",
            Self::Fields { .. } => {
                "Add the fields as texts: the platform requires name, version, owner and \
                 solution_type."
            }
            Self::LinkOutside { .. } | Self::LinkToFolder { .. } => {
                "Replace the link by a copy of what it leads to."
            }
            Self::Special { .. } => "Remove it: a package contains regular files only.",
            Self::Name { .. } => "Rename it.",
            Self::TooMany { .. } => "Name the folder of one solution.",
            Self::Changed { .. } => "Build again when nothing writes to the folder any more.",
            Self::Write(_) => "Make room on the disk, and check the permissions on the folder.",
            Self::Cancelled => "Run the command again.",
        }
    }
}

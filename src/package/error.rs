//! The reasons why the contents of a package are not known.

use std::error::Error;

/// The reason why nothing is known of a package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file does not exist.
    #[error("there is no such package")]
    Missing,
    /// The file exists, but its contents cannot be read.
    #[error("the package cannot be read")]
    Unreadable(#[from] Unreadable),
}

/// The reason why an existing file cannot be read as a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file could not be fetched.
    #[error("the file could not be read")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The server does not send the size of the file.
    #[error("the server does not report the size of the file")]
    UnknownSize,
    /// A read returned other bytes than the requested ones, or none.
    #[error("the server sent {found} bytes from {start} where the file goes on at {wanted}")]
    WrongPart {
        /// The offset of the needed bytes.
        wanted: u64,
        /// The offset of the received bytes.
        start: u64,
        /// The number of received bytes.
        found: usize,
    },
    /// The file was replaced between two reads.
    #[error("the file changed while it was read")]
    Changed,
    /// Not a zip, or a damaged one.
    #[error("the file is not a proper zip archive")]
    NotAZip(#[source] zip::result::ZipError),
    /// The member is encrypted (docs/platform.md, "Packages": packages may be).
    #[error("its `package.json` is encrypted")]
    Encrypted,
    /// There is no `package.json` at the root.
    #[error("it has no `package.json` at its root")]
    NoPackageJson,
    /// Several members have the same name: readers differ in which of them they use.
    #[error("it holds several members of the same name")]
    DuplicateMembers,
    /// A member's name leads out of the folder that the package is unpacked to.
    #[error("its member `{name}` would be unpacked outside of the package's folder")]
    Outside {
        /// The name.
        name: String,
    },
    /// A member, or all members together, expand to much more than their packed size.
    #[error(
        "its members expand too much: at `{name}`, {expanded} bytes are unpacked from {packed}"
    )]
    Bomb {
        /// The name of the member at which the limit is exceeded.
        name: String,
        /// The unpacked size, in bytes.
        expanded: u64,
        /// The packed size, in bytes.
        packed: u64,
    },
    /// The members are together larger than the file.
    #[error("its members overlap: they are together larger than the file")]
    Overlapping,
    /// A size or number that no proper package reaches.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// The measured quantity.
        what: &'static str,
        /// The maximum.
        limit: u64,
    },
    /// The member is not in the encoding of JSON.
    #[error("its `package.json` is not UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// The member is not a JSON object: the syntax error, or none if it is another JSON value.
    #[error("its `package.json` is not a JSON object")]
    BadJson(#[source] Option<serde_json::Error>),
}

impl Unreadable {
    /// The fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::UnknownSize | Self::WrongPart { .. } => {
                "Check the path, and run `solform doctor` if the file is on a platform."
            }
            Self::Changed => "Repeat the command when nothing writes the file any more.",
            Self::Encrypted => "Name a package that is not encrypted.",
            Self::NotUtf8(_) => "Save `package.json` as UTF-8, and build the package again.",
            Self::BadJson(_) => {
                "Correct `package.json`, which must be one JSON object, and build the package \
                 again."
            }
            Self::NotAZip(_) => "Name an .ibsolution file, or build the package again.",
            Self::NoPackageJson
            | Self::DuplicateMembers
            | Self::Outside { .. }
            | Self::Bomb { .. }
            | Self::Overlapping
            | Self::TooLarge { .. } => {
                "Do not deploy this package: build it again, for example with `solform package \
                 build`."
            }
        }
    }
}

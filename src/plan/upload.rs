//! The upload of a package before its deploy, as a part of a plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ident::Digest;

/// The upload of a package before its deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The package that is uploaded.
    pub source: UploadSource,
    /// The size of the package, in bytes.
    pub size: u64,
    /// Whether another file at the path on the platform may be replaced.
    pub overwrite: bool,
}

/// A package that is uploaded, and the values that pin its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum UploadSource {
    /// A file on this machine.
    File {
        /// The path, relative to the manifest.
        path: String,
        /// The digest of the file.
        sha256: Digest,
    },
    /// A file on the file system of another environment. A plan does not read all of it.
    Environment {
        /// The environment.
        environment: String,
        /// The path on its file system.
        path: String,
        /// The fingerprint of the package.
        fingerprint: Digest,
        /// The declared digest of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
    },
}

impl UploadSource {
    /// Returns the digest of the file, if it is known before the upload.
    pub fn sha256(&self) -> Option<&Digest> {
        match self {
            Self::File { sha256, .. } => Some(sha256),
            Self::Environment { sha256, .. } => sha256.as_ref(),
        }
    }

    /// Returns the digest that the plan knows of the package: of all bytes, or of the parts that an
    /// inspection reads.
    pub fn pin(&self) -> &Digest {
        match self {
            Self::File { sha256, .. } => sha256,
            Self::Environment { fingerprint, .. } => fingerprint,
        }
    }

    /// Returns the environment that has the file; `None` for this machine.
    pub fn environment(&self) -> Option<&str> {
        match self {
            Self::File { .. } => None,
            Self::Environment { environment, .. } => Some(environment),
        }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Environment { path, .. } => path,
        }
    }

    /// Returns the source as a part of a sentence.
    pub fn quoted(&self) -> String {
        match self {
            Self::File { path, .. } => format!("`{path}`"),
            Self::Environment {
                environment, path, ..
            } => format!("`{path}` of environment `{environment}`"),
        }
    }
}

impl fmt::Display for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => f.write_str(path),
            Self::Environment {
                environment, path, ..
            } => write!(f, "{path} (from environment {environment})"),
        }
    }
}

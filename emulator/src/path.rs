//! The paths of the virtual file system.

use std::fmt;

/// The path of a node: segments that are neither empty nor `.` nor `..`, joined by slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodePath(String);

/// An error for a text that is not the path of a node.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a valid path of a file or folder")]
pub(crate) struct PathError(pub(crate) String);

impl NodePath {
    /// Parses a path; one slash at either end is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let good = inner
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.contains('\0'));
        if good && inner.len() <= 4096 {
            Ok(Self(inner.to_owned()))
        } else {
            Err(PathError(text.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// Returns the path of the node with this name in this folder.
    pub(crate) fn child(&self, name: &str) -> Result<Self, PathError> {
        if name.contains('/') {
            return Err(PathError(name.to_owned()));
        }
        self.join(name)
    }

    /// Returns the path of the node at `path` within this folder.
    pub(crate) fn join(&self, path: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}/{path}", self.0))
    }

    /// Returns a key that sorts directly before everything inside this folder, or directly before
    /// what follows the child with the name `after`.
    pub(crate) fn start_of_children(&self, after: &str) -> Self {
        Self(format!("{}/{after}", self.0))
    }

    /// Returns the path within this folder of a node inside it.
    pub(crate) fn relative<'a>(&self, inner: &'a Self) -> Option<&'a str> {
        inner.0.strip_prefix(&self.0)?.strip_prefix('/')
    }

    /// Returns true if `other` is this path or inside it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        self == other || self.relative(other).is_some()
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

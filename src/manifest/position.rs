//! Positions in the manifest.
//!
//! Inside of `manifest`, a position is a [`Mark`], which is small and copied freely. The public
//! form is a [`Position`], which also has the name of the file. A [`Label`] adds a short text.

use std::ops::Range;
use std::sync::Arc;

/// The maximum size of a manifest, in bytes. A manifest with 100,000 entries has about three
/// quarters of it.
pub const MAX_BYTES: usize = 24 * 1024 * 1024;

/// A position in the manifest: file, line and column (both from 1), and a byte range. With at most
/// [`MAX_BYTES`], every number fits into a `u32`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The name of the file as the user wrote it; thin, as a big manifest has many positions.
    pub file: Arc<String>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The offset of the first byte.
    pub offset: u32,
    /// The number of bytes.
    pub length: u32,
}

impl Position {
    /// Returns the byte range of the position.
    pub fn range(&self) -> Range<usize> {
        Mark::of(self).range()
    }
}

/// A position without its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Mark {
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Mark {
    /// Returns the mark of a position.
    pub(super) fn of(position: &Position) -> Self {
        Self {
            offset: position.offset,
            length: position.length,
            line: position.line,
            column: position.column,
        }
    }

    /// Returns the same position with another length.
    #[cfg(test)]
    pub(super) fn with_length(self, length: usize) -> Self {
        Self {
            length: narrow(length),
            ..self
        }
    }

    /// Returns the byte range of the mark.
    pub(super) fn range(self) -> Range<usize> {
        let start = widen(self.offset);
        start..start + widen(self.length)
    }
}

/// Converts an offset, length or line number; all of them fit, as [`MAX_BYTES`] limits the text.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Converts a number of a position.
pub(crate) fn widen(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A position with a short text about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// The position.
    pub position: Position,
    /// The text, a few words.
    pub text: String,
}

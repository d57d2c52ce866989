//! The bytes of a file in the virtual file system: a list of shared chunks, so that a large upload
//! in chunks, a copy and the data folder only move the bytes that are new.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// A chunk of a file. All files that contain it share it, and it never changes.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The key of the chunk in the data folder.
    pub(crate) id: u64,
    pub(crate) bytes: Bytes,
}

/// The bytes of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    chunks: Vec<Arc<Chunk>>,
    length: usize,
}

impl Content {
    pub(crate) fn from_chunks(chunks: Vec<Arc<Chunk>>) -> Self {
        let length = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
        Self { chunks, length }
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn append(&mut self, chunk: Chunk) {
        self.length += chunk.bytes.len();
        self.chunks.push(Arc::new(chunk));
    }

    /// Returns the bytes of a range, cut to the length of the file. A range within one chunk is not
    /// copied.
    pub(crate) fn slice(&self, range: Range<usize>) -> Bytes {
        let mut parts: Vec<Bytes> = Vec::new();
        let mut start = 0;
        for chunk in &self.chunks {
            let end = start + chunk.bytes.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                parts.push(chunk.bytes.slice(from - start..to - start));
            }
            start = end;
        }
        match <[Bytes; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => parts.concat().into(),
        }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.slice(0..self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(parts: &[&'static str]) -> Content {
        let mut content = Content::default();
        for (id, part) in (0..).zip(parts) {
            content.append(Chunk {
                id,
                bytes: Bytes::from_static(part.as_bytes()),
            });
        }
        content
    }

    #[test]
    fn ranges_are_cut_to_the_content() {
        let content = content(&["abc", "", "defg", "h"]);
        assert_eq!(content.length(), 8);
        for (range, text) in [
            (0..8, "abcdefgh"),
            (0..2, "ab"),
            (2..5, "cde"),
            (3..7, "defg"),
            (7..100, "h"),
            (8..9, ""),
        ] {
            assert_eq!(content.slice(range), text);
        }
    }
}

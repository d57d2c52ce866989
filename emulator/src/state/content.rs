//! The bytes of a file in the virtual file system: a list of shared chunks, so that a large upload
//! in chunks, a copy and the data folder only move the bytes that are new.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

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
    length: u64,
}

impl Content {
    pub(crate) fn from_chunks(chunks: Vec<Arc<Chunk>>) -> Self {
        let length = chunks.iter().map(|chunk| length_of(&chunk.bytes)).sum();
        Self { chunks, length }
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn append(&mut self, chunk: Chunk) {
        self.length += length_of(&chunk.bytes);
        self.chunks.push(Arc::new(chunk));
    }

    /// Returns the bytes of a range, cut to the length of the file. A range within one chunk is not
    /// copied.
    pub(crate) fn slice(&self, range: Range<u64>) -> Bytes {
        let mut parts: Vec<Bytes> = Vec::new();
        let mut start = 0;
        for chunk in &self.chunks {
            let end = start + length_of(&chunk.bytes);
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                parts.push(chunk.bytes.slice(index(from - start)..index(to - start)));
            }
            start = end;
        }
        match <[Bytes; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => {
                let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
                for part in parts {
                    joined.extend_from_slice(&part);
                }
                joined.freeze()
            }
        }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.slice(0..self.length)
    }

    /// Returns a reader over the content, for the zip library.
    pub(crate) fn reader(&self) -> ContentReader<'_> {
        ContentReader {
            content: self,
            position: 0,
        }
    }
}

fn length_of(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).expect("invariant: a length in memory fits into 64 bits")
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("invariant: offsets are within a chunk that is in memory")
}

/// A reader over a [`Content`] that can seek.
#[derive(Debug)]
pub(crate) struct ContentReader<'a> {
    content: &'a Content,
    position: u64,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.position.saturating_add(buffer.len() as u64);
        let bytes = self.content.slice(self.position..end);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.position += length_of(&bytes);
        Ok(bytes.len())
    }
}

impl Seek for ContentReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.content.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
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

    #[test]
    fn a_reader_reads_from_any_position() {
        let content = content(&["abc", "defg", "h"]);
        let mut reader = content.reader();
        for (to, text) in [
            (SeekFrom::Start(2), "cdefgh"),
            (SeekFrom::End(-3), "fgh"),
            (SeekFrom::Current(-8), "abcdefgh"),
            (SeekFrom::Start(50), ""),
        ] {
            reader.seek(to).unwrap();
            let mut read = String::new();
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
        assert!(reader.seek(SeekFrom::End(-9)).is_err());
    }
}

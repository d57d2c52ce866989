//! The bytes of a file in the virtual file system: a list of shared chunks, so that a large upload
//! in chunks, a copy and the data folder only move the bytes that are new.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::{BLOCK, Block, DiskSpace};

/// The bytes of a chunk.
#[derive(Debug, Clone)]
pub(crate) enum ChunkBytes {
    Memory(Bytes),
    Disk(Arc<Block>),
}

impl ChunkBytes {
    /// Returns the bytes of a block of a large file, on disk.
    pub(crate) fn on_disk(pieces: &[Bytes], space: &Arc<DiskSpace>) -> io::Result<Self> {
        Ok(Self::Disk(Arc::new(space.write(pieces)?)))
    }

    /// Returns bytes that were stored; those of whole blocks are on disk.
    pub(crate) fn restored(bytes: Bytes, space: &Arc<DiskSpace>) -> io::Result<Self> {
        if bytes.len() == BLOCK {
            Self::on_disk(&[bytes], space)
        } else {
            Ok(Self::Memory(bytes))
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Disk(block) => block.length(),
        }
    }

    /// Reads a range that is within the chunk. Bytes in memory are not copied.
    fn read(&self, range: Range<usize>) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(range)),
            Self::Disk(block) => block.read(range),
        }
    }
}

/// The bytes of a new file or of a new part of a file, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewBytes(pub(crate) Vec<ChunkBytes>);

impl NewBytes {
    pub(crate) fn length(&self) -> usize {
        self.0.iter().map(ChunkBytes::length).sum()
    }
}

impl From<Bytes> for NewBytes {
    fn from(bytes: Bytes) -> Self {
        Self(vec![ChunkBytes::Memory(bytes)])
    }
}

impl From<Vec<u8>> for NewBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// A chunk of a file. All files that contain it share it, and it never changes.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The key of the chunk in the data folder.
    pub(crate) id: u64,
    pub(crate) bytes: ChunkBytes,
}

impl Chunk {
    /// Returns all bytes.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        self.bytes.read(0..self.bytes.length())
    }
}

/// A part of a file.
#[derive(Debug)]
pub(crate) enum Part {
    Whole(Arc<Chunk>),
    /// The range in a chunk.
    Cut(Arc<Chunk>, Range<usize>),
}

impl Part {
    /// Returns the bytes if they are in memory.
    pub(crate) fn in_memory(&self) -> Option<Bytes> {
        let (chunk, range) = match self {
            Self::Whole(chunk) => (chunk, 0..chunk.bytes.length()),
            Self::Cut(chunk, range) => (chunk, range.clone()),
        };
        match &chunk.bytes {
            ChunkBytes::Memory(bytes) => Some(bytes.slice(range)),
            ChunkBytes::Disk(_) => None,
        }
    }

    pub(crate) fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::Whole(chunk) => chunk.read(),
            Self::Cut(chunk, range) => chunk.bytes.read(range.clone()),
        }
    }
}

/// The bytes of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    chunks: Vec<Arc<Chunk>>,
    length: usize,
}

impl Content {
    pub(crate) fn from_chunks(chunks: Vec<Arc<Chunk>>) -> Self {
        let length = chunks.iter().map(|chunk| chunk.bytes.length()).sum();
        Self { chunks, length }
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn append(&mut self, chunk: Arc<Chunk>) {
        self.length += chunk.bytes.length();
        self.chunks.push(chunk);
    }

    /// Returns the parts of a range, which is cut to the length of the file.
    pub(crate) fn parts(&self, range: Range<usize>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut start = 0;
        for chunk in &self.chunks {
            let end = start + chunk.bytes.length();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if (from, to) == (start, end) {
                parts.push(Part::Whole(Arc::clone(chunk)));
            } else if from < to {
                parts.push(Part::Cut(Arc::clone(chunk), from - start..to - start));
            }
            start = end;
        }
        parts
    }

    /// Returns the bytes of a range, cut to the length of the file. A range within one chunk in
    /// memory is not copied.
    pub(crate) fn slice(&self, range: Range<usize>) -> io::Result<Bytes> {
        let parts = self.parts(range).into_iter();
        let parts: Vec<Bytes> = parts.map(|part| part.read()).collect::<Result<_, _>>()?;
        Ok(match <[Bytes; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => parts.concat().into(),
        })
    }

    /// Returns all bytes.
    pub(crate) fn bytes(&self) -> io::Result<Bytes> {
        self.slice(0..self.length)
    }

    /// Returns a reader that holds one chunk in memory at a time.
    pub(crate) fn reader(&self) -> ContentReader {
        ContentReader {
            content: self.clone(),
            position: 0,
            ahead: Bytes::new(),
        }
    }
}

/// The number of bytes that a reader fetches at once.
const AHEAD: usize = 64 << 10;

/// A reader of the bytes of a file.
#[derive(Debug)]
pub(crate) struct ContentReader {
    content: Content,
    position: usize,
    /// The bytes from the position on that are in memory.
    ahead: Bytes,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let end = self.position.saturating_add(AHEAD);
            self.ahead = self.content.slice(self.position..end)?;
        }
        let count = buffer.len().min(self.ahead.len());
        buffer[..count].copy_from_slice(&self.ahead.split_to(count));
        self.position += count;
        Ok(count)
    }
}

impl Seek for ContentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => (self.content.length as u64).checked_add_signed(offset),
            SeekFrom::Current(offset) => (self.position as u64).checked_add_signed(offset),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let target = usize::try_from(position).map_err(io::Error::other)?;
        match target.checked_sub(self.position) {
            Some(forward) if forward <= self.ahead.len() => drop(self.ahead.split_to(forward)),
            _ => self.ahead = Bytes::new(),
        }
        self.position = target;
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(parts: &[&'static str]) -> Content {
        let space = DiskSpace::new(None);
        let mut content = Content::default();
        for (id, part) in (0..).zip(parts) {
            let bytes = Bytes::from_static(part.as_bytes());
            let bytes = match id % 2 {
                0 => ChunkBytes::Memory(bytes),
                _ => ChunkBytes::on_disk(&[bytes], &space).unwrap(),
            };
            content.append(Arc::new(Chunk { id, bytes }));
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
            assert_eq!(content.slice(range).unwrap(), text);
        }
    }

    #[test]
    fn a_reader_reads_and_seeks() {
        let mut reader = content(&["abc", "defg", "h"]).reader();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdefgh");
        for (to, position, rest) in [
            (SeekFrom::Start(2), 2, "cd"),
            (SeekFrom::Current(1), 5, "fg"),
            (SeekFrom::End(-3), 5, "fg"),
            (SeekFrom::Start(90), 90, ""),
        ] {
            assert_eq!(reader.seek(to).unwrap(), position);
            let mut read = String::new();
            (&mut reader).take(2).read_to_string(&mut read).unwrap();
            assert_eq!(read, rest, "{to:?}");
        }
        assert!(reader.seek(SeekFrom::End(-100)).is_err());
    }
}

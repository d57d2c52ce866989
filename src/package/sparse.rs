//! A file of which only parts are known, readable as if it were complete.
//!
//! A read of an unknown part fails and is recorded as missing, so that the caller can fetch it and
//! start again: the zip reader does not need to know where its bytes come from.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

/// The known parts.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    parts: BTreeMap<u64, Bytes>,
    pub(super) total: u64,
    position: u64,
    missed: Option<u64>,
}

impl Sparse {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            ..Self::default()
        }
    }

    /// Adds a part.
    pub(super) fn insert(&mut self, start: u64, bytes: Bytes) {
        let longest = self
            .parts
            .get(&start)
            .is_none_or(|known| known.len() < bytes.len());
        if longest {
            self.parts.insert(start, bytes);
        }
    }

    /// Returns the first byte that was needed and is not known, if any.
    pub(super) fn take_missed(&mut self) -> Option<u64> {
        self.position = 0;
        self.missed.take()
    }

    /// Returns the end of the unknown part that contains `at`.
    pub(super) fn gap_end(&self, at: u64) -> u64 {
        self.parts
            .range(at..)
            .next()
            .map_or(self.total, |(start, _)| *start)
    }

    /// Returns the known bytes from a position on.
    fn known_from(&self, at: u64) -> Option<&[u8]> {
        self.parts.range(..=at).rev().find_map(|(start, bytes)| {
            let skip = usize::try_from(at - start).ok()?;
            bytes.get(skip..).filter(|rest| !rest.is_empty())
        })
    }
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.total || buffer.is_empty() {
            return Ok(0);
        }
        let Some(known) = self.known_from(self.position) else {
            self.missed.get_or_insert(self.position);
            return Err(io::Error::other(
                "this part of the file was not fetched yet",
            ));
        };
        let count = known.len().min(buffer.len());
        buffer[..count].copy_from_slice(&known[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.total.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start")
        })?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_noted() {
        let mut file = Sparse::new(10);
        file.insert(0, Bytes::from_static(b"abc"));
        file.insert(2, Bytes::from_static(b"cde"));
        file.insert(8, Bytes::from_static(b"ij"));
        let mut text = [0; 5];
        file.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"abcde");
        assert!(file.read(&mut text).is_err());
        assert!(file.read(&mut text).is_err());
        assert_eq!(file.take_missed(), Some(5));
        assert_eq!(file.gap_end(5), 8);
        assert_eq!(file.take_missed(), None);
        file.seek(SeekFrom::End(-2)).unwrap();
        assert_eq!(file.read(&mut text).unwrap(), 2);
        assert_eq!(file.read(&mut text).unwrap(), 0);
        assert!(file.seek(SeekFrom::End(-11)).is_err());
    }
}

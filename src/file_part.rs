//! A part of a file, as a server or a disk returns it.

use std::ops::Range;

use bytes::Bytes;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// The offset of its first byte in the file. A source without support for ranges may send the
    /// whole file.
    pub start: u64,
    /// The bytes.
    pub bytes: Bytes,
    /// The size of the whole file, if the source names it.
    pub total: Option<u64>,
}

impl FilePart {
    /// Returns the offset behind its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Returns the bytes of a range of the file, as far as the part has them from the start of the
    /// range on.
    pub fn slice(&self, range: &Range<u64>) -> Bytes {
        if range.start < self.start {
            return Bytes::new();
        }
        let length = self.bytes.len();
        let index = |position: u64| {
            let index = usize::try_from(position.saturating_sub(self.start));
            index.unwrap_or(usize::MAX).min(length)
        };
        let start = index(range.start);
        self.bytes.slice(start..index(range.end).max(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_begins_where_it_is_asked_for() {
        let part = FilePart {
            start: 10,
            bytes: Bytes::from_static(b"0123"),
            total: None,
        };
        for (range, expected) in [
            (10..14, "0123"),
            (11..13, "12"),
            (12..99, "23"),
            (14..20, ""),
            (9..12, ""),
            (0..u64::MAX, ""),
        ] {
            assert_eq!(part.slice(&range), expected, "{range:?}");
        }
        assert_eq!(part.end(), 14);
    }
}

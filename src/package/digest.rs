//! The digest of a whole package, or of its beginning.

use bytes::Bytes;

use crate::ident::{Digest, DigestBuilder};
use crate::package::error::PackageError;
use crate::package::inspect::{RangeSource, next_part, read_contents};
use crate::plan::PackageContents;

/// The size of one read of a whole package, in bytes.
pub const READ: u64 = 4 * 1024 * 1024;

/// The digest of the beginning of a file, which grows until it is that of the whole file.
#[derive(Debug, Clone)]
pub struct PrefixDigest {
    digest: DigestBuilder,
    length: u64,
}

impl Default for PrefixDigest {
    fn default() -> Self {
        Self {
            digest: Digest::builder(),
            length: 0,
        }
    }
}

impl PrefixDigest {
    /// Returns the number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds the bytes of the file at a position. Bytes that are known already are skipped, and
    /// nothing is added behind a gap.
    pub fn push(&mut self, start: u64, bytes: &[u8]) {
        let Some(known) = self.length.checked_sub(start) else {
            return;
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let fresh = bytes.get(known..).unwrap_or_default();
        self.digest.push(fresh);
        self.length += fresh.len() as u64;
    }

    /// Reads a file of this size on to a length. The file is never in memory as a whole: a part is
    /// added on another thread while the next one is read.
    pub async fn read_to(
        &mut self,
        source: &impl RangeSource,
        length: u64,
        size: u64,
    ) -> Result<(), PackageError> {
        let mut position = self.length;
        let mut last = None;
        while position < length {
            let range = position..(position + READ).min(length);
            let next = next_part(source, range, size);
            let next = match last.take() {
                Some((start, bytes)) => tokio::join!(next, self.push_beside(start, bytes)).0,
                None => next.await,
            };
            let part = next?;
            position = part.end().min(length);
            // A source without support for ranges sends the whole file.
            last = Some((part.start, part.slice(&(part.start..length))));
        }
        if let Some((start, bytes)) = last {
            self.push(start, &bytes);
        }
        Ok(())
    }

    /// Adds bytes as [`Self::push`] does, without holding up other tasks.
    async fn push_beside(&mut self, start: u64, bytes: Bytes) {
        let mut digest = self.clone();
        let added = tokio::task::spawn_blocking(move || {
            digest.push(start, &bytes);
            digest
        });
        *self = added.await.expect("invariant: a digest does not panic");
    }

    /// Returns the digest of the bytes so far.
    pub fn digest(&self) -> Digest {
        self.digest.clone().finish()
    }
}

/// Reads a package's contents, and computes its SHA-256.
pub async fn read_whole(
    source: &impl RangeSource,
) -> Result<(PackageContents, Digest), PackageError> {
    let contents = read_contents(source).await?;
    let sha256 = digest(source, contents.size).await?;
    Ok((contents, sha256))
}

/// Returns the SHA-256 of a file of this size.
pub async fn digest(source: &impl RangeSource, size: u64) -> Result<Digest, PackageError> {
    let mut digest = PrefixDigest::default();
    digest.read_to(source, size, size).await?;
    Ok(digest.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_once_and_in_order() {
        let mut digest = PrefixDigest::default();
        for (start, bytes, length) in [
            (0, "abc", 3),
            (1, "bc", 3),
            (5, "f", 3),
            (2, "cde", 5),
            (5, "", 5),
            (0, "abcdef", 6),
        ] {
            digest.push(start, bytes.as_bytes());
            assert_eq!(digest.length(), length, "{start} {bytes}");
        }
        assert_eq!(digest.digest(), Digest::of(b"abcdef"));
    }
}

//! The digest of a whole package.

use crate::ident::Digest;
use crate::package::error::{PackageError, Unreadable};
use crate::package::inspect::{RangeSource, next_part};

/// The size of one read, in bytes.
const READ: u64 = 8 * 1024 * 1024;

/// Returns the SHA-256 of a file of this size, which is never in memory as a whole.
pub async fn digest(source: &impl RangeSource, size: u64) -> Result<Digest, PackageError> {
    let mut digest = Digest::builder();
    let mut position = 0;
    while position < size {
        let part = next_part(source, position..(position + READ).min(size), size).await?;
        // A source without support for ranges sends the whole file.
        let skipped = usize::try_from(position - part.start).unwrap_or(usize::MAX);
        let fresh = part.bytes.get(skipped..).unwrap_or_default();
        digest.push(fresh);
        position += fresh.len() as u64;
    }
    if position > size {
        return Err(Unreadable::Changed.into());
    }
    Ok(digest.finish())
}

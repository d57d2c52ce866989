//! The members of a package, as the directory of its archive lists them.

use std::io::{Read, Seek};

use zip::ZipArchive;

use crate::package::error::Unreadable;
use crate::plan::Member;

/// The maximum number of members.
pub(super) const MEMBERS: u64 = 100_000;

/// The maximum compression ratio of a member, if it is larger than the old form of archives allows.
/// Only repeated bytes compress better.
const RATIO: u64 = 500;
const LARGE: u64 = 4 * 1024 * 1024 * 1024;

/// The maximum length of a name in a message, in characters.
const SHOWN: usize = 200;

/// Returns the files of an archive of `total` bytes, ordered by name. Refuses an archive that is
/// dangerous to unpack.
pub(super) fn members<R: Read + Seek>(
    archive: &ZipArchive<R>,
    total: u64,
) -> Result<Vec<Member>, Unreadable> {
    check_count(archive.len() as u64)?;
    if archive.has_duplicate_names() {
        return Err(Unreadable::DuplicateMembers);
    }
    let mut members = Vec::with_capacity(archive.len());
    let mut packed: u64 = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(Unreadable::NotAZip)?;
        let name = entry.name().map_err(Unreadable::NotAZip)?.into_owned();
        if is_outside(&name) {
            return Err(Unreadable::Outside { name: cut(&name) });
        }
        let (size, packed_size) = (entry.size(), entry.compressed_size());
        if size > LARGE && size / packed_size.max(1) > RATIO {
            let name = cut(&name);
            return Err(Unreadable::Bomb { name, size });
        }
        packed = packed.saturating_add(packed_size);
        if packed > total {
            return Err(Unreadable::Overlapping);
        }
        if !entry.is_dir() {
            members.push(Member {
                name,
                size,
                packed_size,
                crc32: entry.crc32(),
                is_encrypted: entry.encrypted(),
            });
        }
    }
    members.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(members)
}

/// Refuses an archive with too many members.
pub(super) fn check_count(members: u64) -> Result<(), Unreadable> {
    if members <= MEMBERS {
        return Ok(());
    }
    Err(Unreadable::TooLarge {
        what: "the number of its members",
        limit: MEMBERS,
    })
}

/// Returns the beginning of a name, for a message.
fn cut(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

/// Returns true if unpacking a member of this name would write outside of the target folder, on
/// any system.
fn is_outside(name: &str) -> bool {
    let is_separator = |letter| matches!(letter, '/' | '\\');
    let mut letters = name.chars();
    let has_drive = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.next() == Some(':');
    name.starts_with(is_separator)
        || has_drive
        || name.contains('\0')
        || name.split(is_separator).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_outside_are_found() {
        for name in [
            "/etc/passwd",
            "\\share\\x",
            "C:\\x",
            "c:x",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "a\\..\\x",
            "a\0b",
        ] {
            assert!(is_outside(name), "{name}");
        }
        for name in ["a", "a/b", "a..b", "..a/b", "a/...", "./a", "ab:c", "a/b:c"] {
            assert!(!is_outside(name), "{name}");
        }
    }
}

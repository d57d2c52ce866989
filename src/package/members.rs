//! The members of a package, as the directory of its archive lists them.

use std::io::{Read, Seek};

use zip::ZipArchive;

use crate::package::error::Unreadable;
use crate::plan::Member;

/// The maximum number of members.
pub(super) const MEMBERS: u64 = 100_000;

/// The maximum compression ratio of a member, and of all members together, if they expand to more
/// than [`LARGE`] bytes. Only repeated bytes compress better.
const RATIO: u64 = 500;
const LARGE: u64 = 256 * 1024 * 1024;

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
    let (mut packed, mut expanded): (u64, u64) = (0, 0);
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(Unreadable::NotAZip)?;
        let name = entry.name().map_err(Unreadable::NotAZip)?.into_owned();
        if is_outside(&name) {
            return Err(Unreadable::Outside { name: cut(&name) });
        }
        let (size, packed_size) = (entry.size(), entry.compressed_size());
        packed = packed.saturating_add(packed_size);
        expanded = expanded.saturating_add(size);
        for (expanded, packed) in [(size, packed_size), (expanded, packed)] {
            if expanded > LARGE && expanded / packed.max(1) > RATIO {
                return Err(Unreadable::Bomb {
                    name: cut(&name),
                    expanded,
                    packed,
                });
            }
        }
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
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// Returns the members of an archive that declares these unpacked sizes.
    fn members_of(sizes: &[u32]) -> Result<Vec<Member>, Unreadable> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..sizes.len() {
            let options = SimpleFileOptions::default();
            zip.start_file(format!("{index}"), options).unwrap();
            zip.write_all(&[0; 1 << 10]).unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        let mut sizes = sizes.iter();
        for index in 0..bytes.len() {
            // The header of a member in the directory, in which the unpacked size is at 24.
            if bytes[index..].starts_with(b"PK\x01\x02") {
                let size = sizes.next().unwrap().to_le_bytes();
                bytes[index + 24..index + 28].copy_from_slice(&size);
            }
        }
        let total = bytes.len() as u64;
        members(&ZipArchive::new(Cursor::new(bytes)).unwrap(), total)
    }

    /// One large member is as dangerous as many smaller ones.
    #[test]
    fn archives_that_expand_without_measure_are_refused() {
        const MIB: u32 = 1 << 20;
        assert_eq!(members_of(&[100 * MIB, 100 * MIB]).unwrap().len(), 2);
        for (sizes, at) in [(&[300 * MIB][..], "0"), (&[100 * MIB; 3], "2")] {
            let refused = members_of(sizes).unwrap_err().to_string();
            let expected = format!(
                "its members expand too much: at `{at}`, {} bytes",
                300 * MIB
            );
            assert!(refused.starts_with(&expected), "{refused}");
        }
    }

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

//! The number of members that the end of an archive announces. The zip reader reads the whole
//! directory before it returns, so that a count beyond the limit is found here.

use std::io::{self, Read, Seek, SeekFrom};

/// The size of the end record without its comment, and the maximum size of the comment.
const RECORD: u64 = 22;
const COMMENT: u64 = 65_535;

/// The size of the locator before the end record, and of the large end record that it points at.
const LOCATOR: u64 = 20;
const LARGE_RECORD: usize = 56;

/// Returns the number of members in the large end record of an archive of `total` bytes; 0 if there
/// is none: the small record cannot announce more than 65,535.
pub(super) fn announced_members<R: Read + Seek>(file: &mut R, total: u64) -> io::Result<u64> {
    let start = total.saturating_sub(RECORD + COMMENT);
    let tail = read(file, start, total - start)?;
    let record = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06");
    let locator = record.and_then(|index| (start + index as u64).checked_sub(LOCATOR));
    let Some(locator) = locator else {
        return Ok(0);
    };
    let locator = read(file, locator, LOCATOR)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(0);
    }
    let record = read(file, number(&locator, 8), LARGE_RECORD as u64)?;
    let is_whole = record.len() == LARGE_RECORD && record.starts_with(b"PK\x06\x06");
    Ok(if is_whole { number(&record, 32) } else { 0 })
}

/// Reads bytes from a position on; fewer if the file ends before.
fn read<R: Read + Seek>(file: &mut R, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the number of eight bytes at an index; 0 if the bytes end before.
fn number(bytes: &[u8], index: usize) -> u64 {
    let digits = bytes
        .get(index..)
        .and_then(|rest| rest.first_chunk::<8>())
        .copied();
    u64::from_le_bytes(digits.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: usize, comment: &str) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default();
        for index in 0..members {
            zip.start_file(format!("{index}"), options).unwrap();
        }
        zip.set_comment(comment).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn announced(bytes: &[u8]) -> u64 {
        announced_members(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn large_numbers_of_members_are_announced() {
        let many = archive(66_000, "a comment");
        assert_eq!(announced(&many), 66_000);
        assert_eq!(announced(&archive(3, "")), 0);
        assert_eq!(announced(&many[..many.len() - 40]), 0);
        assert_eq!(announced(b""), 0);
        assert_eq!(announced(b"PK\x05\x06"), 0);
        // A locator that points behind the end.
        let mut lost = many.clone();
        let locator = many.len() - 9 - 22 - 20;
        lost[locator + 8..locator + 16].fill(0xff);
        assert_eq!(announced(&lost), 0);
    }
}

//! The reading of a member of a zip with as few ranges as possible.
//!
//! The first read fetches the head of the file, which is all of a small package. For a larger
//! package the zip reader reports which part is missing: the end of the file with the archive's
//! directory, then the member. Each part is fetched in a single read, and the reader starts again.

use std::error::Error;
use std::io::{Read, Seek as _, SeekFrom};
use std::ops::Range;

use zip::ZipArchive;
use zip::read::HasZipMetadata as _;

use crate::file_part::FilePart;
use crate::ident::Digest;
use crate::package::end_record::announced_members;
use crate::package::error::{PackageError, Unreadable};
use crate::package::info::parse;
use crate::package::members::{check_count, members};
use crate::package::sparse::Sparse;
use crate::plan::{PACKAGE_JSON as NAME, PackageContents};

/// The size of the first read, in bytes.
const HEAD: u64 = 16 * 1024;

/// The size of the read at the end: a directory's end record with the longest comment, and a part
/// of the directory before it.
const TAIL: u64 = 72 * 1024;

/// The maximum number of reads of a package, and their maximum total size.
const READS: usize = 12;
const BYTES: u64 = 32 * 1024 * 1024;

/// The maximum size of a single read.
const PART: u64 = 4 * 1024 * 1024;

/// The space for the member's own header, in addition to its content.
const MEMBER_HEADER: u64 = 4 * 1024;

/// The maximum size of `package.json`, and its maximum compression ratio if it is not tiny.
pub(super) const MEMBER: u64 = 1024 * 1024;
const RATIO: u64 = 200;
const TINY: u64 = 64 * 1024;

/// The reason why a source could not be read.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// A file that can be read by ranges.
pub trait RangeSource: Sync {
    /// Reads a range; a shorter one if the file ends before. `None` if there is no such file.
    fn read(
        &self,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<FilePart>, SourceError>> + Send;

    /// Returns the text of a member without the secrets that the file's server may have put there.
    fn clean(&self, text: Vec<u8>) -> Vec<u8> {
        text
    }
}

/// Reads a package's `package.json` and the list of its members, and computes its fingerprint.
pub async fn read_contents(source: &impl RangeSource) -> Result<PackageContents, PackageError> {
    let head = fetch(source, 0..HEAD).await?;
    let total = match head.total {
        Some(total) => total,
        // A short read means that the file ends there.
        None if (head.bytes.len() as u64) < HEAD => head.end(),
        None => return Err(Unreadable::UnknownSize.into()),
    };
    let mut file = Sparse::new(total);
    let mut fetched = head.bytes.len() as u64;
    file.insert(head.start, head.bytes);
    for _ in 1..READS {
        let missed = match attempt(&mut file, source) {
            Attempt::Found(found) => return Ok(found?),
            Attempt::Misses(range) => range,
        };
        let part = next_part(source, missed, total).await?;
        fetched += part.bytes.len() as u64;
        if fetched > BYTES {
            break;
        }
        file.insert(part.start, part.bytes);
    }
    Err(too_large("the amount of data to read for its `package.json`", BYTES).into())
}

/// Reads a part of a file of this size that contains the first byte of the range.
pub async fn next_part(
    source: &impl RangeSource,
    range: Range<u64>,
    total: u64,
) -> Result<FilePart, PackageError> {
    let wanted = range.start;
    let part = fetch(source, range).await?;
    if part.total.is_some_and(|size| size != total) {
        return Err(Unreadable::Changed.into());
    }
    if part.start > wanted || part.end() <= wanted {
        return Err(Unreadable::WrongPart {
            wanted,
            start: part.start,
            found: part.bytes.len(),
        }
        .into());
    }
    Ok(part)
}

async fn fetch(source: &impl RangeSource, range: Range<u64>) -> Result<FilePart, PackageError> {
    let part = source.read(range).await.map_err(Unreadable::Refused)?;
    part.ok_or(PackageError::Missing)
}

fn too_large(what: &'static str, limit: u64) -> Unreadable {
    Unreadable::TooLarge { what, limit }
}

/// The result of an attempt with the known parts.
enum Attempt {
    Found(Result<PackageContents, Unreadable>),
    Misses(Range<u64>),
}

fn attempt(file: &mut Sparse, source: &impl RangeSource) -> Attempt {
    let mut member_end = 0;
    let result = read_member(file, &mut member_end, source);
    // The zip reader's result does not count if a read failed.
    match file.take_missed() {
        Some(missed) => Attempt::Misses(widen(file, missed, member_end)),
        None => Attempt::Found(result),
    }
}

/// Returns the range to fetch around a missing byte: the whole tail for the directory's end, the
/// rest of a gap for the directory, the whole member for its content.
fn widen(file: &Sparse, missed: u64, member_end: u64) -> Range<u64> {
    let gap_end = file.gap_end(missed);
    let tail = file.total.saturating_sub(TAIL);
    if member_end > missed {
        return missed..gap_end.min(member_end).min(missed + PART);
    }
    if missed >= tail && gap_end == file.total {
        // Fetching known bytes again is cheaper than a second request.
        return tail..gap_end;
    }
    missed..gap_end.min(missed + PART)
}

/// Reads the member `package.json` and the list of the members, with the package's fingerprint.
fn read_member(
    file: &mut Sparse,
    member_end: &mut u64,
    source: &impl RangeSource,
) -> Result<PackageContents, Unreadable> {
    let not_a_zip = Unreadable::NotAZip;
    let total = file.total;
    let announced = announced_members(file, total).map_err(|error| not_a_zip(error.into()))?;
    check_count(announced)?;
    let mut archive = ZipArchive::new(&mut *file).map_err(not_a_zip)?;
    let members = members(&archive, total)?;
    let index = archive
        .index_for_name(NAME)
        .ok_or(Unreadable::NoPackageJson)?;
    let (size, packed, start, is_encrypted) = {
        let entry = archive.by_index_data(index).map_err(not_a_zip)?;
        let metadata = entry.get_metadata();
        (
            metadata.uncompressed_size,
            metadata.compressed_size,
            metadata.header_start,
            metadata.is_encrypted(),
        )
    };
    if is_encrypted {
        return Err(Unreadable::Encrypted);
    }
    if size > MEMBER || packed > MEMBER {
        return Err(too_large("the size of its `package.json`", MEMBER));
    }
    if size > TINY && size / packed.max(1) > RATIO {
        return Err(too_large(
            "the compression ratio of its `package.json`",
            RATIO,
        ));
    }
    *member_end = start.saturating_add(packed).saturating_add(MEMBER_HEADER);
    let member = archive.by_index(index).map_err(not_a_zip)?;
    let mut json = Vec::new();
    member
        .take(MEMBER + 1)
        .read_to_end(&mut json)
        .map_err(|source| not_a_zip(source.into()))?;
    if json.len() as u64 > MEMBER {
        return Err(too_large("the size of its `package.json`", MEMBER));
    }
    let directory_start = archive.central_directory_start();
    let directory = read_from(file, directory_start).map_err(|error| not_a_zip(error.into()))?;
    let size = total.to_be_bytes();
    let length = (directory.len() as u64).to_be_bytes();
    let fingerprint = Digest::of_parts([&size[..], &length, &directory, &json]);
    let json = source.clean(json);
    Ok(PackageContents {
        info: parse(&json, fingerprint)?,
        package_json: String::from_utf8_lossy(&json).into_owned(),
        size: total,
        members,
    })
}

/// The bytes from a position to the end of the file: the central directory and its end record.
fn read_from(file: &mut Sparse, start: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::Mutex;

    use bytes::Bytes;
    use zip::write::{FullFileOptions, SimpleFileOptions};
    use zip::{CompressionMethod, ZipWriter};

    use super::*;
    use crate::plan::{PackageField, PackageInfo};

    const JSON: &str = r#"{"name":"Form W-2","version":"0.0.2","owner":"IB_DEPLOYED"}"#;

    async fn inspect(source: &impl RangeSource) -> Result<PackageInfo, PackageError> {
        Ok(read_contents(source).await?.info)
    }

    /// A file in memory that notes what is read.
    struct Memory {
        bytes: Vec<u8>,
        knows_ranges: bool,
        reads: Mutex<Vec<u64>>,
    }

    impl Memory {
        fn new(bytes: Vec<u8>) -> Self {
            Self {
                bytes,
                knows_ranges: true,
                reads: Mutex::default(),
            }
        }

        fn reads(&self) -> (usize, u64) {
            let reads = self.reads.lock().unwrap();
            (reads.len(), reads.iter().sum())
        }
    }

    impl RangeSource for Memory {
        async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
            let total = self.bytes.len() as u64;
            let range = if self.knows_ranges {
                range.start.min(total)..range.end.min(total)
            } else {
                0..total
            };
            self.reads.lock().unwrap().push(range.end - range.start);
            let bounds = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            Ok(Some(FilePart {
                start: range.start,
                bytes: Bytes::copy_from_slice(&self.bytes[bounds]),
                total: Some(total),
            }))
        }
    }

    /// Noise does not compress, so members keep their size.
    fn noise(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(1);
        std::iter::repeat_with(|| random.u8(..))
            .take(length)
            .collect()
    }

    fn zipped(members: &[(&str, &[u8])], comment: &str) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            // Noise is stored, as packing it takes its time.
            let method = if content.starts_with(b"{") {
                CompressionMethod::Deflated
            } else {
                CompressionMethod::Stored
            };
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.set_comment(comment).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn describe(result: &Result<PackageInfo, PackageError>) -> String {
        match result {
            Ok(PackageInfo {
                name: PackageField::Text(name),
                version: PackageField::Text(version),
                ..
            }) => format!("{name}@{version}"),
            Ok(info) => format!("{info:?}"),
            Err(PackageError::Unreadable(reason)) => reason.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn packages_are_read_by_few_ranges() {
        let noise = noise(3_000_000);
        let many: Vec<(String, Vec<u8>)> = (0..3000)
            .map(|index| (format!("content/some/deep/folder/file-{index}.txt"), vec![]))
            .collect();
        let mut with_many: Vec<(&str, &[u8])> =
            vec![(NAME, JSON.as_bytes()), ("a.ibflowbin", &noise)];
        with_many.extend(
            many.iter()
                .map(|(name, content)| (name.as_str(), content.as_slice())),
        );
        let comment = "c".repeat(65_535);
        for (label, members, comment, reads, bytes) in [
            (
                "small",
                vec![(NAME, JSON.as_bytes()), ("icon.png", b"png")],
                "",
                1,
                HEAD,
            ),
            (
                "first",
                vec![(NAME, JSON.as_bytes()), ("a.ibflowbin", &noise)],
                "",
                2,
                HEAD + TAIL,
            ),
            (
                "last",
                vec![("a.ibflowbin", noise.as_slice()), (NAME, JSON.as_bytes())],
                "",
                2,
                HEAD + TAIL,
            ),
            (
                "middle",
                vec![
                    ("a.ibflowbin", noise.as_slice()),
                    (NAME, JSON.as_bytes()),
                    ("b.ibflowbin", &noise),
                ],
                "",
                3,
                HEAD + TAIL + 2 * MEMBER_HEADER,
            ),
            (
                "comment",
                vec![("a.ibflowbin", &noise), (NAME, JSON.as_bytes())],
                comment.as_str(),
                2,
                HEAD + TAIL,
            ),
            ("many", with_many, "", 3, 400_000),
        ] {
            let file = Memory::new(zipped(&members, comment));
            let result = inspect(&file).await;
            assert_eq!(describe(&result), "Form W-2@0.0.2", "{label}");
            let (count, sum) = file.reads();
            assert!(
                count <= reads && sum <= bytes,
                "{label}: {count} reads, {sum} bytes"
            );
        }
    }

    /// A future that may move between threads.
    fn movable<F: Future + Send>(future: F) -> F {
        future
    }

    #[tokio::test]
    async fn a_source_without_ranges_is_read_once() {
        let noise = noise(300_000);
        let mut file = Memory::new(zipped(&[("a", &noise), (NAME, JSON.as_bytes())], ""));
        file.knows_ranges = false;
        assert_eq!(describe(&movable(inspect(&file)).await), "Form W-2@0.0.2");
        assert_eq!(file.reads().0, 1);
    }

    #[tokio::test]
    async fn zip64_archives_are_read() {
        let noise = noise(100_000);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let large = FullFileOptions::default()
            .large_file(true)
            .compression_method(CompressionMethod::Stored);
        writer.start_file("a", large.clone()).unwrap();
        writer.write_all(&noise).unwrap();
        writer.start_file(NAME, large).unwrap();
        writer.write_all(JSON.as_bytes()).unwrap();
        // More members than the old end record can count.
        let empty = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for index in 0..66_000 {
            writer.start_file(format!("{index}"), empty).unwrap();
        }
        let file = Memory::new(writer.finish().unwrap().into_inner());
        assert_eq!(describe(&inspect(&file).await), "Form W-2@0.0.2");
        assert!(file.reads().0 <= 5, "{:?}", file.reads());
    }

    #[tokio::test]
    async fn what_is_no_package_says_why() {
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000));
        let bomb = format!("{{\"name\": \"{}\"}}", "x".repeat(900_000));
        let good = zipped(&[(NAME, JSON.as_bytes())], "");
        let mut encrypted = good.clone();
        encrypted[6] |= 1;
        let directory = encrypted
            .windows(4)
            .position(|bytes| bytes == b"PK\x01\x02")
            .unwrap();
        encrypted[directory + 8] |= 1;
        let mut damaged = good.clone();
        damaged[30 + NAME.len() + 5] ^= 0xff;
        for (bytes, expected) in [
            (Vec::new(), "the file is not a proper zip archive"),
            (
                b"no zip at all".to_vec(),
                "the file is not a proper zip archive",
            ),
            (noise(200_000), "the file is not a proper zip archive"),
            (
                good[..good.len() - 30].to_vec(),
                "the file is not a proper zip archive",
            ),
            (damaged, "the file is not a proper zip archive"),
            (
                zipped(&[("sub/package.json", JSON.as_bytes())], ""),
                "it has no `package.json` at its root",
            ),
            (zipped(&[], ""), "it has no `package.json` at its root"),
            (
                zipped(&[(NAME, b"[]")], ""),
                "its `package.json` is not a JSON object",
            ),
            (
                zipped(&[(NAME, large.as_bytes())], ""),
                "the size of its `package.json` is over the limit of 1048576",
            ),
            (
                zipped(&[(NAME, bomb.as_bytes())], ""),
                "the compression ratio of its `package.json` is over the limit of 200",
            ),
            (encrypted, "its `package.json` is encrypted"),
        ] {
            let file = Memory::new(bytes);
            assert_eq!(describe(&inspect(&file).await), expected);
        }
    }

    /// A source that answers each read from a list.
    struct Listed(Mutex<Vec<Result<Option<FilePart>, SourceError>>>);

    impl RangeSource for Listed {
        async fn read(&self, _range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
            self.0.lock().unwrap().remove(0)
        }
    }

    #[tokio::test]
    async fn a_source_may_fail_or_lie() {
        let part = |start: u64, length: usize, total| {
            Ok(Some(FilePart {
                start,
                bytes: Bytes::from(vec![0; length]),
                total,
            }))
        };
        let head = || part(0, 16_384, Some(500_000));
        for (answers, expected) in [
            (vec![Ok(None)], "there is no such package"),
            (vec![Err("no".into())], "the file could not be read"),
            (
                vec![part(0, 16_384, None)],
                "the server does not report the size of the file",
            ),
            (
                vec![part(0, 100, None)],
                "the file is not a proper zip archive",
            ),
            (vec![head(), Err("no".into())], "the file could not be read"),
            (
                vec![head(), part(0, 16_384, Some(400_000))],
                "the file changed while it was read",
            ),
            (
                vec![head(), part(0, 16_384, Some(500_000))],
                "the server sent 16384 bytes from 0 where the file goes on at 426272",
            ),
            (
                vec![head(), part(426_272, 0, Some(500_000))],
                "the server sent 0 bytes from 426272 where the file goes on at 426272",
            ),
        ] {
            let source = Listed(Mutex::new(answers));
            assert_eq!(describe(&inspect(&source).await), expected);
        }
    }
}

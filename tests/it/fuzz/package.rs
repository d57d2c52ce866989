//! The reader of packages.

use std::io::{Cursor, Write as _};
use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde_json::{Map, Value};
use solform::api::chain;
use solform::escape::escaped;
use solform::file_part::FilePart;
use solform::package::{PackageError, RangeSource, SourceError, digest, read_contents};
use solform::plan::{Member, PackageContents, PackageDiff, PackageField, PackageInfo};
use solform::render::{PackageView, StyledWriter, Styles, render_package, render_package_diff};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{assert_shown, written};

/// The maximum length of an error, in bytes: each character of a name may be escaped.
const ERROR: usize = 4_000;

/// The maximum number of reads of a package.
const READS: usize = 12;

/// Asserts that a package is read within the limits, and equally however a server sends it. What
/// was read can be shown and packed, and is read again unchanged. An input that does not begin as a
/// zip is also a `package.json`: random changes of an archive rarely keep its checksums right.
pub(crate) fn check(input: &[u8]) -> bool {
    let is_accepted = assert_read(input);
    if input.starts_with(b"PK") {
        return is_accepted;
    }
    assert_read(&zipped(input)) || is_accepted
}

fn assert_read(input: &[u8]) -> bool {
    let result = read(input, Server::Exact);
    let text = |result: &Result<PackageContents, PackageError>| match result {
        Ok(contents) => format!("{contents:?}"),
        Err(error) => chain(error),
    };
    for server in [Server::HalfFirst, Server::WithoutRanges] {
        assert_eq!(text(&read(input, server)), text(&result), "{server:?}");
    }
    let contents = match result {
        Ok(contents) => contents,
        Err(error) => {
            assert_shown(&escaped(&chain(&error)), ERROR);
            return false;
        }
    };
    assert_members(&contents.members, input.len());
    let again = read(&packed(&contents.info), Server::Exact).expect("a written package is read");
    let fingerprint = again.info.fingerprint.clone();
    let expected = PackageInfo {
        fingerprint,
        ..contents.info.clone()
    };
    assert_eq!(again.info, expected);
    assert_rendered(&contents, &again, input);
    true
}

/// Asserts that the members are ordered, and that none is written outside of the package's folder.
fn assert_members(members: &[Member], length: usize) {
    let packed = members.iter().map(|member| member.packed_size);
    assert!(packed.sum::<u64>() <= length as u64, "{members:?}");
    for pair in members.windows(2) {
        assert!(pair[0].name < pair[1].name, "{pair:?}");
    }
    for Member { name, .. } in members {
        assert!(!name.starts_with(['/', '\\']), "{name:?}");
        assert!(
            !name.split(['/', '\\']).any(|part| part == ".."),
            "{name:?}"
        );
    }
}

/// Asserts that a package and its differences from another one can be shown.
fn assert_rendered(contents: &PackageContents, other: &PackageContents, input: &[u8]) {
    let source = Memory::new(input, Server::Exact);
    let sha256 = finished(digest(&source, contents.size)).expect("memory is read");
    let [before, after] = [contents, other].map(|contents| PackageView {
        file: "m.ibsolution",
        environment: None,
        contents,
        sha256: Some(&sha256),
    });
    // Each character may be escaped.
    let limit = 10_000 + 40 * (contents.package_json.len() + input.len());
    assert_shown(&written(|out| render_package(&before, out)), limit);
    let same = PackageDiff::of(contents, contents);
    assert!(!same.is_different() && same.is_same_archive());
    let diff = PackageDiff::of(contents, other);
    let output = written(|out| {
        let styles = Styles::default();
        render_package_diff(
            [&before, &after],
            &diff,
            &mut StyledWriter {
                out,
                styles,
                width: Some(60),
            },
        )
    });
    assert_shown(&output, limit);
}

/// The behaviour of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// It sends the requested ranges.
    Exact,
    /// Its first answer has only half of the file.
    HalfFirst,
    /// It always sends the whole file.
    WithoutRanges,
}

/// A package in memory.
struct Memory<'a> {
    bytes: &'a [u8],
    server: Server,
    reads: Mutex<usize>,
}

impl<'a> Memory<'a> {
    fn new(bytes: &'a [u8], server: Server) -> Self {
        Self {
            bytes,
            server,
            reads: Mutex::default(),
        }
    }
}

impl RangeSource for Memory<'_> {
    async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
        let mut reads = self.reads.lock().expect("no reader panics");
        *reads += 1;
        let length = self.bytes.len();
        let bound = |offset: u64| usize::try_from(offset).map_or(length, |at| at.min(length));
        let range = match self.server {
            Server::HalfFirst if *reads == 1 => 0..length.div_ceil(2),
            Server::Exact | Server::HalfFirst => bound(range.start)..bound(range.end),
            Server::WithoutRanges => 0..length,
        };
        Ok(Some(FilePart {
            start: range.start as u64,
            bytes: Bytes::copy_from_slice(&self.bytes[range]),
            total: Some(length as u64),
        }))
    }
}

fn read(bytes: &[u8], server: Server) -> Result<PackageContents, PackageError> {
    let source = Memory::new(bytes, server);
    let result = finished(read_contents(&source));
    let reads = source.reads.into_inner().expect("no reader panics");
    assert!(reads <= READS, "{reads} reads");
    result
}

/// Returns the result of a reader of memory, which never waits, but lets other tasks run.
fn finished<T>(reading: impl Future<Output = T>) -> T {
    let mut reading = std::pin::pin!(reading);
    let mut polls = std::iter::repeat_with(|| reading.as_mut().now_or_never()).take(READS + 1);
    let result = polls.find_map(|result| result);
    result.expect("memory does not wait")
}

/// Packs a package with these fields.
fn packed(info: &PackageInfo) -> Vec<u8> {
    let PackageInfo {
        name,
        version,
        owner,
        solution_type,
        visibility,
        fingerprint: _, // It depends on the packing.
    } = info;
    let mut fields = Map::new();
    for (key, field) in [
        ("name", name),
        ("version", version),
        ("owner", owner),
        ("solution_type", solution_type),
    ] {
        let value = match field {
            PackageField::Missing => continue,
            PackageField::NotText => Value::Array(Vec::new()),
            PackageField::Text(text) => text.as_str().into(),
        };
        fields.insert(key.to_owned(), value);
    }
    if let Some(word) = visibility {
        fields.insert("visibility".to_owned(), word.as_str().into());
    }
    zipped(Value::Object(fields).to_string().as_bytes())
}

/// Packs a `package.json`.
fn zipped(json: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let memory = "memory takes everything";
    writer.start_file("package.json", stored).expect(memory);
    writer.write_all(json).expect(memory);
    writer.finish().expect(memory).into_inner()
}

//! The building of a package from a folder.
//!
//! Two builds of equal folders have equal bytes: the members are sorted, their times, permissions
//! and compression are fixed, and the archive has no entries for folders.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::ident::Digest;
use crate::package::build_error::BuildError;
use crate::package::error::Unreadable;
use crate::package::folder::{Source, files, io};
use crate::package::info::{BYTE_ORDER_MARK, parse};
use crate::package::inspect::MEMBER;
use crate::plan::PACKAGE_JSON as NAME;
use crate::regular_file;

/// The end of the name of every package.
pub const PACKAGE_SUFFIX: &str = "ibsolution";

/// The size of a part of a file that is in memory at a time, in bytes.
const PART: usize = 256 * 1024;

/// The size from which on a member is written in the form for more than 4 GiB. Content that does
/// not compress grows a little.
const LARGE: u64 = 0xF000_0000;

/// Writes the package of a folder. `go_on` is asked between two parts of a file: false cancels the
/// build.
pub fn build(
    folder: &Path,
    out: impl Write + Seek,
    go_on: &dyn Fn() -> bool,
) -> Result<(), BuildError> {
    let canonical = folder.canonicalize().map_err(|source| io(folder, source))?;
    let json = read_package_json(folder)?;
    let sources = files(&canonical)?;
    let mut archive = ZipWriter::new(BufWriter::new(out));
    for source in &sources {
        if source.name == NAME {
            // The bytes that were checked.
            let size = json.len() as u64;
            let started = archive.start_file(NAME, options(size));
            started.map_err(BuildError::Write)?;
            archive.write_all(&json).map_err(not_written)?;
        } else {
            add(source, &mut archive, go_on)?;
        }
    }
    let mut out = archive.finish().map_err(BuildError::Write)?;
    out.flush().map_err(not_written)
}

fn not_written(source: std::io::Error) -> BuildError {
    BuildError::Write(source.into())
}

fn options(size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .system(System::Unix)
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(6))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(size >= LARGE)
}

/// Reads `package.json`, and checks that the platform can deploy it.
fn read_package_json(folder: &Path) -> Result<Vec<u8>, BuildError> {
    let path = folder.join(NAME);
    let read = regular_file::read(&path, MEMBER);
    let json = read.map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => BuildError::NoPackageJson { path: path.clone() },
        std::io::ErrorKind::FileTooLarge => BuildError::BadPackageJson {
            path: path.clone(),
            source: Unreadable::TooLarge {
                what: "its size in bytes",
                limit: MEMBER,
            },
        },
        _ => io(&path, source),
    })?;
    let parsed = parse(&json, Digest::of(&json));
    let info = parsed.map_err(|source| BuildError::BadPackageJson {
        path: path.clone(),
        source,
    })?;
    if json.starts_with(BYTE_ORDER_MARK.to_string().as_bytes()) {
        return Err(BuildError::ByteOrderMark { path });
    }
    let fields = info.invalid_fields();
    if fields.is_empty() {
        Ok(json)
    } else {
        Err(BuildError::Fields { path, fields })
    }
}

/// Adds a file to the archive.
fn add(
    source: &Source,
    archive: &mut ZipWriter<impl Write + Seek>,
    go_on: &dyn Fn() -> bool,
) -> Result<(), BuildError> {
    let path = &source.path;
    let mut file: File = regular_file::open(path).map_err(|error| io(path, error))?;
    let size = file.metadata().map_err(|error| io(path, error))?.len();
    let started = archive.start_file(source.name.as_str(), options(size));
    started.map_err(BuildError::Write)?;
    let mut buffer = vec![0; PART];
    let mut left = size;
    loop {
        if !go_on() {
            return Err(BuildError::Cancelled);
        }
        let count = file.read(&mut buffer).map_err(|error| io(path, error))?;
        let longer = left.checked_sub(count as u64);
        match longer {
            Some(0) if count == 0 => return Ok(()),
            Some(rest) if count > 0 => left = rest,
            // The file is shorter or longer than before.
            _ => return Err(BuildError::Changed { path: path.clone() }),
        }
        archive.write_all(&buffer[..count]).map_err(not_written)?;
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests are an edge")]

    use std::io::Cursor;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use zip::ZipArchive;

    use super::*;

    const JSON: &str =
        r#"{"name": "A", "version": "1", "owner": "svc", "solution_type": "ibflowbin"}"#;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn built(folder: &Path) -> Result<Vec<u8>, BuildError> {
        let mut out = Cursor::new(Vec::new());
        build(folder, &mut out, &|| true)?;
        Ok(out.into_inner())
    }

    /// Returns the message with its causes.
    fn refused(folder: &Path) -> String {
        let error = built(folder).unwrap_err();
        assert!(error.help().ends_with('.'));
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        let canonical = folder.canonicalize().unwrap();
        let text = text.replace(canonical.to_str().unwrap(), "DIR");
        text.replace(folder.to_str().unwrap(), "DIR")
    }

    #[test]
    fn equal_folders_have_equal_packages() {
        let big = vec![7; PART * 2 + 5];
        let files: [(&str, &[u8]); 6] = [
            (NAME, JSON.as_bytes()),
            ("z.bin", &big),
            ("a/b/c.txt", b"c"),
            ("a.txt", b""),
            ("Größe.txt", b"x"),
            (".hidden", b"h"),
        ];
        let left = folder(&files);
        let mut reversed = files;
        reversed.reverse();
        let right = folder(&reversed);
        // Modes, times, empty folders and the files of other tools do not count.
        let script = right.path().join("a.txt");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        let file = std::fs::File::options().write(true).open(&script).unwrap();
        file.set_times(times).unwrap();
        std::fs::create_dir_all(right.path().join("empty/.git")).unwrap();
        std::fs::create_dir(right.path().join(".git")).unwrap();
        std::fs::write(right.path().join(".git/HEAD"), "x").unwrap();
        std::fs::write(right.path().join("a/.DS_Store"), "x").unwrap();
        let bytes = built(left.path()).unwrap();
        assert!(bytes == built(right.path()).unwrap());
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let mut member = archive.by_index(index).unwrap();
            let name = member.name().unwrap().into_owned();
            assert_eq!(member.unix_mode(), Some(0o100_644), "{name}");
            assert_eq!(member.last_modified(), Some(DateTime::default()), "{name}");
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            let (_, expected) = files.iter().find(|(file, _)| *file == name).unwrap();
            assert!(content == *expected, "{name}");
            names.push(name);
        }
        assert_eq!(
            names,
            [".hidden", "Größe.txt", "a.txt", "a/b/c.txt", NAME, "z.bin"]
        );
    }

    #[test]
    fn every_field_that_is_missing_is_named() {
        let folder = folder(&[(NAME, br#"{"name": "A", "version": ["1"], "owner": " "}"#)]);
        assert_eq!(
            refused(folder.path()),
            "`DIR/package.json` does not have all required fields: the package's `version` is not \
             a text, the package's `owner` is missing, the package's `solution_type` is missing"
        );
    }

    #[test]
    fn a_bad_package_json_is_refused() {
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        for (json, expected) in [
            (&b"[]"[..], "its `package.json` is not a JSON object"),
            (b"{\"name\": \"\xff\"}", "its `package.json` is not UTF-8"),
            (
                large.as_bytes(),
                "its size in bytes is over the limit of 1048576",
            ),
            (
                b"\xef\xbb\xbf{\"name\": \"A\"}",
                "begins with a byte order mark, which JSON does not allow",
            ),
        ] {
            let folder = folder(&[(NAME, json)]);
            let text = refused(folder.path());
            assert!(text.contains(expected), "{text}");
            assert!(text.contains("`DIR/package.json`"), "{text}");
        }
        let empty = folder(&[("sub/package.json", JSON.as_bytes())]);
        assert_eq!(refused(empty.path()), "there is no `DIR/package.json`");
    }

    #[test]
    fn links_are_followed_within_the_folder_only() {
        let outside = folder(&[("secret", b"s")]);
        let inside = folder(&[(NAME, JSON.as_bytes()), ("sub/a", b"a")]);
        symlink("sub/a", inside.path().join("link")).unwrap();
        let bytes = built(inside.path()).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut content = String::new();
        let mut member = archive.by_name("link").unwrap();
        member.read_to_string(&mut content).unwrap();
        assert_eq!(
            (content.as_str(), member.unix_mode()),
            ("a", Some(0o100_644))
        );
        let secret = outside.path().canonicalize().unwrap().join("secret");
        for (target, expected) in [
            (
                secret.to_str().unwrap(),
                format!(
                    "`DIR/bad` is a symbolic link to `{}`, outside of the folder",
                    secret.display()
                ),
            ),
            ("sub", "`DIR/bad` is a symbolic link to a folder".to_owned()),
            (".", "`DIR/bad` is a symbolic link to a folder".to_owned()),
            ("none", "`DIR/bad` cannot be read: No such file".to_owned()),
            ("bad", "`DIR/bad` cannot be read: ".to_owned()),
        ] {
            let bad = inside.path().join("bad");
            symlink(target, &bad).unwrap();
            let text = refused(inside.path());
            assert!(text.starts_with(&expected), "{text}");
            std::fs::remove_file(bad).unwrap();
        }
    }

    #[test]
    fn special_files_and_odd_names_are_refused() {
        let inside = folder(&[(NAME, JSON.as_bytes())]);
        let socket = inside.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(
            refused(inside.path()),
            "`DIR/socket` is neither a file nor a folder"
        );
        drop(listener);
        std::fs::remove_file(socket).unwrap();
        for name in ["a\\b", "a\nb"] {
            let path = inside.path().join(name);
            std::fs::write(&path, "").unwrap();
            assert!(refused(inside.path()).contains("is not UTF-8, or has a control"));
            std::fs::remove_file(path).unwrap();
        }
        let file = inside.path().join(NAME);
        assert!(built(&file).is_err());
        assert!(built(&inside.path().join("none")).is_err());
    }

    #[test]
    fn a_build_can_be_cancelled() {
        let inside = folder(&[(NAME, JSON.as_bytes()), ("a", b"a")]);
        let mut out = Cursor::new(Vec::new());
        let error = build(inside.path(), &mut out, &|| false).unwrap_err();
        assert!(matches!(error, BuildError::Cancelled));
    }
}

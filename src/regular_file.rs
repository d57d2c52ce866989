//! The reading of files within limits.
//!
//! Every file that solform reads is read here: only regular files, and only up to a limit. A path
//! can come from a manifest, and can lead to an endless device, to a pipe without a writer, or to a
//! file of any size.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge to the file system"
)]

use std::fs::{File, FileType};
use std::io::{self, Read as _};
use std::path::Path;

use crate::platform;

/// The maximum size of a token, a certificate or another small secret, in bytes.
pub const SECRET_LIMIT: u64 = 1024 * 1024;

/// The maximum size of an emulator's seed, in bytes.
pub const SEED_LIMIT: u64 = 64 * 1024 * 1024;

/// The maximum size of a plan, in a file or in a store, in bytes.
pub const PLAN_LIMIT: u64 = 1024 * 1024 * 1024;

/// The maximum size of the journal of an apply, in bytes.
pub const JOURNAL_LIMIT: u64 = 1024 * 1024 * 1024;

/// Reads a whole regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.len() > limit {
        return Err(too_large(limit));
    }
    // Files under /proc have no length, and other files may grow while they are read.
    let bytes = read_up_to(file, limit)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// As [`read`], for a UTF-8 text.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// As [`read`], for a file that the operator names: a pipe that this process was started with, such
/// as a shell's `<(command)`, is read too. Of a longer file, `limit` + 1 bytes are returned.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = if is_inherited(path) {
        File::open(path)?
    } else {
        open(path)?
    };
    read_up_to(file, limit)
}

/// Opens a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe waits for its writer, and opening a device can act on it.
    check(std::fs::metadata(path)?.file_type())?;
    let file = platform::open_at_once(path)?;
    // The path may lead to another file by now.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Checks that a path is a regular file or does not exist, so that a new file can replace it.
pub fn check_target(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(there) => check(there.file_type()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a folder and its missing parents, accessible by their owner only.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    platform::private_folder().recursive(true).create(path)
}

/// Reads at most `limit` + 1 bytes.
fn read_up_to(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    match file.take(limit + 1).read_to_end(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(invalid("it has no end: a read waits for more data"))
        }
        read => read.map(|_| bytes),
    }
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.into())
}

/// Returns whether the path names a stream that this process was started with.
fn is_inherited(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

fn check(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(is_folder());
    }
    let what = platform::kind_of(kind);
    Err(invalid(format!("it is {what}, not a regular file")))
}

/// Returns the error of a folder where a file is expected.
pub fn is_folder() -> io::Error {
    io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file")
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it has more than {limit} bytes, the maximum for such a file"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: io::Result<Vec<u8>>) -> String {
        result.map_or_else(|error| error.to_string(), |bytes| format!("{bytes:?}"))
    }

    #[cfg(unix)]
    #[test]
    fn only_bounded_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        assert_eq!(
            message(read(&path, 2)),
            "it has more than 2 bytes, the maximum for such a file"
        );
        assert_eq!(
            message(read(folder.path(), 9)),
            "it is a folder, not a file"
        );
        assert_eq!(
            message(read(Path::new("/dev/zero"), 9)),
            "it is a device, not a regular file"
        );
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(
            message(read(&link, 9)),
            "it is a device, not a regular file"
        );
        let socket = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(
            message(read(&socket, 9)),
            "it is a socket, not a regular file"
        );
        assert_eq!(
            read(&folder.path().join("none"), 9).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    /// A file under `/proc` reports a length of 0.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_length_is_bounded() {
        let path = Path::new("/proc/self/maps");
        assert!(message(read(path, 10)).starts_with("it has more than 10 bytes"));
        assert_eq!(read_named(path, 10).unwrap().len(), 11);
    }

    /// A read of the kernel's log waits for more lines. Without the right to read it, and with a
    /// line that is longer than the limit, it is another error.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_an_end_is_refused_at_once() {
        let path = Path::new("/proc/kmsg");
        for result in [read(path, 1 << 20), read_named(path, 1 << 20)] {
            assert!(result.is_err(), "{}", message(result));
        }
    }

    #[test]
    fn a_text_must_be_utf8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(
            read_text(&path, 9).unwrap_err().to_string(),
            "it is not UTF-8"
        );
    }
}

//! Files that are written as a whole, or not at all; and the one that is added to.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file beside its place and moves it there, so that nobody reads half of it. Only its owner
/// may read it: what a plan says of an environment is not for everybody.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = match std::fs::metadata(path) {
        // A link stays one: what it names is replaced.
        Ok(there) if there.is_file() => path.canonicalize()?,
        // A device or a pipe takes what is written, and stays what it is.
        Ok(_) => return write_through(path, bytes),
        Err(_) => path.to_owned(),
    };
    // tempfile makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder_of(&place))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)
}

/// Writes a file that others may read, as a whole. One that is there is replaced only where
/// `overwrite` says so.
pub(super) fn write_shared(path: &Path, bytes: &[u8], overwrite: bool) -> io::Result<()> {
    if overwrite && std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return write_through(path, bytes);
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As of any new file: the process's mask takes from it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let moved = if overwrite {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    moved.map_err(|error| error.error)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Whether two paths name one file that is there.
pub(super) fn is_same_file(left: &Path, right: &Path) -> bool {
    match (left.canonicalize(), right.canonicalize()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

/// How long a file is; 0 for one that is not there.
pub(super) fn length_of(path: &Path) -> io::Result<usize> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(usize::try_from(metadata.len()).unwrap_or(usize::MAX)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Adds to a file.
pub(super) fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path)?;
    file.write_all(bytes)
}

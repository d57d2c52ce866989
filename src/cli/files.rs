//! Files that are written as a whole, or not at all; and the one that is added to.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file beside its place and moves it there, so that nobody reads half of it. Only its owner
/// may read it: what a plan says of an environment is not for everybody.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // tempfile makes its files with mode 0600.
    put(path, bytes, true, &tempfile::Builder::new())
}

/// Writes a file that others may read, as a whole. One that is there is replaced only where
/// `overwrite` says so.
pub(super) fn write_shared(path: &Path, bytes: &[u8], overwrite: bool) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As of any new file: the process's mask takes from it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    put(path, bytes, overwrite, &builder)
}

fn put(
    path: &Path,
    bytes: &[u8],
    overwrite: bool,
    builder: &tempfile::Builder<'_, '_>,
) -> io::Result<()> {
    let place = match std::fs::metadata(path) {
        // A link stays one: what it names is replaced.
        Ok(there) if overwrite && there.is_file() => path.canonicalize()?,
        // A device or a pipe takes what is written, and stays what it is.
        Ok(_) if overwrite => {
            let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
            return file.write_all(bytes);
        }
        Ok(_) | Err(_) => path.to_owned(),
    };
    let mut file = builder.tempfile_in(folder_of(&place))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let moved = if overwrite {
        file.persist(&place)
    } else {
        file.persist_noclobber(&place)
    };
    moved.map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a file lies in.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
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

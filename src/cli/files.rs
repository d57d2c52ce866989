//! Files that are written atomically, and the file that is appended to.

use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::platform;
use crate::regular_file;

/// Writes a file atomically, through a temporary file in the same folder. Only the owner can read
/// it, because a plan contains details of the environment.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // tempfile makes its files with mode 0600.
    put(path, write, true, &tempfile::Builder::new())
}

/// Replaces a regular file atomically. Its permissions stay; a symbolic link to it is kept. A file
/// that this process must not write is not replaced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let permissions = check_own_permission(path)?;
    match Destination::open(path, true, &tempfile::Builder::new())? {
        // The content of a device or a pipe cannot be replaced.
        Destination::Direct(_) => Err(io::ErrorKind::InvalidInput.into()),
        Destination::Beside(mut new) => {
            new.file.write_all(bytes)?;
            new.file.as_file().set_permissions(permissions)?;
            new.commit(true)
        }
    }
}

/// Checks that a file can be replaced, as [`replace`] does it. Nothing is changed.
pub(super) fn check_replaceable(path: &Path) -> io::Result<()> {
    check_own_permission(path)?;
    check_writable(path)
}

/// Checks that a file itself can be written: its folder alone would permit to replace it. Returns
/// its permissions.
fn check_own_permission(path: &Path) -> io::Result<std::fs::Permissions> {
    let there = std::fs::metadata(path)?;
    // The permissions do not bind the administrator, but a read-only file is meant to stay.
    if there.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    if there.is_file() {
        std::fs::OpenOptions::new().write(true).open(path)?;
    }
    Ok(there.permissions())
}

/// Writes a file atomically that other users may read. An existing file is replaced only if
/// `overwrite` is true.
pub(super) fn write_shared(path: &Path, bytes: &[u8], overwrite: bool) -> io::Result<()> {
    put(path, |file| file.write_all(bytes), overwrite, &shared())
}

/// Returns the builder of temporary files that other users may read.
fn shared() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    platform::share(&mut builder);
    builder
}

/// A file that is written in the same folder as its target, and replaces it when it is complete.
/// Before that, nothing has the target's name, and an error removes the file.
pub(super) struct NewFile {
    file: tempfile::NamedTempFile,
    target: PathBuf,
}

impl NewFile {
    /// Creates a file that other users may read. The target is a regular file, or does not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        regular_file::check_target(path)?;
        match Destination::open(path, true, &shared())? {
            Destination::Beside(new) => Ok(new),
            Destination::Direct(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Returns another handle of the file. Both have the same position.
    pub(super) fn handle(&self) -> io::Result<std::fs::File> {
        self.file.as_file().try_clone()
    }

    /// Gives the file its name. An existing file is replaced only if `overwrite` is true.
    pub(super) fn commit(self, overwrite: bool) -> io::Result<()> {
        let Self { file, target } = self;
        file.as_file().sync_all()?;
        let moved = if overwrite {
            file.persist(&target)
        } else {
            file.persist_noclobber(&target)
        };
        moved.map(drop).map_err(|error| error.error)
    }
}

fn put(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    overwrite: bool,
    builder: &tempfile::Builder<'_, '_>,
) -> io::Result<()> {
    let write_to = |file: &mut dyn Write| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    };
    match Destination::open(path, overwrite, builder)? {
        Destination::Direct(mut file) => write_to(&mut file),
        Destination::Beside(mut new) => {
            write_to(&mut new.file)?;
            new.commit(overwrite)
        }
    }
}

/// Checks that a file can be written, by opening it as a write does. No new file remains, and an
/// existing file is not changed.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    // Opening a named pipe would wait for its reader, and closing it would end that reader.
    if is_pipe(path) {
        return Ok(());
    }
    match Destination::open(path, true, &tempfile::Builder::new()) {
        Ok(_) => Ok(()),
        // The error would name the temporary file, which the user does not know.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(regular_file::is_folder()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.kind().into()),
        Err(error) => Err(error),
    }
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| platform::is_pipe(there.file_type()))
}

/// The target of a write.
enum Destination {
    /// A temporary file, which is renamed when it is complete.
    Beside(NewFile),
    /// A device or a pipe, which is written directly.
    Direct(std::fs::File),
}

impl Destination {
    fn open(path: &Path, overwrite: bool, builder: &tempfile::Builder<'_, '_>) -> io::Result<Self> {
        let target = match std::fs::metadata(path) {
            // A symbolic link is kept: its target is replaced.
            Ok(there) if overwrite && there.is_file() => path.canonicalize()?,
            Ok(_) if overwrite => {
                let file = std::fs::OpenOptions::new().write(true).open(path)?;
                return Ok(Self::Direct(file));
            }
            Ok(_) | Err(_) => path.to_owned(),
        };
        let folder = folder_of(&target);
        if !folder.is_dir() {
            let what = format!("there is no folder `{}`", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Self::Beside(NewFile { file, target }))
    }
}

/// Returns the folder that contains a file.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Returns true if a file is read from standard input, which `-` names.
pub(super) fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// Reads standard input. Of a longer one, `limit` + 1 bytes are returned.
pub(super) fn read_standard_input(limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns true if a manifest is not in a folder of its own: it comes through standard input,
/// another descriptor (`/dev/fd/3`, as process substitution passes it) or a device.
pub(super) fn has_no_folder(manifest: &Path) -> bool {
    is_standard_input(manifest)
        || folder_of(manifest).canonicalize().is_ok_and(|folder| {
            folder == Path::new("/dev")
                || folder == Path::new("/dev/fd")
                || folder.starts_with("/proc")
        })
}

/// Returns the folder that the relative paths of a manifest start from: the manifest's folder, or
/// the working directory if it has none.
pub(super) fn manifest_folder(manifest: &Path) -> &Path {
    if has_no_folder(manifest) {
        Path::new(".")
    } else {
        folder_of(manifest)
    }
}

/// Returns true if two paths name the same existing file or folder.
pub(super) fn is_same_file(left: &Path, right: &Path) -> bool {
    match (left.canonicalize(), right.canonicalize()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

/// Returns the length of a file in bytes; 0 if it does not exist.
pub(super) fn length_of(path: &Path) -> io::Result<usize> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(usize::try_from(metadata.len()).unwrap_or(usize::MAX)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Appends to a file, which is created if it does not exist.
pub(super) fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path)?;
    file.write_all(bytes)
}

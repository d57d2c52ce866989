//! Files that are written as a whole, or not at all.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file beside its place and moves it there, so that nobody reads half of it. Only its owner
/// may read it: what a plan says of an environment is not for everybody.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    // tempfile makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

//! Windows. A new file has the access rights of its folder, which belongs to the user.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt as _;
use std::path::Path;

/// Returns the options for a file that only its owner can read.
pub(crate) fn private_options() -> OpenOptions {
    OpenOptions::new()
}

/// Returns a builder of folders that are accessible by their owner only.
pub(crate) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

/// Makes an existing file readable by its owner only.
#[expect(clippy::unnecessary_wraps, reason = "other systems can refuse it")]
pub(crate) fn allow_owner_only(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Reads bytes at a position. The position of the file changes, and nothing depends on it.
pub(crate) fn read_exact_at(
    file: &File,
    mut bytes: &mut [u8],
    mut position: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_read(bytes, position)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                bytes = &mut bytes[count..];
                position += count as u64;
            }
        }
    }
    Ok(())
}

/// Writes bytes at a position. The position of the file changes, and nothing depends on it.
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, position)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                bytes = &bytes[count..];
                position += count as u64;
            }
        }
    }
    Ok(())
}

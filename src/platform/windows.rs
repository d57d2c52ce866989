//! Windows. A new file has the access rights of its folder, which belongs to the user.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge to the file system"
)]

use std::fs::{DirBuilder, File, FileType, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt as _;
use std::path::Path;

use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// The variable of the folder that contains the settings of programs, and the path below it.
pub(crate) const CONFIG_FOLDER: (&str, &str) = ("APPDATA", "");

/// True if a file that is locked can be read through another handle.
pub(crate) const LOCKED_FILES_ARE_READABLE: bool = false;

/// Returns the options for a file that only its owner can read.
pub(crate) fn private_options() -> OpenOptions {
    OpenOptions::new()
}

/// Returns a builder of folders that are accessible by their owner only.
pub(crate) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

/// Makes a file readable by its owner only.
#[expect(clippy::unnecessary_wraps, reason = "other systems can refuse it")]
pub(crate) fn allow_owner_only(_: &File) -> io::Result<()> {
    Ok(())
}

/// Gives new files the mode of any new file.
pub(crate) fn share(_: &mut tempfile::Builder<'_, '_>) {}

/// Opens a file so that neither the open nor a read waits.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Returns whether a lock request failed because the file system has no locks.
pub(crate) fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Reads bytes at a position. The position of the file changes, and no other read depends on it.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    match file.seek_read(bytes, position) {
        // ERROR_HANDLE_EOF
        Err(error) if error.raw_os_error() == Some(38) => Ok(0),
        read => read,
    }
}

/// Flushes the names of the files in a folder. The system flushes them with their files.
#[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(crate) fn flush_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether a file is a named pipe.
pub(crate) fn is_pipe(_: FileType) -> bool {
    false
}

/// Returns the kind of a file that is neither regular nor a folder, as a noun phrase.
pub(crate) fn kind_of(_: FileType) -> &'static str {
    "something else"
}

/// The requests of the system to end this process, Ctrl-C and Ctrl-Break.
pub(crate) struct Interrupts {
    interrupts: CtrlC,
    breaks: CtrlBreak,
}

impl Interrupts {
    /// Starts to receive them.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupts: ctrl_c()?,
            breaks: ctrl_break()?,
        })
    }

    /// Waits for the next one, and returns the exit code of a process that it ends.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupts.recv() => 130,
            _ = self.breaks.recv() => 143,
        }
    }
}

/// The requests to plan at once, which this system does not have.
pub(crate) struct PlanRequests;

impl PlanRequests {
    /// Starts to receive them.
    #[expect(clippy::unnecessary_wraps, reason = "other systems can refuse it")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

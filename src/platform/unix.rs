//! Linux, macOS and other kinds of Unix.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge to the file system"
)]

use std::fs::{DirBuilder, File, FileType, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The variable of the folder that contains the settings of programs, and the path below it.
pub(crate) const CONFIG_FOLDER: (&str, &str) = ("HOME", ".config");

/// True if a file that is locked can be read through another handle.
pub(crate) const LOCKED_FILES_ARE_READABLE: bool = true;

/// Returns the options for a file that only its owner can read.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Returns a builder of folders that are accessible by their owner only.
pub(crate) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes a file readable by its owner only.
pub(crate) fn allow_owner_only(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Gives new files the mode of any new file; the process's umask applies.
pub(crate) fn share(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(0o666));
}

/// Opens a file so that neither the open nor a read waits. Some files under `/proc` are regular,
/// and a read of them waits for more data.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    let flag = rustix::fs::OFlags::NONBLOCK.bits();
    // The flag is one of the low bits.
    let flag = i32::try_from(flag).unwrap_or(0);
    File::options().read(true).custom_flags(flag).open(path)
}

/// Returns whether a lock request failed because the file system has no locks. It reports ENOLCK if
/// it is a network file system without a lock service, else ENOSYS or EOPNOTSUPP.
pub(crate) fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error) == Some(Errno::NOLCK)
}

/// Reads bytes at a position. The position of the file does not change.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    file.read_at(bytes, position)
}

/// Flushes the names of the files in a folder.
pub(crate) fn flush_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns whether a file is a named pipe.
pub(crate) fn is_pipe(kind: FileType) -> bool {
    kind.is_fifo()
}

/// Returns the kind of a file that is neither regular nor a folder, as a noun phrase.
pub(crate) fn kind_of(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// The requests of the system to end this process, SIGINT and SIGTERM.
pub(crate) struct Interrupts {
    interrupts: Signal,
    terminations: Signal,
}

impl Interrupts {
    /// Starts to receive them.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one, and returns the exit code of a process that it ends.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupts.recv() => 130,
            _ = self.terminations.recv() => 143,
        }
    }
}

/// The requests to plan at once, SIGUSR1.
pub(crate) struct PlanRequests(Signal);

impl PlanRequests {
    /// Starts to receive them.
    pub(crate) fn new() -> io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        // A signal handler has no end.
        let _ = self.0.recv().await;
    }
}

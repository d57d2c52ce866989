//! What operating systems do differently: modes and locks of files, signals. No other module
//! names an operating system.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(crate) use system::{
    CONFIG_FOLDER, Interrupts, LOCKED_FILES_ARE_READABLE, PlanRequests, allow_owner_only,
    flush_folder, has_no_locks, is_pipe, kind_of, open_at_once, private_folder, private_options,
    read_at, share,
};

//! What operating systems do differently: modes and locks of files, signals, priorities. No other
//! module names an operating system.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{
    CONFIG_FOLDER, Interrupts, LOCKED_FILES_ARE_READABLE, PlanRequests, allow_owner_only,
    flush_folder, has_no_locks, is_pipe, kind_of, lower_thread_priority, open_at_once,
    private_folder, private_options, read_at, share,
};
#[cfg(windows)]
pub(crate) use windows::{
    CONFIG_FOLDER, Interrupts, LOCKED_FILES_ARE_READABLE, PlanRequests, allow_owner_only,
    flush_folder, has_no_locks, is_pipe, kind_of, lower_thread_priority, open_at_once,
    private_folder, private_options, read_at, share,
};

//! What operating systems do differently: modes of files, and reads and writes at a position. No
//! other module names an operating system.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

pub(crate) use system::{
    allow_owner_only, private_folder, private_options, read_exact_at, write_all_at,
};

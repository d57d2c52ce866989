//! What operating systems do differently: modes of files, and reads and writes at a position. No
//! other module names an operating system.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{
    allow_owner_only, private_folder, private_options, read_exact_at, write_all_at,
};
#[cfg(windows)]
pub(crate) use windows::{
    allow_owner_only, private_folder, private_options, read_exact_at, write_all_at,
};

//! From the raw manifest to the checked one: every rule, and every problem at once.
//!
//! A check reports what it finds and goes on; a value that could not be had is
//! [`Reported`](super::vars::Reported), and whatever needs it stays silent. Only when all checks of
//! an environment are through does it turn out whether there is a [`Manifest`](super::Manifest).

mod access;
mod ahead;
mod context;
mod entry;
mod environment;
mod faults;
mod file;
mod policies;
mod scope;
mod solutions;
mod warnings;

pub use ahead::read_ahead;
pub(in crate::manifest) use file::is_too_big;
pub use file::{Checked, CheckedAll, Selection, environments, read, read_all};

//! The checks that turn a raw manifest into a checked one, or report all problems at once.
//!
//! A check reports its problems and continues. An invalid value becomes
//! [`Reported`](super::vars::Reported), and checks that need the value report nothing more. If no
//! check of an environment reported an error, the result is a [`Manifest`](super::Manifest).

mod access;
mod ahead;
mod context;
mod difference;
mod drain;
mod entry;
mod environment;
mod faults;
mod file;
mod plan_policies;
mod policies;
mod scope;
mod several;
mod solutions;
mod source;
mod verify;
mod warnings;

pub use ahead::read_ahead;
pub(in crate::manifest) use difference::find_difference;
pub(in crate::manifest) use file::is_too_big;
pub use file::{Checked, Selection, environments, read, token_variables};
pub use several::{CheckedAll, CheckedEach, read_all, read_all_as, read_each, united};

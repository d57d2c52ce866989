//! From requests to operations on the world and back: which address and method mean what.

mod call;
mod control;
mod files;
mod jobs;
mod operation;
mod runs;
mod solutions;
mod tasks;

pub(super) use call::{Call, Query, decode};
pub(super) use control::ControlOperation;
pub use operation::Operation;

//! The routes: the operation of each address and method, and the translation of requests and
//! results.

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

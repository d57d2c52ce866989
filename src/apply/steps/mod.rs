//! The steps of a plan, by action.

pub(super) mod delete;
pub(super) mod deploy;
mod drain;
mod package;
pub(super) mod patch;
pub(super) mod upload;
mod verify;

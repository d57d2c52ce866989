//! The steps of a plan, by action.

pub(super) mod delete;
pub(super) mod deploy;
pub(super) mod patch;
pub(super) mod upload;

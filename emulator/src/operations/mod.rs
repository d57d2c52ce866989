//! The operations on a world: what the calls of the API do, and what jobs do at their end. They are
//! synchronous and know nothing of HTTP.

mod delete;
mod deploy;
mod jobs;
mod listing;
pub(crate) mod run_list;
pub(crate) mod runs;
mod seed;
pub(crate) mod solutions;
mod tasks;

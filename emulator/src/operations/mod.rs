//! The operations: what the calls of the API do to a world, and what jobs do at their end. A
//! handler reads the call, changes the world and returns the answer. All of it is synchronous.

pub(crate) mod control;
mod delete;
mod deploy;
mod dispatch;
mod files;
mod job_status;
mod jobs;
mod listing;
pub(crate) mod run_list;
mod runs;
mod seed;
mod solutions;
mod tasks;

//! The routes: the operation of each address and method, and the translation of requests and
//! results.

pub(crate) mod control;
mod dispatch;
mod files;
mod jobs;
mod runs;
mod solutions;
mod tasks;

//! `doctor`: checks that an environment is usable, step by step. Sends only GETs and HEADs to the
//! platform, and leaves nothing in the store.

mod checks;
mod command;
mod filters;
mod inputs;
mod paths;
mod platform;
mod store;

pub(super) use command::{DoctorArgs, run};

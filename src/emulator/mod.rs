//! An emulated platform: a second implementation of the Deployed Solutions API, the Job API and the
//! Filesystem API, for tests, for the embedded environment `emulator:`, and as a sandbox for other
//! people's pipelines.
//!
//! It shares nothing with the rest of the crate and meets it on the socket alone, so that a mistake
//! in the client cannot hide behind the same mistake here. Inside, the state (`world`, `solutions`,
//! `listing`, `deploy`, `delete`, `runs`, `tasks`, `jobs`, `files`) is sync and knows nothing of
//! HTTP; `routes` turns requests into operations on it, `reply` turns results into answers,
//! `service` leads each request on that way, `persist` keeps the state in a folder, and `server`
//! owns the socket. What the platform's pages leave open is a knob ([`Knobs`]); what goes wrong now
//! and then is a fault ([`Fault`]); [`openapi()`] describes what is served. `docs/emulator.md`
//! shows how to use it all.

mod access;
mod clock;
mod content;
mod delete;
mod deploy;
mod engine;
mod faults;
mod files;
mod host;
mod ids;
mod jobs;
pub mod knobs;
mod lag;
mod listing;
mod log;
mod openapi;
mod options;
mod package;
mod persist;
mod refusal;
mod reply;
mod routes;
mod runs;
pub mod seed;
mod server;
mod service;
mod solutions;
mod tasks;
mod tracked;
mod world;

pub use clock::Clock;
pub use faults::{ConnectionFault, Fault, FaultError, FaultStatus, JobFault, RetryAfter, When};
pub use knobs::{KnobError, Knobs, RunEnd};
pub use lag::{Lag, LagError};
pub use log::RequestRecord;
pub use openapi::openapi;
pub use options::{EmulatorOptions, JobPace, JobPaceError, Profile, ProfileError, Token};
pub use persist::StoreError;
pub use routes::Operation;
pub use seed::{Seed, SeedError, SeedSolution};
pub use server::{Emulator, EmulatorError, start};

//! An emulated platform: a second implementation of the Deployed Solutions API, the Job API and the
//! Filesystem API. It serves tests, the embedded environment `emulator:`, and other people's
//! pipelines as a sandbox.
//!
//! It shares no code with the rest of the crate and is reached over the socket only, so that a
//! mistake in the client cannot hide behind the same mistake here.
//!
//! The state (`world`, `solutions`, `listing`, `deploy`, `delete`, `runs`, `tasks`, `jobs`,
//! `files`) is synchronous and knows nothing of HTTP. `routes` turns requests into operations on
//! the state, `reply` turns results into answers, `service` takes each request through these steps,
//! `persist` stores the state in a folder, and `server` owns the socket.
//!
//! [`start`] starts an emulator from [`EmulatorOptions`]. A [`Seed`] fills a new world, a knob
//! ([`Knobs`]) chooses a behaviour that the platform's pages leave open, a fault rule ([`Fault`])
//! makes single requests go wrong, and [`Emulator::requests`] returns the request log.
//! [`openapi()`] describes what is served. `docs/emulator.md` shows how to use all of this.

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

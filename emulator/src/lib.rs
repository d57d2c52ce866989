//! An emulated platform: a second implementation of the Deployed Solutions API, the Job API and the
//! Filesystem API. It serves tests, the embedded environment `emulator:`, and other people's
//! pipelines as a sandbox.
//!
//! It shares no code with the client of `solform` and is reached over the socket only, so that a
//! mistake in the client cannot hide behind the same mistake here.
//!
//! # In a test
//!
//! ```
//! use solform_emulator::{EmulatorOptions, Operation, Seed, start};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The initial state: one live solution version.
//! let seed = "solutions: [{ name: Form, version: 1.0.0, owner: svc }]";
//! let emulator = start(EmulatorOptions {
//!     seed: Some(Seed::parse(seed)?),
//!     ..EmulatorOptions::default()
//! })
//! .await?;
//! // The second listing of solutions fails.
//! emulator.add_fault("operation=list_solutions,skip=1,times=1,status=503".parse()?);
//! // The client under test gets this address, with any bearer token.
//! println!("{}", emulator.url());
//! let listings = emulator
//!     .requests()
//!     .iter()
//!     .filter(|request| request.operation == Some(Operation::ListSolutions))
//!     .count();
//! assert_eq!(listings, 0);
//! emulator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
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

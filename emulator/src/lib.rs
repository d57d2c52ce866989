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
//! `state` has the data of a world, and `operations` what the calls of the API do to it: a handler
//! reads a `call`, changes the world and returns a `reply`. `service` takes each request through
//! the steps that all operations share, `persist` stores the state in a folder, `engine` joins a
//! world and its store, and `server` owns the socket.
//!
//! [`start`] starts an emulator from [`EmulatorOptions`]. A [`Seed`] fills a new world, a knob
//! ([`Knobs`]) chooses a behaviour that the platform's pages leave open, a fault rule ([`Fault`])
//! makes single requests go wrong, and [`Emulator::requests`] returns the request log.
//! [`openapi()`] describes what is served. `docs/emulator.md` shows how to use all of this.

mod access;
mod call;
mod clock;
mod engine;
mod error;
mod faults;
mod host;
pub mod knobs;
mod lag;
mod log;
mod openapi;
mod operation;
mod operations;
mod options;
mod pace;
mod package;
mod path;
mod persist;
mod platform;
mod profile;
mod received;
mod refusal;
mod reply;
pub mod seed;
mod server;
mod service;
mod state;

pub use access::Token;
pub use clock::Clock;
pub use error::EmulatorError;
pub use faults::{ConnectionFault, Fault, FaultError, FaultStatus, JobFault, RetryAfter, When};
pub use knobs::{KnobError, Knobs, RunEnd};
pub use lag::{Lag, LagError};
pub use log::RequestRecord;
pub use openapi::openapi;
pub use operation::Operation;
pub use options::EmulatorOptions;
pub use pace::{JobPace, JobPaceError};
pub use persist::{StoreError, WORLD_FILE};
pub use profile::{Profile, ProfileError};
pub use seed::{Seed, SeedError, SeedSolution};
pub use server::{Emulator, start};

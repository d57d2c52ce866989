//! solform: Terraform for Instabase Deployed Solutions.
//!
//! A YAML manifest declares the solution versions that an environment must contain. `plan` compares
//! it with the listed live state. `apply` executes the plan through deploy, patch and delete calls,
//! and polls every job until it reaches a terminal state. There is no state file: the live listing
//! is the truth.
//!
//! # The shape
//!
//! ```text
//! text --manifest--> Manifest --+
//!                               +--plan::diff--> Plan -guard-> ApprovedPlan -apply-> ApplyReport
//! HTTP --api::read--> LiveState-+                  |                          |
//!                                                  +--------- render ---------+
//! ```
//!
//! `review` compares two manifests, and needs nothing else: values in, a [`review::Review`] out.
//! `promotion` chooses the versions that one environment gets from another one.
//!
//! There are four stages with four values: collect, compare, show, act. No stage calls an earlier
//! one. The core (`allowed_hosts`, `escape`, `file_part`, `ident`, `attribute`, `outcome`,
//! `expression`, `manifest`, `live`, `job`, `plan`, `review`, `promotion`, `export`, `diagnosis`,
//! `render`) is pure and synchronous. The clock, randomness, files and the network are only used in
//! the outer modules (`platform`, `regular_file`, `api`, `delivery`, `package`, `store`, `run`,
//! `apply`, `watch`, `cli`), which pass values to the core. Only `apply` and `run` hold a writer,
//! so that `plan` cannot write. The emulator is a second implementation of the platform's API, in
//! the package `solform-emulator`, and shares no code with the client. `tests/it/layering.rs` tests
//! the allowed `use crate::` imports.
//!
//! `docs/architecture.md` follows one manifest entry from YAML to report and names the files of
//! common changes. `docs/glossary.md` defines every word.

#[macro_use]
mod word_enum;

mod platform;

pub mod allowed_hosts;
pub mod api;
pub mod apply;
pub mod attribute;
pub mod cli;
pub mod crypto;
pub mod delivery;
pub mod diagnosis;
pub mod escape;
pub mod export;
pub mod expression;
pub mod file_part;
pub mod ident;
pub mod job;
pub mod live;
pub mod manifest;
pub mod outcome;
pub mod package;
pub mod plan;
pub mod promotion;
pub mod regular_file;
pub mod render;
pub mod review;
pub mod run;
pub mod store;
pub mod store_location;
pub mod watch;

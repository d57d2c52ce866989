//! solform: Terraform for Instabase Deployed Solutions.
//!
//! A YAML manifest declares the solution versions that an environment must run. `plan` compares it
//! with the listed live state, `apply` makes it so through deploy, patch and delete calls, and
//! polls every job to its true end. There is no state file: the live listing is the truth.
//!
//! # The shape
//!
//! ```text
//!     text --manifest--> Manifest --+
//!                                   +--plan::diff--> Plan --guard--> ApprovedPlan --apply--> ApplyReport
//!     HTTP --api::read--> LiveState-+                  |                              |
//!                                                      +----------- render -----------+
//! ```
//!
//! `review` compares two manifests, and needs nothing else: values in, a [`review::Review`] out.
//!
//! Collect, then compare, then show, then act: four stages, four values, and no stage reaches back.
//! The core (`allowed_hosts`, `escape`, `ident`, `attribute`, `outcome`, `manifest`, `live`, `job`,
//! `plan`, `review`, `export`, `diagnosis`, `render`) is pure and sync; clock, randomness, files
//! and network live in the edges (`regular_file`, `api`, `package`, `apply`, `store`, `cli`) and
//! come into the core as values. Only `apply` holds a writer, so that `plan` cannot write. The
//! `emulator` is a second implementation of the platform's API, and shares nothing with the client.
//! The allowed `use crate::` edges are tested by `tests/it/layering.rs`.
//!
//! # Words
//!
//! One word per idea, the same in code, help, JSON and docs:
//!
//! - **manifest**: the YAML file. **environment**: one server and account that it describes.
//! - **solution version**: the unit. Its identity is (owner, name, version), its *address* in
//!   output `Name@version`. A platform record's UUID is a **solution id**.
//! - **live**: what a server lists. **plan**: what must be done so that live is as declared.
//!   **change**: one version's part of it. **action**: create, update, replace, delete, or no-op.
//! - **apply** makes a plan so, in **steps**, each with one **outcome**: done, failed, skipped,
//!   refused, cancelled or unknown. **report**: all outcomes.
//! - **job**: the platform's work on a deploy or delete. **run**: the running of a solution, or one
//!   apply in the **journal**. **store**: where lock, journals and plans lie.
//! - **base** and **head**: the manifest that a change starts from, and the one under review.
//!   **finding**: one thing that the change means. **risk**: what a reviewer must not overlook.
//! - **problem**: something wrong in a manifest, with its place.

pub mod allowed_hosts;
pub mod api;
pub mod apply;
pub mod attribute;
pub mod cli;
pub mod diagnosis;
pub mod emulator;
pub mod escape;
pub mod export;
pub mod ident;
pub mod job;
pub mod live;
pub mod manifest;
pub mod outcome;
pub mod package;
pub mod plan;
pub mod regular_file;
pub mod render;
pub mod review;
pub mod store;

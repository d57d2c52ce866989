//! Rows of `docs/platform.md` that no other test covers: contradictions in the platform's
//! documentation, and questions that it leaves open.

mod deletes;
mod deploys;
mod fields;
mod owners;
mod page;
mod words;

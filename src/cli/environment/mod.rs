//! From a manifest to what a command needs of its environment: context, token, client, store,
//! embedded emulator.

pub(in crate::cli) mod base_manifest;
pub(in crate::cli) mod context;
pub(in crate::cli) mod early_listing;
pub(in crate::cli) mod embedded_emulator;
pub(in crate::cli) mod lock_holder;
pub(in crate::cli) mod provenance;
pub(in crate::cli) mod session;
mod store;
pub(in crate::cli) mod token;

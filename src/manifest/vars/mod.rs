//! `${..}` in values: variables, what is built in, and the environment of the process.
//!
//! Variables may use variables. They are resolved once, in the order in which they need each other,
//! into texts with only those gaps that depend on the solution at hand; no step is recursive, and
//! every length is bounded, so neither long chains nor doubling ones do harm.

mod builtin;
pub(super) mod explain;
mod interpolation;
mod order;
mod resolve;

pub(super) use builtin::{BuiltinValue, Builtins};
pub(super) use interpolation::{Piece, is_env_name, split};
pub(super) use resolve::{Reported, Variables};

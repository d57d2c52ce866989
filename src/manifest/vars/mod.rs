//! `${..}` in values: variables, built-in names, and the environment variables of the process.
//!
//! Variables may use variables. They are resolved once, each after those that it uses. The result
//! is texts in which only built-in names and environment variables are still open. No step is
//! recursive, and every length is limited, so long chains and doubling variables are safe.

mod builtin;
mod explain;
mod interpolation;
mod order;
mod resolve;

pub(super) use super::problem::Reported;
pub(super) use builtin::{BuiltinValue, Builtins};
pub use explain::VariableRefusal;
pub(super) use interpolation::{Piece, is_env_name, split};
pub(super) use resolve::{Variables, locate};

//! The results of `doctor`: checks, each with a verdict and a fix.
//!
//! Contains values and the judgements that need no network. `cli` sends the requests, and `render`
//! shows the results.

mod check;
mod filter;

pub use check::{Check, CheckName, Diagnosis, Finding, Verdict};
pub use filter::{FilterHabit, compare_filter, compare_lists};

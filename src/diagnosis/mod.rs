//! What `doctor` finds: checks, each with a verdict and what to do about it.
//!
//! Values and the judgements that need no network. The questions are asked in `cli`, the answers
//! are shown by `render`.

mod check;
mod filter;

pub use check::{Check, CheckName, Counts, Diagnosis, Finding, Verdict};
pub use filter::{FilterHabit, compare_filter, compare_lists};

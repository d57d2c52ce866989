//! The export: from the live state to a manifest.
//!
//! [`export`] decides which versions are declared, which cannot be declared and why, and which
//! values become `defaults`, so that nothing is repeated. `render` writes the result. Nothing is
//! guessed: values that no manifest can declare are left out and reported, and a visibility is
//! declared only if it is known.

mod choice;
mod exported;

pub use choice::export;
pub use exported::{Exported, ExportedSolution, ExportedVersion, Left, Reach, WhyLeft};

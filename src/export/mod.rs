//! From the live state to what a manifest can say of it.
//!
//! [`export`] decides, and `render` writes: which versions are declared, which cannot be and why,
//! and what stands under `defaults` so that nothing is said twice. Nothing is guessed: what no
//! manifest can declare is left out and told, and a visibility is declared only where it is proven.

mod choice;
mod exported;

pub use choice::export;
pub use exported::{Exported, ExportedSolution, ExportedVersion, Left, Reach, WhyLeft};

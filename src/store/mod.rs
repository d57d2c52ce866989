//! Where a run keeps what the next one must know: the journal, per environment.
//!
//! The live listing is the truth about the platform; the store only remembers what solform itself
//! did and was about to do. It must not be needed to plan.

mod entry;
mod journal;
mod local;

pub use entry::{Entry, Record};
pub use journal::{Journal, JournalError};
pub use local::{LocalStore, Memory, StoreError};

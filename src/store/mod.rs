//! Where a run keeps what the next one must know: lock, journal and plan, per environment.
//!
//! The live listing is the truth about the platform; the store only remembers what solform itself
//! did and was about to do. It must not be needed to plan.

mod backend;
mod entry;
mod history;
mod journal;
mod local;
mod lock;

pub use backend::{Store, StoreError};
pub use entry::{Entry, Record};
pub use history::{Memory, PastOutcome, PastRun, PastSending, PastStep, superfluous};
pub use journal::{Journal, JournalError};
pub use local::LocalStore;
pub use lock::{Lease, LeaseKeeper, LockOwner, lock};

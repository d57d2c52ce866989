//! The store of what a later apply needs: lock, journals and plans, per environment.
//!
//! The live listing is the truth about the platform; the store only contains what solform itself
//! did and was about to do. Planning must work without it.

mod acquire;
mod backend;
mod bucket;
mod entry;
mod error;
mod history;
mod journal;
mod lease;
mod local;
mod lock;
mod past;
mod probe;
mod provenance;
mod remote;
mod rollback;

pub use acquire::lock;
pub use backend::{Store, StoreKey};
pub use bucket::{Bucket, BucketError, BucketSettingsError, server_of};
pub use entry::{ChangeRef, Entry, Record, RecordPatch, RecordedOutcome};
pub use error::{JournalRef, Lacking, StoreError};
pub use history::{expired, history_of, progress_of};
pub use journal::{Journal, JournalError};
pub use local::{LocalStore, keep_out_of_git};
pub use lock::{Held, Lease, LockOwner, Unlocked};
pub use past::{PastApply, PastSending, PastStep, Took};
pub use provenance::Provenance;
pub use remote::{RemoteStore, open_bucket};
pub use rollback::rollback_of;

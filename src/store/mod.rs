//! The store of what a later apply needs: lock, journals and plans, per environment.
//!
//! The live listing is the truth about the platform; the store only contains what solform itself
//! did and was about to do. Planning must work without it.

mod backend;
mod bucket;
mod connection;
mod entry;
mod history;
mod journal;
mod lease;
mod local;
mod lock;
mod probe;
mod remote;
mod s3_settings;

pub use backend::{Held, Store, StoreError};
pub use bucket::{Bucket, BucketError, open_s3};
pub use entry::{ChangeRef, Entry, Record, RecordPatch};
pub use history::{
    PastOutcome, PastRun, PastSending, PastStep, Took, history_of, progress_of, superfluous,
};
pub use journal::{Journal, JournalError};
pub use local::{LocalStore, keep_out_of_git};
pub use lock::{Lease, LeaseKeeper, LockOwner, lock};
pub use probe::Lacking;
pub use remote::{RemoteStore, StoreKey};
pub use s3_settings::BucketSettingsError;

//! The client's edge: what solform asks of a platform, and what it takes from the answers.
//!
//! `Reader` turns lists into a [`crate::live::LiveState`] and answers about jobs into a
//! [`crate::job::JobState`]; `Writer` sends one deploy, patch or delete per call; `Files` reads
//! ranges of files. All three go through one [`Client`], whose one `send` adds the token, keeps to
//! the time limits, bounds every body and words every failure. Quirks of servers end in `convert`:
//! nothing behind this module knows of them. `Probe` only tries out how a server behaves. Nothing
//! here decides what should be changed, keeps a journal or prints.

mod answer;
mod capabilities;
mod client;
mod convert;
mod coverage;
mod error;
mod events;
mod excerpt;
mod files;
mod jobs;
mod limiter;
mod loose;
mod named;
mod page;
mod paging;
mod pending_listing;
mod probe;
mod read;
mod redact;
mod retry;
mod routes;
mod runs;
mod send;
mod settings;
mod token;
mod transport;
mod visibility;
mod walk;
mod wire;
mod write;

pub use client::Client;
pub use error::{ApiError, ApiErrorKind, ReadError};
pub use events::{ReadEvent, ReadSink};
pub use files::{FilePart, Files};
pub use pending_listing::{PendingListing, UnconfirmedListing};
pub use probe::{Probe, Question, Sample};
pub use read::{AnyRecord, ListRequest, Reader, VisibilityOf};
pub use redact::Redactor;
pub use retry::RetryPolicy;
pub use settings::{ClientSettings, ListBound, ListBounds, SettingsError};
pub use token::{TokenError, TokenSupplier};
pub use write::{Patch, PatchStyle, WriteError, Writer};

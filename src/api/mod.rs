//! The API client: requests to a platform, and the values from its answers.
//!
//! `Reader` turns lists into a [`crate::live::LiveState`] and answers about jobs into a
//! [`crate::job::JobState`]; `Writer` sends one deploy, patch or delete per call; `Files` reads
//! ranges of files. All three use one [`Client`], whose `send` adds the token, applies the time
//! limits, limits the size of every body and describes every failure. Quirks of servers end in
//! `convert`: no other module knows them. `Probe` only examines how a server behaves. Nothing here
//! decides what must be changed, writes a journal or prints.

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

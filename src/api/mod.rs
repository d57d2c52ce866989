//! The API client: requests to a platform, and the values from its answers.
//!
//! `Reader` turns lists into a [`crate::live::LiveState`] and answers about jobs into a
//! [`crate::job::JobState`]; `Writer` sends one deploy, patch or delete per call; `Files` reads
//! ranges of files. All three use one [`Client`], whose `send` adds the token, applies the time
//! limits, limits the size of every body and describes every failure. Quirks of servers end in
//! `convert`: no other module knows them. `Probe` only examines how a server behaves. Nothing here
//! decides what must be changed, writes a journal or prints.

mod answers;
mod capabilities;
mod files;
mod http;
mod jobs;
mod listing;
mod probe;
mod reader;
mod records;
mod runs;
mod visibility_words;
mod wire;
mod writer;

#[doc(hidden)]
pub use answers::{AnswerText, ListedPage};
pub use files::Files;
pub use http::bounds::{ListBound, ListBounds};
pub use http::client::Client;
pub use http::error::{ApiError, ApiErrorKind, ReadError, chain};
pub use http::events::{ReadEvent, ReadSink, RequestSink, SentRequest};
pub use http::file_content::FileContent;
pub use http::limiter::HostLimiters;
pub use http::redact::Redactor;
pub use http::retry::RetryPolicy;
pub use http::settings::{ClientSettings, SettingsError, is_loopback};
pub use http::token::{TokenError, TokenSupplier};
pub use listing::pending_listing::{PendingListing, UnconfirmedListing};
pub use listing::request::{ListRequest, Needed, few_names};
pub use probe::{Probe, Question, Sample};
pub use reader::Reader;
pub use records::AnyRecord;
pub use writer::{Patch, PatchStyle, WriteError, Writer};

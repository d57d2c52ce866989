//! One `send` for every request: token, limits, retries, transport, errors and redaction.

pub(in crate::api) mod answer;
pub(in crate::api) mod bounds;
pub(in crate::api) mod client;
pub(in crate::api) mod coding;
pub(in crate::api) mod error;
pub(in crate::api) mod event_guard;
pub(in crate::api) mod events;
pub(in crate::api) mod excerpt;
pub(in crate::api) mod file_content;
pub(in crate::api) mod limiter;
pub(in crate::api) mod redact;
pub(in crate::api) mod retry;
pub(in crate::api) mod routes;
pub(in crate::api) mod send;
pub(in crate::api) mod settings;
pub(in crate::api) mod token;
pub(in crate::api) mod transport;

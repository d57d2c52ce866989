//! Standard output and standard error: streams without secrets, the event stream, and progress.

mod event_stream;
mod held_warnings;
mod progress;
mod read_progress;
mod redaction;
mod repeated;
mod streams;

pub(in crate::cli) use event_stream::Stream;
pub(in crate::cli) use progress::Progress;
pub(in crate::cli) use read_progress::read_sink;
pub(in crate::cli) use redaction::{Redacted, SharedErr, lock, redact_json, stdout_width};
pub(in crate::cli) use streams::Io;

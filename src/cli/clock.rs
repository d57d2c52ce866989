//! The wall clock, read in one place.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where time comes into the program as a value"
)]

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970; 0 for a clock that is set before.
pub(super) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}

/// An id that sorts by time: a UUID of version 7.
pub(super) fn new_run_id(now_ms: u64) -> String {
    let mut builder = uuid::Builder::from_unix_timestamp_millis(
        now_ms,
        &fastrand::u128(..).to_be_bytes()[..10]
            .try_into()
            .expect("invariant: ten bytes are ten bytes"),
    );
    builder.set_version(uuid::Version::SortRand);
    builder.into_uuid().to_string()
}

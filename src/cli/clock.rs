//! The wall clock, read in one place.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where time comes into the program as a value"
)]

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the milliseconds since 1970; 0 if the clock is set to an earlier time.
pub(super) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}

/// Returns an id that sorts by time, a UUID of version 7. It sorts after `newest` even if the clock
/// was set back, so that the last apply is the last in its store.
pub(super) fn new_apply_id(now_ms: u64, newest: Option<&str>) -> String {
    let after = newest
        .and_then(|id| uuid::Uuid::parse_str(id).ok())
        .and_then(|id| id.get_timestamp())
        .map_or(0, |at| {
            let (seconds, nanos) = at.to_unix();
            seconds * 1000 + u64::from(nanos) / 1_000_000 + 1
        });
    let random = std::array::from_fn(|_| fastrand::u8(..));
    let builder = uuid::Builder::from_unix_timestamp_millis(now_ms.max(after), &random);
    builder.into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_apply_id_sorts_after_the_newest() {
        let now = 1_700_000_000_000;
        let newest = new_apply_id(now, None);
        for at in [now - 3_600_000, now, now + 3_600_000] {
            assert!(new_apply_id(at, Some(&newest)) > newest, "{at}");
        }
        // An id in another format is ignored.
        assert!(new_apply_id(now + 1, Some("run")) > newest);
    }
}

//! The changes of drift that no post has reported yet.

/// The changes of drift since the last post that was delivered.
///
/// Only the newest drift is posted, so their number and the time of the first one are enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// The number of changes.
    pub changes: u64,
    /// The time of the first one, in milliseconds since 1970.
    pub since_ms: Option<u64>,
}

impl Undelivered {
    /// Adds a change.
    pub fn add(&mut self, at_ms: u64) {
        self.changes += 1;
        self.since_ms.get_or_insert(at_ms);
    }

    /// Returns true if a post is due.
    pub fn is_due(&self) -> bool {
        self.changes > 0
    }
}

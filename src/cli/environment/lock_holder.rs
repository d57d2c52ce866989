//! The description of the process that holds a lock.

use std::time::Duration;

use crate::cli::clock;
use crate::render::words;
use crate::store::LockOwner;

/// Returns the holder of a lock, its start time and its command, as text.
pub(in crate::cli) fn description(holder: &LockOwner) -> String {
    let age = clock::now_ms().saturating_sub(holder.since_ms);
    let age = if holder.since_ms == 0 {
        String::new()
    } else {
        let age = words::duration(Duration::from_millis(age));
        format!(" for {age}")
    };
    format!(
        "{} (process {}){age}, by `{}`",
        words::escaped(&holder.who),
        holder.pid,
        words::escaped(&holder.command)
    )
}

//! The description of the process that holds a lock.

use std::time::Duration;

use crate::api::Redactor;
use crate::cli::clock;
use crate::cli::settings::Settings;
use crate::render::words;
use crate::store::LockOwner;

/// Returns this process as the holder of a lock, with its command line without secrets.
pub(in crate::cli) fn this_process(settings: &Settings, secrets: &Redactor) -> LockOwner {
    LockOwner {
        id: uuid::Uuid::new_v4().to_string(),
        who: settings.who.clone(),
        pid: std::process::id(),
        command: secrets.redact(&settings.typed).into_owned(),
        since_ms: clock::now_ms(),
    }
}

/// Returns the holder of a lock, its start time and its command, as text.
pub(in crate::cli) fn description(holder: &LockOwner) -> String {
    let age = match holder.since_ms {
        0 => String::new(),
        since_ms => {
            let age = Duration::from_millis(clock::now_ms().saturating_sub(since_ms));
            format!(" for {}", words::duration(age))
        }
    };
    format!(
        "{} (process {}){age}, by `{}`",
        words::escaped(&holder.who),
        holder.pid,
        words::escaped(&holder.command)
    )
}

//! The document of `abandon`.

use schemars::JsonSchema;
use serde::Serialize;

use super::v1::FORMAT_VERSION;
use crate::render::view::Abandoned;

/// The output of `abandon --json`: the abandoned change, for which later plans do not wait.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AbandonDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The id of the apply.
    apply: String,
    /// The change, as that apply showed it.
    address: String,
    /// `deploy`, `patch` or `delete`: the last write that was sent.
    write: Option<&'static str>,
    /// The id of its job; null if the server returned none.
    job: Option<String>,
    /// The time since it was sent, in milliseconds.
    age_ms: Option<u64>,
    /// The server's answer about the job when it was abandoned.
    last_answer: Option<String>,
    /// The record that a failed deploy left, if this record was abandoned.
    orphaned: Option<String>,
    /// The ids of the live records of the version, of every owner.
    live: Vec<String>,
    /// The time for which no apply deploys the version, unless `--replace` names it, in
    /// milliseconds; null if the next apply may deploy it.
    held_back_ms: Option<u64>,
}

impl AbandonDocument {
    /// Returns the document of an abandoned change.
    pub fn of(abandoned: &Abandoned<'_>) -> Self {
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).ok();
        Self {
            format_version: FORMAT_VERSION,
            environment: abandoned.environment.to_owned(),
            apply: abandoned.apply.to_owned(),
            address: abandoned.address.to_string(),
            write: abandoned.call.map(crate::outcome::WriteKind::as_str),
            job: abandoned.job.map(ToString::to_string),
            age_ms: abandoned.age.and_then(ms),
            last_answer: abandoned.last_answer.map(str::to_owned),
            orphaned: abandoned.orphaned.map(ToString::to_string),
            live: abandoned
                .live
                .iter()
                .map(|live| live.id.to_string())
                .collect(),
            held_back_ms: abandoned.hold.and_then(ms),
        }
    }
}

//! The provenance of an apply: who started it, and from what.

use serde::{Deserialize, Serialize};

/// The provenance of an apply, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `user@host`.
    pub who: String,
    /// The URL of the run of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// The git commit of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The git branch of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The text of `--message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Provenance {
    /// Returns the known facts in a fixed order, each with its label.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self {
            who,
            ci_run,
            commit,
            branch,
            message,
        } = self;
        [
            ("by", Some(who)),
            ("pipeline", ci_run.as_ref()),
            ("commit", commit.as_ref()),
            ("branch", branch.as_ref()),
            ("message", message.as_ref()),
        ]
        .into_iter()
        .filter_map(|(label, fact)| Some((label, fact?.as_str())))
    }
}

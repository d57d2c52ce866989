//! The declared verification of a solution: the runs that a new version must pass before it is
//! brought into service.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ident::Digest;

/// The verification of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// The runs, at least one, in the order in which they start.
    pub runs: Vec<VerifyRun>,
    /// The way to take a version out of service again that does not pass.
    pub on_failure: OnVerifyFailure,
}

impl Verification {
    /// Returns the digest of the runs: a pass is valid only for exactly these.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&self.runs)
            .expect("invariant: texts, numbers and lists always have a JSON form")
    }
}

/// The runs in one line, for people.
impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.runs.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&run.name)?;
            match (run.attempts, run.required) {
                (1, true) => {}
                (1, false) => f.write_str(" (not required)")?,
                (attempts, true) => write!(f, " ({attempts} attempts)")?,
                (attempts, false) => write!(f, " ({attempts} attempts, not required)")?,
            }
        }
        Ok(())
    }
}

word_enum! {
    /// The way to take a version out of service again that does not pass its verification.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum OnVerifyFailure {
        /// It is deactivated.
        #[default]
        Deactivate = "deactivate",
        /// A version that the same apply deployed is deleted.
        Delete = "delete",
    }
}

/// A run of the new version, with the end that it must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRun {
    /// The name in output.
    pub name: String,
    /// The folder of the input files, on the platform.
    pub input_dir: String,
    /// The settings, in the form that a flow binary takes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// The maximum duration in milliseconds; by default that of the environment's `timeouts.run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The maximum number of runs, of which one must pass.
    pub attempts: u32,
    /// False if a failure is only reported.
    pub required: bool,
    /// The state that the run must end with.
    pub state: String,
    /// The files that the run must write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<ExpectedOutput>,
}

/// A file that a run must write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedOutput {
    /// The path in the run's output folder.
    pub path: String,
    /// The digest of its bytes; without one, the file must only exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

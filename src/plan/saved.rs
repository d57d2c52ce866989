//! The plan file: what was reviewed, kept so that it is what runs.
//!
//! JSON of the plan with its identity and a fingerprint. The fingerprint guards against accident
//! (a hand edit, a cut file), not against an attacker: who can write the file can also run the
//! command. URL, token, context and TLS always come from the manifest at hand; the URL in here is
//! compared and never used. The format is ours to read and write only: a plan of another format
//! version is refused, so a field may change its meaning only with a new version.

use serde::{Deserialize, Serialize};

use super::change::{Plan, Subject};
use super::guard::{Overrides, Refusal};
use crate::ident::Digest;
use crate::manifest::Manifest;

/// The version of the plan file's format. Raised with every change of the file's shape or meaning.
const FORMAT_VERSION: u32 = 3;

/// A plan on its way to a later apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    format_version: u32,
    /// The solform that wrote it.
    pub solform_version: String,
    /// A UUID that tells this plan from every other.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The plan.
    pub plan: Plan,
    /// What stood against it when it was made: the limits are the manifest's, which whoever shows the
    /// plan does not read.
    pub refusals: Vec<Refusal>,
    /// What the user allowed when planning.
    pub overrides: Overrides,
    fingerprint: Option<Digest>,
}

/// Why a plan file is refused, whole.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is not a plan file, or it is damaged.
    #[error("the plan file cannot be read as one")]
    Damaged(#[source] serde_json::Error),
    /// Another solform wrote it.
    #[error("the plan file has format version {found}, and this solform reads {FORMAT_VERSION}")]
    OtherFormat {
        /// Its version.
        found: u32,
    },
    /// Its content is not what was written.
    #[error("the plan file was changed after it was written")]
    Edited,
    /// It is for another environment.
    #[error("the plan is for environment `{planned}`, not for `{chosen}`")]
    OtherEnvironment {
        /// The plan's.
        planned: String,
        /// The command's.
        chosen: String,
    },
    /// The environment has another URL now.
    #[error("the plan was made against `{planned}`, and the environment's url is `{current}` now")]
    OtherUrl {
        /// The plan's.
        planned: String,
        /// The manifest's.
        current: String,
    },
    /// The manifest means something else now.
    #[error("the manifest has changed since the plan was made")]
    OtherManifest,
}

impl SavedPlanError {
    /// What to do about it, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Damaged(_) | Self::Edited => {
                "Make the plan again with `solform plan --out FILE`, and pass the file on unchanged."
            }
            Self::OtherFormat { .. } => "Plan and apply with the same version of solform.",
            Self::OtherEnvironment { .. } => {
                "Name the plan's environment with -e, or make a plan for this one."
            }
            Self::OtherUrl { .. } | Self::OtherManifest => {
                "Check out the manifest that was reviewed, or make and review a new plan."
            }
        }
    }
}

/// The format version alone, so that a newer file is told from a damaged one.
#[derive(Deserialize)]
struct Header {
    format_version: u32,
}

impl SavedPlan {
    /// Seals a plan. `id` and `created_at_ms` come in as values.
    pub fn new(
        plan: Plan,
        refusals: Vec<Refusal>,
        overrides: Overrides,
        id: String,
        created_at_ms: u64,
    ) -> Self {
        let mut saved = Self {
            format_version: FORMAT_VERSION,
            solform_version: env!("CARGO_PKG_VERSION").to_owned(),
            id,
            created_at_ms,
            plan,
            refusals,
            overrides,
            fingerprint: None,
        };
        saved.fingerprint = Some(saved.compute_fingerprint());
        saved
    }

    /// The digest of everything but the fingerprint. Destructured, so that no field is forgotten.
    fn compute_fingerprint(&self) -> Digest {
        let Self {
            format_version,
            solform_version,
            id,
            created_at_ms,
            plan,
            refusals,
            overrides,
            fingerprint: _,
        } = self;
        let sealed = (
            format_version,
            solform_version,
            id,
            created_at_ms,
            plan,
            refusals,
            overrides,
        );
        Digest::of_json(&sealed).expect("invariant: a plan's keys are strings")
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("invariant: a plan's keys are strings");
        text.push('\n');
        text
    }

    /// Reads a file's text, and refuses what is not exactly what was written.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let header: Header = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        if header.format_version != FORMAT_VERSION {
            return Err(SavedPlanError::OtherFormat {
                found: header.format_version,
            });
        }
        let saved: Self = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        if saved.fingerprint.as_ref() != Some(&saved.compute_fingerprint()) {
            return Err(SavedPlanError::Edited);
        }
        Ok(saved)
    }

    /// Checks that the plan is for this manifest as it is now.
    pub fn check_against(&self, manifest: &Manifest) -> Result<(), SavedPlanError> {
        let Subject {
            environment,
            url,
            manifest: digest,
        } = &self.plan.subject;
        if *environment != manifest.environment.name {
            return Err(SavedPlanError::OtherEnvironment {
                planned: environment.clone(),
                chosen: manifest.environment.name.clone(),
            });
        }
        if url != manifest.environment.url.as_str() {
            return Err(SavedPlanError::OtherUrl {
                planned: url.clone(),
                current: manifest.environment.url.as_str().to_owned(),
            });
        }
        if *digest != manifest.digest {
            return Err(SavedPlanError::OtherManifest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

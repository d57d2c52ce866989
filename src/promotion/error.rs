//! The errors of a promotion of named solutions.

use crate::ident::{SolutionName, Version};

/// The reason why a named solution cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionError {
    /// No version of it is in service in the source.
    #[error("no version of `{name}` that `{environment}` manages is in service there")]
    NotLive {
        /// The solution.
        name: SolutionName,
        /// The source.
        environment: String,
    },
    /// Several versions of it are in service in the source.
    #[error(
        "`{environment}` has several versions of `{name}` in service: {}",
        list(versions)
    )]
    SeveralLive {
        /// The solution.
        name: SolutionName,
        /// The source.
        environment: String,
        /// The versions in service.
        versions: Vec<Version>,
    },
    /// The target takes only versions that passed their verification in the source.
    #[error(
        "the version of `{name}` in service in `{environment}` has not passed its verification \
         there"
    )]
    NotVerified {
        /// The solution.
        name: SolutionName,
        /// The source.
        environment: String,
        /// The target.
        target: String,
    },
    /// The manifest declares several versions of it for the target.
    #[error(
        "the manifest declares several versions of `{name}` for `{environment}` with `versions`: \
         {}",
        list(versions)
    )]
    SeveralDeclared {
        /// The solution.
        name: SolutionName,
        /// The target.
        environment: String,
        /// The declared versions.
        versions: Vec<Version>,
    },
    /// The manifest deletes it in the target.
    #[error("the manifest declares `{name}` for `{environment}` with the state ABSENT")]
    Absent {
        /// The solution.
        name: SolutionName,
        /// The target.
        environment: String,
    },
}

impl PromotionError {
    /// Returns the fix, as a sentence. `list` is the command that lists the source.
    pub fn help(&self, list: &str) -> String {
        match self {
            Self::NotLive { .. } => format!(
                "Check the name with `{list}`: only versions in the state ACTIVE or PRODUCTION are \
                 promoted, of the owners under `manage`."
            ),
            Self::SeveralLive { environment, .. } => format!(
                "Declare exactly one of them for `{environment}`, or deactivate the others there; \
                 else write the version by hand."
            ),
            Self::NotVerified {
                environment,
                target,
                ..
            } => format!(
                "`{target}` has `require_verified: true`. Declare `verify` for the version in \
                 `{environment}`, and apply there with `--reverify`."
            ),
            Self::SeveralDeclared { .. } => "Edit `versions` by hand: only you can decide which \
                of them stay, and in which state."
                .to_owned(),
            Self::Absent { .. } => "Change the state by hand first: a version with the state \
                ABSENT is deleted."
                .to_owned(),
        }
    }
}

fn list(versions: &[Version]) -> String {
    let versions: Vec<String> = versions
        .iter()
        .map(|version| format!("`{version}`"))
        .collect();
    versions.join(", ")
}

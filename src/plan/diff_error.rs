//! The reasons why no plan can be made.

use crate::ident::{Address, Owner};
use crate::manifest::Position;

/// The reason why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// A version must be deployed, and the manifest has no path for it.
    #[error("`{address}` is not live, and no `path` says what to deploy")]
    NoPath {
        /// The version.
        address: Address,
        /// The position of the declaration.
        position: Position,
    },
    /// `--target` or `--exclude` selects nothing.
    #[error("`{selector}` selects nothing that is declared or live")]
    SelectsNothing {
        /// As typed.
        selector: String,
        /// The similar names that the user may have intended.
        near: Vec<String>,
    },
    /// `--replace` of a version that is not live.
    #[error("`{address}` cannot be replaced: it is not live")]
    ReplaceNotLive {
        /// As typed.
        address: Address,
    },
    /// `--replace` of a version with several live records: after the delete, the deploy would be
    /// refused because of the other records.
    #[error("`{address}` cannot be replaced: {count} records of it are live")]
    ReplaceManyRecords {
        /// As typed.
        address: Address,
        /// The number of records.
        count: usize,
        /// The owner to declare in order to delete a record; none if the declared owner has all.
        other_owner: Option<Owner>,
    },
    /// `--replace` of an address that several declared versions share.
    #[error("`{address}` means {} declared versions", .choices.len())]
    ReplaceAmbiguous {
        /// As typed.
        address: Address,
        /// The address of each that is unique.
        choices: Vec<Address>,
    },
    /// `--replace` of a version that is not declared.
    #[error("`{address}` cannot be replaced: the manifest does not declare it")]
    ReplaceNotDeclared {
        /// As typed.
        address: Address,
    },
}

impl DiffError {
    /// Returns true if an option names a version that does not exist here, which is no error if
    /// another environment has it.
    pub fn selects_nothing(&self) -> bool {
        self.selector().is_some()
    }

    /// Returns true if both errors are about the same selector, for any suggestions.
    pub fn is_about_same_selector(&self, other: &Self) -> bool {
        let selector = self.selector();
        selector.is_some() && selector == other.selector()
    }

    /// Returns the option and its value, if they select nothing.
    fn selector(&self) -> Option<(bool, &str)> {
        match self {
            Self::SelectsNothing { selector, near: _ } => Some((false, selector)),
            Self::ReplaceNotLive { address } | Self::ReplaceNotDeclared { address } => {
                Some((true, address.as_str()))
            }
            Self::NoPath { .. }
            | Self::ReplaceManyRecords { .. }
            | Self::ReplaceAmbiguous { .. } => None,
        }
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::NoPath { .. } => "Add `path` to the entry, or correct its version.".to_owned(),
            Self::SelectsNothing { near, .. } if !near.is_empty() => did_you_mean(near),
            Self::SelectsNothing { .. } => {
                "Write a name, `Name@version` or `owner:Name@version`, as `solform plan` shows it."
                    .to_owned()
            }
            Self::ReplaceNotLive { .. } => {
                "Leave --replace out: a declared version that is not live is deployed \
                 anyway."
                    .to_owned()
            }
            Self::ReplaceManyRecords {
                other_owner: None, ..
            } => "Declare it `state: ABSENT` for one apply, which deletes every record, and then \
                as before."
                .to_owned(),
            Self::ReplaceManyRecords {
                other_owner: Some(owner),
                ..
            } => format!(
                "Declare it `owner: {owner}` and `state: ABSENT` for one apply, which deletes the \
                 records of that owner, and then as before."
            ),
            Self::ReplaceAmbiguous { choices, .. } => {
                let choices: Vec<String> = choices
                    .iter()
                    .map(|address| format!("`{address}`"))
                    .collect();
                format!("Name one of them: {}.", choices.join(" or "))
            }
            Self::ReplaceNotDeclared { .. } => {
                "Declare the version first; --replace deletes nothing that is not deployed again."
                    .to_owned()
            }
        }
    }
}

/// Returns the sentence that suggests similar names.
pub fn did_you_mean(near: &[String]) -> String {
    let near: Vec<String> = near.iter().map(|text| format!("`{text}`")).collect();
    format!("Did you mean {}?", near.join(" or "))
}

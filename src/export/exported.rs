//! The content of an export.

use crate::attribute::{State, Visibility};
use crate::ident::{Owner, SolutionName, Version};
use crate::manifest::Glob;

/// The scope of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The versions that the manifest may change.
    Managed,
    /// All listed versions.
    All,
}

/// The live versions as manifest entries. Names, versions and remaining records are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported<'a> {
    /// `manage.owners`.
    pub owners: Vec<Glob>,
    /// `manage.names`; empty means all.
    pub names: Vec<Glob>,
    /// The most frequent owner.
    pub owner: Option<&'a Owner>,
    /// The most frequent visibility. `None` unless every version's visibility is known, because a
    /// default would also apply to versions with an unknown visibility.
    pub visibility: Option<Visibility>,
    /// The solutions, by name.
    pub solutions: Vec<ExportedSolution<'a>>,
    /// The records that are live and not declared.
    pub left: Vec<Left>,
}

impl Exported<'_> {
    /// Returns the number of declared versions.
    pub fn declared(&self) -> usize {
        let versions = self
            .solutions
            .iter()
            .map(|solution| solution.versions.len());
        versions.sum()
    }
}

/// A name with its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedSolution<'a> {
    /// The name.
    pub name: &'a SolutionName,
    /// The owner, if all versions have it and it is not the default.
    pub owner: Option<&'a Owner>,
    /// The state, if all versions have it and it is not the built-in one.
    pub state: Option<State>,
    /// The visibility, if all versions have it and it is not the default.
    pub visibility: Option<Visibility>,
    /// True if a policy would change a version of this name that is not declared. It must not.
    pub keeps_the_rest: bool,
    /// The versions, in their natural order; at least one.
    pub versions: Vec<ExportedVersion<'a>>,
}

/// A version, with the values that its solution does not contain.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedVersion<'a> {
    /// The version.
    pub version: &'a Version,
    /// The owner.
    pub owner: Option<&'a Owner>,
    /// The state.
    pub state: Option<State>,
    /// The visibility.
    pub visibility: Option<Visibility>,
    /// The live words that differ from the declared values, shown as a comment.
    pub live_words: Vec<&'a str>,
}

/// A live record that is not declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The name for people.
    pub label: String,
    /// The id.
    pub id: String,
    /// The reason why it is not declared.
    pub why: WhyLeft,
}

/// The reason why a live record is not declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum WhyLeft {
    /// A state that no manifest can declare.
    #[error("its state is `{0}`, which no manifest can declare")]
    State(String),
    /// Two owners have the same version, which is one key of a mapping.
    #[error("the version of `{0}` is declared, and a manifest declares one owner's")]
    OtherOwner(Owner),
    /// Another record of a declared identity exists.
    #[error("a newer record of the same version is the one that counts")]
    Older,
    /// The version contains an `@`. Addresses are split at their last `@`.
    #[error("a version with an `@` in it cannot be declared")]
    At,
    /// The name, version or owner is not valid.
    #[error("{0}")]
    Unmanageable(String),
}

//! What an export says.

use crate::attribute::{State, Visibility};
use crate::ident::{Owner, SolutionName, Version};
use crate::manifest::Glob;

/// Which live versions are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that the manifest may touch.
    Managed,
    /// All that are listed.
    All,
}

/// What is live, as a manifest declares it. Names, versions and what is left are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported<'a> {
    /// `manage.owners`.
    pub owners: Vec<Glob>,
    /// `manage.names`; none means all.
    pub names: Vec<Glob>,
    /// The owner that most versions have.
    pub owner: Option<&'a Owner>,
    /// The visibility that most versions have. None unless every version's is proven, because a
    /// default would speak for those whose visibility is not known.
    pub visibility: Option<Visibility>,
    /// The solutions, by name.
    pub solutions: Vec<ExportedSolution<'a>>,
    /// The records that are there and are not declared.
    pub left: Vec<Left>,
}

impl Exported<'_> {
    /// Returns how many versions are declared.
    pub fn declared(&self) -> usize {
        let versions = self
            .solutions
            .iter()
            .map(|solution| solution.versions.len());
        versions.sum()
    }
}

/// One name with its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedSolution<'a> {
    /// The name.
    pub name: &'a SolutionName,
    /// The owner, where it is the versions' own and not the default.
    pub owner: Option<&'a Owner>,
    /// The state, where all versions have the same one and it is not the built-in.
    pub state: Option<State>,
    /// The visibility, where it is the versions' own and not the default.
    pub visibility: Option<Visibility>,
    /// True if a policy would touch something of this name that is left out, and must not.
    pub keeps_the_rest: bool,
    /// The versions, in their natural order; at least one.
    pub versions: Vec<ExportedVersion<'a>>,
}

/// One version, with what its solution does not say already.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedVersion<'a> {
    /// The version.
    pub version: &'a Version,
    /// Its owner.
    pub owner: Option<&'a Owner>,
    /// Its state.
    pub state: Option<State>,
    /// Its visibility.
    pub visibility: Option<Visibility>,
    /// The live words that are not what is declared, to be told beside it.
    pub live_words: Vec<&'a str>,
}

/// A live record that is not declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// What it is called.
    pub label: String,
    /// Its id.
    pub id: String,
    /// Why it is not declared.
    pub why: WhyLeft,
}

/// Why a live record is not declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum WhyLeft {
    /// A state that no manifest can declare.
    #[error("its state is `{0}`, which no manifest can declare")]
    State(String),
    /// One key of a mapping, two owners.
    #[error("the version of `{0}` is declared, and a manifest declares one owner's")]
    OtherOwner(Owner),
    /// Another record of a declared identity.
    #[error("a newer record of the same version is the one that counts")]
    Older,
    /// Addresses are split at their last `@`.
    #[error("a version with an `@` in it cannot be declared")]
    At,
    /// Its name, version or owner is not usable.
    #[error("{0}")]
    Unmanageable(String),
}

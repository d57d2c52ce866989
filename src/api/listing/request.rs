//! The requests for a listing.

use std::collections::BTreeSet;

use crate::ident::SolutionName;

/// The maximum number of names that are requested one by one.
pub(in crate::api) const NAMES_LIMIT: usize = 500;

/// A request for a listing of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// The names that matter; `None` if the whole instance does. Even with names, the answer may
    /// cover the whole instance, if that is cheaper.
    pub names: Option<BTreeSet<SolutionName>>,
    /// The names of which every record must be understood; if empty, those of `names`, and without
    /// those all. A foreign record without an owner must not block every environment.
    pub declared: Option<BTreeSet<SolutionName>>,
    /// The versions whose visibility is needed. It is requested only if records do not contain it.
    pub visibility_of: VisibilityOf,
}

/// The versions whose visibility is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisibilityOf {
    /// All versions.
    All,
    /// The versions of these names.
    Names(BTreeSet<SolutionName>),
}

impl VisibilityOf {
    pub(in crate::api) fn has(&self, name: &SolutionName) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

impl Default for VisibilityOf {
    /// Returns the scope without any version.
    fn default() -> Self {
        Self::Names(BTreeSet::new())
    }
}

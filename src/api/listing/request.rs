//! The requests for a listing.

use std::collections::BTreeSet;

use crate::ident::SolutionName;

/// The maximum number of names that are requested one by one.
pub(in crate::api) const NAMES_LIMIT: usize = 500;

/// A request for a listing of an instance.
pub struct ListRequest<'a> {
    /// The only names that matter, if they are [few](few_names); `None` lists the whole instance.
    /// Even with names, the answer may cover the whole instance, if that is cheaper.
    pub names: Option<BTreeSet<SolutionName>>,
    /// Returns what is needed of the versions of a name.
    pub needs: Box<dyn Fn(&SolutionName) -> Needed + Send + Sync + 'a>,
    /// The expected number of records in a list of everything, if there is a reason to expect it.
    pub expected: Option<u64>,
}

/// What is needed of the versions of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Nothing: a foreign record without an owner must not block every environment.
    Nothing,
    /// Every record must be understood.
    Records,
    /// As [`Needed::Records`], and with the visibility. It is requested only if records do not
    /// contain it.
    Visibility,
}

impl Needed {
    /// Returns what is needed of a name whose records must be understood, or of another one.
    pub fn records_if(is_needed: bool) -> Self {
        if is_needed {
            Self::Records
        } else {
            Self::Nothing
        }
    }
}

/// Returns the names if they are few enough to be requested one by one.
pub fn few_names(names: impl IntoIterator<Item = SolutionName>) -> Option<BTreeSet<SolutionName>> {
    let mut few = BTreeSet::new();
    for name in names {
        few.insert(name);
        if few.len() > NAMES_LIMIT {
            return None;
        }
    }
    Some(few)
}

impl ListRequest<'_> {
    /// Returns whether a record that cannot be identified matters.
    pub(in crate::api) fn needs_records(&self, name: &SolutionName) -> bool {
        let names = self.names.as_ref();
        names.is_none_or(|names| names.contains(name)) && (self.needs)(name) != Needed::Nothing
    }
}

impl Default for ListRequest<'_> {
    /// Returns the request for every record.
    fn default() -> Self {
        Self {
            names: None,
            needs: Box::new(|_| Needed::Records),
            expected: None,
        }
    }
}

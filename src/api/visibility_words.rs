//! The ids that each visibility list contains, and the word of a record by them.

use std::collections::HashSet;

use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::ident::SolutionId;

/// The ids in the list of each word; `None` for a list that could not be read.
#[derive(Debug)]
pub(in crate::api) struct Words(pub(in crate::api) [Option<HashSet<SolutionId>>; 3]);

impl Words {
    /// Returns the word of a record.
    pub(in crate::api) fn of(&self, id: &SolutionId) -> Option<LiveVisibilityWord> {
        let mut found = Visibility::ALL
            .into_iter()
            .zip(&self.0)
            .filter(|(_, ids)| ids.as_ref().is_some_and(|ids| ids.contains(id)))
            .map(|(word, _)| word);
        match (found.next(), found.next()) {
            (Some(word), None) if self.asked() >= 2 => Some(word.into()),
            _ => None,
        }
    }

    /// Returns the number of lists that could be read.
    pub(in crate::api) fn asked(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Returns whether the lists were read and differ, so that they carry information.
    pub(in crate::api) fn disambiguate(&self) -> bool {
        self.asked() >= 2 && !self.are_all_the_same()
    }

    /// Returns whether a record is missing in some list and present in another.
    pub(in crate::api) fn differ(&self) -> bool {
        let mut asked = self.0.iter().flatten();
        asked
            .next()
            .is_some_and(|first| asked.any(|other| other != first))
    }

    /// Returns whether every list contains the same record: the filter changes nothing.
    pub(in crate::api) fn are_all_the_same(&self) -> bool {
        let [Some(first), Some(second), Some(third)] = &self.0 else {
            return false;
        };
        first
            .iter()
            .any(|id| second.contains(id) && third.contains(id))
    }
}

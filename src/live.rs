//! The live state: a snapshot of the versions that a server lists, with the proof of its
//! completeness.
//!
//! This is a plain value that `api::read` fills and `plan::diff` compares. It is ordered by
//! identity, so that the versions of a name are adjacent and two snapshots of the same state are
//! equal.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::NonZeroI64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::{Address, Identity, SolutionId, SolutionName};

/// A deployed version, as a server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveVersion {
    /// The platform's id.
    pub id: SolutionId,
    /// The identity: owner, name and version.
    pub identity: Identity,
    /// The user who published it.
    pub author: Option<Arc<str>>,
    /// The state.
    pub state: LiveStateWord,
    /// The visibility; `None` is unknown, which is never drift.
    pub visibility: Option<LiveVisibilityWord>,
    /// The time of creation, in milliseconds since 1970, at a resolution of one second
    /// (docs/platform.md, "Records"). A server that sends 0 does not know it.
    pub created_at_ms: Option<NonZeroI64>,
    /// The time of the last update, in milliseconds since 1970; for display only (docs/platform.md,
    /// "Records": not a change marker).
    pub updated_at_ms: Option<NonZeroI64>,
}

impl LiveVersion {
    /// Orders the records of an identity, the newest first. Records with equal times, at a
    /// resolution of one second, are ordered by id.
    pub(crate) fn newest_first(&self, other: &Self) -> Ordering {
        other
            .created_at_ms
            .cmp(&self.created_at_ms)
            .then_with(|| self.id.cmp(&other.id))
    }

    /// Returns the newest of the records of an identity.
    pub(crate) fn newest<'a>(records: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        records
            .into_iter()
            .min_by(|left, right| left.newest_first(right))
    }
}

/// The proven extent of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// Everything that this token may see.
    Whole,
    /// Every version of these names, and of no others.
    Names(BTreeSet<SolutionName>),
    /// Nothing: the listing could not be proven complete, and nothing may be applied.
    Unproven(Unproven),
}

/// The reason why a listing proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unproven {
    /// Paging did not reach a reliable end.
    #[error("the list has no reliable end after {items} records: {detail}")]
    NoCleanEnd {
        /// The number of records read.
        items: usize,
        /// The problem in the server's answers.
        detail: String,
    },
    /// The list changed during each reading.
    #[error("the list changed while it was read, {attempts} times in a row")]
    Moving {
        /// The number of readings.
        attempts: usize,
    },
    /// Some records could not be parsed.
    #[error("{count} listed records could not be understood: {detail}")]
    BadRecords {
        /// The number of such records.
        count: usize,
        /// The problem of the first of them.
        detail: String,
    },
}

/// A listed record that is counted, but cannot be managed: its name, version or owner is a text
/// that no manifest can declare, such as one with a line break. It is kept separate from the
/// versions, so that such a record of another user is shown, but does not block every plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnmanageableRecord {
    /// The platform's id.
    pub id: SolutionId,
    /// Owner, name and version in quotes, escaped for output.
    pub label: String,
    /// The reason why it cannot be managed.
    pub reason: String,
    /// The texts of the record.
    pub texts: RecordTexts,
}

/// The texts of a record as the server sent them; long ones are cut. Only for output.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordTexts {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The owner.
    pub owner: String,
    /// The user who published it.
    pub author: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The visibility.
    pub visibility: Option<String>,
}

/// Formats a count with a comma between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A snapshot: every version once by id, ordered by identity, the newest record first among equals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveState {
    versions: Vec<LiveVersion>,
    coverage: Coverage,
    unmanageable: Vec<UnmanageableRecord>,
}

impl LiveState {
    /// Creates a snapshot in order; of two versions with the same id, the later in the list is
    /// kept.
    pub fn new(mut versions: Vec<LiveVersion>, coverage: Coverage) -> Self {
        let mut seen = HashSet::with_capacity(versions.len());
        let is_last = versions
            .iter()
            .rev()
            .map(|version| seen.insert(&version.id));
        let is_last: Vec<bool> = is_last.collect();
        drop(seen);
        let mut is_last = is_last.into_iter().rev();
        versions.retain(|_| is_last.next().unwrap_or(true));
        versions.shrink_to_fit();
        // Ids are unique, so no two versions are equal.
        versions.sort_unstable_by(|left, right| {
            left.identity
                .cmp(&right.identity)
                .then_with(|| left.newest_first(right))
        });
        Self {
            versions,
            coverage,
            unmanageable: Vec::new(),
        }
    }

    /// Adds the records that cannot be managed, each once, in order.
    #[must_use]
    pub fn with_unmanageable(mut self, mut records: Vec<UnmanageableRecord>) -> Self {
        records.sort();
        records.dedup_by(|left, right| left.id == right.id);
        self.unmanageable = records;
        self
    }

    /// Returns the versions that pass, without the first `offset` of them, at most `limit`. The
    /// coverage stays that of the whole snapshot.
    #[must_use]
    pub fn select(
        self,
        passes: impl Fn(&LiveVersion) -> bool,
        passes_unmanageable: impl Fn(&UnmanageableRecord) -> bool,
        offset: usize,
        limit: usize,
    ) -> Self {
        let mut versions = self.versions;
        versions.retain(passes);
        let count = versions.len();
        let versions: Vec<LiveVersion> = versions.into_iter().skip(offset).take(limit).collect();
        // The records that cannot be managed come last.
        let unmanageable = self
            .unmanageable
            .into_iter()
            .filter(passes_unmanageable)
            .skip(offset.saturating_sub(count))
            .take(limit - versions.len())
            .collect();
        Self {
            versions,
            coverage: self.coverage,
            unmanageable,
        }
    }

    /// Returns an unambiguous address for each version whose short address is not unique: with the
    /// owner in front, and with the id if an identity has several records.
    pub fn long_addresses(&self) -> BTreeMap<SolutionId, Address> {
        fn counted(addresses: impl Iterator<Item = Address>) -> HashMap<Address, usize> {
            let mut counts = HashMap::new();
            for address in addresses {
                *counts.entry(address).or_insert(0) += 1;
            }
            counts
        }
        // Only versions with the same name and version, or with a separator, can have an address
        // that is not unique.
        let by_version = self
            .versions
            .chunk_by(|left, right| left.identity.is_same_version(&right.identity));
        let candidates: Vec<&LiveVersion> = by_version
            .filter(|same| same.len() > 1 || same[0].identity.has_separator())
            .flatten()
            .collect();
        if candidates.is_empty() {
            return BTreeMap::new();
        }
        let short = counted(candidates.iter().map(|version| version.identity.address()));
        let versions = self.versions.iter();
        let full = counted(versions.map(|version| version.identity.full_address()));
        // A name may contain a colon, and then equal another name with its owner.
        let is_ambiguous = |address: &Address| {
            short.get(address).is_some_and(|count| *count > 1) || full.contains_key(address)
        };
        candidates
            .into_iter()
            .filter(|version| is_ambiguous(&version.identity.address()))
            .map(|version| {
                let address = version.identity.full_address();
                let address = match full.get(&address) {
                    Some(count) if *count > 1 => address.of_record(&version.id),
                    _ => address,
                };
                (version.id.clone(), address)
            })
            .collect()
    }

    /// Returns the listed records that cannot be managed.
    pub fn unmanageable(&self) -> &[UnmanageableRecord] {
        &self.unmanageable
    }

    /// Returns every version, ordered by identity, the newest record first among equals.
    pub fn versions(&self) -> &[LiveVersion] {
        &self.versions
    }

    /// Returns whether a record is listed, also if it cannot be managed.
    pub fn lists(&self, id: &SolutionId) -> bool {
        self.versions.iter().any(|version| version.id == *id)
            || self.unmanageable.iter().any(|record| record.id == *id)
    }

    /// Returns the versions.
    pub fn into_versions(self) -> Vec<LiveVersion> {
        self.versions
    }

    /// Returns the versions of a name, of all owners.
    pub fn named(&self, name: &SolutionName) -> &[LiveVersion] {
        let start = self
            .versions
            .partition_point(|version| version.identity.name < *name);
        let rest = &self.versions[start..];
        &rest[..rest.partition_point(|version| version.identity.name == *name)]
    }

    /// Returns the proven extent of the listing.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns whether this snapshot is proven to contain every version of that name.
    pub fn covers(&self, name: &SolutionName) -> bool {
        match &self.coverage {
            Coverage::Whole => true,
            Coverage::Names(names) => names.contains(name),
            Coverage::Unproven(_) => false,
        }
    }
}

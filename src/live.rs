//! The live state: one snapshot of what a server lists, with the proof of how complete it is.
//!
//! A value, filled by `api::read` and compared by `plan::diff`. It is ordered by identity, so that
//! everything about one name lies together and two snapshots of one world are equal.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::{Address, Identity, SolutionId, SolutionName};

/// One deployed version, as a server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveVersion {
    /// The platform's id.
    pub id: SolutionId,
    /// Owner, name and version.
    pub identity: Identity,
    /// Who published it.
    pub author: Option<Arc<str>>,
    /// Its state.
    pub state: LiveStateWord,
    /// Its visibility; `None` is unknown, which is never drift.
    pub visibility: Option<LiveVisibilityWord>,
    /// When it was created, in milliseconds since 1970, at a resolution of one second
    /// (docs/platform.md, "Records").
    pub created_at_ms: Option<i64>,
    /// When it was last updated; for display only (docs/platform.md, "Records": not a change
    /// marker).
    pub updated_at_ms: Option<i64>,
}

impl LiveVersion {
    /// Orders the records of one identity, the newest first. Equal times, at a resolution of one
    /// second, are told apart by the id.
    pub(crate) fn newest_first(&self, other: &Self) -> Ordering {
        other
            .created_at_ms
            .cmp(&self.created_at_ms)
            .then_with(|| self.id.cmp(&other.id))
    }
}

/// What was proven to be fully listed.
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

/// Why a listing proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unproven {
    /// Paging did not come to an end that can be trusted.
    #[error("the list did not come to a clean end after {items} records: {detail}")]
    NoCleanEnd {
        /// Records read.
        items: usize,
        /// What the server answered.
        detail: String,
    },
    /// The list changed while it was read, each time.
    #[error("the list changed while it was read, {attempts} times in a row")]
    Moving {
        /// How often it was read.
        attempts: usize,
    },
    /// A record that could not be read at all.
    #[error("{count} listed records could not be understood: {detail}")]
    BadRecords {
        /// How many.
        count: usize,
        /// The first of them.
        detail: String,
    },
}

/// A listed record that is there, is counted, and can never be managed: its name, version or owner
/// is a text that no manifest can declare, such as one with a line break. It stands beside the
/// versions so that one stranger's record does not block everybody, and is not passed over either.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnmanageableRecord {
    /// The platform's id.
    pub id: SolutionId,
    /// Owner, name and version in quotes, made fit to be shown.
    pub label: String,
    /// Why it cannot be managed.
    pub reason: String,
    /// What the record says of itself.
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
    /// Who published it.
    pub author: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The visibility.
    pub visibility: Option<String>,
}

/// A count as people read it, with a comma between thousands.
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

/// One snapshot: every version once by id, ordered by identity, the newest record first among
/// equals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveState {
    versions: Vec<LiveVersion>,
    coverage: Coverage,
    unmanageable: Vec<UnmanageableRecord>,
}

impl LiveState {
    /// Orders the versions; of two with one id the later in the list is kept.
    pub fn new(mut versions: Vec<LiveVersion>, coverage: Coverage) -> Self {
        let mut seen = std::collections::HashSet::with_capacity(versions.len());
        versions.reverse();
        versions.retain(|version| seen.insert(version.id.clone()));
        versions.sort_by(|left, right| {
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

    /// Adds the records that cannot be managed, each once, ordered.
    #[must_use]
    pub fn with_unmanageable(mut self, mut records: Vec<UnmanageableRecord>) -> Self {
        records.sort();
        records.dedup_by(|left, right| left.id == right.id);
        self.unmanageable = records;
        self
    }

    /// The versions that pass, without the first `offset` of them, `limit` at most. What is proven
    /// of the whole is proven of the part.
    #[must_use]
    pub fn select(
        &self,
        passes: impl Fn(&LiveVersion) -> bool,
        passes_unmanageable: impl Fn(&UnmanageableRecord) -> bool,
        offset: usize,
        limit: usize,
    ) -> Self {
        let passing = self.versions.iter().filter(|version| passes(version));
        let count = passing.clone().count();
        let versions: Vec<LiveVersion> = passing.skip(offset).take(limit).cloned().collect();
        // Those that cannot be managed come last.
        let unmanageable = self
            .unmanageable
            .iter()
            .filter(|record| passes_unmanageable(record))
            .skip(offset.saturating_sub(count))
            .take(limit - versions.len())
            .cloned()
            .collect();
        Self {
            versions,
            coverage: self.coverage.clone(),
            unmanageable,
        }
    }

    /// Returns the addresses of the versions whose short address is that of another version too:
    /// with the owner in front, and of several records of one identity with the id.
    pub fn long_addresses(&self) -> BTreeMap<SolutionId, Address> {
        fn counted(addresses: impl Iterator<Item = Address>) -> HashMap<Address, usize> {
            let mut counts = HashMap::new();
            for address in addresses {
                *counts.entry(address).or_insert(0) += 1;
            }
            counts
        }
        let identities = || self.versions.iter().map(|version| &version.identity);
        let short = counted(identities().map(Identity::address));
        let full = counted(identities().map(Identity::full_address));
        // A name may hold a colon itself, and so look like another one with its owner.
        let is_ambiguous = |address: &Address| {
            short.get(address).is_some_and(|count| *count > 1) || full.contains_key(address)
        };
        self.versions
            .iter()
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

    /// The records that are there and can never be managed.
    pub fn unmanageable(&self) -> &[UnmanageableRecord] {
        &self.unmanageable
    }

    /// Every version, ordered by identity, the newest record first among equals.
    pub fn versions(&self) -> &[LiveVersion] {
        &self.versions
    }

    /// Takes the versions out.
    pub fn into_versions(self) -> Vec<LiveVersion> {
        self.versions
    }

    /// The versions of one name, of every owner.
    pub fn named(&self, name: &SolutionName) -> &[LiveVersion] {
        let start = self
            .versions
            .partition_point(|version| version.identity.name < *name);
        let rest = &self.versions[start..];
        &rest[..rest.partition_point(|version| version.identity.name == *name)]
    }

    /// What is proven.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns whether every version of that name is known to be in this snapshot.
    pub fn covers(&self, name: &SolutionName) -> bool {
        match &self.coverage {
            Coverage::Whole => true,
            Coverage::Names(names) => names.contains(name),
            Coverage::Unproven(_) => false,
        }
    }
}

//! The declared and live versions of one solution name, and the record that a declaration refers
//! to.

use std::ops::Range;

use super::change::Mode;
use super::history::ApplyHistory;
use crate::attribute::State;
use crate::ident::{Identity, Owner, Version};
use crate::live::{LiveState, LiveVersion};
use crate::manifest::{Desired, Manifest, entries_of};

/// A solution name with its declared and live versions.
#[derive(Clone, Copy)]
pub(super) struct NameView<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) mode: Mode,
    pub(super) history: &'a ApplyHistory,
    /// The declared versions, ordered by identity; each identity once.
    pub(super) declared: &'a [Desired],
    /// The live versions, ordered by identity; the newest record first among equal identities.
    pub(super) live: &'a [LiveVersion],
}

/// Returns the live record that a declared version refers to, if one is live.
pub fn live_record<'a>(
    manifest: &Manifest,
    live: &'a LiveState,
    entry: &Desired,
) -> Option<&'a LiveVersion> {
    let name = NameView {
        manifest,
        mode: Mode::Converge,
        history: &ApplyHistory::default(),
        declared: entries_of(&manifest.desired, &entry.identity.name),
        live: live.named(&entry.identity.name),
    };
    let index = *name.find(entry).first()?;
    live.named(&entry.identity.name).get(index)
}

impl<'a> NameView<'a> {
    /// Returns the versions that are declared in service.
    pub(super) fn declared_active(self) -> impl Iterator<Item = &'a Desired> {
        self.declared
            .iter()
            .filter(move |entry| self.mode == Mode::Converge && entry.state == State::Active)
    }

    fn indexes_of_version(self, version: &Version) -> Range<usize> {
        let start = self
            .live
            .partition_point(|live| live.identity.version < *version);
        let count = self.live[start..].partition_point(|live| live.identity.version == *version);
        start..start + count
    }

    /// Returns the records of one version, of every owner.
    pub(super) fn records_of_version(self, version: &Version) -> &'a [LiveVersion] {
        &self.live[self.indexes_of_version(version)]
    }

    fn is_declared(self, identity: &Identity) -> bool {
        self.declared
            .binary_search_by(|entry| entry.identity.cmp(identity))
            .is_ok()
    }

    /// Finds the records of a declared version, as indexes into [`NameView::live`]: those of its
    /// identity first, then those that moved to the other owner of the pair. The declaration refers
    /// to the first one, which is the newest. An `ABSENT` version has every record that could be
    /// its own.
    pub(super) fn find(self, entry: &Desired) -> Vec<usize> {
        let indexes = self.indexes_of_version(&entry.identity.version);
        let owner = &entry.identity.owner;
        let has_owner = |index: &usize| self.live[*index].identity.owner == *owner;
        // The scope may contain the declared owner only as the other owner of a pair.
        let is_covered = self.manifest.scope.has_owner(owner);
        let is_exact =
            |index: &usize| has_owner(index) && (is_covered || self.covers(&self.live[*index]));
        let is_to_go = self.mode == Mode::Destroy || entry.state == State::Absent;
        let is_its_own = |index: &usize| {
            let record = &self.live[*index];
            // A version that is declared under another owner belongs to that declaration.
            !has_owner(index)
                && !self.is_declared(&record.identity)
                && (self.joins(owner, record)
                    || (is_to_go
                        && (self.is_deployed_as(owner, record)
                            || self.may_have_moved(owner, record))))
        };
        let exact = indexes.clone().filter(is_exact);
        exact.chain(indexes.filter(is_its_own)).collect()
    }

    /// Returns the records of a version under the other owner of the pair that no entry declares.
    pub(super) fn records_of_other_owner(
        self,
        entry: &Desired,
    ) -> impl Iterator<Item = &'a LiveVersion> {
        let owner = &entry.identity.owner;
        let records = self.records_of_version(&entry.identity.version).iter();
        records.filter(move |record| {
            let filed = &record.identity.owner;
            filed != owner
                && self.manifest.is_one_owner(owner, filed)
                && !self.is_declared(&record.identity)
        })
    }

    /// Returns whether a record belongs to the declared owner, filed under the other owner of the
    /// pair.
    pub(super) fn joins(self, declared: &Owner, record: &LiveVersion) -> bool {
        self.manifest.owner_pair().is_some_and(|pair| {
            pair.joins(declared, &record.identity.owner, record.author.as_deref())
        })
    }

    /// Returns whether an apply of this store deployed a record.
    pub(super) fn is_deployed(self, record: &LiveVersion) -> bool {
        self.history.deployed.contains_key(&record.id)
    }

    /// Returns whether the scope covers a record.
    fn covers(self, record: &LiveVersion) -> bool {
        self.manifest
            .covers(&record.identity, record.author.as_deref())
    }

    /// Returns whether an apply of this store deployed a record, and it is in the scope or may have
    /// moved between the declared owner and `IB_DEPLOYED`.
    fn is_deployed_as(self, declared: &Owner, record: &LiveVersion) -> bool {
        let filed = &record.identity.owner;
        let may_move = match self.manifest.owner_pair() {
            Some(pair) => pair.contains(declared) && pair.contains(filed),
            None => declared.is_ib_deployed() || filed.is_ib_deployed(),
        };
        self.is_deployed(record) && (may_move || self.covers(record))
    }

    /// Returns whether a record would belong to the declared owner if the environment named that
    /// owner as `user`.
    fn may_have_moved(self, declared: &Owner, record: &LiveVersion) -> bool {
        self.manifest.environment.user.is_none()
            && record.identity.owner.is_ib_deployed()
            && record.author.as_deref() == Some(declared.as_str())
    }
}

//! Everything that is declared and live of one solution name, and which record a declaration means.

use std::ops::Range;

use super::change::Mode;
use super::history::ApplyHistory;
use crate::attribute::State;
use crate::ident::{Identity, Version};
use crate::live::LiveVersion;
use crate::manifest::{Desired, Manifest};

/// One solution name, seen from both sides.
#[derive(Clone, Copy)]
pub(super) struct NameView<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) mode: Mode,
    pub(super) history: &'a ApplyHistory,
    /// Ordered by identity; each identity once.
    pub(super) declared: &'a [Desired],
    /// Ordered by identity, the newest record first among equals.
    pub(super) live: &'a [LiveVersion],
}

/// The live records of one declared version, as places in [`NameView::live`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    /// The record that is meant: the newest.
    pub(super) meant: Option<usize>,
    /// More records of the same identity.
    pub(super) others: Range<usize>,
}

impl Match {
    fn in_range(range: Range<usize>) -> Self {
        if range.is_empty() {
            Self {
                meant: None,
                others: range,
            }
        } else {
            Self {
                meant: Some(range.start),
                others: range.start + 1..range.end,
            }
        }
    }
}

impl<'a> NameView<'a> {
    /// The declared versions that are to serve once all is done.
    pub(super) fn declared_active(self) -> impl Iterator<Item = &'a Desired> {
        self.declared
            .iter()
            .filter(move |entry| self.mode == Mode::Converge && entry.state == State::Active)
    }

    /// The records of one identity, the newest first.
    fn places_of(self, identity: &Identity) -> Range<usize> {
        let start = self
            .live
            .partition_point(|version| version.identity < *identity);
        let count = self.live[start..].partition_point(|version| version.identity == *identity);
        start..start + count
    }

    /// The records of one identity, the newest first.
    pub(super) fn records_of(self, identity: &Identity) -> &'a [LiveVersion] {
        &self.live[self.places_of(identity)]
    }

    /// The records of one version, of every owner.
    pub(super) fn records_of_version(self, version: &Version) -> &'a [LiveVersion] {
        let start = self
            .live
            .partition_point(|live| live.identity.version < *version);
        let rest = &self.live[start..];
        &rest[..rest.partition_point(|live| live.identity.version == *version)]
    }

    fn is_declared(self, identity: &Identity) -> bool {
        self.declared
            .binary_search_by(|entry| entry.identity.cmp(identity))
            .is_ok()
    }

    /// Finds the record that a declared version means: the newest of its identity, else the one
    /// that moved to the other owner with its visibility (api-facts 2.4, U7).
    pub(super) fn find(self, entry: &Desired) -> Match {
        let exact = self.places_of(&entry.identity);
        // A tombstone deletes, as `destroy` does, and deletes match the exact owner only.
        if !exact.is_empty() || self.mode == Mode::Destroy || entry.state == State::Absent {
            return Match::in_range(exact);
        }
        let followed = self
            .manifest
            .other_owner(&entry.identity.owner)
            .map(|owner| Identity {
                owner,
                ..entry.identity.clone()
            })
            // What the manifest declares under the other owner is that declaration's own.
            .filter(|identity| !self.is_declared(identity))
            .map(|identity| self.places_of(&identity))
            .unwrap_or_default();
        let published = followed
            .clone()
            .find(|place| self.is_published_by_user(&self.live[*place]))
            .unwrap_or(followed.end);
        Match::in_range(published..followed.end)
    }

    /// Whether the environment's user published a record: whoever else did, it is a stranger's.
    pub(super) fn is_published_by_user(self, version: &LiveVersion) -> bool {
        let user = self.manifest.environment.user.as_ref();
        user.is_some_and(|user| version.author.as_deref() == Some(user.as_str()))
    }
}

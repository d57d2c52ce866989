//! The decisions of paging, without I/O: the next page to request, and whether the end of a list
//! can be trusted.
//!
//! A [`Walk`] takes the pages of a list in order and returns after each the next step. The
//! announcements of servers about the next page are contradictory (`docs/platform.md`), so a clear
//! announcement is trusted, and in doubt the next offset is requested: an empty page is a proof. An
//! announced offset is never followed over a gap: a server that uses a smaller `limit` than the
//! requested one may still count offsets by the requested one, and end the list by it.

use std::collections::HashSet;

use crate::api::http::bounds::{ListBound, ListBounds};
use crate::api::listing::page::Page;
use crate::api::wire::convert::BadRecord;
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord};

/// The number of pages in a row without a new record after which a list counts as endless.
const BARREN: usize = 100;

/// The next step after a page.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::api) enum Step {
    /// Request the page at this offset. `doubtful` if the server did not clearly announce a page
    /// there.
    PendingListing { at: u64, doubtful: bool },
    /// The list is complete.
    End,
    /// A record came twice: the list changed while it was read.
    Moved,
    /// The same page came again: the server seems to ignore the offset.
    Repeats,
    /// Several pages in a row contain nothing new.
    Endless,
    /// The list is longer than the limits allow.
    TooLong(ListBound),
}

/// The state of a list that is being read.
#[derive(Debug, Default)]
pub(in crate::api) struct Walk {
    bounds: ListBounds,
    seen: HashSet<SolutionId>,
    pub(in crate::api) versions: Vec<LiveVersion>,
    pub(in crate::api) unmanageable: Vec<UnmanageableRecord>,
    pub(in crate::api) bad: Vec<BadRecord>,
    /// The number of pages taken so far.
    pub(in crate::api) pages: usize,
    /// The number of entries taken so far.
    pub(in crate::api) items: u64,
    /// The entries and bytes received so far, including those of repeated pages.
    received: (u64, u64),
    /// True if the previous page clearly announced that it is the last.
    said_last: bool,
    /// The ids on the first page, in order.
    first: Vec<SolutionId>,
    /// The maximum number of entries on a page so far.
    pub(in crate::api) widest: u64,
    /// The maximum number of entries on a page of earlier lists of the server, which shows how long
    /// its pages may be.
    earlier: u64,
    /// The number of consecutive pages without anything new.
    barren: usize,
    /// The offset of the last empty page behind which more was announced.
    empty_at: Option<u64>,
    /// True if the announced offsets did not match the received records, so that pages may overlap
    /// although the list did not change.
    may_overlap: bool,
    /// True if records came after a page that was announced as the last one.
    denied_more: bool,
}

impl Walk {
    /// Creates the state of a list that fails above these limits. `earlier` is the maximum number
    /// of entries on a page of earlier lists.
    pub(in crate::api) fn new(bounds: ListBounds, earlier: u64) -> Self {
        Self {
            bounds,
            earlier,
            ..Self::default()
        }
    }

    /// Returns whether the last page clearly announced that it is the last, without an offset.
    pub(in crate::api) fn is_ended_by_server(&self) -> bool {
        self.said_last && !self.may_overlap
    }

    /// Takes the next page.
    pub(in crate::api) fn accept(&mut self, page: Page) -> Step {
        self.pages += 1;
        self.received.0 += page.received;
        self.received.1 += page.bytes;
        if let Some(bound) = self.bounds.exceeded(self.received) {
            return Step::TooLong(bound);
        }
        let said_last = std::mem::replace(&mut self.said_last, page.has_more == Some(false));
        if self.pages == 1 {
            self.first = page.ids().cloned().collect();
        }
        let mut ids = 0_usize;
        let mut fresh = 0_usize;
        for id in page.ids() {
            ids += 1;
            if self.seen.insert(id.clone()) {
                fresh += 1;
            }
        }
        let overlaps = fresh < ids;
        if overlaps {
            let is_first_again = self.pages > 1 && page.ids().eq(&self.first);
            let is_known = fresh == 0 && self.pages > 1;
            if is_known && (is_first_again || !self.may_overlap) {
                // The server treated an offset beyond the end as the start.
                return if said_last { Step::End } else { Step::Repeats };
            }
            if self.pages == 1 || !self.may_overlap {
                return Step::Moved;
            }
        }
        self.denied_more |= said_last && fresh > 0;
        self.barren = if fresh > 0 || (ids == 0 && page.received > 0) {
            0
        } else {
            self.barren + 1
        };
        let step = match self.next(&page, overlaps) {
            Step::PendingListing { .. } if self.barren >= BARREN => Step::Endless,
            step => step,
        };
        self.items += page.received;
        self.keep(page);
        step
    }

    /// Returns the step after a page, without a gap behind it.
    fn next(&mut self, page: &Page, overlaps: bool) -> Step {
        let widest = self.widest;
        self.widest = widest.max(page.received);
        let (at, doubtful) = match verdict(page) {
            Step::PendingListing { at, doubtful } => (at, doubtful),
            // Later pages are trusted if announcements and records have fitted together so far.
            Step::End
                if page.received >= self.earlier
                    && page.may_be_cut(widest)
                    && (widest == 0 || self.may_overlap || self.denied_more) =>
            {
                (page.offset.saturating_add(page.received), true)
            }
            step => return step,
        };
        let at = if page.received == 0 && self.empty_at != Some(page.offset) {
            // The page may have been empty by mistake.
            self.empty_at = Some(page.offset);
            page.offset
        } else if page.received == 0 && self.widest > 0 {
            // The server may have removed records that the caller may not see. The page may have
            // been as short as the longest that was seen.
            at.min(page.offset.saturating_add(self.widest))
        } else if overlaps && page.received > 0 {
            page.offset.saturating_add(page.received)
        } else {
            at
        };
        if page
            .announced()
            .is_some_and(|announced| announced != page.offset.saturating_add(page.received))
        {
            self.may_overlap = true;
        }
        Step::PendingListing { at, doubtful }
    }

    fn keep(&mut self, mut page: Page) {
        // Other kinds of records are deduplicated by id later.
        if self.may_overlap {
            page.bad.retain(|record| {
                record.id.is_none() || !self.bad.iter().any(|known| known.id == record.id)
            });
        }
        if self.versions.is_empty() {
            self.versions = page.versions;
        } else {
            self.versions.extend(page.versions);
        }
        self.unmanageable.extend(page.unmanageable);
        self.bad.extend(page.bad);
    }
}

/// Returns the step that a page announces. The offset leaves no gap behind the received records.
pub(in crate::api) fn verdict(page: &Page) -> Step {
    let behind = page.offset.saturating_add(page.received);
    let (at, doubtful) = match (page.received, page.has_more, page.announced()) {
        (0, Some(true), Some(at)) => (at, false),
        (0, _, _) | (_, Some(false), None) => return Step::End,
        (_, Some(true) | None, Some(at)) => (at.min(behind), false),
        (_, Some(false), Some(_)) | (_, Some(true) | None, None) => (behind, true),
    };
    Step::PendingListing { at, doubtful }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::LiveStateWord;
    use crate::ident::{Identity, Owner, SolutionName, Version};

    fn page(
        offset: u64,
        ids: std::ops::Range<u64>,
        has_more: Option<bool>,
        next_offset: Option<i64>,
    ) -> Page {
        let versions: Vec<LiveVersion> = ids
            .map(|id| LiveVersion {
                id: SolutionId::parse(&id.to_string()).unwrap(),
                identity: Identity {
                    name: SolutionName::parse("n").unwrap(),
                    version: Version::parse(&id.to_string()).unwrap(),
                    owner: Owner::parse("o").unwrap(),
                },
                author: None,
                state: LiveStateWord::Active,
                visibility: None,
                created_at_ms: None,
                updated_at_ms: None,
            })
            .collect();
        Page {
            offset,
            received: versions.len() as u64,
            versions,
            has_more,
            next_offset,
            ..Page::default()
        }
    }

    fn certain(at: u64) -> Step {
        Step::PendingListing {
            at,
            doubtful: false,
        }
    }

    fn doubtful(at: u64) -> Step {
        Step::PendingListing { at, doubtful: true }
    }

    #[test]
    fn each_form_of_one_page() {
        for (has_more, next_offset, expected) in [
            (Some(false), Some(-1), Step::End),
            (Some(false), None, Step::End),
            (Some(false), Some(0), Step::End),
            (Some(false), Some(40), doubtful(20)),
            (Some(true), Some(20), certain(20)),
            (Some(true), Some(25), certain(20)),
            (Some(true), Some(1_000), certain(20)),
            (Some(true), Some(i64::MAX), certain(20)),
            (None, Some(1_000), certain(20)),
            (Some(true), Some(15), certain(15)),
            (Some(false), Some(i64::MIN), Step::End),
            (Some(true), Some(-1), doubtful(20)),
            (Some(true), Some(0), doubtful(20)),
            (Some(true), None, doubtful(20)),
            (None, Some(20), certain(20)),
            (None, Some(-1), doubtful(20)),
            (None, None, doubtful(20)),
        ] {
            let mut walk = Walk::default();
            assert_eq!(
                walk.accept(page(0, 0..20, has_more, next_offset)),
                expected,
                "{has_more:?} {next_offset:?}"
            );
            assert_eq!((walk.pages, walk.items), (1, 20));
        }
        for (has_more, next_offset, expected) in [
            (None, None, Step::End),
            (Some(false), Some(-1), Step::End),
            (Some(true), Some(-1), Step::End),
            (Some(true), Some(20), certain(0)),
        ] {
            let mut walk = Walk::default();
            assert_eq!(walk.accept(page(0, 0..0, has_more, next_offset)), expected);
        }
    }

    #[test]
    fn a_repeated_page_is_not_a_changed_list() {
        let mut ignores_offset = Walk::default();
        ignores_offset.accept(page(0, 0..3, Some(true), None));
        assert_eq!(
            ignores_offset.accept(page(3, 0..3, Some(true), None)),
            Step::Repeats
        );

        let mut denies_more = Walk::default();
        assert_eq!(
            denies_more.accept(page(0, 0..3, Some(false), Some(9))),
            doubtful(3)
        );
        assert_eq!(
            denies_more.accept(page(3, 0..3, Some(false), Some(9))),
            Step::End
        );

        let mut moved = Walk::default();
        moved.accept(page(0, 0..3, Some(true), Some(3)));
        assert_eq!(moved.accept(page(3, 2..5, Some(false), None)), Step::Moved);
    }

    /// The server returns fewer records than the limit that `next_offset` counts; each record is
    /// read once.
    #[test]
    fn no_announced_offset_leaves_a_gap() {
        let mut walk = Walk::default();
        assert_eq!(
            walk.accept(page(0, 0..50, Some(true), Some(100))),
            certain(50)
        );
        assert_eq!(
            walk.accept(page(50, 50..100, Some(true), Some(150))),
            certain(100)
        );
        assert_eq!(
            walk.accept(page(100, 100..130, Some(false), Some(-1))),
            Step::End
        );
        assert_eq!(walk.versions.len(), 130);
    }

    /// The server sends at most 50 records, and computes the end by the requested limit. If pages
    /// and offsets fit together, its word is enough.
    #[test]
    fn a_page_that_may_be_cut_is_not_the_last() {
        let asked = |page: Page| Page {
            limit: Some(1_000),
            ..page
        };
        let mut walk = Walk::default();
        let first = asked(page(0, 0..50, Some(true), Some(1_000)));
        assert_eq!(walk.accept(first), certain(50));
        let second = asked(page(50, 50..100, Some(false), Some(-1)));
        assert_eq!(walk.accept(second), doubtful(100));
        let third = asked(page(100, 100..130, Some(false), Some(-1)));
        assert_eq!(walk.accept(third), Step::End);

        let mut honest = Walk::default();
        let first = asked(page(0, 0..50, Some(true), Some(50)));
        assert_eq!(honest.accept(first), certain(50));
        let second = asked(page(50, 50..100, Some(false), Some(-1)));
        assert_eq!(honest.accept(second), Step::End);

        for (received, step) in [(50, doubtful(50)), (57, Step::End), (1_000, Step::End)] {
            let only = asked(page(0, 0..received, Some(false), Some(-1)));
            assert_eq!(Walk::default().accept(only), step, "{received}");
        }

        // An earlier list showed that pages can be longer.
        for (earlier, step) in [(50, doubtful(50)), (51, Step::End)] {
            let only = asked(page(0, 0..50, Some(false), Some(-1)));
            let mut walk = Walk::new(ListBounds::default(), earlier);
            assert_eq!(walk.accept(only), step, "{earlier}");
        }
    }

    /// The server divides the list into pages first, and then removes the records that the caller
    /// may not see.
    #[test]
    fn pages_that_were_cut_may_overlap() {
        let mut walk = Walk::default();
        assert_eq!(walk.accept(page(0, 0..6, Some(true), Some(10))), certain(6));
        assert_eq!(
            walk.accept(page(6, 4..12, Some(true), Some(16))),
            certain(14)
        );
        // An empty page is requested again.
        let empty = || page(14, 12..12, Some(true), Some(24));
        assert_eq!(walk.accept(empty()), certain(14));
        assert_eq!(walk.accept(empty()), certain(22));
        assert_eq!(
            walk.accept(page(22, 12..15, Some(false), Some(-1))),
            Step::End
        );
        assert_eq!(walk.seen.len(), 15);
    }

    #[test]
    fn an_endless_list_is_stopped() {
        let mut walk = Walk::default();
        let mut step = walk.accept(page(0, 0..1, Some(true), Some(1)));
        let mut pages = 0;
        while let Step::PendingListing { at, .. } = step {
            let next = i64::try_from(at + 1).unwrap();
            step = walk.accept(page(at, 0..0, Some(true), Some(next)));
            pages += 1;
        }
        assert_eq!((step, pages), (Step::Endless, BARREN));
    }

    #[test]
    fn a_list_has_bounds() {
        let bounded = |bounds| Walk::new(bounds, 0);
        let mut walk = bounded(ListBounds {
            records: 5,
            bytes: u64::MAX,
        });
        assert_eq!(walk.accept(page(0, 0..5, Some(true), Some(5))), certain(5));
        let step = walk.accept(page(5, 5..6, Some(false), None));
        assert_eq!(step, Step::TooLong(ListBound::Records(5)));

        let mut walk = bounded(ListBounds {
            records: u64::MAX,
            bytes: 100,
        });
        let step = walk.accept(Page {
            bytes: 101,
            ..page(0, 0..5, Some(true), Some(5))
        });
        assert_eq!(step, Step::TooLong(ListBound::Bytes(100)));
    }
}

//! Whether a list came to an end that can be trusted: the decisions of paging, without I/O.
//!
//! A [`Walk`] takes the pages of one list in their order and says after each what to look at next.
//! What servers say of the next page is contradictory (api-facts 8.1, 8.2), so a clear word is
//! believed, and in doubt the next offset is looked at: an empty page is a proof.

use std::collections::HashSet;

use crate::api::convert::BadRecord;
use crate::api::page::Page;
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord};

/// More pages than any instance has, so that a list without end comes to one.
const PAGES: usize = 20_000;

/// What to do after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Look at this offset. `doubtful` if the server did not clearly announce a page there.
    Look { at: u64, doubtful: bool },
    /// The list is complete.
    End,
    /// A record came twice: the list moved while it was read.
    Moved,
    /// The same page again: the offset seems to be ignored.
    Repeats,
    /// It does not end.
    Endless,
}

/// One list on its way.
#[derive(Debug, Default)]
pub(super) struct Walk {
    seen: HashSet<SolutionId>,
    pub(super) versions: Vec<LiveVersion>,
    pub(super) unmanageable: Vec<UnmanageableRecord>,
    pub(super) bad: Vec<BadRecord>,
    /// Pages taken so far.
    pub(super) pages: usize,
    /// Entries taken so far.
    pub(super) items: u64,
    /// Whether the page before said clearly that it is the last.
    said_last: bool,
}

impl Walk {
    /// Takes the next page.
    pub(super) fn accept(&mut self, page: Page) -> Step {
        self.pages += 1;
        let said_last = std::mem::replace(&mut self.said_last, page.has_more == Some(false));
        let mut ids = 0_usize;
        let mut fresh = 0_usize;
        for id in page.ids() {
            ids += 1;
            if self.seen.insert(id.clone()) {
                fresh += 1;
            }
        }
        if fresh < ids {
            if fresh > 0 || self.pages == 1 {
                return Step::Moved;
            }
            // Nothing but known records: an offset beyond the end was taken for the start.
            return if said_last { Step::End } else { Step::Repeats };
        }
        let step = match verdict(&page) {
            Step::Look { .. } if self.pages >= PAGES => Step::Endless,
            step => step,
        };
        self.items += page.received;
        if self.versions.is_empty() {
            self.versions = page.versions;
        } else {
            self.versions.extend(page.versions);
        }
        self.unmanageable.extend(page.unmanageable);
        self.bad.extend(page.bad);
        step
    }
}

/// What one page says about what follows it.
pub(super) fn verdict(page: &Page) -> Step {
    let forward = page
        .next_offset
        .and_then(|next| u64::try_from(next).ok())
        .filter(|next| *next > page.offset);
    match (page.received, page.has_more, forward) {
        // Records that the caller may not see are cut out of their page: the list goes on.
        (0, Some(true), Some(at)) => Step::Look {
            at,
            doubtful: false,
        },
        (0, _, _) | (_, Some(false), None) => Step::End,
        (_, Some(true) | None, Some(at)) => Step::Look {
            at,
            doubtful: false,
        },
        (_, Some(false), Some(_)) | (_, Some(true) | None, None) => Step::Look {
            at: page.offset + page.received,
            doubtful: true,
        },
    }
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

    fn sure(at: u64) -> Step {
        Step::Look {
            at,
            doubtful: false,
        }
    }

    fn doubtful(at: u64) -> Step {
        Step::Look { at, doubtful: true }
    }

    #[test]
    fn the_word_of_one_page() {
        for (has_more, next_offset, expected) in [
            (Some(false), Some(-1), Step::End),
            (Some(false), None, Step::End),
            (Some(false), Some(0), Step::End),
            (Some(false), Some(40), doubtful(20)),
            (Some(true), Some(20), sure(20)),
            (Some(true), Some(25), sure(25)),
            (Some(true), Some(-1), doubtful(20)),
            (Some(true), Some(0), doubtful(20)),
            (Some(true), None, doubtful(20)),
            (None, Some(20), sure(20)),
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
            (Some(true), Some(20), sure(20)),
        ] {
            let mut walk = Walk::default();
            assert_eq!(walk.accept(page(0, 0..0, has_more, next_offset)), expected);
        }
    }

    #[test]
    fn a_repeated_page_is_told_from_a_moved_list() {
        let mut ignores_offset = Walk::default();
        ignores_offset.accept(page(0, 0..3, Some(true), None));
        assert_eq!(
            ignores_offset.accept(page(3, 0..3, Some(true), None)),
            Step::Repeats
        );

        let mut said_last = Walk::default();
        assert_eq!(
            said_last.accept(page(0, 0..3, Some(false), Some(9))),
            doubtful(3)
        );
        assert_eq!(
            said_last.accept(page(3, 0..3, Some(false), Some(9))),
            Step::End
        );

        let mut moved = Walk::default();
        moved.accept(page(0, 0..3, Some(true), Some(3)));
        assert_eq!(moved.accept(page(3, 2..5, Some(false), None)), Step::Moved);
    }

    #[test]
    fn a_list_without_end_comes_to_one() {
        let mut walk = Walk::default();
        let mut at = 0;
        for _ in 0..PAGES - 1 {
            assert_eq!(
                walk.accept(page(at, at..at + 1, Some(true), None)),
                doubtful(at + 1)
            );
            at += 1;
        }
        assert_eq!(
            walk.accept(page(at, at..at + 1, Some(true), None)),
            Step::Endless
        );
    }
}

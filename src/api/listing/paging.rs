//! A whole list: its pages, fetched concurrently if the server's steps allow it, and the proof that
//! it is complete and did not change meanwhile.
//!
//! The first answer shows the real step from page to page. Pages at further multiples of it are
//! prefetched, and taken in order by a [`Walk`]; as soon as the server announces another offset
//! than the expected one, the prefetched pages are dropped and the list continues one page at a
//! time. A list of several pages is accepted only if its first page, read again at the end, is
//! unchanged.

use std::collections::{BTreeMap, HashSet};

use tokio::task::JoinSet;

use crate::api::capabilities::Limit;
use crate::api::http::error::ApiError;
use crate::api::http::events::ReadEvent;
use crate::api::http::routes::ListFilter;
use crate::api::listing::page::{Page, Start};
use crate::api::listing::walk::{Step, Walk, verdict};
use crate::api::reader::Reader;
use crate::api::wire::convert::BadRecord;
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord, Unproven};

/// The maximum number of readings of a list that changes meanwhile.
const ATTEMPTS: usize = 3;

/// The number of pages that are requested at first: few, as most lists are short.
const FIRST_AHEAD: usize = 4;

/// The number of likely pages that wait for a permit to read, so that no permit is unused while an
/// answer is parsed.
const WAITING: usize = 4;

/// All records of a list, and the proof of its completeness.
#[derive(Debug, Default)]
pub(in crate::api) struct Listing {
    pub(in crate::api) versions: Vec<LiveVersion>,
    pub(in crate::api) unmanageable: Vec<UnmanageableRecord>,
    pub(in crate::api) bad: Vec<BadRecord>,
    pub(in crate::api) pages: usize,
    /// The reason why it is not proven complete.
    pub(in crate::api) doubt: Option<Unproven>,
    /// True if the list was abandoned because the server does not seem to filter by name:
    /// continuing would read the whole instance once for every name.
    pub(in crate::api) ignores_name: bool,
    /// The records whose state was inferred from the filter that found them.
    pub(in crate::api) inferred: HashSet<SolutionId>,
    /// The pending proof that the list did not change. [`Reader::list_from`] waits for it;
    /// [`Reader::list_early`] returns it.
    pub(in crate::api) pending: Option<Recheck>,
}

impl Listing {
    fn of(walk: Walk, doubt: Option<Unproven>) -> Self {
        Self {
            versions: walk.versions,
            unmanageable: walk.unmanageable,
            bad: walk.bad,
            pages: walk.pages,
            doubt,
            ..Self::default()
        }
    }

    /// Adds another list, whose readings are later.
    pub(in crate::api) fn absorb(&mut self, other: Self) {
        self.versions.extend(other.versions);
        self.unmanageable.extend(other.unmanageable);
        let known: HashSet<SolutionId> = self
            .bad
            .iter()
            .filter_map(|record| record.id.clone())
            .collect();
        self.bad.extend(
            other
                .bad
                .into_iter()
                .filter(|record| record.id.as_ref().is_none_or(|id| !known.contains(id))),
        );
        self.pages += other.pages;
        self.doubt = self.doubt.take().or(other.doubt);
        self.ignores_name |= other.ignores_name;
        self.inferred.extend(other.inferred);
    }
}

/// The second reading of a list's first page, at the end of the list.
#[derive(Debug)]
pub(in crate::api) struct Recheck {
    opening: Page,
    again: JoinSet<Result<Page, ApiError>>,
}

impl Recheck {
    fn begin(reader: &Reader, filter: &ListFilter, limit: Limit, opening: Page) -> Self {
        let (reader, filter) = (reader.clone(), filter.clone());
        let mut again = JoinSet::new();
        again.spawn(async move { reader.page(&filter, limit, 0).await });
        Self { opening, again }
    }

    /// Returns whether the list did not change. If nothing is pending, that is proven already.
    pub(in crate::api) async fn stood_still(pending: Option<Self>) -> Result<bool, ApiError> {
        let Some(mut this) = pending else {
            return Ok(true);
        };
        match joined(&mut this.again).await {
            Some(again) => Ok(again?.shows_the_same(&this.opening)),
            None => Ok(false),
        }
    }
}

/// Returns the result of the next task that ends; `None` if there is none, or the runtime is
/// shutting down.
pub(in crate::api) async fn joined<T: 'static>(tasks: &mut JoinSet<T>) -> Option<T> {
    match tasks.join_next().await? {
        Ok(given) => Some(given),
        Err(fault) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
        Err(_) => None,
    }
}

/// The end of a reading; the last proof may be pending.
enum Reading {
    Final(Listing),
    Again(Listing),
}

impl Reader {
    /// Reads a list to its end, again if it changed meanwhile.
    pub(in crate::api) async fn list(&self, filter: &ListFilter) -> Result<Listing, ApiError> {
        let start = self.first_page(filter).await?;
        self.list_from(filter, start).await
    }

    /// As [`Reader::list`], from a first page that is already read.
    pub(in crate::api) async fn list_from(
        &self,
        filter: &ListFilter,
        start: Start,
    ) -> Result<Listing, ApiError> {
        let limit = start.limit;
        let mut first = start.page;
        if is_unfiltered(filter, &first) {
            return Ok(Listing {
                ignores_name: true,
                ..Listing::default()
            });
        }
        let mut attempt = 1;
        loop {
            let listing = match Box::pin(self.walk(filter, limit, first)).await? {
                Reading::Final(mut listing) => {
                    if Recheck::stood_still(listing.pending.take()).await? {
                        return Ok(listing);
                    }
                    listing.doubt = Some(moving());
                    listing
                }
                Reading::Again(listing) => listing,
            };
            if attempt == ATTEMPTS {
                return Ok(listing);
            }
            tracing::debug!(?filter, attempt, "the list moved, it is read again");
            attempt += 1;
            first = self.page(filter, limit, 0).await?;
        }
    }

    /// As [`Reader::list_from`], but the last proof may still be pending.
    pub(in crate::api) async fn list_early(
        &self,
        filter: &ListFilter,
        start: Start,
    ) -> Result<Listing, ApiError> {
        match Box::pin(self.walk(filter, start.limit, start.page)).await? {
            Reading::Final(listing) => Ok(listing),
            Reading::Again(..) => self.list(filter).await,
        }
    }

    async fn walk(
        &self,
        filter: &ListFilter,
        limit: Limit,
        first: Page,
    ) -> Result<Reading, ApiError> {
        let opening = Page {
            versions: first.versions.clone(),
            unmanageable: first.unmanageable.clone(),
            bad: first.bad.clone(),
            ..first
        };
        let bounds = self.client.0.settings.list_bounds;
        let mut walk = Walk::new(bounds, self.capabilities.learned().longest_page);
        let mut step = walk.accept(first);
        let mut ahead = match step {
            Step::PendingListing { at, doubtful } => {
                Prefetch::new(self, filter, limit, at, !doubtful)
            }
            _ => Prefetch::new(self, filter, limit, 0, false),
        };
        loop {
            let (at, doubtful) = match step {
                Step::PendingListing { at, doubtful } => (at, doubtful),
                Step::End => break,
                Step::Moved => return Ok(Reading::Again(Listing::of(walk, Some(moving())))),
                Step::Repeats => {
                    let doubt = no_end(&walk, "the server repeats its page: it ignores `offset`");
                    return Ok(Reading::Again(Listing::of(walk, Some(doubt))));
                }
                Step::Endless => {
                    let doubt = no_end(
                        &walk,
                        "the last pages have no new record, and still there is more",
                    );
                    return Ok(Reading::Final(Listing::of(walk, Some(doubt))));
                }
                Step::TooLong(bound) => {
                    let call = self.page_call(filter, limit, walk.items);
                    return Err(self.client.too_long(&call, bound));
                }
            };
            match ahead.take(at).await {
                Ok(page) => {
                    self.received(filter, page.received);
                    step = walk.accept(page);
                }
                // The page whose existence was uncertain is refused: it may not exist, or the
                // server may not support paging. Only its clear word is a proof then.
                Err(error) if doubtful && error.is_refused_page() => {
                    if walk.is_ended_by_server() {
                        break;
                    }
                    let doubt = no_end(&walk, &error.to_string());
                    return Ok(Reading::Final(Listing::of(walk, Some(doubt))));
                }
                Err(error) => return Err(error),
            }
        }
        ahead.let_go();
        self.capabilities.learn(|known| {
            known.longest_page = known.longest_page.max(walk.widest);
            if *filter == ListFilter::default() {
                known.listed = Some(walk.items);
            }
        });
        let is_long = walk.pages > 1 && walk.items > opening.received;
        Ok(Reading::Final(Listing {
            pending: is_long.then(|| Recheck::begin(self, filter, limit, opening)),
            ..Listing::of(walk, None)
        }))
    }
}

impl Reader {
    pub(in crate::api) fn received(&self, filter: &ListFilter, records: u64) {
        let expected = self.capabilities.learned().expected;
        self.client.emit(&ReadEvent::Records {
            is_visibility: filter.visibility.is_some(),
            records,
            expected: (1..u64::MAX).contains(&expected).then_some(expected),
        });
    }
}

/// Returns whether the first page of a list by name shows only other names, and more pages follow.
fn is_unfiltered(filter: &ListFilter, first: &Page) -> bool {
    filter.name.as_ref().is_some_and(|name| {
        first.received > 0
            && verdict(first) != Step::End
            && first
                .versions
                .iter()
                .all(|version| version.identity.name != *name)
    })
}

fn moving() -> Unproven {
    Unproven::Moving { attempts: ATTEMPTS }
}

fn no_end(walk: &Walk, detail: &str) -> Unproven {
    Unproven::NoCleanEnd {
        items: usize::try_from(walk.items).unwrap_or(usize::MAX),
        detail: detail.to_owned(),
    }
}

/// The prefetched pages.
struct Prefetch {
    reader: Reader,
    filter: ListFilter,
    limit: Limit,
    /// The step from page to page; zero after the server's offsets proved irregular.
    step: u64,
    /// The next offset, if the steps are regular.
    expected: u64,
    /// The first offset that was not requested yet.
    unasked: u64,
    /// True if the server itself announced further pages. Otherwise it may not support paging, and
    /// an expected number of records does not count.
    is_announced: bool,
    /// The maximum number of concurrent pages if the number of pages is not known.
    width: usize,
    under_way: JoinSet<(u64, Result<Page, ApiError>)>,
    arrived: BTreeMap<u64, Result<Page, ApiError>>,
}

impl Prefetch {
    /// Starts the prefetch; `step` is the offset of the second page according to the first.
    fn new(
        reader: &Reader,
        filter: &ListFilter,
        limit: Limit,
        step: u64,
        is_announced: bool,
    ) -> Self {
        Self {
            reader: reader.clone(),
            filter: filter.clone(),
            limit,
            step,
            expected: step,
            unasked: step,
            is_announced,
            width: if is_announced { FIRST_AHEAD } else { 1 },
            under_way: JoinSet::new(),
            arrived: BTreeMap::new(),
        }
    }

    /// Returns the page at an offset.
    async fn take(&mut self, at: u64) -> Result<Page, ApiError> {
        if at != self.expected {
            self.step = 0;
        }
        if self.step == 0 {
            return self.reader.page(&self.filter, self.limit, at).await;
        }
        // Pages that may not exist are no reason for more requests.
        let most_unlikely = self.reader.client.0.limiter.base_reads();
        loop {
            // It grows meanwhile.
            let most = self.reader.client.0.limiter.reads();
            if let Some(page) = self.arrived.remove(&at) {
                self.expected = at + self.step;
                if self.expected > self.likely() {
                    self.width = most_unlikely.min(self.width * 2);
                }
                if page.as_ref().is_ok_and(|page| verdict(page) != Step::End) {
                    self.ask(most);
                }
                return page;
            }
            self.ask(most);
            let Some((offset, page)) = joined(&mut self.under_way).await else {
                self.step = 0;
                return self.reader.page(&self.filter, self.limit, at).await;
            };
            self.arrived.insert(offset, page);
        }
    }

    /// Lets the requests beyond a reliable end finish by themselves: aborting them would close
    /// connections that the next requests can use.
    fn let_go(mut self) {
        self.under_way.detach_all();
    }

    /// Returns the number of likely pages that are worth requesting at the same time. If the number
    /// of pages is not known yet, those behind the end must be few in comparison.
    fn worthwhile(&self, likely: u64) -> usize {
        if likely < u64::MAX {
            return usize::MAX;
        }
        let taken = self.expected.checked_div(self.step).unwrap_or_default();
        let share = usize::try_from(taken / 8).unwrap_or(usize::MAX);
        share.max(self.reader.client.0.limiter.base_reads())
    }

    /// Returns the expected number of records, if it is known.
    fn likely(&self) -> u64 {
        if self.is_announced && self.filter == ListFilter::default() {
            self.reader.capabilities.learned().expected
        } else {
            0
        }
    }

    /// Requests as many pages as possible, within a bound ahead of the next page.
    fn ask(&mut self, most: usize) {
        let horizon = self
            .expected
            .saturating_add(self.step.saturating_mul(2 * most as u64));
        let likely = self.likely();
        while self.unasked < horizon {
            let width = if self.unasked < likely {
                most.min(self.worthwhile(likely)) + WAITING
            } else if self.expected < likely {
                // The list has probably ended by then.
                0
            } else {
                self.width.min(most)
            };
            if self.under_way.len() >= width {
                break;
            }
            let (reader, filter) = (self.reader.clone(), self.filter.clone());
            let (limit, offset) = (self.limit, self.unasked);
            self.under_way
                .spawn(async move { (offset, reader.page(&filter, limit, offset).await) });
            self.unasked += self.step;
        }
    }
}

//! A page of a list: requested, read, and sorted into records.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::api::capabilities::Limit;
use crate::api::http::answer::{Answer, LIST_LIMIT};
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::routes::ListFilter;
use crate::api::http::send::Call;
use crate::api::reader::Reader;
use crate::api::wire::bodies::ListReply;
use crate::api::wire::convert::{BadRecord, Interner, Record, record};
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord};

/// A page that the server sent.
#[derive(Debug, Default)]
pub(in crate::api) struct Page {
    pub(in crate::api) offset: u64,
    /// The number of entries that were requested; `None` for the server's default.
    pub(in crate::api) limit: Option<u32>,
    /// The number of entries on the page, of any kind.
    pub(in crate::api) received: u64,
    /// The number of bytes of the answer.
    pub(in crate::api) bytes: u64,
    pub(in crate::api) versions: Vec<LiveVersion>,
    pub(in crate::api) unmanageable: Vec<UnmanageableRecord>,
    pub(in crate::api) bad: Vec<BadRecord>,
    pub(in crate::api) has_more: Option<bool>,
    pub(in crate::api) next_offset: Option<i64>,
}

impl Page {
    /// Returns the ids of all entries that have one.
    pub(in crate::api) fn ids(&self) -> impl Iterator<Item = &SolutionId> {
        self.versions
            .iter()
            .map(|version| &version.id)
            .chain(self.unmanageable.iter().map(|record| &record.id))
            .chain(self.bad.iter().filter_map(|record| record.id.as_ref()))
    }

    /// Returns the offset that the server announces, if it is greater than the current one.
    pub(in crate::api) fn announced(&self) -> Option<u64> {
        let next = u64::try_from(self.next_offset?).ok()?;
        (next > self.offset).then_some(next)
    }

    /// Returns whether the server may have sent fewer entries than were requested because it limits
    /// its pages: it may then compute the end of the list by the requested limit. `widest` is the
    /// number of entries on the longest page of this list so far. On the first page, a number that
    /// people choose as a maximum is suspicious.
    pub(in crate::api) fn may_be_cut(&self, widest: u64) -> bool {
        let received = self.received;
        if received < 10 || self.limit.is_none_or(|limit| received >= limit.into()) {
            return false;
        }
        if widest > 0 {
            return received >= widest;
        }
        received.is_multiple_of(10) || received.is_multiple_of(25) || received.is_power_of_two()
    }

    /// Returns whether both pages show the same records in the same order. Other fields are not
    /// compared: states and times change although no record was added or removed.
    pub(in crate::api) fn shows_the_same(&self, other: &Self) -> bool {
        self.received == other.received
            && self.ids().eq(other.ids())
            && self.bad.len() == other.bad.len()
    }
}

/// The start of a list whose first page is already read.
pub(in crate::api) struct Start {
    pub(in crate::api) page: Page,
    pub(in crate::api) limit: Limit,
}

impl Reader {
    /// Reads a page from an offset.
    pub(in crate::api) async fn page(
        &self,
        filter: &ListFilter,
        limit: Limit,
        offset: u64,
    ) -> Result<Page, ApiError> {
        let call = self.page_call(filter, limit, offset);
        let page = self.client.read(&call, |answer| read_page(answer, offset));
        Ok(Page {
            limit: limit.number(),
            ..page.await?
        })
    }

    /// Returns the call for a page.
    pub(in crate::api) fn page_call(&self, filter: &ListFilter, limit: Limit, offset: u64) -> Call {
        let route = self.client.0.routes.list(filter, limit.number(), offset);
        Call::new(route, LIST_LIMIT)
    }

    /// Reads the first page of a list, and returns it with the limit that the server accepted. If
    /// the server refuses the limit, a smaller one is tried. If it answers nothing to a limit that
    /// was never seen to work, the page is requested without a limit, because an empty page must
    /// not be taken for an empty instance.
    pub(in crate::api) async fn first_page(&self, filter: &ListFilter) -> Result<Start, ApiError> {
        let start = self.first_page_taken(filter).await?;
        self.received(filter, start.page.received);
        Ok(start)
    }

    async fn first_page_taken(&self, filter: &ListFilter) -> Result<Start, ApiError> {
        let capabilities = &self.capabilities;
        // A name has few versions; the server's default page size is enough.
        let of_name = filter.name.as_ref().map(|_| Limit::Unnamed);
        if let Some(limit) = capabilities.learned().limit.or(of_name) {
            let page = self.page(filter, limit, 0).await?;
            return Ok(Start { page, limit });
        }
        let mut limit = Limit::Thousand;
        loop {
            match self.page(filter, limit, 0).await {
                Ok(page) if page.received > 0 => {
                    capabilities.learn(|known| _ = known.limit.get_or_insert(limit));
                    return Ok(Start { page, limit });
                }
                Ok(page) if limit == Limit::Unnamed => return Ok(Start { page, limit }),
                Ok(_) => limit = Limit::Unnamed,
                Err(error) if error.is_refused_request() && limit == Limit::Thousand => {
                    limit = Limit::Hundred;
                }
                Err(error) if error.is_refused_request() && limit == Limit::Hundred => {
                    limit = Limit::Unnamed;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Parses a page.
pub(in crate::api) fn read_page(answer: &Answer, offset: u64) -> Result<Page, ApiErrorKind> {
    let reply: ListReply<'_> = answer.decode()?;
    let bodies = reply.solutions.required("solutions", &reply.status)?;
    let mut page = Page {
        offset,
        received: bodies.len() as u64,
        bytes: answer.body.len() as u64,
        versions: Vec::with_capacity(bodies.len()),
        has_more: reply.has_more.flag(),
        next_offset: reply.next_offset.int(),
        ..Page::default()
    };
    let mut interner = Interner::default();
    for body in bodies {
        match record(body, &mut interner) {
            Record::Understood(version) => page.versions.push(version),
            Record::Unmanageable(record) => page.unmanageable.push(record),
            Record::Bad(record) => page.bad.push(record),
        }
    }
    drop_repeats(&mut page.versions, |version| &version.id);
    drop_repeats(&mut page.unmanageable, |record| &record.id);
    Ok(page)
}

/// Drops exact duplicates within an answer: it shows a single moment, so no record moved. Two
/// different readings of a record stay, and prove nothing.
fn drop_repeats<T: PartialEq>(records: &mut Vec<T>, id: impl Fn(&T) -> &SolutionId) {
    let mut first: HashMap<&SolutionId, usize> = HashMap::with_capacity(records.len());
    let mut repeats = Vec::new();
    for (index, record) in records.iter().enumerate() {
        match first.entry(id(record)) {
            Entry::Vacant(entry) => _ = entry.insert(index),
            Entry::Occupied(entry) if records[*entry.get()] == *record => repeats.push(index),
            Entry::Occupied(_) => {}
        }
    }
    let mut repeats = repeats.into_iter().peekable();
    let mut indexes = 0..;
    records.retain(|_| repeats.next_if(|at| Some(*at) == indexes.next()).is_none());
}

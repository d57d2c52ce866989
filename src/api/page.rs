//! A page of a list: requested, read, and sorted into records.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::api::answer::{Answer, LIST_LIMIT};
use crate::api::client::Client;
use crate::api::convert::{BadRecord, Interner, Record, record};
use crate::api::error::{ApiError, ApiErrorKind};
use crate::api::routes::ListFilter;
use crate::api::send::Call;
use crate::api::wire::ListReply;
use crate::ident::SolutionId;
use crate::live::{LiveVersion, UnmanageableRecord};

/// The number of records to request for a page. The contract names no maximum (docs/platform.md,
/// U12): the server may send pages of another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Thousand,
    Hundred,
    /// The server's default.
    Unnamed,
}

impl Limit {
    fn number(self) -> Option<u32> {
        match self {
            Self::Thousand => Some(1000),
            Self::Hundred => Some(100),
            Self::Unnamed => None,
        }
    }
}

/// A page that the server sent.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) offset: u64,
    /// The number of entries on the page, of any kind.
    pub(super) received: u64,
    /// The number of bytes of the answer.
    pub(super) bytes: u64,
    pub(super) versions: Vec<LiveVersion>,
    pub(super) unmanageable: Vec<UnmanageableRecord>,
    pub(super) bad: Vec<BadRecord>,
    pub(super) has_more: Option<bool>,
    pub(super) next_offset: Option<i64>,
}

impl Page {
    /// Returns the ids of all entries that have one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &SolutionId> {
        self.versions
            .iter()
            .map(|version| &version.id)
            .chain(self.unmanageable.iter().map(|record| &record.id))
            .chain(self.bad.iter().filter_map(|record| record.id.as_ref()))
    }

    /// Returns the offset that the server announces, if it is greater than the current one.
    pub(super) fn announced(&self) -> Option<u64> {
        let next = u64::try_from(self.next_offset?).ok()?;
        (next > self.offset).then_some(next)
    }

    /// Returns whether both pages show the same records in the same order. Other fields are not
    /// compared: states and times change although no record was added or removed.
    pub(super) fn shows_the_same(&self, other: &Self) -> bool {
        self.received == other.received
            && self.ids().eq(other.ids())
            && self.bad.len() == other.bad.len()
    }
}

impl Client {
    /// Reads a page from an offset.
    pub(super) async fn page(
        &self,
        filter: &ListFilter,
        limit: Limit,
        offset: u64,
    ) -> Result<Page, ApiError> {
        let call = self.page_call(filter, limit, offset);
        self.read(&call, |answer| read_page(answer, offset)).await
    }

    /// Returns the call for a page.
    pub(super) fn page_call(&self, filter: &ListFilter, limit: Limit, offset: u64) -> Call {
        let route = self.0.routes.list(filter, limit.number(), offset);
        Call::new(route, LIST_LIMIT)
    }

    /// Reads the first page of a list, and returns it with the limit that the server accepted. If
    /// the server refuses the limit, a smaller one is tried. If it answers nothing to a limit that
    /// was never seen to work, the page is requested without a limit, because an empty page must
    /// not be taken for an empty instance.
    pub(super) async fn first_page(&self, filter: &ListFilter) -> Result<(Page, Limit), ApiError> {
        let (page, limit) = self.first_page_taken(filter).await?;
        self.received(filter, page.received);
        Ok((page, limit))
    }

    async fn first_page_taken(&self, filter: &ListFilter) -> Result<(Page, Limit), ApiError> {
        let capabilities = &self.0.capabilities;
        if let Some(limit) = capabilities.facts().limit {
            return Ok((self.page(filter, limit, 0).await?, limit));
        }
        if filter.name.is_some() {
            // A name has few versions; the server's default page size is enough.
            let limit = Limit::Unnamed;
            return Ok((self.page(filter, limit, 0).await?, limit));
        }
        let mut limit = Limit::Thousand;
        loop {
            match self.page(filter, limit, 0).await {
                Ok(page) if page.received > 0 => {
                    capabilities.limit(limit);
                    return Ok((page, limit));
                }
                Ok(page) if limit == Limit::Unnamed => return Ok((page, limit)),
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
pub(super) fn read_page(answer: &Answer, offset: u64) -> Result<Page, ApiErrorKind> {
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

//! The live state with its proof: every state covered, by whole lists or by names.
//!
//! A list without `state=` may show only what is in service, and a server of 23.04 may refuse it
//! (docs/platform.md, "Operations"). So the versions that such a list did not show are requested by
//! state, until an answer in this process has shown both kinds.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::api::capabilities::{NameFilter, States};
use crate::api::http::error::ApiError;
use crate::api::http::routes::ListFilter;
use crate::api::listing::page::Start;
use crate::api::listing::paging::Listing;
use crate::api::listing::pending_listing::{PendingListing, UnconfirmedListing};
use crate::api::listing::request::{ListRequest, Needed};
use crate::api::listing::walk::{Step, verdict};
use crate::api::reader::Reader;
use crate::api::wire::convert::{BadRecord, is_unstated, unstated};
use crate::attribute::LiveStateWord;
use crate::ident::{SolutionId, SolutionName};
use crate::live::{Coverage, LiveState, LiveVersion, RecordTexts, UnmanageableRecord, Unproven};

pub(in crate::api) const ACTIVE: &str = "ACTIVE";
pub(in crate::api) const INACTIVE: &str = "INACTIVE";
/// Not in the contract, but in most captured records (docs/platform.md, "Records"): a server may
/// not know it.
pub(in crate::api) const PRODUCTION: &str = "PRODUCTION";

/// The maximum number of readings of lists by state, if versions change their state meanwhile.
const ATTEMPTS: usize = 3;

/// The number of extra requests of a listing by names: learning how states and names are filtered.
const NAMES_OVERHEAD: u64 = 4;

impl Reader {
    /// Reads a snapshot of the needed versions in the cheaper way, with the proof of its
    /// completeness.
    pub async fn collect(&self, request: &ListRequest<'_>) -> Result<LiveState, ApiError> {
        let _reading = self.client.reading();
        self.expect(request);
        let few = request.names.as_ref();
        let (filter, start) = self.opening().await?;
        if let Some(names) = few
            && self
                .is_worth_asking_by_names(names, &filter, &start)
                .await?
            && let Some(listing) = self.by_names(names, &start.page).await?
        {
            let coverage = Coverage::Names(names.clone());
            return self.snapshot(listing, coverage, request).await;
        }
        let listing = self.everything(&filter, start).await?;
        // A list that changes at each reading need not block the few names that matter.
        if listing.doubt.is_some()
            && let Some(names) = few
            && self.capabilities.learned().names != NameFilter::Broken
            && let Some(by_name) = self.by_names(names, &self.any_page().await?).await?
            && by_name.doubt.is_none()
        {
            let coverage = Coverage::Names(names.clone());
            return self.snapshot(by_name, coverage, request).await;
        }
        self.snapshot(listing, Coverage::Whole, request).await
    }

    /// As [`Reader::collect`], but from a pending listing of everything, unless only a few names
    /// matter, which are requested one by one. The result must be confirmed.
    pub async fn collect_from(
        &self,
        pending: PendingListing,
        request: &ListRequest<'_>,
    ) -> Result<UnconfirmedListing, ApiError> {
        let _reading = self.client.reading();
        self.expect(request);
        let listed = match request.names {
            Some(_) => {
                drop(pending);
                None
            }
            None => pending.listing().await?,
        };
        let Some(mut listing) = listed else {
            return Ok(UnconfirmedListing {
                live: self.collect(request).await?,
                pending: None,
            });
        };
        let pending = listing.pending.take();
        let live = self.snapshot(listing, Coverage::Whole, request).await?;
        Ok(UnconfirmedListing { live, pending })
    }

    fn expect(&self, request: &ListRequest<'_>) {
        if let Some(expected) = request.expected {
            self.capabilities.learn(|known| known.expected = expected);
        }
    }

    /// Returns the snapshot: every listed version with the needed visibility, and the proof of
    /// coverage.
    async fn snapshot(
        &self,
        mut listing: Listing,
        proven: Coverage,
        request: &ListRequest<'_>,
    ) -> Result<LiveState, ApiError> {
        let pages = matches!(proven, Coverage::Whole).then_some(listing.pages);
        let needs_visibility = |name: &SolutionName| (request.needs)(name) == Needed::Visibility;
        self.add_visibility(&mut listing.versions, needs_visibility, pages)
            .await?;
        // A record that cannot be identified matters, unless it has a name that does not.
        let (outside, bad): (Vec<_>, Vec<_>) = listing.bad.into_iter().partition(|record| {
            let is_needed = |name| request.needs_records(name);
            record.id.is_some() && record.name.as_ref().is_some_and(|name| !is_needed(name))
        });
        listing
            .unmanageable
            .extend(outside.into_iter().filter_map(|record| {
                let name = record.name?.to_string();
                Some(UnmanageableRecord {
                    id: record.id?,
                    label: format!("{name:?}"),
                    reason: record.detail,
                    texts: RecordTexts {
                        name,
                        ..RecordTexts::default()
                    },
                })
            }));
        let doubt = listing.doubt.or_else(|| bad_records(&bad));
        let coverage = doubt.map_or(proven, Coverage::Unproven);
        Ok(LiveState::new(listing.versions, coverage).with_unmanageable(listing.unmanageable))
    }

    /// Lists every version, from the first page of everything.
    pub(in crate::api) async fn everything(
        &self,
        filter: &ListFilter,
        start: Start,
    ) -> Result<Listing, ApiError> {
        if filter.state.is_none() {
            let listing = self.list_from(filter, start).await?;
            self.complete(filter, listing).await
        } else {
            self.per_state(filter).await
        }
    }

    /// Reads the first page of everything, or of what is in service if a list must name a state.
    pub(in crate::api) async fn opening(&self) -> Result<(ListFilter, Start), ApiError> {
        let in_service = ListFilter {
            state: Some(ACTIVE),
            ..ListFilter::default()
        };
        if self.capabilities.learned().states != States::PerState {
            match self.first_page(&ListFilter::default()).await {
                Ok(start) => return Ok((ListFilter::default(), start)),
                Err(refusal) if refusal.is_refused_request() => {
                    let Ok(start) = self.first_page(&in_service).await else {
                        return Err(refusal);
                    };
                    self.capabilities.states(States::PerState);
                    return Ok((in_service, start));
                }
                Err(error) => return Err(error),
            }
        }
        let start = self.first_page(&in_service).await?;
        Ok((in_service, start))
    }

    /// Returns whether the instance is bigger than the cost of a listing by names. A single
    /// request, for the page with that number, shows this.
    async fn is_worth_asking_by_names(
        &self,
        names: &BTreeSet<SolutionName>,
        filter: &ListFilter,
        start: &Start,
    ) -> Result<bool, ApiError> {
        let Step::PendingListing { at, .. } = verdict(&start.page) else {
            return Ok(false);
        };
        if self.capabilities.learned().names == NameFilter::Broken {
            return Ok(false);
        }
        let far = at.saturating_mul(names.len() as u64 + NAMES_OVERHEAD);
        match self.page(filter, start.limit, far).await {
            Ok(page) => Ok(page.received > 0),
            Err(error) if error.is_refused_page() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds the versions that a list without a state may have hidden.
    pub(in crate::api) async fn complete(
        &self,
        filter: &ListFilter,
        mut listing: Listing,
    ) -> Result<Listing, ApiError> {
        let shows = Shows::of(&listing.versions);
        if shows.in_service {
            self.capabilities.learn(|known| known.shows_service = true);
        }
        if shows.both() {
            self.capabilities.states(States::ShowsBoth);
            return Ok(listing);
        }
        if listing.doubt.is_some() || listing.ignores_name {
            return Ok(listing);
        }
        let known: HashSet<SolutionId> = listing
            .versions
            .iter()
            .map(|version| version.id.clone())
            .collect();
        let extra = self.hidden(filter, &shows).await?;
        let hides = extra
            .versions
            .iter()
            .any(|version| !known.contains(&version.id));
        if hides {
            self.capabilities.states(States::PerState);
        } else if filter.name.is_none() {
            let is_vacuous = !shows.inactive && !Shows::of(&extra.versions).inactive;
            if is_vacuous {
                self.capabilities.none_inactive();
            } else {
                self.capabilities.states(States::ShowsBoth);
            }
        }
        listing.absorb(extra);
        Ok(listing)
    }

    /// Lists the versions that a list did not show, with a separate list for each state.
    pub(in crate::api) async fn hidden(
        &self,
        filter: &ListFilter,
        shows: &Shows,
    ) -> Result<Listing, ApiError> {
        let list = async |is_shown: bool, word, is_needed| {
            if is_shown {
                Ok(None)
            } else {
                self.state(filter, word, is_needed).await
            }
        };
        let (active, production, inactive) = tokio::try_join!(
            list(shows.in_service, ACTIVE, true),
            list(shows.production, PRODUCTION, false),
            list(shows.inactive, INACTIVE, true),
        )?;
        Ok(union([active, production, inactive]))
    }

    /// Lists every version of a filter, with a separate list for each state. The versions out of
    /// service are read before and after the rest, so that a change of state in between is noticed.
    pub(in crate::api) async fn per_state(&self, filter: &ListFilter) -> Result<Listing, ApiError> {
        let mut attempt = 1;
        loop {
            let before = self.state(filter, INACTIVE, true).await?;
            let inactive = Shows {
                inactive: true,
                ..Shows::default()
            };
            let in_service = self.hidden(filter, &inactive).await?;
            let after = self.state(filter, INACTIVE, true).await?;
            let mut listing = union([Some(in_service), after]);
            let known: HashSet<&SolutionId> =
                listing.versions.iter().map(|version| &version.id).collect();
            let is_gone = before
                .iter()
                .flat_map(|before| &before.versions)
                .any(|version| !known.contains(&version.id));
            if !is_gone || listing.doubt.is_some() {
                return Ok(listing);
            }
            if attempt == ATTEMPTS {
                listing.doubt = Some(Unproven::Moving { attempts: ATTEMPTS });
                return Ok(listing);
            }
            attempt += 1;
        }
    }

    /// Lists the versions of a single state. A record without a state gets the state of the list
    /// that contains it. Returns `None` if the list of an optional state is refused; if the list of
    /// a required state is refused, nothing is proven.
    async fn state(
        &self,
        filter: &ListFilter,
        word: &'static str,
        is_needed: bool,
    ) -> Result<Option<Listing>, ApiError> {
        let filter = ListFilter {
            state: Some(word),
            ..filter.clone()
        };
        match self.list(&filter).await {
            Ok(mut listing) => {
                for version in &mut listing.versions {
                    if is_unstated(version) {
                        version.state = LiveStateWord::new(word);
                        listing.inferred.insert(version.id.clone());
                    }
                }
                Ok(Some(listing))
            }
            Err(error) if error.is_refused_request() && is_needed => Ok(Some(Listing {
                doubt: Some(Unproven::NoCleanEnd {
                    items: 0,
                    detail: error.to_string(),
                }),
                ..Listing::default()
            })),
            Err(error) if error.is_refused_request() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Merges several lists. If a state was only inferred from the filter, and two filters found the
/// same record, a filter was ignored or the record moved: its state is not known.
fn union(lists: impl IntoIterator<Item = Option<Listing>>) -> Listing {
    let mut whole = Listing::default();
    for list in lists.into_iter().flatten() {
        whole.absorb(list);
    }
    if !whole.inferred.is_empty() {
        let mut words: HashMap<SolutionId, LiveStateWord> = HashMap::new();
        let mut torn: HashSet<SolutionId> = HashSet::new();
        for version in &whole.versions {
            let first = words
                .entry(version.id.clone())
                .or_insert_with(|| version.state.clone());
            if whole.inferred.contains(&version.id) && *first != version.state {
                torn.insert(version.id.clone());
            }
        }
        for version in &mut whole.versions {
            if torn.contains(&version.id) {
                version.state = unstated();
            }
        }
    }
    whole
}

/// The kinds of versions that a list showed.
#[derive(Default)]
pub(in crate::api) struct Shows {
    pub(in crate::api) in_service: bool,
    production: bool,
    inactive: bool,
}

impl Shows {
    pub(in crate::api) fn of(versions: &[LiveVersion]) -> Self {
        let has = |word: &LiveStateWord| versions.iter().any(|version| version.state == *word);
        let production = has(&LiveStateWord::Production);
        Self {
            in_service: production || has(&LiveStateWord::Active),
            production,
            inactive: has(&LiveStateWord::Inactive),
        }
    }

    /// Returns whether the list showed versions in service and versions out of service.
    pub(in crate::api) fn both(&self) -> bool {
        self.in_service && self.inactive
    }
}

/// Returns the doubt about a list with records that cannot be identified.
pub(in crate::api) fn bad_records(bad: &[BadRecord]) -> Option<Unproven> {
    Some(Unproven::BadRecords {
        count: bad.len(),
        detail: bad.first()?.detail.clone(),
    })
}

//! Lists by name: the cheap way to read a few names on a big instance, and the check before a POST.
//!
//! It is not documented whether `name=` matches exactly, by prefix or not at all (docs/platform.md,
//! 8.25). So every answer is filtered again for the exact name, and an empty answer counts only
//! after the filter has found a version in this process.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;

use crate::api::capabilities::{Limit, NameFilter, States};
use crate::api::http::error::{ApiError, ReadError};
use crate::api::http::events::ReadEvent;
use crate::api::http::routes::ListFilter;
use crate::api::listing::coverage::{ACTIVE, INACTIVE, Shows, bad_records};
use crate::api::listing::page::Page;
use crate::api::listing::paging::Listing;
use crate::api::reader::Reader;
use crate::api::wire::convert::is_unstated;
use crate::ident::SolutionName;
use crate::live::{Coverage, LiveState, LiveVersion};

/// Returns whether a server refuses lists by name; it may still list everything.
fn refuses_filter(error: &ApiError) -> bool {
    matches!(error.status(), Some(400 | 422))
}

impl Reader {
    /// Lists every version of these names, with a separate list for each name. `None` if the server
    /// does not filter by name.
    pub(in crate::api) async fn by_names(
        &self,
        names: &BTreeSet<SolutionName>,
        opening: &Page,
    ) -> Result<Option<Listing>, ApiError> {
        self.learn_states(opening).await?;
        let at_once = self.client.0.limiter.most_reads();
        // Created beforehand: a stream that holds the closure could not leave its task.
        let questions: Vec<_> = names.iter().map(|name| self.one_name(name)).collect();
        let mut answers = futures_util::stream::iter(questions).buffer_unordered(at_once);
        let mut whole = Listing::default();
        for done in 0.. {
            let total = names.len();
            self.client.emit(&ReadEvent::Names { done, total });
            let answered = match answers.try_next().await {
                Ok(Some(answered)) => answered,
                Ok(None) => break,
                Err(error) if refuses_filter(&error) => {
                    self.capabilities
                        .learn(|known| known.names = NameFilter::Broken);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            if answered.ignores_name {
                self.capabilities
                    .learn(|known| known.names = NameFilter::Broken);
                return Ok(None);
            }
            whole.absorb(answered);
        }
        let is_trusted = self.capabilities.learned().names == NameFilter::Works
            || self.try_name_filter(opening).await?;
        Ok(is_trusted.then_some(whole))
    }

    /// Lists every version with exactly that name, in all states and of all owners. Normally this
    /// takes a single request, after the instance was listed in this process. An answer that is not
    /// proven complete is an error.
    pub async fn named(&self, name: &SolutionName) -> Result<Vec<LiveVersion>, ReadError> {
        let listing = self.every_version(name).await?;
        let reason = listing.doubt.or_else(|| bad_records(&listing.bad));
        if let Some(reason) = reason {
            return Err(ReadError::Unproven {
                name: name.clone(),
                reason,
            });
        }
        let coverage = Coverage::Names(BTreeSet::from([name.clone()]));
        Ok(LiveState::new(listing.versions, coverage).into_versions())
    }

    /// Lists every version of a name. The list is complete if it has no doubt.
    async fn every_version(&self, name: &SolutionName) -> Result<Listing, ApiError> {
        if self.capabilities.learned().names != NameFilter::Broken {
            let answered = match self.one_name(name).await {
                Ok(answered) => Some(answered),
                Err(error) if refuses_filter(&error) => None,
                Err(error) => return Err(error),
            };
            if let Some(answered) = answered
                && !answered.ignores_name
                && (self.capabilities.learned().names == NameFilter::Works
                    || self.trusts_name_filter(Instant::now()).await?)
            {
                return Ok(answered);
            }
            self.capabilities
                .learn(|known| known.names = NameFilter::Broken);
        }
        let everything = ListFilter::default();
        let listing = if self.capabilities.learned().states == States::PerState {
            self.per_state(&everything).await?
        } else {
            let listing = self.list(&everything).await?;
            self.complete(&everything, listing).await?
        };
        Ok(only(listing, name))
    }

    /// Returns whether an answer of the name filter that came at this time can be trusted, although
    /// it may be empty: the filter has found something, or there is nothing. Callers at the same
    /// time share the requests.
    async fn trusts_name_filter(&self, answered: Instant) -> Result<bool, ApiError> {
        let mut seen_empty = self.capabilities.seen_empty.lock().await;
        match self.capabilities.learned().names {
            NameFilter::Works => return Ok(true),
            NameFilter::Broken => return Ok(false),
            NameFilter::Unknown => {}
        }
        if seen_empty.is_some_and(|began| began >= answered) {
            return Ok(true);
        }
        let began = Instant::now();
        let opening = self.any_page().await?;
        if opening.received == 0 {
            *seen_empty = Some(began);
            return Ok(true);
        }
        // The filter has not found anything yet: request a name that exists.
        self.try_name_filter(&opening).await
    }

    /// Reads a page of everything, or of what is in service if a list must name a state.
    pub(in crate::api) async fn any_page(&self) -> Result<Page, ApiError> {
        let learned = self.capabilities.learned();
        let limit = learned.limit.unwrap_or(Limit::Unnamed);
        let in_service = ListFilter {
            state: Some(ACTIVE),
            ..ListFilter::default()
        };
        if learned.states == States::PerState {
            return self.page(&in_service, limit, 0).await;
        }
        match self.page(&ListFilter::default(), limit, 0).await {
            Err(error) if error.is_refused_request() => self.page(&in_service, limit, 0).await,
            result => result,
        }
    }

    /// Lists the versions of a name, in all states.
    async fn one_name(&self, name: &SolutionName) -> Result<Listing, ApiError> {
        let filter = ListFilter {
            name: Some(name.clone()),
            ..ListFilter::default()
        };
        let learned = self.capabilities.learned();
        if learned.states == States::Unknown
            && learned.shows_service
            && learned.names == NameFilter::Works
        {
            Box::pin(self.learn_states_by_example()).await?;
        }
        let listing = match self.capabilities.learned().states {
            States::ShowsBoth | States::NoneInactive => self.list(&filter).await?,
            States::PerState => self.per_state(&filter).await?,
            States::Unknown => match self.list(&filter).await {
                Ok(listing) => self.complete(&filter, listing).await?,
                Err(error) if error.is_refused_request() => {
                    let listing = self.per_state(&filter).await?;
                    if listing.doubt.is_some() {
                        return Err(error);
                    }
                    self.capabilities.states(States::PerState);
                    listing
                }
                Err(error) => return Err(error),
            },
        };
        let listing = only(listing, name);
        if !listing.versions.is_empty() {
            self.capabilities
                .learn(|known| known.names = NameFilter::Works);
        }
        Ok(listing)
    }

    /// Requests a name that exists. A single record proves that the filter works.
    async fn try_name_filter(&self, opening: &Page) -> Result<bool, ApiError> {
        let Some(known) = opening.versions.first() else {
            return Ok(false);
        };
        let answered = self.one_name(&known.identity.name).await?;
        let works = !answered.versions.is_empty();
        if !works {
            self.capabilities
                .learn(|known| known.names = NameFilter::Broken);
        }
        Ok(works)
    }

    /// Learns whether lists without a state show what is out of service, if a page of such a list
    /// shows it.
    async fn learn_states(&self, opening: &Page) -> Result<(), ApiError> {
        let capabilities = &self.capabilities;
        if matches!(
            capabilities.learned().states,
            States::ShowsBoth | States::PerState
        ) {
            return Ok(());
        }
        let shows = Shows::of(&opening.versions);
        if shows.both() {
            capabilities.states(States::ShowsBoth);
            return Ok(());
        }
        if !shows.in_service {
            capabilities.states(States::PerState);
            return Ok(());
        }
        capabilities.learn(|known| known.shows_service = true);
        self.learn_states_by_example().await
    }

    /// Learns the same by requesting a version that is out of service, and then its name.
    async fn learn_states_by_example(&self) -> Result<(), ApiError> {
        let capabilities = &self.capabilities;
        let inactive = ListFilter {
            state: Some(INACTIVE),
            ..ListFilter::default()
        };
        let page = match self.first_page(&inactive).await {
            Ok(start) => start.page,
            // This server does not list what is out of service: each name is requested in all
            // states, and reports its own doubt.
            Err(error) if error.is_refused_request() => {
                capabilities.states(States::Unknown);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let example = page
            .versions
            .iter()
            .find(|version| !version.state.is_in_service() || is_unstated(version));
        let Some(example) = example else {
            if page.received == 0 {
                capabilities.none_inactive();
            } else {
                // The filter is ignored, so lists show every version.
                capabilities.states(States::ShowsBoth);
            }
            return Ok(());
        };
        let by_name = ListFilter {
            name: Some(example.identity.name.clone()),
            ..ListFilter::default()
        };
        let listing = self.list(&by_name).await?;
        let is_shown = listing
            .versions
            .iter()
            .any(|version| version.id == example.id);
        let states = if is_shown {
            States::ShowsBoth
        } else {
            States::PerState
        };
        capabilities.states(states);
        Ok(())
    }
}

/// Keeps the records with exactly that name, and those that may have it.
fn only(mut listing: Listing, name: &SolutionName) -> Listing {
    listing
        .versions
        .retain(|version| version.identity.name == *name);
    listing
        .bad
        .retain(|record| record.name.as_ref().is_none_or(|its_name| its_name == name));
    listing
}

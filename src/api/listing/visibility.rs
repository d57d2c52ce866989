//! The visibility of records that do not contain it: inferred from filtered lists
//! (docs/platform.md, 8.3).
//!
//! `visibility` can be filtered and patched, but is in no documented record. A record that exactly
//! one of the lists for the three words contains has that word; a record in none or in several
//! lists is unknown, which is never drift. It is never guessed from the owner. A list that is
//! refused, or not proven complete, does not count; with fewer than two lists, an ignored filter
//! could not be distinguished from a filter that works.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;

use crate::api::capabilities::{NameFilter, States, VisibilityFilter};
use crate::api::http::error::ApiError;
use crate::api::http::routes::ListFilter;
use crate::api::listing::coverage::Shows;
use crate::api::listing::unproven::RECORDS_PER_PAGE;
use crate::api::reader::Reader;
use crate::api::visibility_words::Words;
use crate::attribute::{LiveVisibilityWord, Visibility};
use crate::ident::{SolutionId, SolutionName};
use crate::live::{Coverage, LiveState, LiveVersion};

/// The time for which a read of every visibility is reused by the writes that start after it.
const WHOLE_READ_SERVES: Duration = Duration::from_secs(10);

impl Reader {
    /// Fills in the visibility of every version of these names, as far as lists show it.
    pub async fn with_visibility(
        &self,
        live: LiveState,
        names: BTreeSet<SolutionName>,
    ) -> Result<LiveState, ApiError> {
        let pages = matches!(live.coverage(), Coverage::Whole)
            .then(|| live.versions().len().div_ceil(RECORDS_PER_PAGE));
        let coverage = live.coverage().clone();
        let unmanageable = live.unmanageable().to_vec();
        let mut versions = live.into_versions();
        let is_needed = |name: &SolutionName| names.contains(name);
        self.add_visibility(&mut versions, is_needed, pages).await?;
        Ok(LiveState::new(versions, coverage).with_unmanageable(unmanageable))
    }

    /// Adds the visibility to the records of the needed names that do not contain it. `pages` is
    /// the number of pages of the whole instance, or `None` if it was not listed: then every name
    /// is requested separately.
    pub(in crate::api) async fn add_visibility(
        &self,
        versions: &mut [LiveVersion],
        is_needed: impl Fn(&SolutionName) -> bool,
        pages: Option<usize>,
    ) -> Result<(), ApiError> {
        let mut lacking: BTreeSet<SolutionName> = versions
            .iter()
            .filter(|version| version.visibility.is_none())
            .map(|version| &version.identity.name)
            .filter(|name| is_needed(name))
            .cloned()
            .collect();
        let learned = self.capabilities.learned();
        if lacking.is_empty() || learned.visibilities == VisibilityFilter::Ignored {
            return Ok(());
        }
        // The three lists divide the versions among them, so together they have about as many
        // pages.
        let is_cheaper_whole = pages.is_some_and(|pages| {
            let whole = if pages <= 1 {
                3
            } else {
                pages.saturating_add(3)
            };
            lacking.len().saturating_mul(3) >= whole
        });
        if is_cheaper_whole || learned.names == NameFilter::Broken {
            let words = self.words(None).await?;
            fill(versions, &lacking, &words);
            return Ok(());
        }
        // A single name first, which shows whether the two filters work together.
        if let Some(first) = lacking.pop_first() {
            let words = self.words(Some(&first)).await?;
            fill(versions, &BTreeSet::from([first]), &words);
            match self.capabilities.learned().visibilities {
                VisibilityFilter::Unknown => {}
                VisibilityFilter::Alone => {
                    fill(versions, &lacking, &words);
                    return Ok(());
                }
                VisibilityFilter::Ignored => return Ok(()),
            }
        }
        let at_once = self.client.0.limiter.most_reads();
        // Created beforehand: a stream that holds the closure could not leave its task.
        let questions: Vec<_> = lacking
            .into_iter()
            .map(|name| async move { Ok((self.words(Some(&name)).await?, name)) })
            .collect();
        let mut answers = futures_util::stream::iter(questions).buffer_unordered(at_once);
        while let Some((words, name)) = answers.try_next().await? {
            fill(versions, &BTreeSet::from([name]), &words);
        }
        Ok(())
    }

    /// Returns the visibility of a version: from its own record, or from filtered lists. `None` is
    /// unknown.
    pub async fn visibility_of(
        &self,
        version: &LiveVersion,
    ) -> Result<Option<LiveVisibilityWord>, ApiError> {
        if version.visibility.is_some() {
            return Ok(version.visibility.clone());
        }
        let learned = self.capabilities.learned();
        if learned.visibilities == VisibilityFilter::Ignored {
            return Ok(None);
        }
        let name = (learned.names != NameFilter::Broken).then_some(&version.identity.name);
        Ok(self.words(name).await?.of(&version.id))
    }

    /// Reads the visibility of a version right before a write, where the plan showed `planned`;
    /// `None` is unknown.
    ///
    /// A single list is enough if the filters were seen to combine and the planned word is still
    /// right; otherwise three are read. If the filters do not combine, a single read of everything
    /// serves all writes that start shortly after it (`WHOLE_READ_SERVES`).
    pub async fn visibility_before_write(
        &self,
        version: &LiveVersion,
        planned: &LiveVisibilityWord,
    ) -> Result<Option<LiveVisibilityWord>, ApiError> {
        let learned = self.capabilities.learned();
        if version.visibility.is_some() || learned.visibilities == VisibilityFilter::Ignored {
            return self.visibility_of(version).await;
        }
        if learned.names != NameFilter::Broken && learned.visibilities != VisibilityFilter::Alone {
            let name = Some(&version.identity.name);
            let word = Visibility::ALL
                .into_iter()
                .find(|word| planned.satisfies(*word));
            if learned.are_filters_combined
                && let Some(word) = word
                && let Some(ids) = self.word(name, word).await?
                && ids.contains(&version.id)
            {
                return Ok(Some(word.into()));
            }
            return Ok(self.words(name).await?.of(&version.id));
        }
        let mut whole = self.capabilities.whole_visibility.lock().await;
        let is_usable = |read_at: &Instant| read_at.elapsed() <= WHOLE_READ_SERVES;
        let words = match &mut *whole {
            Some((read_at, words)) if is_usable(read_at) => words,
            other => {
                let words = self.words(None).await?;
                &mut other.insert((Instant::now(), words)).1
            }
        };
        Ok(words.of(&version.id))
    }

    /// Reads the three lists: of a name, or of everything if no name is given, the server does not
    /// list by name, or the two filters do not work together.
    async fn words(&self, name: Option<&SolutionName>) -> Result<Words, ApiError> {
        let goes_alone = self.capabilities.learned().visibilities == VisibilityFilter::Alone;
        let name = name.filter(|_| !goes_alone);
        let words = self.three_lists(name).await?;
        if name.is_none() || words.disambiguate() {
            return Ok(words);
        }
        let whole = self.three_lists(None).await?;
        if !whole.disambiguate() {
            if words.are_all_the_same() {
                // The server does not show it: reading the whole instance again for every name
                // would be too expensive.
                self.capabilities
                    .learn(|known| known.visibilities = VisibilityFilter::Ignored);
            }
            return Ok(words);
        }
        if words.asked() < 2 {
            self.capabilities
                .learn(|known| known.names = NameFilter::Broken);
        }
        self.capabilities
            .learn(|known| known.visibilities = VisibilityFilter::Alone);
        Ok(whole)
    }

    async fn three_lists(&self, name: Option<&SolutionName>) -> Result<Words, ApiError> {
        let [public, private, pending] = Visibility::ALL;
        let (public, private, pending) = tokio::try_join!(
            self.word(name, public),
            self.word(name, private),
            self.word(name, pending),
        )?;
        let words = Words([public, private, pending]);
        if name.is_some() && words.differ() {
            self.capabilities
                .learn(|known| known.are_filters_combined = true);
        }
        // With a name, the cause may be that the two filters do not combine.
        if name.is_none() && words.are_all_the_same() {
            self.capabilities
                .learn(|known| known.visibilities = VisibilityFilter::Ignored);
        }
        Ok(words)
    }

    /// Returns the ids in the list of a word, or `None` if it cannot be read.
    async fn word(
        &self,
        name: Option<&SolutionName>,
        word: Visibility,
    ) -> Result<Option<HashSet<SolutionId>>, ApiError> {
        let filter = ListFilter {
            name: name.cloned(),
            visibility: Some(word.as_str()),
            ..ListFilter::default()
        };
        let listing = if self.capabilities.learned().states == States::PerState {
            self.hidden(&filter, &Shows::default()).await
        } else {
            self.list(&filter).await
        };
        match listing {
            Ok(listing) if listing.doubt.is_none() && !listing.ignores_name => Ok(Some(
                listing
                    .versions
                    .into_iter()
                    .filter(|version| {
                        version
                            .visibility
                            .as_ref()
                            .is_none_or(|found| found.satisfies(word))
                    })
                    .map(|version| version.id)
                    .collect(),
            )),
            Ok(_) => Ok(None),
            Err(error) if error.is_refused_request() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn fill(versions: &mut [LiveVersion], names: &BTreeSet<SolutionName>, words: &Words) {
    for version in versions {
        if version.visibility.is_none() && names.contains(&version.identity.name) {
            version.visibility = words.of(&version.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "reads well in the table")]
    fn ids(texts: &[&str]) -> Option<HashSet<SolutionId>> {
        let parse = |text: &&str| SolutionId::parse(text).unwrap();
        Some(texts.iter().map(parse).collect())
    }

    #[test]
    fn a_visibility_needs_exactly_one_list() {
        let id = SolutionId::parse("a").unwrap();
        for (lists, expected) in [
            ([ids(&["a"]), ids(&[]), ids(&[])], Some("PUBLIC")),
            ([ids(&[]), ids(&["a", "b"]), ids(&[])], Some("PRIVATE")),
            ([ids(&[]), ids(&[]), ids(&["a"])], Some("PENDING_REVIEW")),
            ([ids(&["a"]), ids(&["b"]), None], Some("PUBLIC")),
            ([ids(&["a"]), None, None], None),
            ([ids(&["a"]), ids(&["a"]), ids(&[])], None),
            ([ids(&["a"]), ids(&["a"]), ids(&["a"])], None),
            ([ids(&[]), ids(&[]), ids(&[])], None),
        ] {
            let words = Words(lists);
            assert_eq!(
                words.of(&id).as_ref().map(LiveVisibilityWord::as_str),
                expected
            );
        }
        assert!(Words([ids(&["a"]), ids(&["a"]), ids(&["a"])]).are_all_the_same());
        assert!(!Words([ids(&["a"]), ids(&["a"]), ids(&["b"])]).are_all_the_same());
    }
}

//! Plans: a list of pages that is known in advance, and records that are compared as they arrive.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;

use super::client::Client;
use super::concurrency::Concurrency;
use crate::Failure;
use crate::estate::{FIRST, Item, VISIBILITIES};

/// The number of records in a page.
const PAGE: usize = 100;

/// A request, and the expected number of records in its answer.
pub(super) struct Question {
    path: String,
    records: usize,
    /// The visibility filter of the list. Changes are not counted in filtered lists, because they
    /// are in the unfiltered list too.
    visibility: Option<&'static str>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    solutions: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    name: &'a str,
    version: &'a str,
    owner: &'a str,
    state: &'a str,
    visibility: Option<&'a str>,
}

/// Returns the visibility filters of the lists that a plan needs.
fn filters(profile: &str) -> impl Iterator<Item = Option<&'static str>> {
    // If records do not contain their visibility, three filtered lists are needed.
    let filtered = if profile == "docs" {
        &VISIBILITIES[..]
    } else {
        &[]
    };
    [None]
        .into_iter()
        .chain(filtered.iter().map(|word| Some(*word)))
}

fn matching(items: impl Iterator<Item = Item>, filter: Option<&str>) -> usize {
    let passes = |item: &Item| filter.is_none_or(|word| item.visibility() == word);
    items.filter(passes).count()
}

fn filter_query(filter: Option<&str>) -> String {
    filter.map_or_else(String::new, |word| format!("&visibility={word}"))
}

/// Returns the requests for every page of all lists.
pub(super) fn whole(live: usize, profile: &str) -> Vec<Question> {
    let mut questions = Vec::new();
    for visibility in filters(profile) {
        let total = matching((0..live).map(Item), visibility);
        let filter = filter_query(visibility);
        // An empty list has a page too.
        for offset in (0..total.max(1)).step_by(PAGE) {
            questions.push(Question {
                path: format!("/api/v2/solutions/deployed?limit={PAGE}&offset={offset}{filter}"),
                records: PAGE.min(total - offset),
                visibility,
            });
        }
    }
    questions
}

/// Returns the requests for a few names.
pub(super) fn by_names(items: impl Iterator<Item = Item>, profile: &str) -> Vec<Question> {
    let mut questions = Vec::new();
    for item in items {
        let name = item.name().replace(' ', "%20");
        for visibility in filters(profile) {
            let filter = filter_query(visibility);
            questions.push(Question {
                path: format!("/api/v2/solutions/deployed?name={name}{filter}"),
                records: matching([item].into_iter(), visibility),
                visibility,
            });
        }
    }
    questions
}

/// Sends all requests, and counts the changes of declared items. The first page is read alone,
/// because a real client does not know the page size before.
pub(super) async fn fetch(
    client: &Client,
    questions: &[Question],
    is_declared: impl Fn(Item) -> bool,
) -> Result<usize, Failure> {
    let mut concurrency = Concurrency::new();
    let mut changes = 0;
    let mut questions = questions.iter();
    let mut open = FuturesUnordered::new();
    open.extend(questions.next().map(|question| ask(client, question)));
    while let Some(answer) = open.next().await {
        let (inactive, time) = answer?;
        changes += inactive
            .into_iter()
            .filter(|item| is_declared(*item))
            .count();
        concurrency.record(time);
        let free = concurrency.reads().saturating_sub(open.len());
        let next = questions.by_ref().take(free);
        open.extend(next.map(|question| ask(client, question)));
    }
    Ok(changes)
}

/// Sends a request. Returns the items that are out of service, and the duration.
async fn ask(client: &Client, question: &Question) -> Result<(Vec<Item>, Duration), Failure> {
    let start = Instant::now();
    let answer = client.get(&question.path).await?;
    let time = start.elapsed();
    let page: Page<'_> = serde_json::from_slice(&answer)?;
    if page.solutions.len() != question.records {
        let found = page.solutions.len();
        return Err(format!("{}: {found} records", question.path).into());
    }
    let mut inactive = Vec::new();
    for record in page.solutions {
        let item = Item::named(record.name).ok_or("a record with another name")?;
        let visibility = record.visibility.or(question.visibility);
        let is_same = record.version == FIRST
            && record.owner == item.owner()
            && visibility.is_none_or(|word| word == item.visibility());
        if !is_same {
            return Err(format!("{} is not what it should be", record.name).into());
        }
        if record.state != "ACTIVE" && question.visibility.is_none() {
            inactive.push(item);
        }
    }
    Ok((inactive, time))
}

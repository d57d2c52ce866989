//! Plans: a list of pages that is known in advance, and records that are compared as they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tokio::task::JoinSet;

use super::READS_AT_ONCE;
use super::connection::Connection;
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

/// Sends all requests, with a limited number at a time, and counts the changes. The first page is
/// read alone, because a real client does not know the page size before.
pub(super) async fn fetch(address: &str, questions: Vec<Question>) -> Result<usize, Failure> {
    let questions = Arc::new(questions);
    let next = Arc::new(AtomicUsize::new(1));
    let mut first = Connection::open(address).await?;
    let mut changes = ask(&mut first, &questions[0]).await?;
    let mut workers = JoinSet::new();
    let mut open = Some(first);
    for _ in 0..READS_AT_ONCE.min(questions.len()) {
        let (questions, next) = (Arc::clone(&questions), Arc::clone(&next));
        let (address, open) = (address.to_owned(), open.take());
        workers.spawn(async move {
            let mut connection = match open {
                Some(connection) => connection,
                None => Connection::open(&address).await?,
            };
            let mut changes = 0;
            while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                changes += ask(&mut connection, question).await?;
            }
            Ok::<_, Failure>(changes)
        });
    }
    while let Some(worker) = workers.join_next().await {
        changes += worker??;
    }
    Ok(changes)
}

async fn ask(connection: &mut Connection, question: &Question) -> Result<usize, Failure> {
    let answer = connection.get(&question.path).await?;
    let page: Page<'_> = serde_json::from_slice(&answer)?;
    if page.solutions.len() != question.records {
        let found = page.solutions.len();
        return Err(format!("{}: {found} records", question.path).into());
    }
    let mut changes = 0;
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
            changes += 1;
        }
    }
    Ok(changes)
}

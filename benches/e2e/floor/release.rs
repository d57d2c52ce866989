//! Deploys and upgrades: a call that starts a job, a poll at its expected end, and a read to
//! confirm the record.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hyper::Method;
use serde::Deserialize;
use tokio::time::sleep;

use super::client::Client;
use crate::Failure;
use crate::estate::{FIRST, Item, NEXT};

/// The interval of the polls after the expected end of a job.
const AGAIN: Duration = Duration::from_millis(10);

#[derive(Deserialize)]
struct Started<'a> {
    job_id: &'a str,
}

#[derive(Deserialize)]
struct Job<'a> {
    state: &'a str,
    results: Option<Vec<Outcome<'a>>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    deployed_solution_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct Single<'a> {
    #[serde(borrow)]
    solution: Record<'a>,
}

#[derive(Deserialize)]
struct Record<'a> {
    name: &'a str,
    version: &'a str,
    owner: &'a str,
    state: &'a str,
    visibility: Option<&'a str>,
}

/// Deploys the first version of these items. Returns 0: a deploy does not count as a change.
pub(super) async fn deploy(
    client: &Client,
    items: impl Iterator<Item = Item>,
    at_once: usize,
    job_time: Duration,
) -> Result<usize, Failure> {
    at_most(items, at_once, async |item| {
        create(client, item, FIRST, job_time).await?;
        Ok(0)
    })
    .await
}

/// Deploys the next version of these items and deactivates the first one. Returns the number of
/// deactivations.
pub(super) async fn upgrade(
    client: &Client,
    items: impl Iterator<Item = Item>,
    at_once: usize,
    job_time: Duration,
) -> Result<usize, Failure> {
    at_most(items, at_once, async |item| {
        create(client, item, NEXT, job_time).await?;
        if item.is_changed() {
            // The first version is INACTIVE already.
            return Ok(0);
        }
        let path = format!("/api/v2/solutions/deployed/{}", item.id());
        let query = format!("{path}?state=INACTIVE");
        client.send(Method::PATCH, &query, Bytes::new()).await?;
        confirm(client, &path, item, FIRST, "INACTIVE").await?;
        Ok(1)
    })
    .await
}

/// Processes `at_once` items concurrently, and returns the sum of the counts.
async fn at_most(
    items: impl Iterator<Item = Item>,
    at_once: usize,
    work: impl AsyncFn(Item) -> Result<usize, Failure>,
) -> Result<usize, Failure> {
    stream::iter(items.map(|item| work(item)))
        .buffer_unordered(at_once)
        .try_fold(0, async |sum, count| Ok(sum + count))
        .await
}

async fn create(
    client: &Client,
    item: Item,
    version: &str,
    job_time: Duration,
) -> Result<(), Failure> {
    let body = serde_json::json!({ "solution_path": item.package(version) });
    let body = Bytes::from(body.to_string());
    let answer = client
        .send(Method::POST, "/api/v2/solutions/deployed", body)
        .await?;
    let started: Started<'_> = serde_json::from_slice(&answer)?;
    let path = format!("/api/v1/jobs/status?job_id={}&type=async", started.job_id);
    sleep(job_time).await;
    loop {
        let answer = client.get(&path).await?;
        let job: Job<'_> = serde_json::from_slice(&answer)?;
        if job.state == "DONE" {
            let mut outcomes = job.results.iter().flatten();
            let id = outcomes.find_map(|outcome| outcome.deployed_solution_id);
            let id = id.ok_or("the job names no solution")?;
            let path = format!("/api/v2/solutions/deployed/{id}");
            return confirm(client, &path, item, version, "ACTIVE").await;
        }
        sleep(AGAIN).await;
    }
}

/// Reads a record and compares it with the expected one.
async fn confirm(
    client: &Client,
    path: &str,
    item: Item,
    version: &str,
    state: &str,
) -> Result<(), Failure> {
    let answer = client.get(path).await?;
    let Single { solution } = serde_json::from_slice(&answer)?;
    let is_right = solution.name == item.name()
        && solution.version == version
        && solution.owner == item.owner()
        && solution.state == state
        && solution.visibility == Some(item.visibility());
    if is_right {
        Ok(())
    } else {
        Err(format!("{} is not what it should be", item.name()).into())
    }
}

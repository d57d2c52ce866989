//! Concurrent reads: their number adapts to the server, and a listing takes few round trips.
//!
//! Time is paused, so that it contains only the delays of the server, and every run is the same.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use solform::api::{Client, ListRequest, PendingListing, Reader};
use solform::live::{Coverage, LiveState};
use tokio::time::Instant;

use super::{reader, settings};
use crate::support::scripted::{Asked, Reply, Scripted};
use crate::support::worlds::env_with;

const LATENCY: Duration = Duration::from_millis(50);
const PAGE: usize = 100;

/// The number of reads with which a command begins, and that never grew in earlier versions.
const TEN: usize = 10;

/// The requests that a server got.
#[derive(Debug, Default)]
struct Load {
    /// The times at which the answers are sent.
    ends: Vec<Instant>,
    most_at_once: usize,
    /// The times of the requests that were not refused.
    accepted: Vec<Instant>,
    refused: usize,
    requests: usize,
}

impl Load {
    /// Records a request, and returns the number of concurrent ones.
    fn begin(&mut self) -> usize {
        let now = Instant::now();
        self.requests += 1;
        self.ends.retain(|end| *end > now);
        self.most_at_once = self.most_at_once.max(self.ends.len() + 1);
        self.ends.len() + 1
    }

    /// Returns whether the request is within a limit of 20 in a second.
    fn is_accepted(&mut self) -> bool {
        let now = Instant::now();
        let recent = |at: &&Instant| now - **at < Duration::from_secs(1);
        let is_accepted = self.accepted.iter().rev().take_while(recent).count() < 20;
        if is_accepted {
            self.accepted.push(now);
        } else {
            self.refused += 1;
        }
        is_accepted
    }
}

/// The behaviour of a server under load.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Every answer takes the same time.
    Constant,
    /// The requests are answered in turn.
    InTurn,
    /// It accepts 20 requests in a second.
    Limited,
}

fn page(asked: &Asked, records: usize) -> Value {
    let offset = asked.query.get("offset");
    let offset = offset.map_or(0, |text| text.parse().unwrap());
    let end = records.min(offset + PAGE);
    let solutions: Vec<Value> = (offset..end)
        .map(|number| {
            let state = if number == 7 { "INACTIVE" } else { "ACTIVE" };
            json!({
                "id": format!("id-{number}"), "name": format!("N {number}"), "version": "1",
                "owner": "o", "state": state, "visibility": "PUBLIC",
            })
        })
        .collect();
    let next = if end < records { json!(end) } else { json!(-1) };
    json!({"solutions": solutions, "has_more": end < records, "next_offset": next})
}

/// Starts a server of this pace, and returns it with its load.
async fn serve(records: usize, pace: Pace) -> (Scripted, Arc<Mutex<Load>>) {
    let load: Arc<Mutex<Load>> = Arc::default();
    let seen = Arc::clone(&load);
    let server = Scripted::start(move |asked| {
        let mut load = seen.lock().unwrap();
        let at_once = load.begin();
        let delay = match pace {
            Pace::InTurn => LATENCY * u32::try_from(at_once).unwrap(),
            Pace::Constant | Pace::Limited => LATENCY,
        };
        load.ends.push(Instant::now() + delay);
        if matches!(pace, Pace::Limited) && !load.is_accepted() {
            let refusal = Reply::text(429, "").header("retry-after", "1");
            return refusal.after(delay);
        }
        Reply::json(&page(asked, records)).after(delay)
    })
    .await;
    (server, load)
}

/// Lists all records of a server, all of which are declared. `most` is the maximum number of
/// concurrent reads. Returns the load, and the time in latencies.
async fn list(records: usize, pace: Pace, most: usize) -> (Load, f64) {
    let (server, load) = serve(records, pace).await;
    let mut settings = settings(&server);
    settings.most_reads = most;
    let reader = Reader::new(Client::new(settings).unwrap());
    let began = Instant::now();
    let pending = reader.start_listing_of(records).unwrap();
    let live = finish(&reader, pending, records).await;
    let latencies = began.elapsed().as_secs_f64() / LATENCY.as_secs_f64();
    assert_eq!(live.versions().len(), records, "{pace:?}");
    assert_eq!(live.coverage(), &Coverage::Whole, "{pace:?}");
    let load = std::mem::take(&mut *load.lock().unwrap());
    (load, latencies)
}

/// Finishes a listing as the command `plan` does.
async fn finish(reader: &Reader, pending: PendingListing, records: usize) -> LiveState {
    let request = ListRequest {
        expected: Some(records as u64),
        ..ListRequest::default()
    };
    let early = reader.collect_from(pending, &request).await.unwrap();
    early.confirmed().await.unwrap().unwrap()
}

/// While a big manifest is being read, the number of pages is not known.
#[tokio::test(start_paused = true)]
async fn an_unknown_end_costs_few_requests() {
    let (server, load) = serve(10_000, Pace::Constant).await;
    let reader = reader(&server);
    let pending = reader.start_listing();
    tokio::time::sleep(LATENCY * 100).await;
    let live = finish(&reader, pending, 10_000).await;
    assert_eq!(live.versions().len(), 10_000);
    let requests = load.lock().unwrap().requests;
    assert!(requests <= 101 + 2 * TEN, "{requests}");
}

/// The first page, the other pages, and the first page again.
#[tokio::test(start_paused = true)]
async fn a_listing_takes_few_round_trips() {
    let (load, latencies) = list(1_000, Pace::Constant, 64).await;
    assert_eq!(load.requests, 11);
    assert!(latencies < 3.2, "{latencies}");
    let (load, latencies) = list(10_000, Pace::Constant, 64).await;
    assert!(load.requests <= 101 + TEN, "{load:?}");
    assert!(latencies < 8.2, "{latencies}");
    assert!((TEN + 1..=64).contains(&load.most_at_once), "{load:?}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_gets_no_more_reads() {
    let (load, _) = list(10_000, Pace::InTurn, 64).await;
    assert_eq!(load.most_at_once, TEN);
}

#[tokio::test(start_paused = true)]
async fn a_limited_server_refuses_no_more_reads() {
    for records in [1_000, 2_500, 10_000] {
        let (before, _) = list(records, Pace::Limited, TEN).await;
        let (now, _) = list(records, Pace::Limited, 64).await;
        assert!(now.refused <= before.refused, "{now:?} {before:?}");
        assert!(now.requests <= before.requests, "{now:?} {before:?}");
        assert!(now.most_at_once <= TEN, "{now:?}");
        assert_eq!(now.refused > 0, records > 2_000, "{now:?}");
    }
}

/// The server's limit applies to all clients of a process together.
#[tokio::test(start_paused = true)]
async fn clients_of_a_host_share_its_limit() {
    for (pace, at_most) in [
        (Pace::Constant, 64),
        (Pace::InTurn, TEN),
        (Pace::Limited, TEN),
    ] {
        let (server, load) = serve(10_000, pace).await;
        let settings = settings(&server);
        let reads = [0, 1].map(|_| {
            let reader = Reader::new(Client::new(settings.clone()).unwrap());
            async move {
                let pending = reader.start_listing_of(10_000).unwrap();
                finish(&reader, pending, 10_000).await
            }
        });
        for live in futures_util::future::join_all(reads).await {
            assert_eq!(live.versions().len(), 10_000, "{pace:?}");
        }
        let load = load.lock().unwrap();
        assert!(
            load.most_at_once <= at_most,
            "{pace:?}: {}",
            load.most_at_once
        );
    }
}

/// Two environments on one server together send no more concurrent reads than one. There are too
/// few answers for their number to grow.
#[tokio::test(flavor = "multi_thread")]
async fn environments_of_a_host_share_its_limit() {
    let (server, load) = serve(800, Pace::Constant).await;
    let url = server.url.as_str().trim_end_matches('/');
    let mut text = String::from("solform: 1\nenvironments:\n");
    for name in ["a", "b"] {
        writeln!(
            text,
            "  {name}: {{ url: '{url}', token: {{ env: TEST_TOKEN }} }}"
        )
        .unwrap();
    }
    text.push_str("defaults: { owner: o }\nsolutions:\n");
    for number in 0..800 {
        writeln!(text, "  N {number}: {{ version: 1 }}").unwrap();
    }
    let env = env_with(&text);
    let plan = env.solform_beside(&["plan", "-e", "a", "-e", "b"]).await;
    assert_eq!(plan.code(), 0, "{plan}");
    let load = load.lock().unwrap();
    assert_eq!(load.requests, 2 * (8 + 1));
    assert!(load.most_at_once <= TEN, "{}", load.most_at_once);
}

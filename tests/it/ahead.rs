//! Plans of big manifests, for which the listing starts before the manifest is completely read.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use solform_emulator::Emulator;
use tokio::sync::Semaphore;

use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{Version, env_with, manifest_with, seed, start_capped};

/// More names than solform lists by name.
const NAMES: usize = 600;

/// Starts an emulator that lists everything in one page, so that the requests are always the same.
async fn world() -> Emulator {
    let names: Vec<String> = (0..NAMES)
        .map(|number| format!("Solution {number}"))
        .collect();
    let live: Vec<Version<'_>> = names
        .iter()
        .enumerate()
        .map(|(number, name)| match number {
            7 => Version::inactive(name, "1.0.0"),
            _ => Version::active(name, "1.0.0"),
        })
        .collect();
    start_capped(seed(&live, &[]), &[], 1000).await
}

/// Returns a big manifest of those solutions, with `tail` after them.
fn big(url: &str, tail: &str) -> String {
    let padding = "x".repeat(300);
    let mut solutions = String::new();
    for number in 0..NAMES {
        writeln!(
            solutions,
            "  Solution {number}: {{ version: 1.0.0 }} # {padding}"
        )
        .unwrap();
    }
    manifest_with(url, "", "", &format!("{solutions}{tail}"))
}

/// Changes the manifest so that the listing starts only after it is read.
fn without_early_listing(manifest: &str) -> String {
    manifest.replace("\nsolutions:\n", "\n\"solutions\":\n")
}

/// Returns the requests in alphabetical order: some are sent at the same time.
fn requests(emulator: &Emulator) -> Vec<String> {
    let line = |path: &str, query: &str| format!("{path}?{query}");
    let requests = emulator.requests();
    let mut lines: Vec<String> = requests
        .iter()
        .map(|request| line(&request.path, &request.query))
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn an_early_listing_changes_no_output_or_request() {
    for (arguments, tail) in [
        (&["plan", "--detailed-exitcode"][..], ""),
        (&["plan", "--destroy", "--detailed-exitcode"], ""),
        // The end of the manifest changes the environment: the listing starts again.
        (
            &["plan", "--destroy", "--max-destroy", "1000"],
            "protect: [\"Solution 3@*\"]\n",
        ),
    ] {
        let mut outputs = Vec::new();
        for is_early in [true, false] {
            let emulator = world().await;
            let manifest = big(&emulator.url(), tail);
            let env = env_with(&if is_early {
                manifest
            } else {
                without_early_listing(&manifest)
            });
            let output = env.solform_beside(arguments).await;
            let printed = output.to_string().replace(&emulator.url(), "URL");
            outputs.push((printed, requests(&emulator)));
        }
        let (early, late) = (&outputs[0], &outputs[1]);
        assert_eq!(early.0, late.0, "{arguments:?}");
        if tail.is_empty() {
            assert_eq!(early.1, late.1, "{arguments:?}");
        }
    }
}

#[tokio::test]
async fn a_problem_far_down_prevents_the_plan() {
    let emulator = world().await;
    let url = emulator.url();
    for (tail, code) in [
        ("  Solution 3: { version: 2.0.0 }\n", "[duplicate-key]"),
        ("environments: {}\n", "[duplicate-key]"),
        ("surprise: 1\n", "[unknown-field]"),
        ("manage: [\n", "[yaml-syntax]"),
    ] {
        let manifest = big(&url, tail);
        let env = env_with(&manifest);
        let early = env
            .solform_beside(&["plan"])
            .await
            .exits_with(1)
            .warns(code);
        env.write("solform.yaml", &without_early_listing(&manifest));
        let late = env.solform_beside(&["plan"]).await.exits_with(1);
        let plain = |text: &str| text.replace("\"solutions\":", "solutions:");
        assert_eq!(plain(&early.stderr), plain(&late.stderr), "{tail}");
        assert!(early.stdout.is_empty(), "{early}");
    }
    let is_get = |request: &solform_emulator::RequestRecord| request.method == "GET";
    assert!(emulator.requests().iter().all(is_get));
}

#[tokio::test]
async fn token_commands_need_a_valid_manifest() {
    let emulator = world().await;
    let command = "{ command: [touch, ran] }";
    let manifest = |tail: &str| big(&emulator.url(), tail).replace("{ env: TEST_TOKEN }", command);
    let env = env_with(&manifest("surprise: 1\n"));
    let _ = env.solform_beside(&["plan"]).await.exits_with(1);
    assert!(!env.path().join("ran").exists());
    env.write("solform.yaml", &manifest(""));
    let _ = env.solform_beside(&["plan"]).await.exits_with(1);
    assert!(env.path().join("ran").exists());
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn an_early_listing_reports_hosts_and_tokens() {
    let emulator = world().await;
    let mut env = env_with(&big(&emulator.url(), ""));
    env.set("SOLFORM_ALLOWED_HOSTS", "instabase.example.com");
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("127.0.0.1");
    assert!(emulator.requests().is_empty());
    let mut env = env_with(&big(&emulator.url(), ""));
    env.set("TEST_TOKEN", "another");
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("401");
}

/// The second reading of the first page is not answered before a package is requested.
#[tokio::test]
async fn packages_are_read_beside_the_last_proof() {
    let new = "  New: { version: 1.0.0, path: a/b.ibsolution }\n";
    // A manifest that is read early, and one that is too small for that.
    for padding in [300, 0] {
        let (openings, gate) = (AtomicUsize::new(0), Arc::new(Semaphore::new(0)));
        let server = Scripted::start(move |asked| {
            if asked.path.starts_with("/api/v2/files") {
                gate.add_permits(1);
                return Reply::text(404, "{}");
            }
            let offset = asked.query.get("offset");
            let offset: usize = offset.map_or(0, |text| text.parse().unwrap());
            let page = Reply::json(&page_of(offset, |index| (index, index != 7)));
            if offset == 0 && openings.fetch_add(1, Ordering::SeqCst) == 1 {
                page.behind(&gate)
            } else {
                page
            }
        })
        .await;
        let manifest = big(server.url.as_str(), new);
        let manifest = manifest.replace(&"x".repeat(300), &"x".repeat(padding));
        let _ = env_with(&manifest)
            .solform_beside(&["plan"])
            .await
            .exits_with(1)
            .says("1 blocked");
    }
}

/// Returns a page of the live versions: the number of the version at an index, and if it is ACTIVE.
fn page_of(offset: usize, version: impl Fn(usize) -> (usize, bool)) -> Value {
    let end = (offset + 100).min(NAMES);
    let solutions: Vec<_> = (offset..end)
        .map(|index| {
            let (number, is_active) = version(index);
            json!({
                "id": format!("id-{number}"), "name": format!("Solution {number}"),
                "version": "1.0.0", "owner": "svc", "visibility": "PRIVATE",
                "state": if is_active { "ACTIVE" } else { "INACTIVE" },
            })
        })
        .collect();
    let next = if end < NAMES {
        i64::try_from(end).unwrap()
    } else {
        -1
    };
    json!({"solutions": solutions, "has_more": [end < NAMES], "next_offset": [next]})
}

#[tokio::test]
async fn a_list_that_changes_is_listed_again() {
    let openings = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| {
        let offset = asked.query.get("offset");
        if offset.is_none() {
            openings.fetch_add(1, Ordering::SeqCst);
        }
        // Before the first page is read again, the first version becomes INACTIVE and moves
        // after the second.
        let is_gone = openings.load(Ordering::SeqCst) > 1;
        let offset: usize = offset.map_or(0, |text| text.parse().unwrap());
        Reply::json(&page_of(offset, |index| {
            let number = if is_gone && index < 2 {
                1 - index
            } else {
                index
            };
            let is_active = number > 0 && number != 7 || number == 0 && !is_gone;
            (number, is_active)
        }))
    })
    .await;
    let env = env_with(&big(server.url.as_str(), ""));
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .says("Solution 0@1.0.0")
        .says("2 to change");
    let openings = server.asked();
    let openings = openings
        .iter()
        .filter(|asked| !asked.query.contains_key("offset"));
    // The early listing and its confirmation, which fails; the second listing and its confirmation.
    assert_eq!(openings.count(), 4);
}

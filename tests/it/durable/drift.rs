//! Drift between plan and apply: only the affected changes are refused, with the difference.

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{Emulator, JobPace};

use super::live;
use crate::support::http_client;
use crate::support::worlds::{self, TOKEN, Version, env_with, manifest, path_of, seed};

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  New: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Off: { version: 1, state: INACTIVE }
  Pub: { version: 1, visibility: PUBLIC }
  Old: { version: 1, state: ABSENT }
";
/// The addresses of the changes in the plan.
const CHANGES: [&str; 6] = ["Up@1", "Up@2", "New@1", "Off@1", "Pub@1", "Old@1"];

async fn world(knob: &str) -> Emulator {
    let live = ["Up", "Off", "Pub", "Old"].map(|name| Version::active(name, "1"));
    let packages = [Version::active("Up", "2"), Version::active("New", "1")];
    worlds::start_with(seed(&live, &packages), &[knob], JobPace::Immediate).await
}

/// Sends a request to the API, as another user.
async fn request(emulator: &Emulator, method: Method, tail: &str, body: Option<Value>) -> Value {
    let url = format!("{}/api/v2/solutions/deployed{tail}", emulator.url());
    let mut request = http_client().request(method, url).bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{tail}: {}", answer.status());
    answer.json().await.unwrap()
}

async fn id_of(emulator: &Emulator, name: &str, version: &str) -> String {
    let list = request(emulator, Method::GET, &format!("?name={name}"), None).await;
    let records = list["solutions"].as_array().unwrap();
    let found = records.iter().find(|record| record["version"] == version);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn patch(emulator: &Emulator, name: &str, version: &str, what: &str) {
    let id = id_of(emulator, name, version).await;
    request(emulator, Method::PATCH, &format!("/{id}?{what}"), None).await;
}

async fn deploy(emulator: &Emulator, name: &str, version: &str) {
    let body = json!({ "solution_path": path_of(name, version) });
    request(emulator, Method::POST, "", Some(body)).await;
}

async fn delete(emulator: &Emulator, name: &str, version: &str) {
    let id = id_of(emulator, name, version).await;
    request(emulator, Method::DELETE, &format!("/{id}"), None).await;
}

/// Modifies the record that this change of the plan affects.
async fn drift(emulator: &Emulator, change: &str) {
    match change {
        "Up@1" => patch(emulator, "Up", "1", "visibility=PUBLIC").await,
        "Off@1" => patch(emulator, "Off", "1", "visibility=PENDING_REVIEW").await,
        "Pub@1" => patch(emulator, "Pub", "1", "state=INACTIVE").await,
        "Old@1" => patch(emulator, "Old", "1", "state=INACTIVE").await,
        // Another user has deployed the version, and deactivated it.
        "Up@2" => {
            deploy(emulator, "Up", "2").await;
            patch(emulator, "Up", "2", "state=INACTIVE").await;
        }
        "New@1" => {
            deploy(emulator, "New", "1").await;
            patch(emulator, "New", "1", "state=INACTIVE").await;
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_refuses_only_the_change_that_it_affects() {
    // The visibility is compared even if records do not contain it.
    let knobs = ["visibility_in_records=true", "visibility_in_records=false"];
    for (knob, moved) in knobs
        .iter()
        .flat_map(|knob| CHANGES.map(|moved| (knob, moved)))
    {
        let emulator = world(knob).await;
        let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
        let _ = env
            .solform_beside(&["plan", "--out", "the.plan"])
            .await
            .exits_with(0)
            .says("Plan: 2 to add, 3 to change, 1 to destroy.");
        drift(&emulator, moved).await;
        let applied = env
            .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
            .await;
        for change in CHANGES {
            let line = applied
                .stdout
                .lines()
                .find(|line| {
                    let mut words = line.split_whitespace();
                    words.next().is_some()
                        && words.nth(1) == Some(change)
                        && line.starts_with("  ")
                        && !line.starts_with("    ")
                        && ["done", "refused", "skipped"]
                            .iter()
                            .any(|word| line[2..].starts_with(word))
                })
                .unwrap_or_else(|| panic!("{moved}: no outcome of {change}\n{applied}"));
            let expected = match change {
                _ if change == moved => "refused",
                // The old version waits for the refused change.
                "Up@1" if moved == "Up@2" => "skipped",
                _ => "done",
            };
            assert!(
                line[2..].starts_with(expected),
                "{moved}: {line}\n{applied}"
            );
        }
        assert!(
            applied.stdout.contains("      + "),
            "{moved}: the difference is shown\n{applied}"
        );
        let code = if moved == "Up@2" { 5 } else { 3 };
        assert_eq!(applied.code(), code, "{moved}\n{applied}");
    }
}

/// The successor was live in the plan and is deleted before the apply: the old version is not
/// deactivated.
#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_successor_keeps_the_old_version_active() {
    let emulator = world("visibility_in_records=true").await;
    deploy(&emulator, "Up", "2").await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0)
        .says("# Up@1 will be updated in-place");
    delete(&emulator, "Up", "2").await;
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .says("refused     ~ Up@1")
        .says("+ waits for Up@2, which is not approved")
        .says("  + Up@2 will be created");
    let up: Vec<_> = live(&emulator.url())
        .await
        .into_iter()
        .filter(|record| record.name == "Up")
        .collect();
    assert_eq!(up.len(), 1, "{up:?}");
    assert_eq!(
        (up[0].version.as_str(), up[0].state.as_str()),
        ("1", "ACTIVE")
    );
}

//! An emulator with the knobs of a case, a folder with a manifest, and checks from the inside.

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{Emulator, EmulatorOptions, Knobs, Operation, Seed, start};

use super::run_case::Case;
use crate::support::worlds::{self, DRIVE, env_with, manifest_with, options};
use crate::support::{CommandOutput, TestEnv};

const DEPLOYED: &str = "/api/v2/solutions/deployed";

/// The records for an upgrade, a patch, a new version that becomes PUBLIC, and a tombstone which a
/// deployment refers to and which is running. The last three solutions are unmanaged: one with a
/// managed name, one with a similar name, and one that is out of service.
const SEED: &str = "
solutions:
  - { id: form-1, name: Form, version: 1.0.0, owner: svc, author: svc }
  - { id: patched-1, name: Patched, version: 1.0.0, owner: svc, author: svc }
  - { id: gone-1, name: Gone, version: 1.0.0, owner: svc, author: svc, referenced: true }
  - { id: theirs-1, name: Form, version: 0.5.0, owner: somebody, author: somebody }
  - { id: theirs-2, name: New Form, version: '1.10', owner: somebody, author: somebody }
  - id: theirs-3
    name: Patched
    version: 0.9.0
    owner: somebody
    author: somebody
    state: INACTIVE
packages:
  - { path: 'DRIVE/Form-2.0.0.ibsolution', name: Form, version: 2.0.0, owner: svc }
  - path: DRIVE/New-1.10.ibsolution
    name: New
    version: '1.10'
    owner: svc
    visibility: PRIVATE
files:
  - { path: 'DRIVE/in/a.txt', text: a form }
";

const SOLUTIONS: &str = "
  Form: { version: 2.0.0, path: '${drive}/${name}-${version}.ibsolution', visibility: PRIVATE }
  Patched: { version: 1.0.0, state: INACTIVE }
  New: { version: '1.10', path: '${drive}/${name}-${version}.ibsolution', visibility: PUBLIC }
  Gone: { version: 1.0.0, state: ABSENT }
";

/// An emulator, a client for it, and the folder from which solform runs.
pub(super) struct World {
    pub(super) emulator: Emulator,
    client: reqwest::Client,
    env: TestEnv,
}

impl World {
    pub(super) async fn start(case: &Case, client: reqwest::Client) -> Self {
        let emulator = start(EmulatorOptions {
            profile: case.profile,
            knobs: None,
            page_cap: 4,
            ..options(Seed::parse(&SEED.replace("DRIVE", DRIVE)).unwrap(), &[])
        })
        .await
        .unwrap();
        let text = manifest_with(
            &emulator.url(),
            "    limits: { max_destroy: 1 }\n",
            "manage: { owners: [svc, IB_DEPLOYED] }\n",
            SOLUTIONS,
        )
        .replace("20s", case.patience);
        let world = Self {
            emulator,
            client,
            env: env_with(&text),
        };
        // A run that never ends, because no client polls it.
        let run = json!({ "input_dir": format!("{DRIVE}/in"), "settings": {} });
        let path = format!("{DEPLOYED}/gone-1/run");
        world.ask(Method::POST, &path, Some(run)).await;
        let mut knobs = case.profile.knobs();
        for setting in &case.knobs {
            knobs.assign(setting).unwrap();
        }
        world.emulator.change_knobs(|now| *now = knobs);
        world
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.emulator.url());
        let mut request = self.client.request(method, url).bearer_auth(worlds::TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn solform(&self, arguments: &[&str]) -> CommandOutput {
        let output = self.env.solform_beside(arguments).await;
        let texts = format!("{}{}", output.stdout, output.stderr);
        assert!(!texts.contains(worlds::TOKEN), "{output}");
        output
    }

    pub(super) async fn plan(&self) -> CommandOutput {
        self.solform(&["plan", "--detailed-exitcode"]).await
    }

    pub(super) async fn apply(&self, more: &[&str]) -> CommandOutput {
        let mut arguments = vec!["apply", "--auto-approve", "--detailed-exitcode"];
        arguments.extend(more);
        self.solform(&arguments).await
    }

    /// Returns the number of deploy requests that the rate limit did not reject.
    pub(super) fn deploys(&self) -> usize {
        let requests = self.emulator.requests();
        let deploys = requests
            .iter()
            .filter(|request| request.operation == Some(Operation::Deploy));
        deploys
            .filter(|request| request.status != Some(429) || request.fault.is_some())
            .count()
    }

    /// Checks that every request is a documented one: no unknown address, no PATCH without a value
    /// or with an unknown word, no write to a package (docs/platform.md, U9, U16, U19).
    pub(super) fn check_requests(&self) {
        for request in self.emulator.requests() {
            assert!(!request.path.ends_with('/'), "{request:?}");
            match request.operation {
                Some(Operation::PatchSolution) => {
                    let known = [
                        "state=ACTIVE",
                        "state=INACTIVE",
                        "visibility=PUBLIC",
                        "visibility=PRIVATE",
                    ];
                    // A PATCH without a query has its values in the body, which is not logged.
                    let mut words = request.query.split('&').filter(|word| !word.is_empty());
                    assert!(words.all(|word| known.contains(&word)), "{request:?}");
                }
                Some(
                    Operation::Deploy
                    | Operation::ListSolutions
                    | Operation::GetSolution
                    | Operation::DeleteSolution
                    | Operation::JobStatus
                    | Operation::ReadNode,
                ) => {}
                _ => panic!("solform has no business with {request:?}"),
            }
        }
    }

    /// Removes the faults, resets the knobs and finishes all jobs.
    pub(super) fn reset(&self) {
        self.emulator.clear_faults();
        self.emulator.change_knobs(|now| *now = reset_knobs());
        for job in self.emulator.pending_jobs() {
            self.emulator.finish_job(&job, None);
        }
    }

    /// Returns every record. The knobs must be reset.
    pub(super) async fn records(&self) -> Vec<Value> {
        let mut records = Vec::new();
        // More often than a list can lag.
        for _ in 0..6 {
            records.clear();
            for offset in [0, 4, 8] {
                let path = format!("{DEPLOYED}?limit=4&offset={offset}");
                let page = self.ask(Method::GET, &path, None).await;
                records.extend(page["solutions"].as_array().unwrap().iter().cloned());
            }
        }
        records.sort_by_key(|record| record["id"].to_string());
        records
    }

    pub(super) async fn approve(&self) {
        for record in self.records().await {
            if record["visibility"] == "PENDING_REVIEW" {
                let id = record["id"].as_str().unwrap();
                let path = format!("{DEPLOYED}/{id}?visibility=PUBLIC");
                self.ask(Method::PATCH, &path, None).await;
            }
        }
    }

    /// Deletes the records of a version, as a user would.
    pub(super) async fn delete(&self, name: &str, version: &str) {
        for record in self.records().await {
            if record["name"] == name && record["version"] == version {
                let id = record["id"].as_str().unwrap();
                self.ask(Method::DELETE, &format!("{DEPLOYED}/{id}"), None)
                    .await;
            }
        }
        for job in self.emulator.pending_jobs() {
            self.emulator.finish_job(&job, None);
        }
    }

    /// Returns the unmanaged records, read with reset knobs.
    pub(super) async fn unmanaged(&self) -> Vec<Value> {
        let mut kept = None;
        self.emulator
            .change_knobs(|now| kept = Some(std::mem::replace(now, reset_knobs())));
        let unmanaged = unmanaged_records(&self.records().await);
        self.emulator.change_knobs(|now| *now = kept.unwrap());
        assert_eq!(unmanaged.len(), 3);
        unmanaged
    }
}

/// Returns knobs that hide nothing.
fn reset_knobs() -> Knobs {
    Knobs {
        visibility_in_records: true,
        ..Knobs::default()
    }
}

pub(super) fn is_unmanaged(record: &Value) -> bool {
    record["owner"] == "somebody"
}

/// Returns the managed records as short texts, sorted.
pub(super) fn ours(records: &[Value]) -> Vec<String> {
    let text = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
    let mut ours: Vec<String> = records
        .iter()
        .filter(|record| !is_unmanaged(record))
        .map(|record| {
            let [name, version, state, visibility] =
                ["name", "version", "state", "visibility"].map(|key| text(record, key));
            format!("{name}@{version} {state} {visibility}")
        })
        .collect();
    ours.sort();
    ours
}

pub(super) fn unmanaged_records(records: &[Value]) -> Vec<Value> {
    records
        .iter()
        .filter(|record| is_unmanaged(record))
        .cloned()
        .collect()
}

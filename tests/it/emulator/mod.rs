//! The emulator over its socket: each operation, each answer to bad input, each knob, and the data
//! folder. These tests do not use the client of the crate.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may panic as the test may"
)]

mod aihub;
mod contract;
mod data;
mod docs;
mod faults;
mod files;
mod hostile;
mod input;
mod jobs;
mod knobs;
mod openapi;
mod promotion;
mod runs;
mod solutions;
mod toolkit;
mod unknowns;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use solform_emulator::{Clock, Emulator, EmulatorOptions, JobPace, Seed, start};

use crate::support::http_client;
use crate::support::worlds::knobs_of;

const DEPLOYED: &str = "/api/v2/solutions/deployed";
const DRIVE: &str = "acme/prod/fs/Instabase Drive";

const SEED: &str = "
packages:
  - { path: acme/prod/fs/Instabase Drive/A-1.ibsolution, name: A, version: 1, owner: ann }
  - path: acme/prod/fs/Instabase Drive/B-1.ibsolution
    name: B
    version: 1
    owner: IB_DEPLOYED
    visibility: PUBLIC
    short_description: Reads B
    long_description: Reads much of B
    authors: [bob]
";

/// A running emulator and a client of it.
struct Api {
    emulator: Emulator,
    client: reqwest::Client,
    token: &'static str,
}

impl Api {
    async fn start(options: EmulatorOptions) -> Self {
        let emulator = start(options).await.unwrap();
        Self::of(emulator)
    }

    fn of(emulator: Emulator) -> Self {
        Self {
            emulator,
            client: http_client(),
            token: "t",
        }
    }

    /// Starts an emulator with the packages of [`SEED`] and these knobs.
    async fn with(knobs: &[&str], job_pace: JobPace) -> Self {
        Self::start(options(knobs, job_pace)).await
    }

    /// Does the same, with another seed.
    async fn seeded(seed: &str, knobs: &[&str], job_pace: JobPace) -> Self {
        Self::start(EmulatorOptions {
            seed: Some(Seed::parse(seed).unwrap()),
            ..options(knobs, job_pace)
        })
        .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.emulator.url()));
        request.bearer_auth(self.token)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn list(&self, query: &str) -> Value {
        let (status, body) = self.get(&format!("{DEPLOYED}?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        body
    }

    /// Returns `Name@version` of each record in the list for this query.
    async fn names(&self, query: &str) -> Vec<String> {
        let body = self.list(query).await;
        let solutions = body["solutions"].as_array().unwrap();
        solutions
            .iter()
            .map(|s| format!("{}@{}", text(&s["name"]), text(&s["version"])))
            .collect()
    }

    async fn deploy(&self, package: &str) -> (u16, Value) {
        let body = json!({ "solution_path": format!("{DRIVE}/{package}.ibsolution") });
        self.call(Method::POST, DEPLOYED, Some(body)).await
    }

    /// Deploys a package and returns the one result of the finished job.
    async fn deployed(&self, package: &str) -> Value {
        let (status, body) = self.deploy(package).await;
        assert_eq!(status, 200, "{body}");
        self.result(&body).await
    }

    async fn status(&self, job: &str) -> Value {
        let path = format!("/api/v1/jobs/status?job_id={job}&type=async");
        let (status, body) = self.get(&path).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn result(&self, started: &Value) -> Value {
        let status = self.status(&text(&started["job_id"])).await;
        assert_eq!(status["state"], "DONE", "{status}");
        status["results"][0].clone()
    }

    async fn patch(&self, id: &str, query: &str) -> (u16, Value) {
        self.call(Method::PATCH, &format!("{DEPLOYED}/{id}?{query}"), None)
            .await
    }

    async fn delete(&self, id: &str) -> (u16, Value) {
        self.call(Method::DELETE, &format!("{DEPLOYED}/{id}"), None)
            .await
    }

    fn file(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/api/v2/files/{DRIVE}/{path}"))
    }
}

fn options(knobs: &[&str], job_pace: JobPace) -> EmulatorOptions {
    EmulatorOptions {
        seed: Some(Seed::parse(SEED).unwrap()),
        knobs: Some(knobs_of(knobs)),
        job_pace,
        clock: Clock::Logical {
            start_ms: 1_700_000_000_000,
        },
        ..EmulatorOptions::default()
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a string"))
        .to_owned()
}

//! A day of virtual time, against the emulator and a webhook on sockets.

#![expect(clippy::disallowed_methods, reason = "a test writes its manifest")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::Value;
use solform_emulator::{self as emulator, Clock, Emulator, EmulatorOptions, Seed};

use super::*;
use crate::cli::args::ManifestArgs;
use crate::cli::io::Stream;
use crate::delivery::CancelHandle;
use crate::render::WEBHOOK_FORMATS;

const INTERVAL: Duration = Duration::from_hours(1);
/// The number of plans in a day.
const PLANS: usize = 24;
const TOKEN: &str = "tok-5f1c9e-secret";
const LIVE: usize = 1_000;
/// Each of them drifts in its turn.
const DECLARED: usize = 10;

async fn emulator() -> Emulator {
    let mut text = "solutions:\n".to_owned();
    for nth in 0..LIVE {
        let line =
            format!("  - {{ name: S{nth}, version: 1, owner: svc, author: svc, state: ACTIVE }}\n");
        text.push_str(&line);
    }
    let options = EmulatorOptions {
        seed: Some(Seed::parse(&text).unwrap()),
        user: "svc".to_owned(),
        page_cap: LIVE,
        clock: Clock::Logical {
            start_ms: 1_600_000_000_000,
        },
        ..EmulatorOptions::default()
    };
    emulator::start(options).await.unwrap()
}

fn manifest(folder: &Path, url: &str) -> ManifestArgs {
    let mut text = format!(
        "solform: 1\nenvironments:\n  test:\n    url: '{url}'\n    user: svc\n    \
         token: {{ file: token }}\ndefaults: {{ owner: svc }}\n\
         manage: {{ undeclared: deactivate, names: ['S?'] }}\nsolutions:\n"
    );
    for nth in 0..DECLARED {
        writeln!(text, "  S{nth}: {{ version: 1 }}").unwrap();
    }
    let file = folder.join("solform.yaml");
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    ManifestArgs {
        file,
        environment: Vec::new(),
    }
}

/// The states of the declared versions, which somebody changes after every plan.
struct Drifting {
    url: String,
    ids: Vec<String>,
    client: reqwest::Client,
}

impl Drifting {
    async fn new(emulator: &Emulator) -> Self {
        crate::crypto::install_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v2/solutions/deployed", emulator.url());
        let mut ids = Vec::new();
        for nth in 0..DECLARED {
            let list = client.get(format!("{url}?name=S{nth}&state=ACTIVE"));
            let list: Value = list
                .bearer_auth(TOKEN)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            ids.push(list["solutions"][0]["id"].as_str().unwrap().to_owned());
        }
        Self { url, ids, client }
    }

    /// Changes the state of one version.
    async fn change(&self, nth: usize) {
        let id = &self.ids[nth % DECLARED];
        let is_active = (nth / DECLARED) % 2 == 1;
        let state = if is_active { "ACTIVE" } else { "INACTIVE" };
        let patch = self
            .client
            .patch(format!("{}/{id}?state={state}", self.url));
        assert!(
            patch
                .bearer_auth(TOKEN)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }
}

/// Every change of drift is posted, although every second post fails.
#[tokio::test(start_paused = true)]
async fn a_day_of_drift_is_posted_completely() {
    let emulator = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let args = manifest(folder.path(), &emulator.url());
    let (handle, interrupt) = CancelHandle::new();
    let cancel = Cancellation::of(interrupt);
    let drifting = Arc::new(Drifting::new(&emulator).await);
    drifting.change(0).await;
    let posts: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (received, handle) = (Arc::clone(&posts), Arc::new(handle));
    let answer = move |body: Bytes| {
        let (received, handle) = (Arc::clone(&received), Arc::clone(&handle));
        let drifting = Arc::clone(&drifting);
        async move {
            let nth = {
                let mut received = received.lock().unwrap();
                received.push(serde_json::from_slice(&body).unwrap());
                received.len()
            };
            drifting.change(nth).await;
            if nth == PLANS {
                handle.raise();
            }
            if nth % 2 == 0 {
                StatusCode::OK
            } else {
                StatusCode::BAD_GATEWAY
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hush-hush", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let settings = Settings::default();
    // Its warnings are held.
    let mut io = Io::new(&settings, true).quiet_branch();
    let nowhere = Box::new(std::io::sink());
    io.stream = Some(Stream::new(nowhere, &io.secrets, clock::now_ms));
    let webhook = Webhook::new(&hook, &io.secrets).unwrap();
    let metrics = Metrics::new();
    let watch = Watch {
        manifest: &args,
        store: None,
        interval: INTERVAL,
        ends_on_drift: false,
        heal: None,
        webhook: Some((webhook, &WEBHOOK_FORMATS[0])),
        metrics: metrics.clone(),
        cancel: &cancel,
        settings: &settings,
    };
    let began = Instant::now();
    assert_eq!(
        Box::pin(watch.run(&mut io)).await.unwrap(),
        ExitStatus::Success
    );
    assert!(began.elapsed() >= INTERVAL * 23);
    let posts = posts.lock().unwrap();
    assert_eq!(posts.len(), PLANS);
    let delivered = posts.iter().skip(1).step_by(2);
    let reported: Vec<u64> = delivered
        .map(|post| post["unreported_changes"].as_u64().unwrap())
        .collect();
    assert_eq!(reported, [2; PLANS / 2]);
    assert_eq!(posts[0]["summary"]["change"], 1);
    assert_eq!(posts[DECLARED - 1]["summary"]["change"], DECLARED);
    let text = metrics.text();
    assert!(text.contains("solform_plan_failures_total 0"), "{text}");
}

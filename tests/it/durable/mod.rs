//! Applies that are killed, interrupted, run concurrently, and resumed.

mod abandon;
mod drift;
mod elsewhere;
mod expected;
mod fault_sweep;
mod gate;
mod kill_sweep;
mod leftovers;
mod provenance;
mod replaced;
mod resume;
mod store_contract;
mod two_at_once;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use solform_emulator::{self as emulator, Clock, Emulator, EmulatorOptions, JobPace, Seed};

use crate::support::killing_proxy::Watch;
use crate::support::worlds::{self, TOKEN, options};

/// Starts an emulator on the clock of the machine, whose jobs take time independently of requests.
async fn start(seed: Seed, knobs: &[&str], job_time: Duration) -> Emulator {
    emulator::start(EmulatorOptions {
        job_pace: JobPace::After(job_time),
        clock: Clock::System,
        ..options(seed, knobs)
    })
    .await
    .unwrap()
}

/// Starts an apply, and returns when this number of its jobs is in progress.
pub(crate) async fn at_work(command: Command, jobs: usize) -> Child {
    printing(command, "PENDING", jobs).await
}

/// Starts a command, and returns when it has printed a text this number of times.
pub(crate) async fn printing(mut command: Command, text: &'static str, times: usize) -> Child {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    tokio::task::spawn_blocking(move || {
        let mut output = String::new();
        while output.matches(text).count() < times {
            assert!(stderr.read_line(&mut output).unwrap() > 0, "{output}");
        }
        // Later output must have a reader, although the test ignores it.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        child
    })
    .await
    .unwrap()
}

/// Starts an apply, and kills it when this number of its jobs is in progress.
async fn killed_at_work(command: Command, jobs: usize) {
    let mut child = at_work(command, jobs).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ends all jobs with success.
pub(crate) fn finish_all(emulator: &Emulator) {
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, None));
    }
}

/// Returns a manifest with a short time for propagation.
fn manifest(url: &str, solutions: &str) -> String {
    worlds::manifest(url, solutions).replace("propagation: 1s", "propagation: 200ms")
}

/// Returns the live versions of the emulator itself: name, version, owner, state and visibility.
async fn live(url: &str) -> Vec<Live> {
    let body: serde_json::Value = crate::support::http_client()
        .get(format!("{url}/api/v2/solutions/deployed?limit=100"))
        .bearer_auth(TOKEN)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let text =
        |record: &serde_json::Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let mut live: Vec<Live> = body["solutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| Live {
            name: text(record, "name"),
            version: text(record, "version"),
            state: text(record, "state"),
            visibility: text(record, "visibility"),
        })
        .collect();
    live.sort();
    live
}

/// A live record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Live {
    name: String,
    version: String,
    state: String,
    visibility: String,
}

/// Checks that each name with a version in service always keeps one.
fn in_service(url: &str, names: &'static [&'static str]) -> Watch {
    let url = url.to_owned();
    Arc::new(move || {
        let url = url.clone();
        Box::pin(async move {
            let live = live(&url).await;
            let serves = |name: &&str| {
                live.iter()
                    .any(|one| one.name == *name && one.state == "ACTIVE")
            };
            let name = names.iter().find(|name| !serves(name))?;
            Some(format!("{name} was without a version in service: {live:?}"))
        })
    })
}

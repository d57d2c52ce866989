//! The commands `run`, `jobs`, `job`, and the JSON documents, against the emulator.

mod documents;
mod lists;
mod operations;
mod start;
mod wait;

use serde_json::Value;
use solform_emulator::{Emulator, EmulatorOptions, JobPace, Seed};

use crate::support::worlds::{self, DRIVE, Version, env_with, manifest, seed};
use crate::support::{CommandOutput, TestEnv};

fn world() -> Seed {
    seed(
        &[
            Version::active("Form W-2", "0.0.1").owner("IB_DEPLOYED"),
            Version::active("Form W-2", "0.0.2").owner("IB_DEPLOYED"),
            Version::active("Paystub", "1.0.0"),
            Version::active("Paystub", "1.0.0").owner("other"),
        ],
        &[Version::active("New", "1.0.0")],
    )
}

/// Starts an emulator whose runs need no input folder, and a folder with a manifest for it.
async fn start_with(knobs: &[&str], pace: JobPace) -> (Emulator, TestEnv) {
    start_capped(knobs, pace, 100).await
}

/// Does the same, with pages of at most `cap` entries.
async fn start_capped(knobs: &[&str], pace: JobPace, cap: usize) -> (Emulator, TestEnv) {
    let knobs = [&["run_missing_input=accepted"], knobs].concat();
    let emulator = solform_emulator::start(EmulatorOptions {
        job_pace: pace,
        page_cap: cap,
        ..worlds::options(world(), &knobs)
    })
    .await
    .unwrap();
    let env = env_with(&manifest(
        &emulator.url(),
        "  New: { version: 1.0.0, path: '${drive}/${name}-${version}.ibsolution' }\n",
    ));
    (emulator, env)
}

fn input() -> String {
    format!("{DRIVE}/in")
}

/// Executes `solform run` on the input folder.
async fn run(env: &TestEnv, arguments: &[&str]) -> CommandOutput {
    let input = input();
    let arguments = [&["run"], arguments, &["--input-dir", &input]].concat();
    env.solform_beside(&arguments).await
}

/// Returns the JSON document that a command prints.
async fn document(env: &TestEnv, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    let output = env.solform_beside(&arguments).await.exits_with(0);
    serde_json::from_str(&output.stdout).unwrap()
}

/// Returns the value of a field in the output of `run` or `job`.
fn field<'a>(output: &'a str, key: &str) -> Option<&'a str> {
    output.lines().find_map(|line| {
        let (found, value) = line.split_at_checked(15)?;
        (found.trim_end() == key).then_some(value)
    })
}

//! Emulated servers with a given state, and the manifests for them.

use std::fmt::Write as _;

use solform_emulator::{
    self as emulator, Clock, Emulator, EmulatorOptions, JobPace, Knobs, Operation, Seed,
};

use super::{TestEnv, http_client};

/// The token of every test. It must never be seen in any output.
pub(crate) const TOKEN: &str = "tok-5f1c9e-secret";
/// The folder of the packages of tests.
pub(crate) const DRIVE: &str = "acme/releases/fs/Instabase Drive";

/// A version in a test's world.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the platform's word for it")]
pub(crate) struct Version<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) owner: &'a str,
    pub(crate) state: &'a str,
    pub(crate) visibility: &'a str,
}

impl<'a> Version<'a> {
    pub(crate) fn active(name: &'a str, version: &'a str) -> Self {
        Self {
            name,
            version,
            owner: "svc",
            state: "ACTIVE",
            visibility: "PRIVATE",
        }
    }

    pub(crate) fn inactive(name: &'a str, version: &'a str) -> Self {
        Self {
            state: "INACTIVE",
            ..Self::active(name, version)
        }
    }

    pub(crate) fn owner(self, owner: &'a str) -> Self {
        Self { owner, ..self }
    }
}

/// Returns a seed of live versions and of packages to deploy.
pub(crate) fn seed(live: &[Version<'_>], packages: &[Version<'_>]) -> Seed {
    let mut text = String::from("solutions:\n");
    if live.is_empty() {
        text = String::from("solutions: []\n");
    }
    for version in live {
        writeln!(
            text,
            "  - {{ name: {:?}, version: {:?}, owner: {}, author: {2}, state: {}, visibility: {} \
             }}",
            version.name, version.version, version.owner, version.state, version.visibility
        )
        .unwrap();
    }
    if !packages.is_empty() {
        text.push_str("packages:\n");
    }
    for package in packages {
        writeln!(
            text,
            "  - {{ path: {:?}, name: {:?}, version: {:?}, owner: {}, visibility: {} }}",
            path_of(package.name, package.version),
            package.name,
            package.version,
            package.owner,
            package.visibility
        )
        .unwrap();
    }
    Seed::parse(&text).unwrap()
}

/// Returns the path of a version's package.
pub(crate) fn path_of(name: &str, version: &str) -> String {
    format!("{DRIVE}/{name}-{version}.ibsolution")
}

/// Starts an emulator in this process, with the test's token, on a clock that tests move.
pub(crate) async fn start(seed: Seed, knobs: &[&str]) -> Emulator {
    emulator::start(options(seed, knobs)).await.unwrap()
}

/// Does the same, with a pace for its jobs.
pub(crate) async fn start_with(seed: Seed, knobs: &[&str], job_pace: JobPace) -> Emulator {
    emulator::start(EmulatorOptions {
        job_pace,
        ..options(seed, knobs)
    })
    .await
    .unwrap()
}

/// Does the same as [`start`], with pages of at most `page_cap` entries.
pub(crate) async fn start_capped(seed: Seed, knobs: &[&str], page_cap: usize) -> Emulator {
    emulator::start(EmulatorOptions {
        page_cap,
        ..options(seed, knobs)
    })
    .await
    .unwrap()
}

/// Returns the options of [`start`].
pub(crate) fn options(seed: Seed, knobs: &[&str]) -> EmulatorOptions {
    EmulatorOptions {
        seed: Some(seed),
        token: Some(TOKEN.into()),
        user: "svc".to_owned(),
        job_pace: JobPace::Polls(1),
        // Far from the current time: no record of a test seems to be new.
        clock: Clock::Logical {
            start_ms: 1_600_000_000_000,
        },
        knobs: Some(knobs_of(knobs)),
        ..EmulatorOptions::default()
    }
}

/// Returns the default knobs with these settings.
pub(crate) fn knobs_of(settings: &[&str]) -> Knobs {
    let mut knobs = Knobs::default();
    for setting in settings {
        knobs.assign(setting).unwrap();
    }
    knobs
}

/// Returns a manifest for an emulator and its user, with short times and these `solutions`.
pub(crate) fn manifest(url: &str, solutions: &str) -> String {
    manifest_with(url, "", "", solutions)
}

/// Returns a manifest with more keys of the environment, each line indented by four, and more
/// top-level keys.
pub(crate) fn manifest_with(url: &str, environment: &str, top: &str, solutions: &str) -> String {
    format!(
        "solform: 1\n\
         environments:\n\
         \x20 test:\n\
         \x20   url: {url}\n\
         \x20   token: {{ env: TEST_TOKEN }}\n\
         \x20   <<: {{ user: svc, timeouts: {{ deploy: 20s, delete: 20s, propagation: 1s }} }}\n\
         \x20   vars: {{ drive: \"{DRIVE}\" }}\n\
         {environment}\
         defaults: {{ owner: svc }}\n\
         {top}\
         solutions:\n{solutions}"
    )
}

/// Creates a folder with the manifest and the token.
pub(crate) fn env_with(manifest: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.set("TEST_TOKEN", TOKEN);
    env.write("solform.yaml", manifest);
    env
}

/// Returns the number of calls of an operation.
pub(crate) fn count(emulator: &Emulator, operation: Operation) -> usize {
    emulator
        .requests()
        .iter()
        .filter(|request| request.operation == Some(operation))
        .count()
}

/// Patches the only version of a name in that state, as another user.
pub(crate) async fn patch(emulator: &Emulator, name: &str, state: &str, what: &str) {
    let url = format!("{}/api/v2/solutions/deployed", emulator.url());
    let client = http_client();
    let list = client
        .get(format!("{url}?name={name}&state={state}"))
        .bearer_auth(TOKEN);
    let list: serde_json::Value = list.send().await.unwrap().json().await.unwrap();
    let id = list["solutions"][0]["id"].as_str().unwrap();
    let request = client.patch(format!("{url}/{id}?{what}"));
    let answer = request.bearer_auth(TOKEN).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}

//! A reference apply, killed at every single request, before and after the server does the work: a
//! plain second apply finishes it, and nothing is deployed twice, out of service or wrongly deleted.

use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use solform::emulator::{Emulator, Operation, Seed};

use super::{Live, in_service, live, manifest, start};
use crate::support::sweep::{assert_none_failed, chosen};
use crate::support::tap::{Kill, Tap};
use crate::support::worlds::{Version, count, env_with, seed};

/// How many cases work at once. Each mostly waits.
const AT_ONCE: usize = 8;

const UPGRADES: [&str; 6] = ["Up0", "Up1", "Up2", "Up3", "Up4", "Up5"];
const CREATES: [&str; 10] = [
    "New0", "New1", "New2", "New3", "New4", "New5", "New6", "New7", "New8", "New9",
];
const PATCHES: [&str; 4] = ["Pat0", "Pat1", "Pat2", "Pat3"];
const TOMBSTONES: [&str; 4] = ["Old0", "Old1", "Old2", "Old3"];

/// Ten creates of a deploy and a patch each, six upgrades of a deploy and a patch, four patches and
/// four deletes: forty writes. And a stranger.
fn world() -> Seed {
    let mut versions = Vec::new();
    versions.extend(UPGRADES.map(|name| Version::active(name, "1")));
    versions.extend(PATCHES.map(|name| Version::active(name, "1")));
    versions.extend(TOMBSTONES.map(|name| Version::active(name, "1")));
    versions.push(Version::active("Stranger", "1").owner("somebody"));
    let mut packages = Vec::new();
    packages.extend(UPGRADES.map(|name| Version::active(name, "2")));
    packages.extend(CREATES.map(|name| Version::active(name, "1")));
    seed(&versions, &packages)
}

fn solutions() -> String {
    let mut text = String::new();
    let path = "path: '${drive}/${name}-${version}.ibsolution'";
    for name in UPGRADES {
        writeln!(text, "  {name}: {{ version: 2, {path} }}").unwrap();
    }
    for name in CREATES {
        writeln!(
            text,
            "  {name}: {{ version: 1, visibility: PUBLIC, {path} }}"
        )
        .unwrap();
    }
    for name in PATCHES {
        writeln!(text, "  {name}: {{ version: 1, visibility: PUBLIC }}").unwrap();
    }
    for name in TOMBSTONES {
        writeln!(text, "  {name}: {{ version: 1, state: ABSENT }}").unwrap();
    }
    text
}

fn expected() -> Vec<Live> {
    let record = |name: &str, version: &str, state: &str, visibility: &str| Live {
        name: name.to_owned(),
        version: version.to_owned(),
        state: state.to_owned(),
        visibility: visibility.to_owned(),
    };
    let mut all = Vec::new();
    for name in UPGRADES {
        all.push(record(name, "1", "INACTIVE", "PRIVATE"));
        all.push(record(name, "2", "ACTIVE", "PRIVATE"));
    }
    for name in CREATES.iter().chain(&PATCHES) {
        all.push(record(name, "1", "ACTIVE", "PUBLIC"));
    }
    all.push(record("Stranger", "1", "ACTIVE", "PRIVATE"));
    all.sort();
    all
}

async fn world_and_tap(kill: Kill) -> (Emulator, Tap) {
    // A second deploy would leave a second record; visibility shows in records.
    let knobs = [
        "duplicate_deploy=second_record",
        "visibility_in_records=true",
    ];
    let emulator = start(world(), &knobs, Duration::from_millis(30)).await;
    let tap = Tap::start(
        &emulator.url(),
        kill,
        in_service(&emulator.url(), &UPGRADES),
    )
    .await;
    (emulator, tap)
}

/// One case; what is wrong about it, if anything.
async fn case(kill: Kill) -> Result<usize, String> {
    let (emulator, tap) = world_and_tap(kill).await;
    let env = env_with(&manifest(&tap.url, &solutions()));
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &["apply", "--auto-approve"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tap.process.store(child.id(), Ordering::SeqCst);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    if kill == Kill::Never && !status.success() {
        return Err(format!("the undisturbed apply ended with {status}"));
    }
    let seen = tap.seen();
    let second = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await;
    if ![0, 2].contains(&second.code()) {
        return Err(format!("the second apply\n{second}"));
    }
    let third = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    if third.code() != 0 {
        return Err(format!("{second}\nthe plan after it\n{third}"));
    }
    let now = live(&emulator.url()).await;
    if now != expected() {
        return Err(format!("{second}\nis live: {now:#?}"));
    }
    let deploys = count(&emulator, Operation::Deploy);
    if deploys != UPGRADES.len() + CREATES.len() {
        return Err(format!("{second}\n{deploys} deploys were taken"));
    }
    match tap.wrong().first() {
        Some(wrong) => Err(format!("{wrong}\n{second}")),
        None => Ok(seen),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_apply_is_finished_by_the_next_one() {
    let requests = case(Kill::Never).await.unwrap();
    assert!(requests > 100, "{requests}");
    let name = |kill: &Kill| format!("{kill:?}");
    let cases = (0..requests).flat_map(|nth| [Kill::Before(nth), Kill::After(nth)]);
    let cases = chosen(cases, name);
    let count = cases.len();
    let failed: Vec<(String, String)> = futures_util::stream::iter(cases)
        .map(|kill| async move {
            let ended = tokio::spawn(case(kill)).await;
            match ended {
                Ok(Ok(_)) => None,
                Ok(Err(wrong)) => Some((name(&kill), wrong)),
                Err(panic) => Some((name(&kill), panic.to_string())),
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    println!("{count} cases over {requests} requests");
    assert_none_failed("a_killed_apply_is_finished_by_the_next_one", count, &failed);
}

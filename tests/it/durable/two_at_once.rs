//! Two applies of the same environment: one works, the other reports the owner of the lock, or
//! waits.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use solform_emulator::{Emulator, JobPace, Operation};

use super::{at_work, finish_all};
use crate::support::TestEnv;
use crate::support::worlds::{self, Version, count, env_with, manifest, seed};

const SOLUTIONS: &str = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n  B: \
    { version: 1, visibility: PUBLIC }\n";

async fn world() -> (Emulator, TestEnv) {
    let emulator = worlds::start_with(
        seed(
            &[Version::active("A", "1"), Version::active("B", "1")],
            &[Version::active("A", "2")],
        ),
        &[],
        JobPace::Manual,
    )
    .await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    (emulator, env)
}

/// Starts an apply, and returns when its deploy is in progress.
async fn begun(env: &TestEnv) -> Child {
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &["apply", "--auto-approve"]);
    command.env("USER", "ann").env("HOSTNAME", "runner-1");
    at_work(command, 1).await
}

fn end(mut child: Child) -> i32 {
    child.wait().unwrap().code().unwrap_or(-1)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_the_second_reports_the_lock_owner() {
    let (emulator, env) = world().await;
    let first = begun(&env).await;
    let second = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(9)
        .warns("the lock of environment `test` is held by ann@runner-1 (process ")
        .warns("by `solform apply --auto-approve`")
        .warns("solform force-unlock ");
    assert!(second.stdout.is_empty(), "{second}");
    // A plan takes no lock, and shows writes in progress.
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("In flight: the deploy of A@2, job ");
    finish_all(&emulator);
    assert_eq!(tokio::task::spawn_blocking(|| end(first)).await.unwrap(), 0);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(0);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_the_second_waits_if_allowed() {
    let (emulator, env) = world().await;
    let first = begun(&env).await;
    let mut command = env.command(
        env!("CARGO_BIN_EXE_solform"),
        &[
            "apply",
            "--auto-approve",
            "--lock-timeout",
            "1h",
            "--detailed-exitcode",
        ],
    );
    let mut second = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let waits = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        (line, stderr)
    });
    let (line, _stderr) = waits.await.unwrap();
    assert!(
        line.starts_with("Waiting for the lock, which is held by ann@runner-1"),
        "{line}"
    );
    finish_all(&emulator);
    assert_eq!(tokio::task::spawn_blocking(|| end(first)).await.unwrap(), 0);
    assert_eq!(
        tokio::task::spawn_blocking(|| end(second)).await.unwrap(),
        0
    );
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_a_removed_lock_stops_its_owner() {
    let (emulator, env) = world().await;
    let first = begun(&env).await;
    let output = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1);
    let (_, rest) = output.stderr.split_once("solform force-unlock ").unwrap();
    let id = rest.split(' ').next().unwrap().to_owned();
    let _ = env
        .solform_beside(&["force-unlock", "another"])
        .await
        .exits_with(1)
        .warns("the lock is not held under the id `another`")
        .warns(&id);
    let _ = env
        .solform_beside(&["force-unlock", &id])
        .await
        .exits_with(0);
    let patches = count(&emulator, Operation::PatchSolution);
    finish_all(&emulator);
    // The deploy is done, and the old version stays ACTIVE, because no further write is sent.
    assert_eq!(tokio::task::spawn_blocking(|| end(first)).await.unwrap(), 1);
    assert_eq!(count(&emulator, Operation::PatchSolution), patches);
    let _ = env
        .solform_beside(&["force-unlock", &id])
        .await
        .exits_with(1)
        .warns("No command holds it.");
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_preconditions_work_without_a_lock() {
    let (emulator, env) = world().await;
    let first = begun(&env).await;
    // The record of the first deploy is live already, and its job is in progress: the second apply
    // neither deploys it again nor treats it as a successor.
    let second = env
        .solform_beside(&[
            "apply",
            "--auto-approve",
            "--lock=false",
            "--detailed-exitcode",
        ])
        .await
        .exits_with(6)
        .says("because of A@2: a job of an earlier apply may still change it");
    assert_eq!(count(&emulator, Operation::Deploy), 1, "{second}");
    finish_all(&emulator);
    assert_eq!(tokio::task::spawn_blocking(|| end(first)).await.unwrap(), 0);
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

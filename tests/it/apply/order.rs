//! New before old: a version is deactivated or deleted only after its successor is live.

use solform_emulator::{JobPace, Operation};

use crate::support::worlds::{self, Version, count, env_with, manifest, seed, start};

const UPGRADE: &str =
    "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution', visibility: PRIVATE }\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_old_version_goes_after_the_new_one_serves() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
        &[],
    )
    .await;
    let env = env_with(&manifest(&emulator.url(), UPGRADE));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let requests = emulator.requests();
    let position = |operation| {
        requests
            .iter()
            .position(|request| request.operation == Some(operation))
            .unwrap()
    };
    let last_poll = requests
        .iter()
        .rposition(|request| request.operation == Some(Operation::JobStatus))
        .unwrap();
    assert!(position(Operation::Deploy) < last_poll);
    assert!(last_poll < position(Operation::PatchSolution));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deploy_leaves_the_old_version_in_service() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
        &[],
    )
    .await;
    emulator.add_fault("operation=deploy,job=fail".parse().unwrap());
    let env = env_with(&manifest(&emulator.url(), UPGRADE));
    let output = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(5)
        .says("failed")
        .says("skipped")
        .says("because A@2 is not done")
        .says("Not complete: 0 done, 1 failed, 1 skipped");
    assert!(!output.stdout.contains("Apply complete!"), "{output}");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
    let _ = env
        .solform_beside(&["get", "A@1"])
        .await
        .exits_with(0)
        .says("ACTIVE");
}

/// The outcome of a job that never ends is unknown. Changes that depend on it are skipped, all
/// others are done.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_job_blocks_only_its_dependants() {
    let solutions = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n  B: { \
        version: 1, state: INACTIVE }\n";
    let emulator = worlds::start_with(
        seed(
            &[Version::active("A", "1"), Version::active("B", "1")],
            &[Version::active("A", "2")],
        ),
        &["record_during_job=hidden"],
        JobPace::Never,
    )
    .await;
    let text = manifest(&emulator.url(), solutions).replace("deploy: 20s", "deploy: 1s");
    let env = env_with(&text);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(6)
        .says("unknown")
        .says("was still in progress")
        .says("because A@2 is not done")
        .says("1 done, 0 failed, 1 skipped, 0 refused, 0 cancelled, 1 unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_deletes_and_deploys_again() {
    let emulator = start(
        seed(&[Version::active("A", "2")], &[Version::active("A", "2")]),
        &[],
    )
    .await;
    let env = env_with(&manifest(&emulator.url(), UPGRADE));
    let _ = env
        .solform_beside(&["plan", "--replace", "A@2"])
        .await
        .exits_with(0)
        .says("# A@2 must be replaced\n")
        .says("Plan: 1 to add, 0 to change, 1 to destroy.");
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--replace", "A@2"])
        .await
        .exits_with(0)
        .says("Apply complete! Resources: 1 added, 0 changed, 1 destroyed.");
    assert_eq!(count(&emulator, Operation::DeleteSolution), 1);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_takes_exactly_what_is_declared() {
    let emulator = start(
        seed(
            &[
                Version::active("A", "2"),
                Version::active("A", "1"),
                Version::active("A", "2").owner("other"),
                Version::active("B", "1"),
            ],
            &[],
        ),
        &[],
    )
    .await;
    let env = env_with(&manifest(&emulator.url(), UPGRADE));
    let _ = env
        .solform_beside(&["destroy", "--auto-approve"])
        .await
        .exits_with(0)
        .says("Destroy complete! Resources: 1 destroyed.");
    let left = env.solform_beside(&["list"]).await.exits_with(0);
    let rows: Vec<&str> = left.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{left}");
}

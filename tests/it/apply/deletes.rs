//! A delete that the server refuses, in service and out of service, leaves the version as it was.

use solform_emulator::{Emulator, Operation, Seed};

use crate::support::TestEnv;
use crate::support::worlds::{Version, count, env_with, manifest, path_of, seed, start};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// The refusals of a delete whose reason is not the version's state.
const REFUSALS: [&str; 7] = [
    "status=400",
    "status=409",
    "status=422",
    "status=423",
    "status=200,body=status_msg",
    "status=200,body=error",
    "job=fail",
];

async fn refusing(what: &str, live: Seed) -> Emulator {
    let emulator = start(live, &[]).await;
    let rule = format!("operation=delete_solution,{what},text=it is still in use");
    emulator.add_fault(rule.parse().unwrap());
    emulator
}

async fn is_active(env: &TestEnv, address: &str) {
    let _ = env
        .solform_beside(&["get", address])
        .await
        .exits_with(0)
        .says("ACTIVE");
    let got = env.solform_beside(&["get", address]).await;
    assert!(!got.stdout.contains("INACTIVE"), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_delete_leaves_the_version_active() {
    for what in REFUSALS {
        let emulator = refusing(what, seed(&[Version::active("A", "1")], &[])).await;
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 1, state: ABSENT }\n",
        ));
        let report = env
            .solform_beside(&APPLY)
            .await
            .exits_with(5)
            .says("could not be deleted, neither in service (")
            .says("nor INACTIVE (")
            .says("it is ACTIVE again");
        assert_eq!(
            report.stdout.matches("it is still in use").count() % 2,
            0,
            "{report}"
        );
        is_active(&env, "A@1").await;
        assert_eq!(count(&emulator, Operation::PatchSolution), 2, "{what}");
        // When the server accepts deletes again, the next apply deletes the version.
        emulator.clear_faults();
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
    }
}

/// A tombstone, `destroy`, `--replace` and a policy all delete in the same way.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_delete_puts_the_version_back() {
    let replaced = "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n";
    let superseded = "  A: { version: 2, superseded: delete }\n";
    let cases: [(&str, &[&str]); 4] = [
        ("  A: { version: 1, state: ABSENT }\n", &APPLY),
        (
            "  A: { version: 1 }\n",
            &["destroy", "--auto-approve", "--detailed-exitcode"],
        ),
        (
            replaced,
            &[
                "apply",
                "--auto-approve",
                "--detailed-exitcode",
                "--replace",
                "A@1",
            ],
        ),
        (superseded, &APPLY),
    ];
    for (solutions, command) in cases {
        let mut live = vec![Version::active("A", "1")];
        if solutions == superseded {
            live.push(Version::active("A", "2"));
        }
        let world = seed(&live, &[Version::active("A", "1")]);
        let emulator = refusing("status=409", world).await;
        let env = env_with(&manifest(&emulator.url(), solutions));
        let _ = env
            .solform_beside(command)
            .await
            .exits_with(5)
            .says("it is ACTIVE again");
        is_active(&env, "A@1").await;
        assert_eq!(count(&emulator, Operation::Deploy), 0, "{solutions}");
    }
}

/// A deployment refers to the version: the server refuses the delete, by status or by a failed job.
#[tokio::test(flavor = "multi_thread")]
async fn a_referenced_version_stays_active() {
    for knob in ["delete_referenced=refused", "delete_referenced=job_error"] {
        let world = Seed::parse(&format!(
            "solutions:\n  - {{ name: A, version: 1, owner: svc, author: svc, visibility: PRIVATE, \
             referenced: true }}\n\
             packages:\n  - {{ path: {:?}, name: A, version: 1, owner: svc }}\n",
            path_of("A", "1")
        ))
        .unwrap();
        let emulator = start(world, &[knob]).await;
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
        ));
        let _ = env
            .solform_beside(&["apply", "--auto-approve", "--replace", "A@1"])
            .await
            .exits_with(1)
            .says("it is ACTIVE again");
        is_active(&env, "A@1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_stays_inactive_is_named() {
    let emulator = refusing("status=409", seed(&[Version::active("A", "1")], &[])).await;
    let rule = "operation=patch_solution,skip=1,status=403,text=no more changes";
    emulator.add_fault(rule.parse().unwrap());
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("it is INACTIVE now, and could not be set ACTIVE again")
        .says("no more changes")
        .says("to ACTIVE on the platform");
}

/// A version that was INACTIVE before the delete is not put back.
#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_version_is_only_deleted() {
    let emulator = refusing("status=409", seed(&[Version::inactive("A", "1")], &[])).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("the server refused the delete");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

/// The API page names only ACTIVE and INACTIVE as states of a PATCH: PRODUCTION cannot be restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_production_version_is_put_back_active() {
    let production = Version {
        state: "PRODUCTION",
        ..Version::active("A", "1")
    };
    let emulator = refusing("status=409", seed(&[production], &[])).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let report = env.solform_beside(&APPLY).await.exits_with(5);
    let words: Vec<&str> = report.stdout.split_whitespace().collect();
    let expected =
        "it was PRODUCTION and is ACTIVE now, because the API has no PATCH to PRODUCTION";
    assert!(words.join(" ").contains(expected), "{report}");
    is_active(&env, "A@1").await;
}

/// The next command of a replace whose delete was refused replaces again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_replace_is_repeated() {
    let live = [Version::active("A", "1")];
    let emulator = start(seed(&live, &live), &[]).await;
    let solutions = format!("  A: {{ version: 1, path: '{}' }}\n", path_of("A", "1"));
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let rule = "operation=delete_solution,status=422";
    emulator.add_fault(rule.parse().unwrap());
    let apply = [
        "apply",
        "--auto-approve",
        "--detailed-exitcode",
        "--replace",
        "A@1",
    ];
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(5)
        .says("solform apply --file solform.yaml -e test --replace A@1\n");
}

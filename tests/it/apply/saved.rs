//! A saved plan: what was reviewed is what runs, or nothing does.

use std::os::unix::fs::PermissionsExt as _;

use solform::emulator::Operation;

use crate::support::worlds::{self, Version, count, env_with, manifest, seed, start};

const TWO: &str = "  A: { version: 1, state: INACTIVE }\n  B: { version: 1, state: INACTIVE }\n";

fn world() -> solform::emulator::Seed {
    seed(
        &[
            Version::active("A", "1"),
            Version::active("B", "1"),
            Version::active("C", "1"),
        ],
        &[],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_shown_and_applied() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let planned = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let shown = env.solform(&["show", "the.plan"]).exits_with(0);
    assert!(
        planned.stdout.starts_with(&shown.stdout),
        "{planned}{shown}"
    );
    let mode = std::fs::metadata(env.path().join("the.plan"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!env.read("the.plan").contains(worlds::TOKEN));
    let _ = env
        .solform_beside(&["apply", "the.plan"])
        .await
        .exits_with(0)
        .says("Apply complete! Resources: 0 added, 2 changed, 0 destroyed.");
    // Applied once more, it finds everything done.
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "the.plan"])
        .await
        .exits_with(0)
        .says("it was so already");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visibility_that_the_plan_did_not_know_has_not_moved() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    // Somebody publishes A meanwhile: B's manifest makes it so through the same program.
    let other = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ACTIVE, visibility: PUBLIC }\n",
    ));
    emulator.turn_knobs(|knobs| knobs.assign("visibility_in_records=true").unwrap());
    let _ = other
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    emulator.clear_requests();
    let moved = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await;
    // The plan was made without knowing a visibility, so that only what it knew can have moved.
    let _ = moved.exits_with(2);
    assert_eq!(count(&emulator, Operation::PatchSolution), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_record_is_refused_with_the_difference() {
    let emulator = start(world(), &["visibility_in_records=true"]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let other = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ACTIVE, visibility: PUBLIC }\n",
    ));
    let _ = other
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .says("refused")
        .says("- visibility = \"PRIVATE\"")
        .says("+ visibility = \"PUBLIC\"")
        .says("1 done, 0 failed, 0 skipped, 1 refused");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_another_manifest_or_world_is_stale() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let stale = ["apply", "the.plan", "--detailed-exitcode"];
    emulator.clear_requests();

    env.write(
        "solform.yaml",
        &manifest(&emulator.url(), "  A: { version: 1, state: INACTIVE }\n"),
    );
    let _ = env
        .solform_beside(&stale)
        .await
        .exits_with(3)
        .warns("the manifest has changed since the plan was made");

    env.write("solform.yaml", &manifest("http://127.0.0.1:9", TWO));
    let _ = env
        .solform_beside(&stale)
        .await
        .exits_with(3)
        .warns("the plan was made against");

    env.write("solform.yaml", &manifest(&emulator.url(), TWO));
    let text = env.read("the.plan");
    env.write("the.plan", &text.replace("INACTIVE", "ACTIVE"));
    let _ = env
        .solform_beside(&stale)
        .await
        .exits_with(3)
        .warns("changed after it was written");
    env.write("the.plan", &text[..text.len() / 2]);
    let _ = env
        .solform_beside(&stale)
        .await
        .exits_with(3)
        .warns("cannot be read as one");
    env.write(
        "the.plan",
        &text.replacen("\"format_version\": 3", "\"format_version\": 99", 1),
    );
    let _ = env
        .solform_beside(&stale)
        .await
        .exits_with(3)
        .warns("format version 99");
    let _ = env
        .solform_beside(&["apply", "the.plan", "--target", "A"])
        .await
        .exits_with(1)
        .warns("`--target` cannot stand beside a saved plan");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

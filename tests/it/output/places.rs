//! Files that cannot be written are found before an environment is asked or changed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::worlds::{Version, env_with, manifest, seed, start};

/// Places where nobody can write a file, root included: a folder that is not there, a folder
/// itself, a file in the place of a folder, and file systems of the kernel.
const NO_PLACES: [&str; 5] = [
    "missing/report",
    "folder",
    "solform.yaml/report",
    "/proc/report",
    "/sys/report",
];

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unwritable_outputs_are_found_before_anything() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    std::fs::create_dir(env.path().join("folder")).unwrap();
    let before = names_in(env.path());
    for place in NO_PLACES {
        let output = format!("json={place}");
        for arguments in [
            &["apply", "--auto-approve", "--output", &output][..],
            &["destroy", "--auto-approve", "--output", &output],
            &["plan", "--output", &output],
            &["plan", "--out", place],
            &["export", "--out", place, "--force"],
        ] {
            let told = env.solform_beside(arguments).await.exits_with(1);
            let said = format!("failed to write `{place}`");
            assert!(told.stderr.contains(&said), "{arguments:?}\n{told}");
            assert_eq!(emulator.requests().len(), 0, "{arguments:?}");
        }
    }
    assert_eq!(names_in(env.path()), before, "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_step_summary_is_found_before() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let mut env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    env.set("GITHUB_STEP_SUMMARY", "/proc/summary.md");
    for arguments in [
        &["apply", "--auto-approve", "--format", "github"][..],
        &["plan", "--format", "github"],
    ] {
        let told = env.solform_beside(arguments).await.exits_with(1);
        let said = told.stderr.matches("failed to write `/proc/summary.md`");
        assert_eq!(said.count(), 1, "{told}");
        assert_eq!(emulator.requests().len(), 0, "{arguments:?}");
    }
    // Who does not write there is not held up by it.
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
}

/// A file that is no plan is refused before the listing, and a report that is there stays as it is
/// until there is another one.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_there_are_safe_until_the_end() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    env.write("notes.txt", "mine");
    let _ = env
        .solform_beside(&["plan", "--out", "notes.txt"])
        .await
        .exits_with(1)
        .warns("is not a plan file");
    assert_eq!(emulator.requests().len(), 0);
    let _ = env
        .solform_beside(&["plan", "--output", "json=notes.txt", "--target", "None"])
        .await
        .exits_with(1);
    assert_eq!(env.read("notes.txt"), "mine");
}

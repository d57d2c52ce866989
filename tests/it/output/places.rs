//! Files that cannot be written are reported before an environment is read or changed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::worlds::{Version, env_with, manifest, seed, start};

/// Paths where no user can write a file, not even root: in a missing folder, a folder, in a file
/// instead of a folder, and in file systems of the kernel.
const UNWRITABLE: [&str; 5] = [
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
async fn unwritable_outputs_are_reported_first() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    std::fs::create_dir(env.path().join("folder")).unwrap();
    let before = names_in(env.path());
    for path in UNWRITABLE {
        let output = format!("json={path}");
        for arguments in [
            &["apply", "--auto-approve", "--output", &output][..],
            &["destroy", "--auto-approve", "--output", &output],
            &["plan", "--output", &output],
            &["plan", "--out", path],
            &["export", "--out", path, "--force"],
        ] {
            let result = env.solform_beside(arguments).await.exits_with(1);
            let message = format!("failed to write `{path}`");
            assert!(result.stderr.contains(&message), "{arguments:?}\n{result}");
            if path == "folder" {
                let cause = "because it is a folder, not a file\n";
                assert!(result.stderr.contains(cause), "{arguments:?}\n{result}");
            }
            if let Some((folder @ ("missing" | "solform.yaml"), _)) = path.split_once('/') {
                let cause = format!("there is no folder `{folder}`");
                assert!(result.stderr.contains(&cause), "{arguments:?}\n{result}");
            }
            assert_eq!(emulator.requests().len(), 0, "{arguments:?}");
        }
    }
    assert_eq!(names_in(env.path()), before, "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_step_summary_is_reported_first() {
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
        let result = env.solform_beside(arguments).await.exits_with(1);
        let errors = result.stderr.matches("failed to write `/proc/summary.md`");
        assert_eq!(errors.count(), 1, "{result}");
        assert_eq!(emulator.requests().len(), 0, "{arguments:?}");
    }
    // Without the format, the unwritable summary does not matter.
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
}

/// `--out` refuses to replace a file that is not a plan, before the listing. An existing report is
/// replaced only when there is a new one.
#[tokio::test(flavor = "multi_thread")]
async fn existing_files_stay_until_the_end() {
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

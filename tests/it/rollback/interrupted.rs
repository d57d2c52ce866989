//! The roll-back of applies that failed in part, or were killed.

use solform_emulator::JobPace;

use super::{PATH, live};
use crate::durable::{at_work, finish_all};
use crate::support::worlds::{self, Version, env_with, manifest, seed, start};

/// Only what the apply really did is undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_partly_failed_apply_is_rolled_back() {
    let old = [Version::active("A", "1"), Version::active("B", "1")];
    let new = [Version::active("A", "2"), Version::active("B", "2")];
    let emulator = start(seed(&old, &new), &["visibility_in_records=true"]).await;
    emulator.add_fault("operation=deploy,request=*B-2*,job=fail".parse().unwrap());
    let solutions = format!("  A: {{ version: 2, {PATH} }}\n  B: {{ version: 2, {PATH} }}\n");
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let before = live(&emulator).await;
    let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
    let _ = env.solform_beside(&apply).await.exits_with(5);
    let arguments = ["rollback", "--auto-approve", "--detailed-exitcode"];
    let output = env.solform_beside(&arguments).await.exits_with(2);
    assert!(!output.stdout.contains("B@"), "{output}");
    let mut expected = before;
    expected.insert(1, "A@2 INACTIVE PRIVATE".to_owned());
    assert_eq!(live(&emulator).await, expected);
}

/// The killed apply is recovered first: its deploy is done meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_apply_is_recovered_and_rolled_back() {
    let (old, new) = ([Version::active("A", "1")], [Version::active("A", "2")]);
    let knobs = ["visibility_in_records=true"];
    let emulator = worlds::start_with(seed(&old, &new), &knobs, JobPace::Manual).await;
    let solutions = format!("  A: {{ version: 2, {PATH} }}\n");
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let program = env!("CARGO_BIN_EXE_solform");
    let command = env.command(program, &["apply", "--auto-approve"]);
    let mut child = at_work(command, 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // Until it is recovered, its outcome is not known.
    let planned = ["rollback", "--plan-only", "--detailed-exitcode"];
    let _ = env
        .solform_beside(&planned)
        .await
        .exits_with(6)
        .says("A@2 is left alone: the outcome of its change by the apply is not known");
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["rollback", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .warns("  A@2: done")
        .says("# A@2 will be updated in-place");
    assert_eq!(
        live(&emulator).await,
        ["A@1 ACTIVE PRIVATE", "A@2 INACTIVE PRIVATE"]
    );
}

/// What is left of a roll-back is finished by the command that it names, and by `apply --resume`.
#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_roll_back_goes_on() {
    let (old, new) = ([Version::active("A", "1")], [Version::active("A", "2")]);
    let solutions = format!("  A: {{ version: 2, {PATH} }}\n");
    for resumes in [false, true] {
        let emulator = start(seed(&old, &new), &["visibility_in_records=true"]).await;
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        let _ = env.solform_beside(&apply).await.exits_with(2);
        emulator.add_fault(
            "operation=patch_solution,times=1,status=403"
                .parse()
                .unwrap(),
        );
        let rollback = ["rollback", "--auto-approve", "--detailed-exitcode"];
        let output = env.solform_beside(&rollback).await.exits_with(5);
        let (_, next) = output.stdout.split_once("To go on, run: solform ").unwrap();
        let mut next = shlex::split(next.lines().next().unwrap()).unwrap();
        assert_eq!(next[0], "rollback");
        // Without its id, the roll-back would be rolled back.
        assert!(next[1].len() > 30, "{next:?}");
        if resumes {
            next = ["apply", "--resume"].map(str::to_owned).to_vec();
        }
        next.extend(["--auto-approve", "--detailed-exitcode"].map(str::to_owned));
        let next: Vec<&str> = next.iter().map(String::as_str).collect();
        let _ = env.solform_beside(&next).await.exits_with(2);
        assert_eq!(
            live(&emulator).await,
            ["A@1 ACTIVE PRIVATE", "A@2 INACTIVE PRIVATE"]
        );
    }
}

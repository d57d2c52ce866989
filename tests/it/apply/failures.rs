//! Blocked plans and failed changes: each is reported with its reason, and nothing else is sent.

use solform_emulator::{self as emulator, Clock, EmulatorOptions, JobPace, Operation};

use crate::support::CommandOutput;
use crate::support::worlds::{
    self, Version, count, env_with, manifest, manifest_with, options, seed, start,
};

#[tokio::test(flavor = "multi_thread")]
async fn protection_and_limits_block_and_are_reported() {
    let live = [
        Version::active("A", "1"),
        Version::active("B", "1"),
        Version::active("C", "1"),
    ];
    let gone = "  A: { version: 1, state: ABSENT }\n  B: { version: 1, state: ABSENT }\n";
    let emulator = start(seed(&live, &[]), &[]).await;
    let blocked = ["apply", "--auto-approve", "--detailed-exitcode"];

    let env = env_with(&manifest_with(
        &emulator.url(),
        "    protect: [\"A@*\"]\n",
        "",
        gone,
    ));
    let _ = env
        .solform_beside(&blocked)
        .await
        .exits_with(4)
        .says("! blocked")
        .says("Plan: 0 to add, 0 to change, 2 to destroy.")
        .warns("Error: `A@1` is protected");

    env.write(
        "solform.yaml",
        &manifest_with(
            &emulator.url(),
            "    limits: { max_destroy: 1 }\n",
            "",
            gone,
        ),
    );
    let _ = env
        .solform_beside(&blocked)
        .await
        .exits_with(4)
        .warns("--allow-destroy 2");
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--allow-destroy", "1"])
        .await
        .exits_with(1);
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--allow-destroy", "2"])
        .await
        .exits_with(0)
        .says("2 destroyed.");
}

/// The error names the line of the path in the manifest.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_package_is_an_error() {
    let emulator = start(
        seed(
            &[],
            &[Version::active("A", "2"), Version::active("Other", "1")],
        ),
        &[],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-9.ibsolution' }\n",
    ));
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("package-missing")
        .warns("solform.yaml:10:");
    env.write(
        "solform.yaml",
        &manifest(
            &emulator.url(),
            "  A: { version: 1, path: '${drive}/Other-1.ibsolution' }\n",
        ),
    );
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("package-mismatch")
        .warns("Other");
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// A version that waits for review is not patched again, and the apply does not count as complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_review_is_not_repeated_and_no_success() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[]),
        &["publish=pending_review"],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, visibility: PUBLIC }\n",
    ));
    let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(5)
        .says("waits for review");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .says("Note: A@1: waits for a review");
    let _ = env.solform_beside(&apply).await.exits_with(5);
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
}

/// A patch that the server accepts without effect is not reported as done.
#[tokio::test(flavor = "multi_thread")]
async fn a_patch_without_effect_fails() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[]),
        &["publish=unchanged"],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, visibility: PUBLIC }\n",
    ));
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(5)
        .says("had no effect");
    // Sent once as query and once as body, and not repeated.
    assert_eq!(count(&emulator, Operation::PatchSolution), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_lives_under_another_owner_is_blocked() {
    let emulator = start(
        seed(
            &[Version::active("A", "1").owner("other")],
            &[Version::active("A", "1")],
        ),
        &[],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n",
    ));
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .says("blocked: it is live under the owner `other` by the author `other`");
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(4)
        .warns("owner-differs");
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// Without a terminal and without --auto-approve the plan cannot be approved.
#[tokio::test(flavor = "multi_thread")]
async fn no_terminal_is_an_error_and_nothing_is_sent() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    let _ = env
        .solform_beside(&["apply"])
        .await
        .exits_with(1)
        .warns("--auto-approve");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_records_each_write_before_sending() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
        &[],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n",
    ));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let mut journals = Vec::new();
    for environment in std::fs::read_dir(env.path().join(".solform")).unwrap() {
        let runs = environment.unwrap().path().join("runs");
        if !runs.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(runs).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                journals.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert_eq!(journals.len(), 1);
    assert!(!journals[0].contains(worlds::TOKEN));
    let kinds: Vec<String> = journals[0]
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["entry"]["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "begin", "intent", "send", "job", "outcome", "intent", "send", "outcome", "end"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_under_another_owner_is_followed_or_named() {
    let solutions =
        "  A: { version: 1, owner: IB_DEPLOYED, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let world = || seed(&[], &[Version::active("A", "1").owner("IB_DEPLOYED")]);
    let apply = ["apply", "--auto-approve", "--detailed-exitcode"];

    // The server stores it under the caller. Without `user` this may be another solution, so the
    // record is only named.
    let emulator = start(world(), &["package_owner=replaced"]).await;
    let without_user = manifest(&emulator.url(), solutions).replace("user: svc, ", "");
    let env = env_with(&without_user);
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(5)
        .says("the deploy made `svc:A@1`")
        .says("instead of `IB_DEPLOYED:A@1`");

    // With `user` it is the same solution, and is tracked by its id.
    let emulator = start(world(), &["package_owner=replaced"]).await;
    let env = env_with(&manifest(&emulator.url(), solutions));
    let _ = env.solform_beside(&apply).await.exits_with(2);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .says("No changes.");
}

/// Another user deploys the new version on a real clock: its record is listed at once, and its job
/// never ends. The old version stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn another_users_running_deploy_releases_nothing() {
    let emulator = emulator::start(EmulatorOptions {
        job_pace: JobPace::Never,
        clock: Clock::System,
        ..options(
            seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
            &[],
        )
    })
    .await
    .unwrap();
    let text = manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n",
    )
    .replace("propagation: 1s", "propagation: 1h")
    .replace("deploy: 20s", "deploy: 1s");
    let env = env_with(&text);
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let other = env_with(&text);
    let _ = other
        .solform_beside(&[
            "apply",
            "--auto-approve",
            "--target",
            "A@2",
            "--detailed-exitcode",
        ])
        .await
        .exits_with(6);
    let applied = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(5)
        .says("already up to date")
        .says("because of A@2: it was created less than");
    assert!(!applied.stdout.contains("Apply complete!"), "{applied}");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deploys_record_releases_nothing() {
    let emulator = start(
        seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
        &[],
    )
    .await;
    emulator.add_fault("operation=deploy,times=1,job=leave_record".parse().unwrap());
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n",
    ));
    let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(5)
        .says("left record");
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(5)
        .says("a failed deploy left it behind");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
    // With --replace it is deployed again, and the old version is deactivated.
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--replace", "A@2"])
        .await
        .exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_destroy_continues_with_destroy() {
    let emulator = start(
        seed(&[Version::active("A", "1"), Version::active("B", "1")], &[]),
        &[
            "delete_active=refused",
            "patch_style=body",
            "publish=unchanged",
        ],
    )
    .await;
    emulator.add_fault("operation=delete_solution,status=403".parse().unwrap());
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1 }\n  B: { version: 1 }\n",
    ));
    let _ = env
        .solform_beside(&["destroy", "--auto-approve", "--target", "A"])
        .await
        .exits_with(1)
        .says("To go on, run: solform destroy --file solform.yaml -e test --target A\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_output_is_no_success() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    let program = env!("CARGO_BIN_EXE_solform");
    for (command, code) in [
        (
            format!("'{program}' apply --auto-approve | true; exit ${{PIPESTATUS[0]}}"),
            1,
        ),
        (format!("'{program}' plan > /dev/full"), 1),
    ] {
        let mut bash = env.command("bash", &["-c", &command]);
        let output = tokio::task::spawn_blocking(move || bash.output())
            .await
            .unwrap()
            .unwrap();
        let output = CommandOutput::new(output).exits_with(code);
        assert!(output.stderr.starts_with("Error: "), "{output}");
    }
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
    env.write("notes.txt", "mine");
    let _ = env
        .solform_beside(&["plan", "--out", "notes.txt"])
        .await
        .exits_with(1)
        .warns("is not a plan file");
    assert_eq!(env.read("notes.txt"), "mine");
}

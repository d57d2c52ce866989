//! A saved plan: only the reviewed changes are executed.

use std::os::unix::fs::PermissionsExt as _;

use solform_emulator::Operation;

use crate::support::worlds::{
    self, Version, count, env_with, manifest, manifest_with, patch, path_of, seed, start,
};

const TWO: &str = "  A: { version: 1, state: INACTIVE }\n  B: { version: 1, state: INACTIVE }\n";

fn world() -> solform_emulator::Seed {
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
    // Applied again, every change is already done.
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "the.plan"])
        .await
        .exits_with(0)
        .says("already up to date");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
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
        .warns("the file is damaged, or is not a plan file")
        .warns("Make a new plan");
    env.write(
        "the.plan",
        &text.replacen("\"format_version\": 5", "\"format_version\": 99", 1),
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
        .warns("`--target` cannot be combined with a saved plan");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

/// The apply of a plan leaves out the same changes as the `--target` of the plan.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_keeps_its_target() {
    let emulator = start(world(), &[]).await;
    // Two changes are outside of the target: one without a path, one that still differs after the
    // apply.
    let solutions =
        format!("{TWO}  Gone: {{ version: 1 }}\n  C: {{ version: 1, state: INACTIVE }}\n");
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let _ = env
        .solform_beside(&[
            "plan",
            "--target",
            "A",
            "--exclude",
            "B",
            "--out",
            "the.plan",
        ])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .says("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
}

/// The printed commands repeat the options of the plan that the apply needs.
#[tokio::test(flavor = "multi_thread")]
async fn options_are_repeated_at_the_apply() {
    let live = seed(
        &[Version::active("A", "1"), Version::active("B", "1")],
        &[Version::active("A", "1")],
    );
    let emulator = start(live, &[]).await;
    let solutions = format!(
        "  A: {{ version: 1, path: '{}' }}\n  B: {{ version: 1, state: ABSENT }}\n",
        path_of("A", "1")
    );
    let limits = "    limits: { max_destroy: 0 }\n";
    let env = env_with(&manifest_with(&emulator.url(), limits, "", &solutions));
    let options = ["--replace", "A@1", "--allow-destroy", "2"];
    let next = "solform apply --file solform.yaml -e test --replace A@1 --allow-destroy 2 the.plan";
    let _ = env
        .solform_beside(&[&["plan", "--out", "the.plan"][..], &options].concat())
        .await
        .exits_with(0)
        .says(&format!("Next: {next}\n"));
    emulator.clear_requests();
    for given in [
        &[][..],
        &["--replace", "A@1"],
        &["--allow-destroy", "2"],
        &["--replace", "A@1", "--allow-destroy", "3"],
        &["--replace", "B@1", "--allow-destroy", "2"],
        &[
            "--replace",
            "A@1",
            "--allow-destroy",
            "2",
            "--allow-change",
            "1",
        ],
    ] {
        let arguments = [&["apply", "the.plan", "--detailed-exitcode"][..], given].concat();
        let _ = env
            .solform_beside(&arguments)
            .await
            .exits_with(3)
            .warns("the plan was made with `--replace A@1 --allow-destroy 2`, and ")
            .warns(&format!("Run `{next}`, or make and review a new plan."));
    }
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
    let words = shlex::split(next).unwrap();
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let _ = env
        .solform_beside(&words)
        .await
        .exits_with(0)
        .says("Apply complete! Resources: 1 added, 0 changed, 2 destroyed.");
    // Applied again, the replaced version is not replaced again.
    emulator.clear_requests();
    let _ = env
        .solform_beside(&words)
        .await
        .exits_with(0)
        .says("No approved change is left to execute.")
        .says("done      -/+ A@1")
        .says("done        - B@1");
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// Changes that only the fresh plan has are listed, and do not alter the exit code.
#[tokio::test(flavor = "multi_thread")]
async fn later_drift_is_listed_as_not_approved() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let other = env_with(&manifest(
        &emulator.url(),
        "  B: { version: 1, state: INACTIVE }\n",
    ));
    let _ = other
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0)
        .says("Plan: 0 to add, 1 to change, 0 to destroy.");
    let active = manifest(&emulator.url(), "  B: { version: 1, state: ACTIVE }\n");
    let _ = env_with(&active)
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    emulator.clear_requests();
    let applied = env
        .solform_beside(&[
            "apply",
            "the.plan",
            "--detailed-exitcode",
            "--output",
            "json=report.json",
        ])
        .await
        .exits_with(2)
        .says("Not approved, and not executed:\n    ~ B@1 will be updated in-place")
        .says("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.");
    assert!(!applied.stdout.contains("~ B@1  "), "{applied}");
    let report: serde_json::Value = serde_json::from_str(&env.read("report.json")).unwrap();
    let not_approved = serde_json::json!([{ "address": "B@1", "action": "update" }]);
    assert_eq!(report["not_approved"], not_approved);
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
}

/// A change that the plan has executed once is not executed again, even if it was undone since.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_plan_is_refused() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let apply = ["apply", "the.plan", "--detailed-exitcode"];
    let _ = env.solform_beside(&apply).await.exits_with(2);
    let active = manifest(&emulator.url(), "  B: { version: 1, state: ACTIVE }\n");
    let _ = env_with(&active)
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    emulator.clear_requests();
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(3)
        .says("done        ~ A@1")
        .says("refused     ~ B@1")
        .says("+ applied already, and undone since");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

/// Only `destroy` executes a destroy plan, and a rollback plan has its own command.
#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_plan_is_for_destroy_only() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), TWO));
    let next = "solform destroy --file solform.yaml -e test the.plan";
    let _ = env
        .solform_beside(&["plan", "--destroy", "--out", "the.plan"])
        .await
        .exits_with(0)
        .says(&format!("Next: {next}\n"));
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .warns("the plan is a plan for `solform destroy`, and `solform apply` does not execute it")
        .warns(&format!("Run `{next}`"));
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
    let _ = env
        .solform_beside(&["destroy", "the.plan"])
        .await
        .exits_with(0)
        .says("Destroy complete! Resources: 2 destroyed.");
    // `apply` refuses a rollback plan too.
    let _ = env.solform_beside(&["plan", "--out", "the.plan"]).await;
    let text = env.read("the.plan");
    let mut file = crate::support::plan_file::PlanFile::read(&text);
    *file.at("kind") = serde_json::json!({ "rollback": "0192f1c4" });
    env.write("rollback.plan", &file.sealed());
    let _ = env
        .solform_beside(&["apply", "rollback.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .warns("the plan is a plan for `solform rollback`");
}

/// The rest of a create or a replace whose deploy is done, or whose deploy is refused after the
/// delete, belongs to the approved change: the printed command executes it.
#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_failed_change_is_approved() {
    let patched = "state: INACTIVE";
    for (live, options, fields, fault, deploys) in [
        (
            None,
            &[][..],
            patched,
            "operation=patch_solution,times=2,status=403",
            1,
        ),
        (
            None,
            &[],
            patched,
            "operation=patch_solution,times=2,status=400",
            1,
        ),
        (
            None,
            &[],
            "visibility: PUBLIC",
            "operation=patch_solution,times=2,status=403",
            1,
        ),
        (None, &[], patched, "operation=deploy,times=1,status=403", 2),
        (
            Some(()),
            &["--replace", "A@1"],
            patched,
            "operation=patch_solution,times=2,status=403",
            1,
        ),
        (
            Some(()),
            &["--replace", "A@1"],
            patched,
            "operation=deploy,times=1,status=403",
            2,
        ),
    ] {
        let case = format!("{options:?} {fields} {fault}");
        let package = [Version::active("A", "1")];
        let live: Vec<Version<'_>> = live.iter().map(|()| Version::active("A", "1")).collect();
        let emulator = start(seed(&live, &package), &[]).await;
        let solutions = format!(
            "  A: {{ version: 1, {fields}, path: '{}' }}\n",
            path_of("A", "1")
        );
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let plan = [&["plan", "--out", "the.plan"][..], options].concat();
        let _ = env.solform_beside(&plan).await.exits_with(0);
        let fault = emulator.add_fault(fault.parse().unwrap());
        let apply = [&["apply", "the.plan", "--detailed-exitcode"][..], options].concat();
        let failed = env.solform_beside(&apply).await;
        assert_eq!(failed.code(), 5, "{case}\n{failed}");
        emulator.remove_fault(fault);
        let fresh = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
        assert_eq!(fresh.code(), 2, "{case}\n{fresh}");
        assert!(!fresh.stdout.contains("rphaned"), "{case}\n{fresh}");
        let finished = env.solform_beside(&apply).await;
        assert_eq!(finished.code(), 2, "{case}\n{finished}");
        let _ = finished.says("Apply complete! ");
        assert_eq!(count(&emulator, Operation::Deploy), deploys, "{case}");
        let again = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
        assert_eq!(again.code(), 0, "{case}\n{again}");
    }
}

/// A refused PATCH has changed nothing: what another user changes afterwards is a foreign change.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_patch_permits_no_foreign_change() {
    for (live, fields, foreign) in [
        (true, "visibility: PUBLIC", "visibility=PUBLIC"),
        (true, "visibility: PUBLIC", "state=ACTIVE"),
        (false, "visibility: PUBLIC", "state=INACTIVE"),
    ] {
        let case = format!("{live} {fields} {foreign}");
        let versions = [Version::inactive("A", "1")];
        let versions = if live { &versions[..] } else { &[] };
        let packages = [Version::active("A", "1")];
        let knobs = ["visibility_in_records=true"];
        let emulator = start(seed(versions, &packages), &knobs).await;
        let solutions = format!(
            "  A: {{ version: 1, {fields}, path: '{}' }}\n",
            path_of("A", "1")
        );
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let plan = ["plan", "--out", "the.plan"];
        let _ = env.solform_beside(&plan).await.exits_with(0);
        let rule = "operation=patch_solution,times=2,status=403";
        let fault = emulator.add_fault(rule.parse().unwrap());
        let apply = ["apply", "the.plan", "--detailed-exitcode"];
        let failed = env.solform_beside(&apply).await;
        assert_eq!(failed.code(), 5, "{case}\n{failed}");
        emulator.remove_fault(fault);
        let state = if live { "INACTIVE" } else { "ACTIVE" };
        patch(&emulator, "A", state, foreign).await;
        emulator.clear_requests();
        let refused = env.solform_beside(&apply).await;
        assert_eq!(refused.code(), 3, "{case}\n{refused}");
        assert_eq!(count(&emulator, Operation::PatchSolution), 0, "{case}");
    }
}

/// A version that waits for review is not a record of another user.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_version_in_review_is_refused_as_such() {
    let package = [Version::active("A", "1")];
    let emulator = start(seed(&[], &package), &["publish=pending_review"]).await;
    let solutions = format!(
        "  A: {{ version: 1, visibility: PUBLIC, path: '{}' }}\n",
        path_of("A", "1")
    );
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let plan = ["plan", "--out", "the.plan"];
    let _ = env.solform_beside(&plan).await.exits_with(0);
    let apply = ["apply", "the.plan", "--detailed-exitcode"];
    let _ = env.solform_beside(&apply).await.exits_with(5);
    let again = env.solform_beside(&apply).await.exits_with(5);
    assert!(
        again.stdout.contains("+ visibility = \"PENDING_REVIEW\""),
        "{again}"
    );
    assert!(!again.stdout.contains("- not live"), "{again}");
}

//! Packages that a plan would deploy: each is inspected, and a bad one blocks its own change only.

use std::fmt::Write as _;

use solform_emulator::{JobPace, Operation, Seed};

use crate::durable::{at_work, finish_all};
use crate::support::worlds::{DRIVE, count, env_with, manifest, start, start_with};

const DETAILED: [&str; 2] = ["plan", "--detailed-exitcode"];

/// Returns a seed of packages, each given by its file and the fields of its entry.
fn packages(entries: &[(&str, &str)], files: &[(&str, &str)]) -> Seed {
    let mut text = String::from("packages:\n");
    for (file, fields) in entries {
        let path = format!("{DRIVE}/{file}.ibsolution");
        writeln!(text, "  - {{ path: {path:?}, {fields} }}").unwrap();
    }
    text.push_str(
        "files:\n  - { path: acme/releases/fs/Instabase Drive/readme.txt, text: hello }\n",
    );
    for (file, content) in files {
        let path = format!("{DRIVE}/{file}.ibsolution");
        writeln!(text, "  - {{ path: {path:?}, text: {content:?} }}").unwrap();
    }
    text.push_str(
        "solutions:\n  - { name: Old, version: 1, owner: svc, author: svc, visibility: PRIVATE }\n",
    );
    Seed::parse(&text).unwrap()
}

const GOOD: &str = "name: A, version: 1, owner: svc";

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_package_leaves_the_plan_visible() {
    let seed = packages(
        &[
            ("A-1", GOOD),
            ("B-1", "name: C, version: 9, owner: mallory"),
            (
                "D-1",
                "name: D, version: 1, owner: svc, omit: [owner, solution_type]",
            ),
        ],
        &[],
    );
    let emulator = start(seed, &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n  B:\n    version: 1\n    path: \
         '${drive}/B-1.ibsolution'\n  D: { version: 1, path: '${drive}/D-1.ibsolution' }\n  M: { \
         version: 1, path: '${drive}/M-1.ibsolution' }\n  Old: { version: 1, state: INACTIVE }\n",
    ));
    let plan = env
        .solform_beside(&DETAILED)
        .await
        .exits_with(4)
        .says("# A@1 will be created")
        .says("# B@1 will be created")
        .says("# Old@1 will be updated in-place")
        .says("! blocked: the package's `name` is `C`, and `B` is declared")
        .says("! blocked: the package's `solution_type` is missing")
        .says("Plan: 4 to add, 1 to change, 0 to destroy.")
        .says("3 blocked")
        .warns("`B@1`: the package's `name` is `C`, and `B` is declared [package-mismatch]")
        .warns("`B@1`: the package's `version` is `9`, and `1` is declared [package-mismatch]")
        .warns("`B@1`: the package's `owner` is `mallory`, and `svc` is declared")
        .warns("`D@1`: the package's `owner` is missing [package-invalid]")
        .warns("`D@1`: the package's `solution_type` is missing [package-invalid]")
        .warns("M-1.ibsolution` is not on the platform's file system [package-missing]");
    // Each error is at the line of its path.
    for place in ["solform.yaml:13:11", "solform.yaml:14:", "solform.yaml:15:"] {
        assert!(plan.stderr.contains(place), "{place}\n{plan}");
    }
    let _ = env.solform_beside(&["plan"]).await.exits_with(1);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(4)
        .says("Plan: 4 to add, 1 to change, 0 to destroy.");
    let document = env
        .solform_beside(&["plan", "--format", "json"])
        .await
        .exits_with(1);
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["applyable"], false);
    let change = |address: &str| {
        let changes = document["resource_changes"].as_array().unwrap();
        let change = changes.iter().find(|change| change["address"] == address);
        change.unwrap()["x_solution"].clone()
    };
    assert_eq!(
        change("M@1")["blocked_by"],
        serde_json::json!(["package-missing"])
    );
    assert_eq!(change("M@1")["package"], serde_json::Value::Null);
    assert_eq!(change("A@1")["blocked_by"], serde_json::json!([]));
    assert_eq!(change("A@1")["package"].as_str().unwrap().len(), 64);
    // The changes that are not blocked can be applied alone.
    let _ = env
        .solform_beside(&[
            "apply",
            "--auto-approve",
            "--target",
            "A",
            "--target",
            "Old",
        ])
        .await
        .exits_with(0);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

/// A package name that no manifest can declare does not match the declared name.
#[tokio::test(flavor = "multi_thread")]
async fn an_undeclarable_name_is_a_mismatch() {
    let names = [
        r#"name: "A ", version: 1, owner: svc"#,
        r#"name: "A\n", version: 1, owner: svc"#,
        r#"name: "A\u0007", version: 1, owner: svc"#,
        r#"name: A, version: "1 ", owner: svc"#,
        r#"name: A, version: 1, owner: "svc\t""#,
        r#"name: "A\u001b[31m", version: 1, owner: svc"#,
    ];
    for fields in names {
        let emulator = start(packages(&[("A-1", fields)], &[]), &[]).await;
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
        ));
        let plan = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await
            .exits_with(4)
            .warns("[package-mismatch]");
        assert!(!plan.stderr.contains("package-unreadable"), "{plan}");
        assert!(!plan.stderr.contains('\u{1b}') && !plan.stdout.contains('\u{1b}'));
        assert_eq!(count(&emulator, Operation::Deploy), 0, "{fields}");
    }
}

/// The old version must not be deleted for a package that cannot be deployed.
#[tokio::test(flavor = "multi_thread")]
async fn replace_needs_a_deployable_package() {
    for missing in ["name", "version", "owner", "solution_type"] {
        let fields = format!("name: Old, version: 1, owner: svc, omit: [{missing}]");
        let emulator = start(packages(&[("Old-1", &fields)], &[]), &[]).await;
        let env = env_with(&manifest(
            &emulator.url(),
            "  Old: { version: 1, path: '${drive}/Old-1.ibsolution' }\n",
        ));
        let _ = env
            .solform_beside(&["apply", "--auto-approve", "--replace", "Old@1"])
            .await
            .exits_with(1)
            .warns(&format!(
                "the package's `{missing}` is missing [package-invalid]"
            ));
        assert_eq!(count(&emulator, Operation::DeleteSolution), 0, "{missing}");
        let doctor = env.solform_beside(&["doctor"]).await;
        let words: Vec<&str> = doctor.stdout.split_whitespace().collect();
        let expected = format!("the package's `{missing}` is missing.");
        assert!(words.join(" ").contains(&expected), "{doctor}");
    }
}

/// Declares this number of solutions, each with a package of its own.
fn entries(total: usize) -> String {
    (0..total).fold(String::new(), |mut text, index| {
        let path = "path: '${drive}/${name}-1.ibsolution'";
        writeln!(text, "  N{index}: {{ version: 1, {path} }}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_warnings_are_grouped() {
    let total = 40;
    let names: Vec<String> = (0..total).map(|index| format!("N{index}-1")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "no zip")).collect();
    let emulator = start(packages(&[("A-1", GOOD)], &files), &[]).await;
    let env = env_with(&manifest(&emulator.url(), &entries(total)));
    let plan = env
        .solform_beside(&DETAILED)
        .await
        .exits_with(2)
        .warns("Warning: 37 more of the same kind [package-unreadable]");
    let shown = plan.stderr.matches("could not be inspected").count();
    assert_eq!(shown, 3, "{plan}");
    // The JSON stream contains all of them, because programs read it.
    let stream = env.solform_beside(&["plan", "--json"]).await.exits_with(0);
    let sent = stream.stdout.matches("package-unreadable").count();
    assert_eq!(sent, total, "{stream}");
}

/// The plan shows the reason beside each change, so a few snippets are sufficient.
#[tokio::test(flavor = "multi_thread")]
async fn missing_packages_are_grouped() {
    let total = 12;
    let emulator = start(packages(&[("A-1", GOOD)], &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), &entries(total)));
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let output = env
            .solform_beside(command)
            .await
            .exits_with(1)
            .warns("Error: 9 more of the same kind [package-missing]");
        let snippets = output.stderr.matches("[package-missing]").count();
        assert_eq!(snippets, 3 + 1, "{output}");
        let reasons = output.stdout.matches("! blocked: ").count();
        assert_eq!(reasons, total, "{output}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 0);
}

/// A package that cannot be inspected and contains another solution: the record is named, and no
/// later apply adds one more.
#[tokio::test(flavor = "multi_thread")]
async fn an_uninspected_package_is_not_deployed_again() {
    let another = "name: A, version: 7.7.7, owner: svc";
    let undeclarable = r#"name: "A ", version: 2, owner: svc"#;
    for (fields, result, made) in [
        (another, "deploy_result=deployed_solution_id", "A@7.7.7"),
        (another, "deploy_result=nothing", "A@7.7.7"),
        (undeclarable, "deploy_result=deployed_solution_id", "A"),
    ] {
        let emulator = start(packages(&[("A-2", fields)], &[]), &[result]).await;
        emulator.add_fault("operation=read_node,status=403".parse().unwrap());
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n",
        ));
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        let first = env
            .solform_beside(&apply)
            .await
            .exits_with(5)
            .warns("[package-unreadable]")
            .says("the deploy made `")
            .says(made)
            .says("instead of `svc:A@2`");
        assert!(!first.stdout.contains("nothing is sent twice"), "{first}");
        let plan = ["plan", "--detailed-exitcode"];
        for command in [&plan[..], &apply[..]] {
            let refused = env.solform_beside(command).await.exits_with(4);
            let _ = refused.warns("[package-deployed-before]").warns(made);
            assert_eq!(count(&emulator, Operation::Deploy), 1, "{fields}");
        }
        // The record is named by its own address, and the deploy by the declared one.
        if made == "A@7.7.7" {
            let plan = [
                "plan",
                "--output",
                "json=plan.json",
                "--output",
                "markdown=plan.md",
            ];
            let _ = env
                .solform_beside(&plan)
                .await
                .exits_with(1)
                .says("Orphaned: A@7.7.7, record ")
                .says(": the deploy of A@2 by apply ");
            assert!(env.read("plan.md").contains("Orphaned: `A@7.7.7`, record "));
            let document: serde_json::Value = serde_json::from_str(&env.read("plan.json")).unwrap();
            let record = &document["x_solution"]["orphaned"][0];
            assert_eq!(
                (&record["address"], &record["made"]),
                (&"A@2".into(), &made.into())
            );
            let list = env.solform_beside(&["list"]).await;
            let _ = list.warns("orphaned: A@7.7.7, record ");
        }
        // With an inspection the error is found before anything is sent.
        emulator.clear_faults();
        let _ = env
            .solform_beside(&apply)
            .await
            .exits_with(4)
            .warns("[package-mismatch]");
    }
}

/// A saved plan is executed again: the deploy that made something else fails alone, and the rest is
/// done.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_back_deploy_does_not_refuse_the_rest() {
    let seed = packages(
        &[
            ("A-2", "name: A, version: 7.7.7, owner: svc"),
            ("C-1", "name: C, version: 1, owner: svc"),
        ],
        &[],
    );
    let emulator = start(seed, &[]).await;
    emulator.add_fault("operation=read_node,status=403".parse().unwrap());
    emulator.add_fault("operation=deploy,nth=2,status=400".parse().unwrap());
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n  C: { version: 1, path: \
         '${drive}/C-1.ibsolution' }\n",
    ));
    let _ = env
        .solform_beside(&["plan", "--out", "a.plan"])
        .await
        .exits_with(0);
    let apply = [
        "apply",
        "a.plan",
        "--parallelism",
        "1",
        "--detailed-exitcode",
    ];
    let first = env.solform_beside(&apply).await.exits_with(5);
    let _ = first.says("the deploy made `").says("solform plan");
    let second = env.solform_beside(&apply).await.exits_with(5);
    let _ = second
        .says("so it is not deployed again")
        .says("done        + C@1");
    assert_eq!(count(&emulator, Operation::Deploy), 3, "A once, C twice");
}

/// The same for an apply that was killed before it saw the record that its deploy made.
#[tokio::test(flavor = "multi_thread")]
async fn recovery_finds_what_a_deploy_made_instead() {
    for (fields, result, made) in [
        (
            "name: A, version: 7.7.7, owner: svc",
            "deploy_result=deployed_solution_id",
            "A@7.7.7",
        ),
        (
            "name: A, version: 7.7.7, owner: svc",
            "deploy_result=nothing",
            "A@7.7.7",
        ),
        (
            "name: B, version: 2, owner: svc",
            "deploy_result=deployed_solution_id",
            "B@2",
        ),
    ] {
        let seed = packages(&[("A-2", fields)], &[]);
        let emulator = start_with(seed, &[result], JobPace::Manual).await;
        emulator.add_fault("operation=read_node,status=403".parse().unwrap());
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n",
        ));
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        let mut child = at_work(env.command(env!("CARGO_BIN_EXE_solform"), &apply), 1).await;
        child.kill().unwrap();
        child.wait().unwrap();
        finish_all(&emulator);
        for _ in 0..2 {
            let refused = env.solform_beside(&apply).await.exits_with(4);
            let _ = refused.warns("[package-deployed-before]").warns(made);
            assert_eq!(count(&emulator, Operation::Deploy), 1, "{fields}");
        }
        let plan = env.solform_beside(&["plan"]).await;
        let _ = plan.says(&format!("Orphaned: {made}, record "));
    }
}

/// The package makes a solution of another name, and the job names no record: the package is
/// deployed again only with `--replace`.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_shows_nothing_is_not_repeated() {
    for is_killed in [false, true] {
        let seed = packages(&[("A-2", "name: B, version: 2, owner: svc")], &[]);
        let pace = if is_killed {
            JobPace::Manual
        } else {
            JobPace::Polls(1)
        };
        let emulator = start_with(seed, &["deploy_result=nothing"], pace).await;
        emulator.add_fault("operation=read_node,status=403".parse().unwrap());
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n",
        ));
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        if is_killed {
            let mut child = at_work(env.command(env!("CARGO_BIN_EXE_solform"), &apply), 1).await;
            child.kill().unwrap();
            child.wait().unwrap();
            finish_all(&emulator);
            emulator.add_fault("operation=deploy,pace=polls:1".parse().unwrap());
        } else {
            let first = env.solform_beside(&apply).await.exits_with(5);
            let _ = first.says("the version is not live");
        }
        for _ in 0..2 {
            let refused = env.solform_beside(&apply).await.exits_with(4);
            let _ = refused.warns("[package-deployed-before]");
            assert_eq!(count(&emulator, Operation::Deploy), 1);
        }
        let again = [&apply[..], &["--replace", "A@2"]].concat();
        let _ = env.solform_beside(&again).await.exits_with(5);
        assert_eq!(count(&emulator, Operation::Deploy), 2);
        // With an inspection the error is found before anything is sent.
        emulator.clear_faults();
        let report = env.solform_beside(&apply).await.exits_with(4);
        let _ = report.warns("[package-mismatch]");
    }
}

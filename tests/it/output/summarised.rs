//! Big applies in a pipeline: a bounded number of lines with counts, and each outcome on request.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::TestEnv;
use crate::support::worlds::{Version, env_with, manifest, seed, start};

/// Starts an emulator and writes a manifest that deploys this number of versions and deletes one.
async fn many(number: usize) -> (solform_emulator::Emulator, TestEnv) {
    let names: Vec<String> = (0..number).map(|nth| format!("Form {nth}")).collect();
    let packages: Vec<Version<'_>> = names
        .iter()
        .map(|name| Version::active(name, "1"))
        .collect();
    let emulator = start(seed(&[Version::active("Old", "1")], &packages), &[]).await;
    let mut solutions = String::from("  Old: { version: 1, state: ABSENT }\n");
    for name in &names {
        writeln!(
            solutions,
            "  {name}: {{ version: 1, path: '${{drive}}/${{name}}-${{version}}.ibsolution' }}"
        )
        .unwrap();
    }
    let env = env_with(&manifest(&emulator.url(), &solutions));
    (emulator, env)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_apply_prints_one_line_for_each_change() {
    const NUMBER: usize = 299;
    let (_emulator, env) = many(NUMBER).await;
    let plan = env.solform_beside(&["plan"]).await.exits_with(0);
    let counts = "Plan: 299 to add, 0 to change, 1 to destroy.";
    assert!(plan.stdout.lines().count() < 40, "{plan}");
    assert!(plan.stdout.contains(counts), "{plan}");
    let group = " 299 to create, declared: Form 0@1, Form 1@1, Form 10@1, Form 100@1 and 295 more";
    assert!(plan.stdout.contains(group), "{plan}");
    // Destroyed versions are shown in full.
    assert!(
        plan.stdout.contains("# Old@1 will be destroyed\n"),
        "{plan}"
    );
    assert!(plan.stdout.contains("! cannot be undone: "), "{plan}");
    let whole = env
        .solform_beside(&["plan", "--verbose", "--output", "text=plan.txt"])
        .await;
    let whole = whole.exits_with(0).stdout;
    assert_eq!(whole.matches(" will be created\n").count(), NUMBER);
    assert_eq!(env.read("plan.txt"), whole);
    let concise = env
        .solform_beside(&["plan", "--concise"])
        .await
        .exits_with(0);
    assert_eq!(concise.stdout.matches(" will be created\n").count(), NUMBER);

    let arguments = [
        "apply",
        "--auto-approve",
        "--parallelism=16",
        "--output=json=report.json",
    ];
    let apply = env.solform_beside(&arguments).await.exits_with(0);
    assert!(apply.stdout.lines().count() < 60, "{apply}");
    let complete = "Apply complete! Resources: 299 added, 0 changed, 1 destroyed.";
    assert!(apply.stdout.contains(complete), "{apply}");
    let outcome = "  done        + 299 changes\n";
    assert!(apply.stdout.contains(outcome), "{apply}");
    // One line for each ended change, with its id and the count; the other lines only count.
    let is_end = |line: &&str| line.contains(" complete after ");
    let ended: Vec<&str> = apply.stderr.lines().filter(is_end).collect();
    assert_eq!(ended.len(), NUMBER + 1, "{apply}");
    for (index, line) in ended.iter().enumerate() {
        assert!(
            line.ends_with(&format!(" ({} of 300)", index + 1)),
            "{line}"
        );
        assert!(
            line.starts_with("Old@1: Destruction") || line.contains(" [id="),
            "{line}"
        );
    }
    let is_count =
        |line: &&str| line.contains(" of 300 changes done, ") || line.starts_with("Reading ");
    let others = apply
        .stderr
        .lines()
        .filter(|line| !is_end(line) && !is_count(line));
    // The rest is warnings, such as the one about a store in a folder.
    assert!(others.count() < 20, "{apply}");
    let report: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    assert_eq!(report["changes"].as_array().unwrap().len(), NUMBER + 1);
}

/// With `--verbose` each outcome is shown; failed changes are shown without it too.
#[tokio::test(flavor = "multi_thread")]
async fn verbose_shows_each_outcome() {
    let (emulator, env) = many(120).await;
    let rule = "operation=deploy,times=1,status=400,text=it is not wanted";
    emulator.add_fault(rule.parse().unwrap());
    let apply = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1);
    assert!(apply.stdout.contains("  failed      + Form "), "{apply}");
    assert!(
        apply.stdout.contains("  done        + 119 changes\n"),
        "{apply}"
    );
    assert!(
        apply.stdout.contains("  done        - 1 change\n"),
        "{apply}"
    );
    assert!(apply.stderr.contains(" of 121)\n"), "{apply}");

    let (_emulator, env) = many(120).await;
    let apply = env
        .solform_beside(&["apply", "--auto-approve", "--verbose"])
        .await
        .exits_with(0);
    assert_eq!(
        apply.stdout.matches("\n  done        + Form ").count(),
        120,
        "{apply}"
    );
    assert_eq!(apply.stdout.matches(" will be created\n").count(), 120);
}

/// A small apply prints the lines of Terraform.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_apply_has_terraforms_lines() {
    let (_emulator, env) = many(2).await;
    let apply = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    for line in [
        "Form 0@1: Creating...\n",
        "Form 0@1: Creation complete after ",
        "Old@1: Destroying...\n",
    ] {
        assert!(apply.stderr.contains(line), "{apply}");
    }
    for count in ["(1 of 3)\n", "(2 of 3)\n", "(3 of 3)\n"] {
        assert_eq!(apply.stderr.matches(count).count(), 1, "{apply}");
    }
}

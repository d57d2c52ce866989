//! `jobs` and `list`: every filter, sort key and order, on servers that filter correctly or not.

use solform_emulator::{JobPace, Operation, RunEnd};

use super::{document, run, start_capped, start_with};
use crate::support::TestEnv;
use crate::support::worlds::count;

async fn run_ids(env: &TestEnv, arguments: &[&str]) -> Vec<String> {
    let document = document(env, &[&["jobs"], arguments].concat()).await;
    let runs = document["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| run["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_by_every_filter() {
    let (emulator, env) = start_with(&[], JobPace::Manual).await;
    for (id, solution, output) in [
        ("a", "Form W-2@0.0.1", "acme/releases/fs/D/out"),
        ("b", "Form W-2@0.0.2", "acme/releases/fs/D/out"),
        ("c", "svc:Paystub@1.0.0", "acme/other/fs/D/out"),
        ("d", "other:Paystub@1.0.0", "svc/own/fs/D/out"),
    ] {
        let arguments = [solution, "--output-dir", output, "--job-id", id];
        let _ = run(&env, &arguments).await.exits_with(0);
        emulator.advance_clock(std::time::Duration::from_secs(1));
    }
    assert!(emulator.finish_run("a", RunEnd::Complete));
    assert!(emulator.finish_run("b", RunEnd::Failed));
    let list = document(&env, &["list", "--owner", "other"]).await;
    let other = list["solutions"][0]["id"].as_str().unwrap();
    for (arguments, expected) in [
        (&[][..], "dcba"),
        (&["Form W-2@0.0.1"], "a"),
        (&["other:Paystub@1.0.0"], "d"),
        (&[other], "d"),
        (&["--solution-id", other], "d"),
        (&["--name", "Paystub"], "dc"),
        (&["--name", "Paystub", "--name", "Form W-2"], "dcba"),
        (&["--owner", "IB_DEPLOYED"], "ba"),
        (&["--user", "svc"], "dcba"),
        (&["--user", "nobody"], ""),
        (&["--job-id", "a", "--job-id", "c"], "ca"),
        (&["--state", "FAILED"], "b"),
        (&["--state", "complete", "--state", "running"], "dca"),
        (
            &["--output-repo", "acme/other", "--output-repo", "svc/own"],
            "dc",
        ),
        (&["--order", "ascending"], "abcd"),
        // Runs with equal keys are reversed too when the order is.
        (&["--sort-by", "version", "--order", "ASCENDING"], "abcd"),
        (&["--sort-by", "version"], "dcba"),
        (&["--sort-by", "state"], "dcba"),
        (&["--limit", "2"], "dc"),
        (&["--limit", "2", "--offset", "1"], "cb"),
        (&["--offset", "3"], "a"),
        (&["--offset", "9"], ""),
        (&["--limit", "1000000000"], "dcba"),
    ] {
        let found = run_ids(&env, arguments).await.concat();
        assert_eq!(found, expected, "{arguments:?}");
    }
    assert!(count(&emulator, Operation::ListSolutionRuns) > 0);

    let table = env
        .solform_beside(&["jobs", "--state", "COMPLETE"])
        .await
        .exits_with(0);
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert!(lines[0].starts_with("ID  STATE"), "{table}");
    assert!(lines[1].starts_with("a   COMPLETE"), "{table}");
    assert!(lines[1].contains("Form W-2@0.0.1"), "{table}");
    let none = env
        .solform_beside(&["jobs", "--user", "nobody"])
        .await
        .exits_with(0)
        .warns("--output-repo OWNER/SPACE");
    assert_eq!(none.stdout, "No runs.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_to_the_end() {
    for knobs in [&[][..], &["over_limit=refused"], &["run_ties=oldest_first"]] {
        let (_emulator, env) = start_capped(knobs, JobPace::Immediate, 3).await;
        for nth in 0..7 {
            let id = format!("r{nth}");
            let arguments = ["Form W-2@0.0.1", "--job-id", &id];
            let _ = run(&env, &arguments).await.exits_with(0);
        }
        let mut found = run_ids(&env, &[]).await;
        found.sort();
        assert_eq!(
            found,
            ["r0", "r1", "r2", "r3", "r4", "r5", "r6"],
            "{knobs:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_are_reported_with_the_valid_ones() {
    let (emulator, env) = start_with(&[], JobPace::Manual).await;
    for (arguments, expected) in [
        (
            &["jobs", "--state", "FAILD"][..],
            "[possible values: RUNNING, COMPLETE",
        ),
        (&["jobs", "--limit", "0"], "--limit"),
        (&["jobs", "--limit=-1"], "--limit"),
        (
            &["jobs", "--sort-by", "age"],
            "[possible values: startTimeNs, name",
        ),
        (
            &["jobs", "--order", "up"],
            "[possible values: ASCENDING, DESCENDING]",
        ),
        (
            &["jobs", "--output-repo", "acme"],
            "a space is written OWNER/SPACE",
        ),
        (&["jobs", "A@1", "--name", "A"], "cannot be used with"),
        (
            &["list", "--state", "FOO"],
            "[possible values: ACTIVE, INACTIVE, PRODUCTION]",
        ),
        (
            &["list", "--visibility", "OPEN"],
            "[possible values: PUBLIC, PRIVATE, PENDING_REVIEW]",
        ),
        (&["list", "--limit", "0"], "--limit"),
        (&["job", "r", "--timeout", "1s"], "--wait"),
        (&["job", "r", "--wait", "--timeout", "soon"], "--timeout"),
    ] {
        let output = env.solform_beside(arguments).await.exits_with(1);
        assert!(output.stderr.starts_with("Error: "), "{output}");
        let _ = output.warns(expected);
    }
    assert!(emulator.requests().is_empty());
}

/// The result is the same on servers that ignore or combine filters differently.
#[tokio::test(flavor = "multi_thread")]
async fn solutions_are_listed_by_every_filter() {
    for knobs in [
        &[][..],
        &["name_filter=ignored"],
        &["name_filter=prefix", "state_filter=required"],
        &["filters_combined=first"],
        &["visibility_in_records=true"],
    ] {
        let (_emulator, env) = start_with(knobs, JobPace::Immediate).await;
        for (arguments, expected) in [
            (&[][..], 4),
            (&["--name", "Form W-2"], 2),
            (&["--name", "Form"], 0),
            (&["--state", "ACTIVE"], 4),
            (&["--state", "INACTIVE"], 0),
            (&["--owner", "svc"], 1),
            (&["--author", "other"], 1),
            (&["--author", "Other"], 0),
            (&["--visibility", "private"], 4),
            (&["--visibility", "PUBLIC"], 0),
            (
                &[
                    "--owner",
                    "IB_DEPLOYED",
                    "--name",
                    "Form W-2",
                    "--state",
                    "active",
                ],
                2,
            ),
            (&["--limit", "3"], 3),
            (&["--limit", "3", "--offset", "2"], 2),
            (&["--offset", "9"], 0),
        ] {
            let arguments = [&["list"], arguments].concat();
            let output = env.solform_beside(&arguments).await.exits_with(0);
            assert_eq!(
                output.stdout.lines().count() - 1,
                expected,
                "{knobs:?} {arguments:?}\n{output}"
            );
            assert!(output.stderr.is_empty(), "{output}");
        }
    }
}

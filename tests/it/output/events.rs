//! The event stream of `--json`, for each outcome.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use solform_emulator::{Emulator, JobPace, Operation};

use super::streams::{
    assert_golden, assert_valid, final_summary, golden_lines, interrupted, last_error, lines_of,
    stream, types, validator,
};
use crate::support::TestEnv;
use crate::support::worlds::{
    Version, count, env_with, manifest, manifest_with, seed, start, start_with,
};

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution', visibility: PUBLIC }
  Old: { version: 1, state: ABSENT }
  Same: { version: 1 }
";

async fn world() -> (Emulator, TestEnv) {
    let live = ["Up", "Old", "Same"].map(|name| Version::active(name, "1"));
    let emulator = start(seed(&live, &[Version::active("Up", "2")]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    (emulator, env)
}

/// Arguments that run one step at a time, so that the order of the lines is fixed.
const APPLY: [&str; 4] = ["apply", "--json", "--parallelism", "1"];

fn outcomes(summary: &Value) -> Vec<(&str, &str)> {
    let changes = summary["x_solution"]["report"]["changes"]
        .as_array()
        .unwrap();
    let outcomes = changes.iter().map(|change| {
        (
            change["address"].as_str().unwrap(),
            change["outcome"].as_str().unwrap(),
        )
    });
    outcomes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_a_stream() {
    let (_emulator, env) = world().await;
    let output = env.solform_beside(&["plan", "--json", "--out", "p", "--detailed-exitcode"]);
    let output = output.await.exits_with(2);
    let lines = stream(&env, &output);
    let planned: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line["type"] == "planned_change")
        .map(|line| {
            (
                line["change"]["resource"]["addr"].as_str().unwrap(),
                line["change"]["action"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        planned,
        [("Old@1", "delete"), ("Up@1", "update"), ("Up@2", "create")]
    );
    let summary = lines.iter().find(|line| line["type"] == "change_summary");
    let summary = summary.unwrap();
    assert_eq!(
        summary["changes"],
        json!({ "add": 1, "change": 1, "import": 0, "remove": 1, "operation": "plan" })
    );
    assert_eq!(summary["x_solution"]["applyable"], true);
    // The last line reports the plan file; standard output holds nothing but the stream.
    assert_eq!(lines.last().unwrap()["type"], "log");
    // Files in other formats are written in addition to the stream.
    let _ = env
        .solform_beside(&["plan", "--json", "--output", "text=plan.txt"])
        .await
        .exits_with(0);
    assert!(env.read("plan.txt").contains("Plan: 1 to add"));
    let _ = env
        .solform_beside(&["plan", "--json", "--format", "json"])
        .await
        .exits_with(1)
        .warns("cannot be used with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_file_does_not_change_the_stream() {
    let (_emulator, env) = world().await;
    let direct = [&APPLY[..], &["--auto-approve", "--detailed-exitcode"]].concat();
    let direct = env.solform_beside(&direct).await.exits_with(2);
    let lines = stream(&env, &direct);
    let golden = golden_lines(&lines);
    assert_golden("apply-done.jsonl", &golden);
    let summary = final_summary(&lines, "apply");
    assert_eq!(
        summary["changes"],
        json!({ "add": 1, "change": 1, "import": 0, "remove": 1, "operation": "apply" })
    );
    assert_eq!(
        outcomes(summary),
        [("Old@1", "done"), ("Up@1", "done"), ("Up@2", "done")]
    );
    // Each change starts once and ends once.
    for kind in ["apply_start", "apply_complete"] {
        assert_eq!(types(&lines).iter().filter(|of| **of == kind).count(), 3);
    }

    let (_emulator, env) = world().await;
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let saved = env
        .solform_beside(&[&APPLY[..], &["the.plan"]].concat())
        .await
        .exits_with(0);
    assert_eq!(golden_lines(&stream(&env, &saved)), golden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_and_nothing_to_do_are_streams() {
    let (_emulator, env) = world().await;
    let destroy = ["destroy", "--json", "--auto-approve", "--target", "Same"];
    let output = env.solform_beside(&destroy).await.exits_with(0);
    let summary = stream(&env, &output);
    let summary = final_summary(&summary, "destroy");
    assert_eq!(summary["changes"]["remove"], 1);
    let again = env.solform_beside(&destroy).await.exits_with(0);
    let lines = stream(&env, &again);
    assert_golden("destroy-nothing.jsonl", &golden_lines(&lines));
    let summary = final_summary(&lines, "destroy");
    assert_eq!(summary["x_solution"]["report"]["result"], "complete");
    assert_eq!(summary["changes"]["remove"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_apply_streams_each_outcome() {
    let (emulator, env) = world().await;
    let fault = "operation=deploy,job=fail,text=out of memory";
    emulator.add_fault(fault.parse().unwrap());
    let output = [&APPLY[..], &["--auto-approve", "--detailed-exitcode"]].concat();
    let output = env.solform_beside(&output).await.exits_with(5);
    let lines = stream(&env, &output);
    assert_golden("apply-failed.jsonl", &golden_lines(&lines));
    let summary = final_summary(&lines, "apply");
    assert_eq!(
        summary["changes"],
        json!({ "add": 0, "change": 0, "import": 0, "remove": 1, "operation": "apply" })
    );
    assert_eq!(
        outcomes(summary),
        [("Old@1", "done"), ("Up@1", "skipped"), ("Up@2", "failed")]
    );
    let errored: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "apply_errored")
        .collect();
    assert_eq!(errored.len(), 2);
    let failed = &errored[0]["x_solution"];
    assert_eq!(failed["outcome"], "failed");
    assert!(failed["detail"].as_str().unwrap().contains("out of memory"));
    assert_eq!(failed["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(errored[1]["x_solution"]["detail"], "Up@2 is not done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_plan_ends_its_stream_with_the_reason() {
    let emulator = start(seed(&[Version::active("B", "1")], &[]), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    protect: [\"B@*\"]\n",
        "",
        "  B: { version: 1, state: ABSENT }\n",
    ));
    for (arguments, has_summary) in [
        (&["plan", "--json", "--detailed-exitcode"][..], false),
        (
            &["apply", "--json", "--auto-approve", "--detailed-exitcode"],
            true,
        ),
    ] {
        let output = env.solform_beside(arguments).await.exits_with(4);
        let output = output.warns("Error: `B@1` is protected");
        let lines = stream(&env, &output);
        assert!(
            lines
                .iter()
                .any(|line| line["type"] == "planned_change"
                    && line["x_solution"]["blocked"] == true)
        );
        let error = last_error(&lines);
        assert_eq!(
            error["summary"],
            "`B@1` is protected and must not be deleted"
        );
        assert_eq!(error["address"], "B@1");
        assert_eq!(error["range"]["filename"], "solform.yaml");
        assert_eq!(error["range"]["start"]["line"], 11);
        if has_summary {
            let summary = final_summary(&lines, "apply");
            assert_eq!(summary["changes"]["remove"], 0);
            let report = &summary["x_solution"]["report"];
            assert_eq!(report["result"], "not-applied");
            assert_eq!(report["errors"][0], *error);
            assert_golden("apply-blocked.jsonl", &golden_lines(&lines));
        }
    }
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_before_a_plan_end_the_stream() {
    let (emulator, mut env) = world().await;
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let approved: &[&str] = &["apply", "--json", "--auto-approve"];
    for (arguments, code, message) in [
        (
            &["apply", "--json"][..],
            1,
            "--json needs --auto-approve or a saved plan",
        ),
        (
            &["apply", "--json", "the.plan", "--target", "A"],
            1,
            "`--target` cannot be combined with a saved plan",
        ),
        (
            &["apply", "--json", "no.plan"],
            1,
            "failed to read `no.plan`",
        ),
        (
            &["apply", "--json", "--auto-approve", "--target", "Nobody"],
            1,
            "Nobody",
        ),
        (
            &["apply", "--json", "--auto-approve", "--file", "no.yaml"],
            1,
            "there is no manifest `no.yaml`",
        ),
        (
            &["plan", "--json", "--chdir", "no-folder"],
            1,
            "failed to enter `no-folder`",
        ),
        (
            &["apply", "--json", "--auto-approve", "--output", "json=no/f"],
            1,
            "failed to write `no/f`",
        ),
    ] {
        let arguments = [arguments, &["--detailed-exitcode"]].concat();
        let output = env.solform_beside(&arguments).await.exits_with(code);
        let output = output.warns("Error: ");
        let lines = stream(&env, &output);
        let summary = last_error(&lines)["summary"].as_str().unwrap();
        assert!(summary.contains(message), "{summary}");
        if arguments[0] == "apply" {
            let summary = final_summary(&lines, "apply");
            assert_eq!(summary["x_solution"]["report"]["result"], "not-applied");
        }
    }
    // The manifest has changed since: the plan is stale.
    let text = env.read("solform.yaml");
    env.write(
        "solform.yaml",
        &format!("{text}  More: {{ version: 1, state: ABSENT }}\n"),
    );
    let output = env.solform_beside(&["apply", "--json", "the.plan", "--detailed-exitcode"]);
    let output = output.await.exits_with(3);
    let lines = stream(&env, &output);
    let error = last_error(&lines);
    assert_eq!(error["summary"], "the plan file `the.plan` is refused");
    assert!(!error["x_solution"]["causes"].as_array().unwrap().is_empty());
    // A manifest with problems: each with its location, the warnings first.
    env.write(
        "solform.yaml",
        &text.replace("state: ABSENT", "stat: ABSENT"),
    );
    let output = env.solform_beside(approved).await.exits_with(1);
    let lines = stream(&env, &output);
    let error = last_error(&lines);
    assert_eq!(error["x_solution"]["code"], "unknown-field");
    let snippet = &error["snippet"];
    let code = snippet["code"].as_str().unwrap();
    let from = snippet["highlight_start_offset"].as_u64().unwrap();
    let to = snippet["highlight_end_offset"].as_u64().unwrap();
    let highlighted = &code[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
    assert_eq!(highlighted, "stat");
    let (start, end) = (&error["range"]["start"], &error["range"]["end"]);
    assert_eq!(start["line"], end["line"]);
    assert_eq!(
        end["column"].as_u64().unwrap() - start["column"].as_u64().unwrap(),
        4
    );
    let byte = usize::try_from(start["byte"].as_u64().unwrap()).unwrap();
    let written = std::fs::read_to_string(env.path().join("solform.yaml")).unwrap();
    assert_eq!(written.get(byte..byte + 4), Some("stat"));
    env.write("solform.yaml", &text);
    // A wrong token, which is in no output.
    env.set("TEST_TOKEN", "a-wrong-token-that-nobody-sees");
    let output = env.solform_beside(approved).await.exits_with(1);
    assert!(!output.stdout.contains("a-wrong-token"), "{output}");
    let _ = last_error(&stream(&env, &output));
    let writes = emulator.requests();
    assert!(writes.iter().all(|request| request.method == "GET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_diagnostics() {
    let (_emulator, env) = world().await;
    // Two versions that differ only in form cause a warning.
    let text = env.read("solform.yaml");
    let doubtful = format!(
        "{text}  Form: {{ versions: {{ '1.0': {{ state: ABSENT }}, '1.0.0': {{ state: ABSENT }} }} \
         }}\n"
    );
    env.write("solform.yaml", &doubtful);
    let output = env.solform_beside(&["plan", "--json"]).await.exits_with(0);
    let output = output.warns("Warning:");
    let lines = stream(&env, &output);
    let warning = lines.iter().find(|line| line["type"] == "diagnostic");
    let warning = warning.unwrap();
    assert_eq!(warning["@level"], "warn");
    assert_eq!(warning["diagnostic"]["severity"], "warning");
    assert!(warning["diagnostic"]["range"]["start"]["byte"].is_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_lock_ends_the_stream() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let emulator = start_with(world, &[], JobPace::Manual).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
    ));
    let holder = crate::durable::at_work(
        env.command(env!("CARGO_BIN_EXE_solform"), &["apply", "--auto-approve"]),
        1,
    )
    .await;
    let output = [&APPLY[..], &["--auto-approve", "--detailed-exitcode"]].concat();
    let output = env.solform_beside(&output).await.exits_with(9);
    let lines = stream(&env, &output);
    let summary = last_error(&lines)["summary"].as_str().unwrap();
    assert!(summary.starts_with("the lock of environment `test` is held by"));
    crate::durable::finish_all(&emulator);
    let mut holder = holder;
    let ended = tokio::task::spawn_blocking(move || holder.wait().unwrap());
    assert!(ended.await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_apply_ends_with_a_summary() {
    let world = seed(&[], &[Version::active("A", "1"), Version::active("B", "1")]);
    let emulator = start_with(world, &[], JobPace::Manual).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n  B: { version: 1, path: \
         '${drive}/B-1.ibsolution' }\n",
    ));
    let arguments = [
        &APPLY[..],
        &[
            "--auto-approve",
            "--detailed-exitcode",
            "--output",
            "json=report.json",
        ],
    ];
    let (code, text) = interrupted(&emulator, &env, &arguments.concat()).await;
    assert_eq!(code, Some(8), "{text}");
    let lines = lines_of(&text);
    let events = validator(&env, "events");
    for line in &lines {
        assert_valid(&events, line);
    }
    let summary = final_summary(&lines, "apply");
    assert_eq!(outcomes(summary), [("A@1", "done"), ("B@1", "cancelled")]);
    let report = &summary["x_solution"]["report"];
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["convergence"]["result"], "not-looked");
    // The file holds the same report.
    let written: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    assert_eq!(written["changes"], report["changes"]);
    assert_valid(&validator(&env, "report"), &written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interrupt_leaves_whole_lines() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let emulator = start_with(world, &[], JobPace::Manual).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
    ));
    let arguments = [&APPLY[..], &["--auto-approve"]].concat();
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let (code, text) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for sign in [r#""event":"job-started""#, r#""event":"draining""#] {
            while !text.contains(sign) {
                assert!(reader.read_line(&mut text).unwrap() > 0, "{text}");
            }
            let id = child.id().to_string();
            let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
            assert!(killed.success());
        }
        reader.read_to_string(&mut text).unwrap();
        (child.wait().unwrap().code(), text)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(130), "{text}");
    let lines = lines_of(&text);
    let error = last_error(&lines);
    assert!(
        error["summary"]
            .as_str()
            .unwrap()
            .starts_with("interrupted a second time"),
        "{error:#}"
    );
}

/// An apply whose reader left before its first write changes nothing and reports an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_left_stops_an_apply() {
    let (emulator, env) = world().await;
    let arguments = [&APPLY[..], &["--auto-approve"]].concat();
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (code, errors) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        (child.wait().unwrap().code(), errors)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("nothing was changed"), "{errors}");
    let writes = emulator.requests();
    assert!(writes.iter().all(|request| request.method == "GET"));
}

//! Applies that were interrupted: recovered by the next apply, resumed, and shown by history.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use solform::store::PastApply;
use solform_emulator::{Emulator, JobPace, Operation, Seed};

use super::{at_work, finish_all, killed_at_work};
use crate::support::TestEnv;
use crate::support::growth::assert_grows_linearly;
use crate::support::worlds::{self, Version, count, env_with, manifest, seed};

const SOLUTIONS: &str = "
  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  B: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
";

fn world() -> Seed {
    seed(
        &[Version::active("A", "1"), Version::active("C", "1")],
        &[Version::active("A", "2"), Version::active("B", "1")],
    )
}

/// Kills an apply while both of its deploys are in progress.
async fn killed(knobs: &[&str]) -> (Emulator, TestEnv) {
    killed_while(knobs, SOLUTIONS).await
}

/// Does the same with these solutions. The plan is saved as `plan.json`.
async fn killed_while(knobs: &[&str], solutions: &str) -> (Emulator, TestEnv) {
    let emulator = worlds::start_with(world(), knobs, JobPace::Manual).await;
    let env = env_with(&manifest(&emulator.url(), solutions));
    let _ = env
        .solform_beside(&["plan", "--out", "plan.json"])
        .await
        .exits_with(0);
    let program = env!("CARGO_BIN_EXE_solform");
    killed_at_work(env.command(program, &["apply", "plan.json"]), 2).await;
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    (emulator, env)
}

/// Returns the journals in the folder of an environment, the oldest first.
pub(super) fn journals(env: &TestEnv) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for environment in std::fs::read_dir(env.path().join(".solform")).unwrap() {
        let Ok(runs) = std::fs::read_dir(environment.unwrap().path().join("runs")) else {
            continue;
        };
        found.extend(
            runs.map(|file| file.unwrap().path())
                .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")),
        );
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_apply_recovers_and_deploys_nothing_twice() {
    // The record is listed only after its job has ended, so only the journal shows the deploy.
    let (emulator, env) =
        killed(&["record_during_job=hidden", "duplicate_deploy=second_record"]).await;
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("In flight: the deploy of A@2")
        .says("In flight: the deploy of B@1");
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .warns("The outcome of 2 changes of apply ")
        .warns(" is not known. Recovering:")
        .warns("  A@2: done")
        .warns("  B@1: done");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    assert_eq!(list.stdout.lines().count(), 1 + 4, "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_polled_and_not_sent_again() {
    let (emulator, env) = killed(&["record_during_job=hidden"]).await;
    let text = env
        .read("solform.yaml")
        .replace("deploy: 20s", "deploy: 1s");
    env.write("solform.yaml", &text);
    for _ in 0..2 {
        let output = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await
            .exits_with(6)
            .warns("is still in progress")
            .says("unknown     + A@2")
            .says("unknown     + B@1");
        // The old version is not changed before the new one is live.
        assert!(output.stdout.contains("skipped     ~ A@1"), "{output}");
        assert_eq!(count(&emulator, Operation::Deploy), 2);
        assert_eq!(count(&emulator, Operation::PatchSolution), 0);
    }
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    assert_eq!(count(&emulator, Operation::Deploy), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_failed_meanwhile_is_sent_again() {
    let (emulator, env) = killed(&["record_during_job=hidden"]).await;
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, Some("out of memory")));
    }
    let recovered = env.solform_beside(&["apply", "--auto-approve"]);
    let finishing = async {
        // Finishes the jobs of the second apply as soon as they exist.
        loop {
            for job in emulator.pending_jobs() {
                emulator.finish_job(&job, None);
            }
            tokio::task::yield_now().await;
        }
    };
    let output = tokio::select! { output = recovered => output, () = finishing => unreachable!() };
    let output = output.exits_with(0).warns("A@2: not done: out of memory");
    assert!(output.stdout.contains("Apply complete!"), "{output}");
    assert_eq!(count(&emulator, Operation::Deploy), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_finishes_only_the_interrupted_plan() {
    let (emulator, env) = killed(&[]).await;
    finish_all(&emulator);
    // The interrupted apply had another manifest.
    let before = env.read("solform.yaml");
    env.write(
        "solform.yaml",
        &format!("{before}  C: {{ version: 1, state: ABSENT }}\n"),
    );
    let _ = env
        .solform_beside(&["apply", "--resume", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .warns("the manifest has changed");
    env.write("solform.yaml", &before);
    let _ = env
        .solform_beside(&["apply", "--resume", "A@2"])
        .await
        .exits_with(1);
    let _ = env
        .solform_beside(&["apply", "--resume", "--target", "A"])
        .await
        .exits_with(1)
        .warns("`--target` cannot be combined with a saved plan");
    let _ = env
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .warns("Resuming the apply ")
        .says("Apply complete!");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .says("Nothing to resume");
}

/// Every write was executed, but the journal does not contain the end of the jobs.
#[tokio::test(flavor = "multi_thread")]
async fn resume_shows_what_it_recovered() {
    let path = "path: '${drive}/${name}-${version}.ibsolution'";
    let solutions =
        format!("  A: {{ version: 2, superseded: keep, {path} }}\n  B: {{ version: 1, {path} }}\n");
    let (emulator, env) = killed_while(&["record_during_job=hidden"], &solutions).await;
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .says("done        + A@2")
        .says("done        + B@1")
        .says("Apply complete! Resources: 2 added, 0 changed, 0 destroyed.");
    let _ = env
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .says("Nothing to resume");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_ignored_and_a_damaged_one_fails() {
    let (emulator, env) = killed(&[]).await;
    let journal = journals(&env).pop().unwrap();
    let whole = std::fs::read(&journal).unwrap();
    finish_all(&emulator);
    let mut damaged = whole.clone();
    damaged[3] = b'#';
    std::fs::write(&journal, &damaged).unwrap();
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1)
        .warns("line 1 of the journal of apply ")
        .warns("is damaged")
        .warns("the jobs with `solform jobs`");
    let newer = String::from_utf8(whole.clone())
        .unwrap()
        .replacen("\"v\":1", "\"v\":2", 1);
    std::fs::write(&journal, newer).unwrap();
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1)
        .warns("was written by a newer solform");
    // A plan does not need the store.
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .warns("earlier applies unknown: the store could not be read");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);

    let mut torn = whole.clone();
    torn.extend_from_slice(b"{\"v\":1,\"at_ms\":17,\"entry\":{\"kind\":\"outc");
    std::fs::write(&journal, &torn).unwrap();
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0)
        .warns("was cut short");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    let recovered = std::fs::read(&journal).unwrap();
    assert!(recovered.starts_with(&whole));
    for line in recovered
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let _: Value = serde_json::from_slice(line).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_shows_every_apply() {
    let (emulator, env) = killed(&[]).await;
    finish_all(&emulator);
    let output = env
        .solform_beside(&["history"])
        .await
        .exits_with(0)
        .says("interrupted");
    assert!(!output.stdout.contains("0.0s"), "{output}");
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let output = env
        .solform_beside(&["history", "--json"])
        .await
        .exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["format_version"], "2.0");
    let applies = document["applies"].as_array().unwrap();
    let results: Vec<&str> = applies
        .iter()
        .map(|apply| apply["result"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["incomplete", "complete"], "{document}");
    assert_eq!(
        (&applies[0]["done"], &applies[0]["changes"]),
        (&2.into(), &3.into())
    );
    let first = applies[0]["id"].as_str().unwrap();
    let shown = env
        .solform_beside(&["history", "show", first])
        .await
        .exits_with(0)
        .says("done        + A@2\n    id ")
        .says("    job ");
    assert!(!shown.stdout.contains(worlds::TOKEN));
    let output = env
        .solform_beside(&["history", "show", first, "--json"])
        .await
        .exits_with(0);
    let one: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(one["steps"][0]["action"], "create");
    // Ids begin with the time of the apply, so their first letters are equal.
    let _ = env
        .solform_beside(&["history", "show", &first[..2]])
        .await
        .exits_with(1)
        .warns("the ids of 2 applies begin with `");
    for (name, document) in [("history", &document), ("apply-history", &one)] {
        let schema = env.solform(&["schema", name]).exits_with(0).stdout;
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        assert!(validator.is_valid(document), "{document:#}");
    }
    let _ = env
        .solform_beside(&["history", "show", "-f", "solform.yaml", first])
        .await
        .exits_with(0)
        .says("A@2");
    let _ = env
        .solform_beside(&["history", "show", first, "-f", "solform.yaml"])
        .await
        .exits_with(0)
        .says("A@2");
    let _ = env
        .solform_beside(&["history", "show", "none"])
        .await
        .exits_with(1)
        .warns("the store has no apply `none`");
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_patches_what_was_only_deployed() {
    for resumed in [&["apply", "--resume"][..], &["apply", "plan.json"]] {
        // The package sets PRIVATE, so a patch follows the deploy.
        let knobs = ["record_during_job=hidden", "visibility_in_records=true"];
        let solutions =
            SOLUTIONS.replace("B: { version: 1,", "B: { version: 1, visibility: PUBLIC,");
        let (emulator, env) = killed_while(&knobs, &solutions).await;
        finish_all(&emulator);
        let output = env.solform_beside(resumed).await.exits_with(0);
        let _ = output
            .warns("B@1: deployed, and not as declared yet")
            .says("done        ~ B@1")
            .says("Apply complete!");
        assert_eq!(count(&emulator, Operation::Deploy), 2);
        let _ = env
            .solform_beside(&["plan", "--detailed-exitcode"])
            .await
            .exits_with(0);
    }
}

/// The apply was killed after its last deploy: the patch that follows is still missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_without_its_last_patch_is_not_complete() {
    let knobs = ["record_during_job=hidden", "visibility_in_records=true"];
    let path = "path: '${drive}/${name}-${version}.ibsolution'";
    let solutions = format!(
        "  A: {{ version: 2, visibility: PUBLIC, superseded: keep, {path} }}\n\
         \x20 B: {{ version: 1, visibility: PUBLIC, {path} }}\n"
    );
    let (emulator, env) = killed_while(&knobs, &solutions).await;
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--resume"])
        .await
        .exits_with(0)
        .warns("Resuming the apply ")
        .says("Apply complete!");
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
}

/// A journal is created with its first line, so a journal without a complete line was emptied.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_journal_is_refused() {
    let (emulator, env) = killed(&[]).await;
    finish_all(&emulator);
    let journal = journals(&env).pop().unwrap();
    let run = journal.file_stem().unwrap().to_str().unwrap().to_owned();
    for text in ["", "\n \n", "{\"v\":1,\"at_ms\""] {
        std::fs::write(&journal, text).unwrap();
        for arguments in [&["apply", "--auto-approve"][..], &["apply", "--resume"]] {
            let _ = env
                .solform_beside(arguments)
                .await
                .exits_with(1)
                .warns(&format!("the journal of apply `{run}` in `"))
                .warns("is empty")
                .warns(&format!("move everything named `{run}` out of `"));
        }
        let _ = env.solform_beside(&["history"]).await.exits_with(1);
        let _ = env
            .solform_beside(&["plan"])
            .await
            .exits_with(0)
            .warns("earlier applies unknown");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

/// `a` in version `1@2` and `a@1` in version `2` have the same short address.
#[tokio::test(flavor = "multi_thread")]
async fn equal_short_addresses_are_kept_apart() {
    let knobs = ["record_during_job=hidden", "duplicate_deploy=second_record"];
    let world = seed(
        &[Version::active("a", "1@2")],
        &[Version::active("a@1", "2")],
    );
    let emulator = worlds::start_with(world, &knobs, JobPace::Manual).await;
    let solutions = "
  a@1: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
";
    let top = "manage: { owners: [svc], undeclared: delete }\n";
    let text = worlds::manifest_with(&emulator.url(), "", top, solutions);
    let env = env_with(&text);
    let _ = env
        .solform_beside(&["plan", "--out", "plan.json"])
        .await
        .exits_with(0)
        .says(r"svc:a@1\@2 will be destroyed")
        .says(r"svc:a\@1@2 will be created");
    let program = env!("CARGO_BIN_EXE_solform");
    killed_at_work(env.command(program, &["apply", "plan.json"]), 2).await;
    env.write("solform.yaml", &text.replace("20s", "1s"));
    for _ in 0..2 {
        let output = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await
            .exits_with(6);
        assert_eq!(output.stdout.matches("  unknown  ").count(), 2, "{output}");
    }
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    assert_eq!(count(&emulator, Operation::DeleteSolution), 1);
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .warns(r"svc:a@1\@2: done")
        .warns(r"svc:a\@1@2: done");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    assert_eq!(count(&emulator, Operation::DeleteSolution), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_recovery_changes_nothing() {
    let (emulator, env) = killed(&["record_during_job=hidden"]).await;
    // The journal has no jobs, as after a kill before their answers: only after `propagation` it is
    // proven that no request was accepted.
    let journal = journals(&env).pop().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines = text.split_inclusive('\n');
    let before: String = lines
        .filter(|line| !line.contains("\"kind\":\"job\""))
        .collect();
    std::fs::write(&journal, &before).unwrap();
    let manifest = env
        .read("solform.yaml")
        .replace("propagation: 1s", "propagation: 1h");
    env.write("solform.yaml", &manifest);
    let arguments = ["apply", "--auto-approve", "--detailed-exitcode"];
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let code = tokio::task::spawn_blocking(move || {
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(stderr.any(|line| line.unwrap().contains("Recovering:")));
        let killed = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        stderr.for_each(drop);
        child.wait().unwrap().code()
    });
    assert_eq!(code.await.unwrap(), Some(8));
    // The results are not known yet, and the next apply must find them before it deploys again.
    let after = std::fs::read_to_string(&journal).unwrap();
    let found = after.strip_prefix(&before).unwrap();
    assert!(found.contains("\"kind\":\"reopen\""), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
}

/// A command that is printed as the next step contains the `--store` of the command that prints it.
#[tokio::test(flavor = "multi_thread")]
async fn printed_commands_name_the_same_store() {
    let emulator = worlds::start_with(world(), &[], JobPace::Manual).await;
    let text = manifest(&emulator.url(), SOLUTIONS).replace("deploy: 20s", "deploy: 2s");
    let env = env_with(&text);
    let arguments = ["apply", "--auto-approve", "--store", "kept here"];
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lock = loop {
        let stores = std::fs::read_dir(env.path().join("kept here"));
        let mut texts = stores
            .into_iter()
            .flatten()
            .filter_map(|store| std::fs::read_to_string(store.unwrap().path().join("lock")).ok());
        if let Some(lock) = texts
            .next()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
        {
            break lock;
        }
        tokio::task::yield_now().await;
    };
    let id = lock["id"].as_str().unwrap();
    let unlock =
        format!("run `solform force-unlock {id} --file solform.yaml -e test --store 'kept here'`");
    let _ = env
        .solform_beside(&arguments)
        .await
        .exits_with(1)
        .warns(&unlock);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let stdout = String::from_utf8(output.await.unwrap().stdout).unwrap();
    let go_on = "To go on, run: solform apply --file solform.yaml -e test --store 'kept here'\n";
    assert!(stdout.contains(go_on), "{stdout}");
}

/// A percent limit of a plan also counts the versions that the apply has deleted already: two of
/// ten stay two of ten.
#[tokio::test(flavor = "multi_thread")]
async fn percent_limits_hold_for_the_rest_of_a_plan() {
    let names = ["N0", "N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "N9"];
    let live = names.map(|name| Version::active(name, "1"));
    let solutions = |state: &str| {
        let first = names[..2]
            .iter()
            .map(|name| format!("  {name}: {{ version: 1, state: {state} }}\n"));
        let rest = names[2..]
            .iter()
            .map(|name| format!("  {name}: {{ version: 1 }}\n"));
        first.chain(rest).collect::<String>()
    };
    for limits in [
        "limits: { max_change: 20% }",
        "limits: { max_destroy: 20%, max_change: 20% }",
    ] {
        for (is_killed, again) in [
            (true, &["apply", "--resume"][..]),
            (true, &["apply", "the.plan"]),
            (false, &["apply", "the.plan"]),
        ] {
            let emulator = worlds::start_with(seed(&live, &[]), &[], JobPace::Manual).await;
            let limits = format!("    {limits}\n");
            let text = worlds::manifest_with(&emulator.url(), &limits, "", &solutions("ABSENT"));
            let env = env_with(&text);
            let _ = env
                .solform_beside(&["plan", "--out", "the.plan"])
                .await
                .exits_with(0);
            let program = env!("CARGO_BIN_EXE_solform");
            // The first delete is done before the second one begins.
            let apply = ["apply", "the.plan", "--parallelism", "1"];
            let mut child = at_work(env.command(program, &apply), 1).await;
            if is_killed {
                child.kill().unwrap();
            }
            emulator.add_fault("operation=delete_solution,pace=polls:1".parse().unwrap());
            finish_all(&emulator);
            let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await;
            assert_eq!(status.unwrap().success(), !is_killed);
            emulator.clear_requests();
            let deletes = usize::from(is_killed);
            let arguments = [again, &["--detailed-exitcode"]].concat();
            let report = env.solform_beside(&arguments).await;
            assert!(
                [0, 2].contains(&report.code()),
                "{limits} {again:?}\n{report}"
            );
            let report = report.says("done        - N0@1").says("done        - N1@1");
            assert_eq!(
                count(&emulator, Operation::DeleteSolution),
                deletes,
                "{report}"
            );
            // Applied again, the plan has no change left.
            let _ = env
                .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
                .await
                .exits_with(0)
                .says("No approved change is left to execute.");
            // Two more deletes exceed the limit of a new plan: eight versions are live now.
            let more = text.replace("N9: { version: 1 }", "N9: { version: 1, state: ABSENT }");
            let more = more.replace("N8: { version: 1 }", "N8: { version: 1, state: ABSENT }");
            env.write("solform.yaml", &more);
            let _ = env
                .solform_beside(&["plan", "--detailed-exitcode"])
                .await
                .exits_with(4);
        }
    }
}

/// An apply may have thousands of changes, and each command reads all journals.
#[test]
fn journals_are_read_in_linear_time() {
    let journal = |steps: usize| -> String {
        let line = |step: usize, mut entry: Value| {
            entry["address"] = format!("S{step}@1").into();
            entry["identity"] = json!({ "name": format!("S{step}"), "version": "1", "owner": "o" });
            let line = json!({ "v": 1, "at_ms": 1, "entry": entry });
            format!("{line}\n")
        };
        let lines = (0..steps).flat_map(|step| {
            let send = json!({ "kind": "send", "call": "deploy", "attempt": 1 });
            let done = json!({ "kind": "outcome", "outcome": "done" });
            [line(step, send), line(step, done)]
        });
        lines.collect()
    };
    let (small, large) = (journal(500), journal(8_000));
    assert_grows_linearly("journals", 16, |is_large| {
        let text = if is_large { &large } else { &small };
        let past = PastApply::read("r", "here", text.as_bytes()).unwrap();
        assert_eq!(past.steps.len(), text.lines().count() / 2);
    });
}

//! Replaces that end between their delete and their deploy: each report says that the version is
//! gone, until it is deployed again.

use serde_json::Value;
use solform_emulator::{Emulator, Fault, JobPace, Operation, Seed};

use super::{finish_all, killed_at_work};
use crate::support::worlds::{Version, count, env_with, manifest, seed, start, start_with};
use crate::support::{CommandOutput, TestEnv};

const SOLUTIONS: &str = "  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n";

const REPLACE: [&str; 5] = [
    "apply",
    "--auto-approve",
    "--replace=A@1",
    "--output=json=report.json",
    "--output=markdown=report.md",
];

fn world() -> Seed {
    let version = || [Version::active("A", "1")];
    seed(&version(), &version())
}

fn env_of(emulator: &Emulator) -> TestEnv {
    env_with(&manifest(&emulator.url(), SOLUTIONS))
}

fn fault(emulator: &Emulator, rule: &str) {
    emulator.add_fault(rule.parse::<Fault>().unwrap());
}

/// Asserts that the report says in each format that the version is gone, and returns its document.
fn assert_deleted(env: &TestEnv, output: &CommandOutput, outcome: &str, rest: &str) -> Value {
    let document: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    let change = &document["changes"][0];
    assert_eq!(change["outcome"], outcome, "{output}");
    assert_eq!(change["deleted"], true, "{output}");
    let sentence = format!("Deleted: A@1 was deleted to be replaced, and it is not {rest}.");
    assert!(output.stdout.contains(&sentence), "{output}");
    let markdown = env.read("report.md");
    assert!(markdown.contains(&sentence), "{markdown}");
    document
}

/// Runs the command that a report names.
async fn run_next(env: &TestEnv, document: &Value) -> CommandOutput {
    let next = shlex::split(document["resume_command"].as_str().unwrap()).unwrap();
    let arguments: Vec<&str> = next[1..].iter().map(String::as_str).collect();
    let more = ["--auto-approve", REPLACE[3], REPLACE[4]];
    env.solform_beside(&[&arguments[..], &more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_between_delete_and_deploy() {
    // The last list before the deploy is the check of its precondition.
    let emulator = start(world(), &[]).await;
    let _ = env_of(&emulator)
        .solform_beside(&REPLACE)
        .await
        .exits_with(0);
    let requests = emulator.requests();
    let before = requests
        .iter()
        .take_while(|request| request.operation != Some(Operation::Deploy));
    let lists = before.filter(|request| request.operation == Some(Operation::ListSolutions));
    let lists = lists.count();

    let emulator = start(world(), &[]).await;
    let rule = format!("operation=list_solutions,nth={lists},delay=3600s");
    fault(&emulator, &rule);
    // Much less than the time-out of a read, which is sent again: a slow machine has longer limits.
    let text =
        manifest(&emulator.url(), SOLUTIONS).replace("deploy: 20s", "deploy: 20s, apply: 2s");
    let env = env_with(&text);
    let output = env.solform_beside(&REPLACE).await.exits_with(1);
    assert_eq!(count(&emulator, Operation::DeleteSolution), 1, "{output}");
    assert_eq!(count(&emulator, Operation::Deploy), 0, "{output}");
    let document = assert_deleted(
        &env,
        &output,
        "skipped",
        "deployed again; run the command again to deploy it",
    );
    assert_eq!(document["totals"]["destroyed"], 1);

    // The version is not live, so that nothing is left to replace.
    emulator.clear_faults();
    let again = run_next(&env, &document).await.exits_with(0);
    let _ = again.says("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.");
}

/// The next apply deploys the rest of the replace, and its report knows what was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_delete_and_deploy() {
    for next in [&["apply", "--resume"][..], &["apply", "--auto-approve"]] {
        let emulator = start_with(world(), &[], JobPace::Manual).await;
        let env = env_of(&emulator);
        let command = env.command(env!("CARGO_BIN_EXE_solform"), &REPLACE);
        killed_at_work(command, 1).await;
        finish_all(&emulator);
        fault(&emulator, "operation=deploy,status=400");
        let arguments = [next, &REPLACE[3..]].concat();
        let output = env.solform_beside(&arguments).await.exits_with(1);
        assert_eq!(count(&emulator, Operation::DeleteSolution), 1, "{output}");
        let rest = "deployed again; correct the cause, then run the command again to deploy it";
        let document = assert_deleted(&env, &output, "failed", rest);
        assert_eq!(document["changes"][0]["action"], "create");
        // An earlier apply has destroyed it.
        assert_eq!(document["totals"]["destroyed"], 0);

        // The apply after the next one still knows it.
        let output = run_next(&env, &document).await.exits_with(1);
        let document = assert_deleted(&env, &output, "failed", rest);
        emulator.clear_faults();
        fault(&emulator, "operation=deploy,pace=immediate");
        let output = run_next(&env, &document).await.exits_with(0);
        assert!(!output.stdout.contains("Deleted: "), "{output}");
        assert!(env.read("report.json").contains("\"deleted\": false"));
    }
}

/// The deploy's job was in progress at the kill, and has failed since.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_the_deploy() {
    let emulator = start_with(world(), &[], JobPace::Manual).await;
    let env = env_of(&emulator);
    fault(&emulator, "operation=delete_solution,pace=immediate");
    let command = env.command(env!("CARGO_BIN_EXE_solform"), &REPLACE);
    killed_at_work(command, 1).await;
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, Some("out of memory")));
    }
    fault(&emulator, "operation=deploy,status=400");
    let arguments = ["apply", "--resume", REPLACE[3], REPLACE[4]];
    let output = env.solform_beside(&arguments).await.exits_with(1);
    let rest = "deployed again; correct the cause, then run the command again to deploy it";
    assert_deleted(&env, &output, "failed", rest);
}

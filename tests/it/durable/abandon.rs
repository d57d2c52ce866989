//! `abandon`: gives up a job that never ends, or a record that a failed deploy left.

use serde_json::Value;
use solform_emulator::{Emulator, JobPace, Operation};

use super::finish_all;
use crate::support::worlds::{Version, count, env_with, manifest, seed, start, start_with};
use crate::support::{CommandOutput, TestEnv};

const SOLUTIONS: &str = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

async fn world(knobs: &[&str]) -> (Emulator, TestEnv) {
    let world = seed(&[Version::active("A", "1")], &[Version::active("A", "2")]);
    let emulator = start_with(world, knobs, JobPace::Manual).await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    set_deploy_timeout(&env, "1s");
    (emulator, env)
}

fn set_deploy_timeout(env: &TestEnv, time: &str) {
    let text = env.read("solform.yaml");
    let (before, rest) = text.split_once("deploy: ").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    env.write("solform.yaml", &format!("{before}deploy: {time},{after}"));
}

/// Returns the arguments of the abandon command that an output prints, without `solform`.
fn printed_abandon(output: &CommandOutput) -> Vec<String> {
    let (_, rest) = output.stdout.split_once("solform abandon ").unwrap();
    let line = rest.lines().next().unwrap();
    let mut words = shlex::split(line).unwrap();
    words.insert(0, "abandon".to_owned());
    words
}

async fn run(env: &TestEnv, words: &[String], more: &[&str]) -> CommandOutput {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.extend(more);
    env.solform_beside(&words).await
}

/// Every apply ends with an unknown outcome and prints the command. After `abandon` no apply waits
/// for the job, and only `--replace` deploys the version at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_never_ends_can_be_abandoned() {
    let knobs = ["record_during_job=hidden", "duplicate_deploy=second_record"];
    let (emulator, env) = world(&knobs).await;
    let first = env.solform_beside(&APPLY).await.exits_with(6);
    let again = env.solform_beside(&APPLY).await.exits_with(6);
    // The second apply waits for the job of the first one.
    assert_eq!(printed_abandon(&first), printed_abandon(&again), "{again}");
    let abandon = printed_abandon(&again);

    // The approval is missing.
    for more in [&[][..], &["--json"]] {
        let output = run(&env, &abandon, more).await.exits_with(1);
        assert!(output.stderr.contains("Pass --auto-approve."), "{output}");
        assert!(!output.stderr.contains("plan"), "{output}");
    }
    let _ = env.solform_beside(&APPLY).await.exits_with(6);

    set_deploy_timeout(&env, "1h");
    let job = emulator.pending_jobs().pop().unwrap();
    let _ = run(&env, &abandon, &["--auto-approve"])
        .await
        .exits_with(0)
        .says(&job)
        .says("PENDING")
        .says("no record of this version is live")
        .says("no apply deploys the version for 1h00m, unless --replace names it")
        .says("Next: solform plan --file solform.yaml -e test");
    let _ = run(&env, &abandon, &["--auto-approve"])
        .await
        .exits_with(1)
        .warns("is abandoned already");
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("A@2 will be created")
        .says("the job of its last deploy was abandoned");
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("skipped     + A@2")
        .says("unless --replace names it");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    let _ = env.solform_beside(&["history"]).await.exits_with(0);

    // A user who names the version accepts the risk, and the output reports the second deploy.
    let replace = [&APPLY[..], &["--replace", "A@2"]].concat();
    let finishing = async {
        loop {
            for pending in emulator.pending_jobs() {
                if pending != job {
                    emulator.finish_job(&pending, None);
                }
            }
            tokio::task::yield_now().await;
        }
    };
    let output = tokio::select! {
        output = env.solform_beside(&replace) => output,
        () = finishing => unreachable!(),
    };
    let _ = output.exits_with(2).says("deploy sent more than once");
    assert_eq!(count(&emulator, Operation::Deploy), 2);
}

/// The live state decides: the job may have ended with success meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_version_is_planned_by_what_is_live() {
    let (emulator, env) = world(&["record_during_job=hidden"]).await;
    let first = env.solform_beside(&APPLY).await.exits_with(6);
    let abandon = printed_abandon(&first);
    let output = run(&env, &abandon, &["--auto-approve", "--json"])
        .await
        .exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let schema = env.solform(&["schema", "abandon"]).exits_with(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&document), "{document:#}");
    assert_eq!(document["write"], "deploy");
    // A slow machine stretches the limits of tests.
    assert!(
        document["held_back_ms"].as_u64().unwrap() >= 1000,
        "{document:#}"
    );
    let apply = document["apply"].as_str().unwrap();
    let _ = env
        .solform_beside(&["history", "show", apply])
        .await
        .exits_with(0)
        .says("abandoned");
    set_deploy_timeout(&env, "1h");
    finish_all(&emulator);
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("0 added, 1 changed");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_record_can_be_abandoned() {
    let world = seed(&[Version::active("A", "1")], &[Version::active("A", "2")]);
    let emulator = start(world, &[]).await;
    emulator.add_fault("operation=deploy,times=1,job=leave_record".parse().unwrap());
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let failed = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("To go on, run: solform apply --file solform.yaml -e test --replace A@2\n");
    let _ = env.solform_beside(&APPLY).await.exits_with(5);
    let output = env.solform_beside(&["history", "--json"]).await;
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let apply = document["applies"][0]["id"].as_str().unwrap();
    let _ = env
        .solform_beside(&["abandon", "B@1", "--apply", apply, "--auto-approve"])
        .await
        .exits_with(1)
        .warns("has no change of `B@1`")
        .warns("Name one of its changes that can be abandoned: A@2.");
    let _ = env
        .solform_beside(&["abandon", "A@1", "--apply", apply, "--auto-approve"])
        .await
        .exits_with(1)
        .warns("waits for no job and left no record");
    let _ = env
        .solform_beside(&["abandon", "A@2", "--apply", "none", "--auto-approve"])
        .await
        .exits_with(1)
        .warns("the store has no apply `none`");
    let _ = env
        .solform_beside(&["abandon", "A@2", "--apply", apply, "--auto-approve"])
        .await
        .exits_with(0)
        .says("orphaned record");
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("0 added, 1 changed");
    assert_eq!(count(&emulator, Operation::Deploy), 1, "{failed}");
}

/// An apply may still wait for the change, so `abandon` takes the lock.
#[tokio::test(flavor = "multi_thread")]
async fn abandon_needs_the_lock() {
    let (_emulator, env) = world(&[]).await;
    set_deploy_timeout(&env, "1h");
    let mut applying = super::at_work(env.command(env!("CARGO_BIN_EXE_solform"), &APPLY), 1).await;
    let _ = env
        .solform_beside(&["abandon", "A@2", "--apply", "0", "--auto-approve"])
        .await
        .exits_with(1)
        .warns("force-unlock");
    let running = env.solform_beside(&["history"]).await.exits_with(0);
    assert!(running.stdout.contains("running"), "{running}");
    applying.kill().unwrap();
    applying.wait().unwrap();
    let killed = env.solform_beside(&["history"]).await.exits_with(0);
    assert!(killed.stdout.contains("interrupted"), "{killed}");
    assert!(!killed.stdout.contains("0.0s"), "{killed}");
}

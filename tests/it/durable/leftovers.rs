//! The remains of earlier applies, as plan, apply and list report them: writes in progress,
//! orphaned records, and records that were never in service.

use serde_json::Value;
use solform_emulator::{Emulator, JobPace, Operation};

use super::{finish_all, killed_at_work};
use crate::support::TestEnv;
use crate::support::worlds::{self, Version, count, env_with, manifest, seed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_solform");

const ONE: &str = "
  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
";

/// Starts a deploy whose apply is killed, and whose record is listed before its job ends.
async fn in_flight() -> (Emulator, TestEnv) {
    let world = seed(&[], &[Version::active("A", "1")]);
    let knobs = ["record_during_job=visible"];
    let emulator = worlds::start_with(world, &knobs, JobPace::Manual).await;
    let env = env_with(&manifest(&emulator.url(), ONE));
    killed_at_work(env.command(PROGRAM, &["apply", "--auto-approve"]), 1).await;
    (emulator, env)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The record matches the manifest, and its job has not ended: the plan is not empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_in_flight_is_part_of_the_plan() {
    let (emulator, env) = in_flight().await;
    let plan = env
        .solform_beside(&["plan", "--detailed-exitcode", "--output", "json=plan.json"])
        .await
        .exits_with(6)
        .says("Nothing to change, but action is needed: 1 write of earlier applies in flight.")
        .says("In flight: the deploy of A@1, job ")
        .says("Versions: 0 as declared, 1 in flight.");
    assert!(!plan.stdout.contains("No changes"), "{plan}");
    let document = json(&env.read("plan.json"));
    assert_eq!(document["applyable"], false);
    assert_eq!(document["complete"], false);
    let write = &document["x_solution"]["in_flight"][0];
    assert_eq!(
        (&write["address"], &write["write"]),
        (&"A@1".into(), &"deploy".into())
    );
    assert!(
        write["job"].is_string() && write["sent_at"].is_string(),
        "{write}"
    );
    for format in ["markdown", "github"] {
        let _ = env
            .solform_beside(&["plan", "--detailed-exitcode", "--format", format])
            .await
            .exits_with(6)
            .says("the deploy of ")
            .says(write["job"].as_str().unwrap());
    }
    let stream = env
        .solform_beside(&["plan", "--detailed-exitcode", "--json"])
        .await
        .exits_with(6);
    let summary = stream.stdout.lines().map(json).find_map(|line| {
        let in_flight = line["x_solution"]["in_flight"].clone();
        in_flight.is_array().then_some(in_flight)
    });
    assert_eq!(summary.unwrap()[0]["job"], write["job"]);
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .says("No changes.");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

/// The record that a failed deploy left stays orphaned until it is replaced or deleted.
#[tokio::test]
async fn a_failed_deploys_record_is_orphaned() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let knobs = [];
    let emulator = worlds::start(world, &knobs).await;
    emulator.add_fault("operation=deploy,times=1,job=leave_record".parse().unwrap());
    let env = env_with(&manifest(&emulator.url(), ONE));
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(5);
    let plan = env
        .solform_beside(&["plan", "--detailed-exitcode", "--output", "json=plan.json"])
        .await
        .exits_with(5)
        .says("action is needed: 1 orphaned record.")
        .says("Orphaned: A@1, record ")
        .says("Versions: 0 as declared, 1 orphaned.");
    assert!(!plan.stdout.contains("No changes"), "{plan}");
    let document = json(&env.read("plan.json"));
    let record = document["x_solution"]["orphaned"][0].clone();
    assert_eq!(record["address"], "A@1");
    let apply = env
        .solform_beside(&[
            "apply",
            "--auto-approve",
            "--detailed-exitcode",
            "--output",
            "json=report.json",
        ])
        .await
        .exits_with(5)
        .says("Orphaned: A@1, record ");
    assert!(!apply.stdout.contains("Apply complete!"), "{apply}");
    assert_eq!(json(&env.read("report.json"))["orphaned"][0], record);
    let list = env
        .solform_beside(&["list", "--json"])
        .await
        .exits_with(0)
        .warns("orphaned: A@1");
    assert_eq!(json(&list.stdout)["solutions"][0]["orphaned"], true);
    // The record stays orphaned if the manifest no longer declares the version.
    env.write("solform.yaml", &manifest(&emulator.url(), "  {}\n"));
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(5)
        .says("Orphaned: A@1");
    env.write("solform.yaml", &manifest(&emulator.url(), ONE));
    let _ = env
        .solform_beside(&[
            "apply",
            "--auto-approve",
            "--detailed-exitcode",
            "--replace",
            "A@1",
        ])
        .await
        .exits_with(2)
        .says("Apply complete!");
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .says("No changes.");
}

/// A version that is declared INACTIVE is ACTIVE after its deploy. It was never in service, so the
/// limits do not count the change of its state.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_never_served_counts_for_no_limit() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let knobs = ["record_during_job=visible"];
    let emulator = worlds::start_with(world, &knobs, JobPace::Manual).await;
    let solutions = "
  A: { version: 1, state: INACTIVE, path: '${drive}/${name}-${version}.ibsolution' }
";
    let text = manifest(&emulator.url(), solutions)
        .replace("    vars:", "    limits: { max_change: 0 }\n    vars:");
    let env = env_with(&text);
    killed_at_work(env.command(PROGRAM, &["apply", "--auto-approve"]), 1).await;
    // While the deploy is in progress, the plan is not blocked.
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(6);
    finish_all(&emulator);
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .says("Apply complete!");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(0);
}

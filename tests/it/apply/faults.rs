//! Lost answers, temporary refusals and servers that fail at times: an apply succeeds, and nothing
//! is deployed twice.

use solform_emulator::{Fault, Operation, Seed};

use crate::support::worlds::{self, Version, count, env_with, manifest, seed};

const SOLUTIONS: &str = "
  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution', visibility: PUBLIC }
  B: { version: 1, state: ABSENT }
";

fn world() -> Seed {
    seed(
        &[Version::active("A", "1"), Version::active("B", "1")],
        &[Version::active("A", "2")],
    )
}

/// Runs an apply under a fault that it must survive, and returns the number of deploy requests.
async fn survives(rule: &str) -> usize {
    let emulator = worlds::start(world(), &[]).await;
    emulator.add_fault(rule.parse::<Fault>().unwrap());
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let applied = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await;
    assert_eq!(applied.code(), 2, "{rule}\n{applied}");
    emulator.clear_faults();
    let again = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    assert_eq!(again.code(), 0, "{rule}\n{again}");
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    let records = list.stdout.lines().skip(1).count();
    assert_eq!(records, 2, "{rule}\n{list}");
    count(&emulator, Operation::Deploy)
}

/// The server executes the write and its answer is lost: reading finds the result.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_write_is_found_and_not_sent_again() {
    for rule in [
        "operation=deploy,when=after,times=1,connection=drop",
        "operation=deploy,when=after,times=1,status=500",
        "operation=deploy,when=after,times=1,status=502,body=html",
    ] {
        assert_eq!(survives(rule).await, 1, "{rule}");
    }
    for rule in [
        "operation=patch_solution,when=after,times=1,connection=drop",
        "operation=patch_solution,when=after,times=1,status=500",
        "operation=delete_solution,when=after,times=1,connection=drop",
        "operation=delete_solution,when=after,times=1,status=504",
    ] {
        survives(rule).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_not_accepted_is_sent_again() {
    for rule in [
        "operation=deploy,when=before,times=1,status=429,retry_after=1",
        "operation=deploy,when=before,times=1,status=503,retry_after=1",
        "operation=deploy,when=before,times=1,connection=drop",
    ] {
        assert_eq!(survives(rule).await, 2, "{rule}");
    }
    for rule in [
        "operation=patch_solution,when=before,times=1,status=500",
        "operation=delete_solution,when=before,times=1,status=429,retry_after=1",
    ] {
        survives(rule).await;
    }
}

/// A server that refuses lists by name is listed as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn refused_lists_by_name_fall_back_to_the_whole() {
    let rule = "operation=list_solutions,address=*name=*,status=400";
    assert_eq!(survives(rule).await, 1);

    // One name on an instance with several pages: drift must be found without a list by name.
    let emulator = worlds::start_capped(world(), &[], 1).await;
    emulator.add_fault(rule.parse::<Fault>().unwrap());
    let env = env_with(&manifest(
        &emulator.url(),
        "  B: { version: 1, visibility: PUBLIC }\n",
    ));
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .says("\"PRIVATE\" -> \"PUBLIC\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_reads_are_retried() {
    for rule in [
        "method=GET,probability=0.2,seed=7,status=502,body=html",
        "method=GET,probability=0.2,seed=11,connection=drop",
        "operation=job_status,times=2,status=500",
        "operation=job_status,times=1,knob.job_first_answer=empty_body",
    ] {
        assert_eq!(survives(rule).await, 1, "{rule}");
    }
}

//! The gate of a release as a table: how a verification ends, and what is in service afterwards.
//! No case is ever without a version in service, whatever happens to the apply.

use solform_emulator::{Emulator, Operation};

use super::{finish_all, in_service, live, manifest, printing};
use crate::apply::uploads::put;
use crate::support::killing_proxy::{Kill, KillingProxy, every_kill};
use crate::support::worlds::{DRIVE, TOKEN, Version, count, env_with, seed, start};
use crate::support::{TestEnv, http_client};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// A release of version 2 of `Form`, which has version 1 in service.
struct Case {
    name: &'static str,
    /// Further keys of the run.
    run: &'static str,
    /// Further lines of the solution.
    more: &'static str,
    /// The rule by which runs go wrong, if any.
    fault: Option<&'static str>,
    code: i32,
    /// The number of requests of this apply that start a run.
    runs: usize,
    /// The versions after the apply.
    left: &'static [&'static str],
    /// The exit code of the next apply, without the fault.
    next: i32,
    /// The versions after the next apply.
    at_last: &'static [&'static str],
}

/// The new version is in service, and the old one is retired.
const RELEASED: &[&str] = &["1 INACTIVE", "2 ACTIVE"];
/// The old version stays in service, and the new one is out of service.
const KEPT: &[&str] = &["1 ACTIVE", "2 INACTIVE"];
/// The old version stays in service, and the new one is live as it was deployed.
const BESIDE: &[&str] = &["1 ACTIVE", "2 ACTIVE"];
/// Only the old version is live.
const ALONE: &[&str] = &["1 ACTIVE"];

const PASS: Case = Case {
    name: "pass",
    run: "",
    more: "",
    fault: None,
    code: 2,
    runs: 1,
    left: RELEASED,
    next: 0,
    at_last: RELEASED,
};
const FAIL: Case = Case {
    name: "fail",
    fault: Some("job=fail,times=9"),
    code: 7,
    left: KEPT,
    next: 4,
    at_last: KEPT,
    ..PASS
};
const FAIL_AND_DELETE: Case = Case {
    name: "fail and delete",
    more: "    on_verify_failure: delete\n",
    left: ALONE,
    at_last: ALONE,
    ..FAIL
};

const CASES: [Case; 9] = [
    PASS,
    FAIL,
    FAIL_AND_DELETE,
    Case {
        name: "flaky within its attempts",
        run: ", attempts: 2",
        fault: Some("job=fail,times=1"),
        runs: 2,
        ..PASS
    },
    Case {
        name: "flaky beyond its attempts",
        run: ", attempts: 2",
        fault: Some("job=fail,times=2"),
        runs: 2,
        ..FAIL
    },
    Case {
        name: "not required",
        run: ", required: false",
        fault: Some("job=fail,times=1"),
        ..PASS
    },
    Case {
        name: "time-out",
        run: ", timeout: 300ms",
        fault: Some("job=stuck,times=1"),
        code: 5,
        left: BESIDE,
        next: 2,
        ..PASS
    },
    Case {
        name: "cancelled",
        fault: Some("job=cancel,times=1"),
        code: 5,
        left: BESIDE,
        next: 2,
        ..PASS
    },
    Case {
        name: "could not be checked",
        fault: Some("status=403,times=9"),
        code: 5,
        left: BESIDE,
        next: 2,
        ..PASS
    },
];

/// Starts the world of a case.
async fn world(case: &Case) -> Emulator {
    let versions = [Version::active("Form", "1")];
    let emulator = start(seed(&versions, &[Version::active("Form", "2")]), &[]).await;
    put(&emulator, &format!("{DRIVE}/in/a.pdf"), b"a".to_vec()).await;
    if let Some(fault) = case.fault {
        let fault = format!("operation=run_solution,{fault}");
        emulator.add_fault(fault.parse().unwrap());
    }
    emulator
}

fn env_of(url: &str, case: &Case) -> TestEnv {
    let Case { run, more, .. } = case;
    env_with(&manifest(
        url,
        &format!(
            "  Form:\n    version: 2\n    path: '${{drive}}/Form-2.ibsolution'\n    verify: [{{ \
             name: smoke, input_dir: '${{drive}}/in'{run} }}]\n{more}"
        ),
    ))
}

/// Returns the live versions, each with its state.
async fn versions(emulator: &Emulator) -> Vec<String> {
    let live = live(&emulator.url()).await.into_iter();
    live.map(|one| format!("{} {}", one.version, one.state))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_keeps_a_version_in_service() {
    for case in &CASES {
        let name = case.name;
        let emulator = world(case).await;
        let url = emulator.url();
        let proxy = KillingProxy::start(&url, Kill::Never, in_service(&url, &["Form"])).await;
        let env = env_of(&proxy.url, case);
        let first = env.solform_beside(&APPLY).await;
        assert_eq!(first.code(), case.code, "{name}\n{first}");
        assert_eq!(versions(&emulator).await, case.left, "{name}\n{first}");
        let runs = count(&emulator, Operation::RunSolution);
        assert_eq!(runs, case.runs, "{name}\n{first}");
        emulator.clear_faults();
        let patient = env.read("solform.yaml").replace("300ms", "1h");
        env.write("solform.yaml", &patient);
        let next = env.solform_beside(&APPLY).await;
        assert_eq!(next.code(), case.next, "{name}\n{next}");
        assert_eq!(versions(&emulator).await, case.at_last, "{name}\n{next}");
        assert_eq!(proxy.wrong(), [""; 0], "{name}");
        assert_eq!(count(&emulator, Operation::Deploy), 1, "{name}");
    }
}

/// Somebody deletes the new version while it is verified: whatever its run says, the old version is
/// not retired for a version that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_deleted_meanwhile_releases_nothing() {
    let case = Case {
        fault: Some("job=stuck,times=1"),
        ..PASS
    };
    let emulator = world(&case).await;
    let env = env_of(&emulator.url(), &case);
    let command = env.command(env!("CARGO_BIN_EXE_solform"), &APPLY);
    let mut child = printing(command, "says \"RUNNING\"", 1).await;
    delete(&emulator, "2").await;
    emulator.clear_faults();
    finish_all(&emulator);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await;
    assert_eq!(status.unwrap().code(), Some(5));
    assert_eq!(versions(&emulator).await, ALONE);
    // The next apply deploys it again, and verifies it again.
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert_eq!(versions(&emulator).await, RELEASED);
    assert_eq!(count(&emulator, Operation::Deploy), 2);
    assert_eq!(count(&emulator, Operation::RunSolution), 2);
}

/// Deletes a version of `Form` as another client does.
async fn delete(emulator: &Emulator, version: &str) {
    let deployed = format!("{}/api/v2/solutions/deployed", emulator.url());
    let list = http_client().get(format!("{deployed}?name=Form"));
    let list = list.bearer_auth(TOKEN).send().await.unwrap();
    let list: serde_json::Value = list.json().await.unwrap();
    let records = list["solutions"].as_array().unwrap();
    let record = records.iter().find(|record| record["version"] == version);
    let id = record.unwrap()["id"].as_str().unwrap();
    let answer = http_client().delete(format!("{deployed}/{id}"));
    let answer = answer.bearer_auth(TOKEN).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// An apply of a version that does not pass is killed at each of its requests: the old version is
/// in service all the time, the next apply ends as the undisturbed one does, and the one after it
/// is blocked.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_does_not_pass_the_gate() {
    let test = "a_kill_does_not_pass_the_gate";
    let requests = every_kill(test, |kill| killed(&FAIL_AND_DELETE, kill)).await;
    assert!(requests > 10, "{requests}");
}

/// Kills an apply, and returns the number of its requests.
async fn killed(case: &Case, kill: Kill) -> Result<usize, String> {
    let emulator = world(case).await;
    let url = emulator.url();
    let proxy = KillingProxy::start(&url, kill, in_service(&url, &["Form"])).await;
    let env = env_of(&proxy.url, case);
    proxy.run_until_killed(&env, &APPLY).await;
    let seen = proxy.seen();
    let second = env.solform_beside(&APPLY).await;
    if ![case.code, case.next].contains(&second.code()) {
        return Err(format!("the second apply\n{second}"));
    }
    let last = env.solform_beside(&APPLY).await;
    let versions = versions(&emulator).await;
    if last.code() != case.next || versions != case.at_last {
        return Err(format!("the third apply: {versions:?}\n{last}"));
    }
    match proxy.wrong().first() {
        Some(wrong) => Err(format!("{wrong}\n{last}")),
        None => Ok(seen),
    }
}

//! The verification of a new version by runs, before another version of its name is taken out of
//! service.

use serde_json::Value;
use solform_emulator::{Emulator, Operation};

use super::uploads::put;
use crate::durable::printing;
use crate::support::worlds::{
    DRIVE, TOKEN, Version, count, env_with, manifest, patch, seed, start,
};
use crate::support::{CommandOutput, TestEnv, http_client};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

/// A world with one version in service, and the package of the next one.
async fn world(knobs: &[&str]) -> Emulator {
    let live = [Version::active("Form", "1")];
    world_of(&live, &[Version::active("Form", "2")], knobs).await
}

/// Starts an emulator with these versions and packages, and the input of the runs.
async fn world_of(live: &[Version<'_>], packages: &[Version<'_>], knobs: &[&str]) -> Emulator {
    let emulator = start(seed(live, packages), knobs).await;
    put(&emulator, &format!("{DRIVE}/smoke/in/a.pdf"), b"a".to_vec()).await;
    emulator
}

/// Returns the solution in version 2, with these further keys in `verify`, and behind it.
fn solution(run: &str, more: &str) -> String {
    format!(
        "  Form:\n    version: 2\n    path: '${{drive}}/${{name}}-${{version}}.ibsolution'\n    \
         visibility: PRIVATE\n    verify: [{{ name: smoke, input_dir: '${{drive}}/smoke/in'{run} \
         }}]\n{more}"
    )
}

fn env_of(emulator: &Emulator, run: &str, more: &str) -> TestEnv {
    env_with(&manifest(&emulator.url(), &solution(run, more)))
}

/// Returns the states of the live versions of `Form`, by version.
async fn states(emulator: &Emulator) -> Vec<(String, String)> {
    let url = format!("{}/api/v2/solutions/deployed?name=Form", emulator.url());
    let answer = http_client().get(url).bearer_auth(TOKEN).send().await;
    let body: Value = answer.unwrap().json().await.unwrap();
    let text = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
    let mut states: Vec<(String, String)> = body["solutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| (text(record, "version"), text(record, "state")))
        .collect();
    states.sort();
    states
}

fn as_texts(states: &[(String, String)]) -> Vec<String> {
    let text = |(version, state): &(String, String)| format!("{version} {state}");
    states.iter().map(text).collect()
}

async fn apply(env: &TestEnv) -> CommandOutput {
    env.solform_beside(&APPLY).await
}

/// Returns the operations of the writes and of the starts of runs, in order.
fn writes(emulator: &Emulator) -> Vec<Operation> {
    let requests = emulator.requests();
    let operations = requests
        .iter()
        .filter(|it| it.method != "GET" && it.method != "HEAD");
    operations.filter_map(|request| request.operation).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_version_replaces_the_old_one() {
    let emulator = world(&[]).await;
    let run = ", attempts: 2, expect: { outputs: [{ path: summary.json }, { path: a.pdf.json }] }";
    let env = env_of(&emulator, run, "");
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(2)
        .says("+ verify     = \"smoke (2 attempts)\"")
        .says(
            "Steps of Form:\n  1. deploy Form@2, in the state and visibility of its package\n  2. \
             verify Form@2 with smoke (2 attempts)\n  3. set Form@2 to ACTIVE and PRIVATE, if it \
             is not\n  4. deactivate Form@1\n",
        );
    let markdown = ["plan", "--format", "markdown"];
    let _ = env
        .solform_beside(&markdown)
        .await
        .exits_with(0)
        .says("**Steps of `Form`**\n\n1. `deploy Form@2,")
        .says("\n4. `deactivate Form@1`\n");
    let json = env.solform_beside(&["plan", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let steps = json["x_solution"]["releases"][0]["steps"].as_array();
    let steps = steps.unwrap().iter();
    let words: Vec<&str> = steps.map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(words, ["deploy", "verify", "patch", "patch"]);
    let begun = writes(&emulator).len();
    let report = env
        .solform_beside(&[&APPLY[..], &["--json"]].concat())
        .await
        .exits_with(2);
    assert_eq!(
        writes(&emulator)[begun..],
        [
            Operation::Deploy,
            Operation::RunSolution,
            Operation::PatchSolution
        ],
        "the old version is retired last"
    );
    let last: Value = serde_json::from_str(report.stdout.lines().last().unwrap()).unwrap();
    let changes = &last["x_solution"]["report"]["changes"];
    let create = changes
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["action"] == "create")
        .unwrap();
    assert_eq!(create["verification"]["verdict"], "passed", "{create:#}");
    assert_eq!(create["verification"]["runs"][0]["attempts"], 1);
    assert_eq!(
        as_texts(&states(&emulator).await),
        ["1 INACTIVE", "2 ACTIVE"]
    );
    // What has passed is not verified again.
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
}

/// What was verified and goes back into service later needs no other run: the record is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_holds_for_its_record() {
    let emulator = world(&[]).await;
    let env = env_of(&emulator, "", "");
    let _ = apply(&env).await.exits_with(2);
    patch(&emulator, "Form", "ACTIVE", "state=INACTIVE").await;
    let _ = apply(&env).await.exits_with(2);
    assert_eq!(count(&emulator, Operation::RunSolution), 1);
    // Other runs are another verification.
    patch(&emulator, "Form", "ACTIVE", "state=INACTIVE").await;
    let changed = manifest(
        &emulator.url(),
        &solution(", settings: { fast: true, n: 2 }", ""),
    );
    env.write("solform.yaml", &changed);
    let _ = apply(&env).await.exits_with(2).says("verify");
    assert!(count(&emulator, Operation::RunSolution) > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_version_is_taken_out_of_service() {
    for (more, left) in [
        ("", &["1 ACTIVE", "2 INACTIVE"][..]),
        ("    on_verify_failure: delete\n", &["1 ACTIVE"]),
    ] {
        let emulator = world(&["run_end=failed"]).await;
        let env = env_of(&emulator, ", attempts: 2", more);
        let output = apply(&env).await.exits_with(7);
        assert!(
            output
                .stdout
                .contains("the verification failed (smoke: it ended as FAILED"),
            "{output}"
        );
        assert_eq!(as_texts(&states(&emulator).await), left, "{output}");
        assert_eq!(count(&emulator, Operation::RunSolution), 2);
        // The same package is not brought into service by the next apply.
        let _ = apply(&env)
            .await
            .exits_with(4)
            .warns("may not be brought into service: its verification failed");
        assert_eq!(count(&emulator, Operation::RunSolution), 2);
        // It is verified again on request.
        emulator.change_knobs(|knobs| knobs.assign("run_end=complete").unwrap());
        let again = [&APPLY[..], &["--reverify", "Form@2"]].concat();
        let _ = env.solform_beside(&again).await.exits_with(2);
        assert_eq!(
            as_texts(&states(&emulator).await),
            ["1 INACTIVE", "2 ACTIVE"]
        );
    }
}

/// A run that does not end in time, that somebody cancels, or that the server does not start, is
/// neither passed nor failed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_checked_releases_nothing() {
    for (fault, timeout, why) in [
        ("job=stuck", "300ms", "did not end in time"),
        ("job=cancel", "1h", "ended as CANCELLED"),
        ("status=403", "1h", "refused to start the run"),
    ] {
        let emulator = world(&[]).await;
        let fault = format!("operation=run_solution,{fault},times=9");
        emulator.add_fault(fault.parse().unwrap());
        let env = env_of(&emulator, &format!(", timeout: {timeout}"), "");
        let output = apply(&env).await.exits_with(5);
        assert!(
            output
                .stdout
                .contains("the verification could not be checked"),
            "{output}"
        );
        assert!(output.stdout.contains(why), "{why}\n{output}");
        assert!(
            as_texts(&states(&emulator).await).contains(&"1 ACTIVE".to_owned()),
            "{output}"
        );
        // The next apply verifies it, and does not deploy it again.
        emulator.clear_faults();
        let patient = manifest(&emulator.url(), &solution(", timeout: 1h", ""));
        env.write("solform.yaml", &patient);
        let _ = apply(&env).await.exits_with(2);
        assert_eq!(count(&emulator, Operation::Deploy), 1);
        assert_eq!(
            as_texts(&states(&emulator).await),
            ["1 INACTIVE", "2 ACTIVE"]
        );
    }
}

/// A version that is out of service may refuse to run: then it is activated for its runs, and put
/// back if it does not pass.
#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_version_is_verified_before_its_activation() {
    for (knob, end, runs, code, left) in [
        (
            "run_inactive=allowed",
            "complete",
            1,
            2,
            ["1 INACTIVE", "2 ACTIVE"],
        ),
        (
            "run_inactive=hidden",
            "complete",
            2,
            2,
            ["1 INACTIVE", "2 ACTIVE"],
        ),
        (
            "run_inactive=refused",
            "failed",
            2,
            7,
            ["1 ACTIVE", "2 INACTIVE"],
        ),
        (
            "run_inactive=allowed",
            "failed",
            1,
            7,
            ["1 ACTIVE", "2 INACTIVE"],
        ),
    ] {
        let live = [Version::active("Form", "1"), Version::inactive("Form", "2")];
        let knobs = [knob, &format!("run_end={end}")];
        let emulator = world_of(&live, &[], &knobs).await;
        let env = env_of(&emulator, "", "");
        let output = apply(&env).await.exits_with(code);
        assert_eq!(as_texts(&states(&emulator).await), left, "{knob}\n{output}");
        assert_eq!(count(&emulator, Operation::RunSolution), runs, "{knob}");
    }
}

/// The bytes of an output are compared by their digest; a missing one is a failure.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_compared() {
    for (output, why) in [
        (
            format!("{{ path: a.pdf.json, sha256: {} }}", "0".repeat(64)),
            "the SHA-256 of its `a.pdf.json` is",
        ),
        (
            "{ path: other.json }".to_owned(),
            "it wrote no `other.json`",
        ),
    ] {
        let emulator = world(&[]).await;
        let run = format!(", expect: {{ outputs: [{output}] }}");
        let env = env_of(&emulator, &run, "");
        let report = apply(&env).await.exits_with(7);
        assert!(report.stdout.contains(why), "{report}");
    }
}

/// A run that is not required is only reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_required_is_reported() {
    let emulator = world(&["run_end=failed"]).await;
    let env = env_of(&emulator, ", required: false", "");
    let output = apply(&env).await.exits_with(2);
    assert!(
        output.stderr.contains("Verification with \"smoke\" failed"),
        "{output}"
    );
}

/// A saved plan contains the verification: the manifest must declare the same one at the apply.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_pins_the_verification() {
    let emulator = world(&[]).await;
    let env = env_of(&emulator, "", "");
    let _ = env
        .solform_beside(&["plan", "--out", "p.json"])
        .await
        .exits_with(0);
    let text = manifest(&emulator.url(), &solution(", required: false", ""));
    env.write("solform.yaml", &text);
    let _ = env
        .solform_beside(&["apply", "p.json", "--detailed-exitcode"])
        .await
        .exits_with(3);
    let text = manifest(&emulator.url(), &solution("", ""));
    env.write("solform.yaml", &text);
    let _ = env
        .solform_beside(&["apply", "p.json", "--detailed-exitcode"])
        .await
        .exits_with(2);
    assert_eq!(count(&emulator, Operation::RunSolution), 1);
}

/// A run takes long, and an interrupt ends the apply: the next one verifies the version.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_verification_is_continued() {
    let emulator = world(&[]).await;
    emulator.add_fault("operation=run_solution,job=stuck".parse().unwrap());
    let env = env_of(&emulator, ", timeout: 1h", "");
    let command = env.command(env!("CARGO_BIN_EXE_solform"), &APPLY);
    let mut child = printing(command, "says \"RUNNING\"", 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    emulator.clear_faults();
    let _ = apply(&env).await.exits_with(2);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
    assert_eq!(
        as_texts(&states(&emulator).await),
        ["1 INACTIVE", "2 ACTIVE"]
    );
}

/// A missing input folder is found before anything is deployed: by plan as a warning, by doctor as
/// a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_input_folder_is_found() {
    let live = [Version::active("Form", "1")];
    let emulator = start(seed(&live, &[Version::active("Form", "2")]), &[]).await;
    let env = env_of(&emulator, "", "");
    let missing = format!("the input folder `{DRIVE}/smoke/in` is not on the platform");
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(2)
        .warns(&missing);
    let _ = env
        .solform_beside(&["doctor"])
        .await
        .exits_with(1)
        .says("0 of 1 input folder found.");
    // A failed run does not create the folder.
    let _ = apply(&env).await.exits_with(7);
    let _ = env
        .solform_beside(&["doctor"])
        .await
        .exits_with(1)
        .says("0 of 1 input folder found.");
    put(&emulator, &format!("{DRIVE}/smoke/in/a.pdf"), b"a".to_vec()).await;
    let plan = env.solform_beside(&PLAN).await.exits_with(4);
    assert!(!plan.stderr.contains(&missing), "{plan}");
    let _ = env.solform_beside(&["doctor"]).await.exits_with(0);
}

/// A version that another program brought into service releases the old one only after a pass, and
/// is never taken out of service itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_version_is_verified_before_the_old_one_is_retired() {
    for (end, code, left) in [
        ("complete", 2, ["1 INACTIVE", "2 ACTIVE"]),
        ("failed", 7, ["1 ACTIVE", "2 ACTIVE"]),
    ] {
        let live = [Version::active("Form", "1"), Version::active("Form", "2")];
        let emulator = world_of(&live, &[], &[&format!("run_end={end}")]).await;
        let env = env_of(&emulator, "", "");
        let _ = env
            .solform_beside(&PLAN)
            .await
            .exits_with(2)
            .says("+ verify     = \"smoke\"");
        let output = apply(&env).await.exits_with(code);
        assert_eq!(as_texts(&states(&emulator).await), left, "{output}");
        // It is blocked now.
        let again = apply(&env).await.exits_with(if code == 2 { 0 } else { 4 });
        assert_eq!(as_texts(&states(&emulator).await), left, "{again}");
    }
}

/// The version was activated for its runs, failed, and could not be deactivated.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_fails_is_repeated() {
    let live = [Version::active("Form", "1"), Version::inactive("Form", "2")];
    let emulator = world_of(&live, &[], &["run_end=failed"]).await;
    let fault = "operation=patch_solution,skip=1,times=2,status=403";
    emulator.add_fault(fault.parse().unwrap());
    let env = env_of(&emulator, "", "");
    let output = apply(&env).await.exits_with(7);
    assert!(
        output.stdout.contains("could not be taken out of service"),
        "{output}"
    );
    assert_eq!(as_texts(&states(&emulator).await), ["1 ACTIVE", "2 ACTIVE"]);
    emulator.clear_faults();
    let _ = apply(&env).await.exits_with(7);
    assert_eq!(
        as_texts(&states(&emulator).await),
        ["1 ACTIVE", "2 INACTIVE"]
    );
}

/// The delete of a version that failed does not end in time: the next apply waits for its job, and
/// nothing is retired for a version that is being deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_in_flight_is_recovered() {
    let emulator = world(&["run_end=failed"]).await;
    emulator.add_fault("operation=delete_solution,job=stuck".parse().unwrap());
    let text = manifest(
        &emulator.url(),
        &solution("", "    on_verify_failure: delete\n"),
    );
    let env = env_with(&text.replace("delete: 20s", "delete: 300ms"));
    let _ = apply(&env).await.exits_with(7);
    emulator.change_knobs(|knobs| knobs.assign("run_end=complete").unwrap());
    // The job has not ended.
    let _ = apply(&env).await;
    assert!(as_texts(&states(&emulator).await).contains(&"1 ACTIVE".to_owned()));
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, None));
    }
    let _ = apply(&env).await.exits_with(4);
    assert_eq!(as_texts(&states(&emulator).await), ["1 ACTIVE"]);
}

/// A saved plan of a version that is only verified is valid.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_verifies_what_was_not_checked() {
    let emulator = world(&[]).await;
    emulator.add_fault("operation=run_solution,status=403".parse().unwrap());
    let env = env_of(&emulator, "", "");
    let _ = apply(&env).await.exits_with(5);
    emulator.clear_faults();
    let _ = env
        .solform_beside(&["plan", "--out", "p.json"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["apply", "p.json", "--detailed-exitcode"])
        .await
        .exits_with(2);
    assert_eq!(
        as_texts(&states(&emulator).await),
        ["1 INACTIVE", "2 ACTIVE"]
    );
}

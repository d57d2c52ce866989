//! The RUNNING runs of a version before it is taken out of service.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use solform_emulator::{Emulator, JobPace, Operation};

use crate::support::killing_proxy::{Kill, KillingProxy, Watch};
use crate::support::worlds::{
    DRIVE, TOKEN, Version, count, env_with, manifest, manifest_with, patch, seed, start_capped,
    start_with,
};
use crate::support::{CommandOutput, TestEnv, http_client};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// The space of the results of runs.
const SPACE: &str = "acme/releases";

/// Starts an emulator with one version in service, and the package of the next one. Its runs never
/// end.
async fn world(knobs: &[&str]) -> Emulator {
    let knobs = [&["run_missing_input=accepted"], knobs].concat();
    let live = [Version::active("Form", "1")];
    let packages = [Version::active("Form", "1"), Version::active("Form", "2")];
    let emulator = start_with(seed(&live, &packages), &knobs, JobPace::Polls(1)).await;
    emulator.add_fault("operation=run_solution,pace=never".parse().unwrap());
    emulator
}

/// Returns the solution in version 2, with this `drain`.
fn solution(drain: &str) -> String {
    format!(
        "  Form:\n    version: 2\n    path: '${{drive}}/${{name}}-${{version}}.ibsolution'\n    \
         drain: {drain}\n"
    )
}

fn env_of(emulator: &Emulator, drain: &str) -> TestEnv {
    env_with(&manifest(&emulator.url(), &solution(drain)))
}

/// Returns the live versions of `Form`, with their ids.
async fn records(url: &str) -> Vec<(String, String, String)> {
    let url = format!("{url}/api/v2/solutions/deployed?name=Form");
    let answer = http_client().get(url).bearer_auth(TOKEN).send().await;
    let body: Value = answer.unwrap().json().await.unwrap();
    let text = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
    let mut records: Vec<_> = body["solutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "version"), text(it, "state"), text(it, "id")))
        .collect();
    records.sort();
    records
}

async fn states(emulator: &Emulator) -> Vec<String> {
    let records = records(&emulator.url()).await.into_iter();
    records
        .map(|(version, state, _)| format!("{version} {state}"))
        .collect()
}

/// Starts a run of the oldest version of `Form`, which writes its results to a space.
async fn start_run(emulator: &Emulator, run: &str, space: &str) {
    start_run_at(&emulator.url(), run, space).await;
}

async fn start_run_at(url: &str, run: &str, space: &str) {
    let id = &records(url).await[0].2;
    let url = format!("{url}/api/v2/solutions/deployed/{id}/run");
    let body = json!({
        "input_dir": format!("{DRIVE}/in"),
        "output_dir": format!("{space}/fs/D/out"),
        "job_id": run,
        "settings": {},
    });
    let request = http_client().post(url).bearer_auth(TOKEN);
    let answer = request.body(body.to_string()).send().await.unwrap();
    assert!(answer.status().is_success());
}

async fn apply(env: &TestEnv) -> CommandOutput {
    env.solform_beside(&APPLY).await
}

/// Returns the number of calls that take a version out of service.
fn retired(emulator: &Emulator) -> usize {
    count(emulator, Operation::PatchSolution) + count(emulator, Operation::DeleteSolution)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_ignored_by_default() {
    for drain in ["ignore", "{ mode: ignore }"] {
        let emulator = world(&[]).await;
        start_run(&emulator, "r1", SPACE).await;
        let output = apply(&env_of(&emulator, drain)).await.exits_with(2);
        assert_eq!(states(&emulator).await, ["1 INACTIVE", "2 ACTIVE"]);
        assert_eq!(count(&emulator, Operation::ListSolutionRuns), 0);
        assert!(!output.stdout.contains("RUNNING"), "{output}");
    }
}

/// The plan of several environments shows the runs and the verification of each, in every format
/// for people.
#[tokio::test(flavor = "multi_thread")]
async fn several_environments_show_runs_and_gates() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    let verify = "    verify: [{ name: smoke, input_dir: '${drive}/in' }]\n";
    let text = solution("{ mode: wait, spaces: [acme/releases] }") + verify;
    let other = format!(
        "environments:\n  other: {{ url: '{}', token: {{ env: TEST_TOKEN }}, vars: {{ drive: \
         '{DRIVE}' }} }}\n",
        emulator.url()
    );
    let text = manifest(&emulator.url(), &text).replace("environments:\n", &other);
    let env = env_with(&text);
    for format in ["text", "markdown", "html"] {
        let plan = ["plan", "--all-environments", "--format", format];
        let output = env.solform_beside(&plan).await.exits_with(0).stdout;
        for text in ["verified first", "1 RUNNING run"] {
            assert!(output.matches(text).count() >= 2, "{text}\n{output}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_waits_for_the_end_of_its_runs() {
    let emulator = world(&[]).await;
    emulator.clear_faults();
    emulator.add_fault("operation=run_solution,pace=lists:4".parse().unwrap());
    start_run(&emulator, "r1", SPACE).await;
    let env = env_of(&emulator, "{ mode: wait, spaces: [acme/releases] }");
    let output = apply(&env).await.exits_with(2);
    assert!(
        output.stderr.contains("Form@1: waits for 1 run\n"),
        "{output}"
    );
    assert_eq!(states(&emulator).await, ["1 INACTIVE", "2 ACTIVE"]);
    let requests = emulator.requests();
    let order: Vec<Operation> = requests
        .iter()
        .filter_map(|request| request.operation)
        .filter(|operation| {
            matches!(
                operation,
                Operation::Deploy | Operation::ListSolutionRuns | Operation::PatchSolution
            )
        })
        .collect();
    let deployed = order
        .iter()
        .position(|it| *it == Operation::Deploy)
        .unwrap();
    let looks = &order[deployed + 1..];
    let (write, looks) = looks.split_last().unwrap();
    assert_eq!(*write, Operation::PatchSolution, "{order:?}");
    assert!(looks.len() > 2, "{order:?}");
    assert!(looks.iter().all(|it| *it == Operation::ListSolutionRuns));
}

/// Every way to take a version out of service looks at its runs. Without its release, nothing is
/// written to it.
#[tokio::test(flavor = "multi_thread")]
async fn running_runs_release_nothing() {
    const WAIT: &str = "{ mode: wait, timeout: 300ms, spaces: [acme/releases] }";
    const FAIL: &str = "{ mode: fail, spaces: [acme/releases] }";
    let path = "path: '${drive}/${name}-${version}.ibsolution'";
    let other = "  Other: { version: 1, state: INACTIVE, path: o.ibsolution }\n";
    let ways = [
        // Deactivated by `superseded`, deleted by it, and without a successor.
        (
            &APPLY[..],
            "",
            format!("  Form: {{ version: 2, {path}, drain: DRAIN }}\n"),
        ),
        (
            &APPLY,
            "",
            format!("  Form: {{ version: 2, {path}, superseded: delete, drain: DRAIN }}\n"),
        ),
        (
            &APPLY,
            "",
            "  Form: { version: 1, state: INACTIVE, drain: DRAIN }\n".to_owned(),
        ),
        (
            &APPLY,
            "",
            "  Form: { version: 1, state: ABSENT, drain: DRAIN }\n".to_owned(),
        ),
        (
            &[
                "apply",
                "--auto-approve",
                "--detailed-exitcode",
                "--replace=Form@1",
            ],
            "",
            format!("  Form: {{ version: 1, {path}, drain: DRAIN }}\n"),
        ),
        (
            &["destroy", "--auto-approve", "--detailed-exitcode"],
            "",
            "  Form: { version: 1, drain: DRAIN }\n".to_owned(),
        ),
        // A name that is not declared has the defaults.
        (
            &[
                "apply",
                "--auto-approve",
                "--detailed-exitcode",
                "--target=Form@1",
            ],
            "    defaults: { drain: DRAIN }\n    manage: { undeclared: delete, owners: [svc] }\n",
            other.to_owned(),
        ),
    ];
    // Both modes take turns.
    let modes = [(WAIT, "are still RUNNING"), (FAIL, "are RUNNING")];
    let ways = ways.into_iter().zip(modes.into_iter().cycle());
    for ((arguments, environment, solutions), (drain, expected)) in ways {
        let emulator = world(&[]).await;
        start_run(&emulator, "r1", SPACE).await;
        start_run(&emulator, "r2", SPACE).await;
        let text = manifest_with(&emulator.url(), environment, "", &solutions);
        let env = env_with(&text.replace("DRAIN", drain));
        let output = env.solform_beside(arguments).await.exits_with(5);
        let expected = format!("2 runs of the version {expected} (`r2`, `r1`), so the ");
        assert!(output.stdout.contains(&expected), "{solutions}\n{output}");
        assert_eq!(retired(&emulator), 0, "{output}");
        assert_eq!(states(&emulator).await[0], "1 ACTIVE", "{output}");
        // The next apply takes it out of service when the runs have ended.
        assert!(emulator.finish_job("r1", None) && emulator.finish_job("r2", None));
        let _ = env.solform_beside(arguments).await.exits_with(2);
        assert!(retired(&emulator) > 0, "{solutions}");
    }
}

/// A list that cannot be read, or that may have more runs, proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_runs_release_nothing() {
    for (fault, knob) in [
        ("status=403", "run_spaces=all"),
        ("delay=0ms", "run_spaces=required"),
    ] {
        for drain in ["wait", "fail"] {
            let emulator = world(&[knob]).await;
            let rule = format!("operation=list_solution_runs,{fault}");
            emulator.add_fault(rule.parse().unwrap());
            let env = env_of(&emulator, drain);
            let _ = env
                .solform_beside(&["plan"])
                .await
                .exits_with(0)
                .warns("the number of RUNNING runs is unknown: Form@1")
                .says("has an unknown number of RUNNING runs (spaces of svc)");
            let output = apply(&env).await.exits_with(5);
            assert!(
                output.stdout.contains(
                    "the RUNNING runs of the version are not known, so the patch was not sent"
                ),
                "{output}"
            );
            assert_eq!(retired(&emulator), 0, "{output}");
            assert_eq!(states(&emulator).await, ["1 ACTIVE", "2 ACTIVE"]);
            let _ = apply(&env_of(&emulator, "ignore")).await.exits_with(2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_starts_after_the_plan_is_seen() {
    let emulator = world(&[]).await;
    let env = env_of(&emulator, "{ mode: fail, spaces: [acme/releases] }");
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0)
        .says("has 0 RUNNING runs (in acme/releases); apply fails while there are any");
    start_run(&emulator, "late", SPACE).await;
    let arguments = ["apply", "the.plan", "--detailed-exitcode"];
    let output = env.solform_beside(&arguments).await.exits_with(5);
    assert!(output.stdout.contains("(`late`)"), "{output}");
    assert_eq!(retired(&emulator), 0);
    // The plan is the same approval when the run has ended.
    assert!(emulator.finish_job("late", None));
    let _ = env.solform_beside(&arguments).await.exits_with(2);
    assert_eq!(states(&emulator).await, ["1 INACTIVE", "2 ACTIVE"]);
}

/// `drain` is a part of what a saved plan approves.
#[tokio::test(flavor = "multi_thread")]
async fn another_drain_is_another_manifest() {
    let emulator = world(&[]).await;
    let env = env_of(&emulator, "{ mode: wait, spaces: [acme/releases] }");
    let plan = env.solform_beside(&["plan", "--out", "the.plan"]).await;
    let _ = plan.exits_with(0);
    env.write(
        "solform.yaml",
        &manifest(&emulator.url(), &solution("ignore")),
    );
    let arguments = ["apply", "the.plan", "--detailed-exitcode"];
    let _ = env.solform_beside(&arguments).await.exits_with(3);
    assert_eq!(retired(&emulator), 0);
}

/// The platform lists runs of the user's own spaces, unless others are named.
#[tokio::test(flavor = "multi_thread")]
async fn runs_of_the_declared_spaces_count() {
    let live = [Version::active("Form", "1")];
    let packages = [Version::active("Form", "2")];
    let knobs = ["run_missing_input=accepted", "run_spaces=own"];
    // Pages are shorter than the list.
    let emulator = start_capped(seed(&live, &packages), &knobs, 2).await;
    emulator.add_fault("operation=run_solution,pace=never".parse().unwrap());
    for (nth, space) in ["svc/own", "acme/a", "acme/a", "acme/a", "acme/b"]
        .iter()
        .enumerate()
    {
        start_run(&emulator, &format!("r{nth}"), space).await;
    }
    for (drain, expected) in [
        (
            "wait",
            "has at least 1 RUNNING run (spaces of svc); apply waits",
        ),
        (
            "{ mode: wait, timeout: 30m, spaces: [acme/b, acme/a] }",
            "has 4 RUNNING runs (in acme/a, acme/b); apply waits until they have ended, 30m at \
             most",
        ),
        (
            "{ mode: fail, spaces: [acme/c] }",
            "has 0 RUNNING runs (in acme/c); apply fails while there are any",
        ),
    ] {
        let env = env_of(&emulator, drain);
        let output = env
            .solform_beside(&["plan"])
            .await
            .exits_with(0)
            .says(expected);
        let is_warned = output
            .stderr
            .contains("sees only runs in the spaces of the token's user");
        assert_eq!(is_warned, drain == "wait", "{output}");
    }
    let writes = emulator.requests();
    assert!(writes.iter().all(
        |request| request.method == "GET" || request.operation == Some(Operation::RunSolution)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_shows_the_runs() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    start_run(&emulator, "r2", SPACE).await;
    let env = env_of(
        &emulator,
        "{ mode: wait, timeout: 30m, spaces: [acme/releases] }",
    );
    for format in ["text", "markdown", "html", "github", "json"] {
        let output = env.solform_beside(&["plan", "--format", format]).await;
        let output = output.exits_with(0);
        if format != "json" {
            assert!(
                output
                    .stdout
                    .contains("has 2 RUNNING runs (in acme/releases)"),
                "{format}: {output}"
            );
            continue;
        }
        let plan: Value = serde_json::from_str(&output.stdout).unwrap();
        let changes = plan["resource_changes"].as_array().unwrap();
        let old = changes
            .iter()
            .find(|change| change["address"] == "Form@1")
            .unwrap();
        assert_eq!(
            old["x_solution"]["running_runs"],
            json!({
                "mode": "wait",
                "limit_seconds": 1800.0,
                "count": 2,
                "at_least": false,
                "spaces": ["acme/releases"],
            })
        );
    }
}

/// A program that waits for a run.
struct Waiting {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Waiting {
    /// Starts an apply, and returns when it waits.
    async fn start(env: &TestEnv) -> Self {
        Self::start_with(env, &APPLY).await
    }

    async fn start_with(env: &TestEnv, arguments: &[&str]) -> Self {
        let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("waits for 1 run")));
            Self { child, lines }
        })
        .await
        .unwrap()
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Returns the exit code and the report when the program has ended.
    async fn end(mut self) -> (Option<i32>, String) {
        tokio::task::spawn_blocking(move || {
            self.lines.by_ref().for_each(drop);
            let mut stdout = String::new();
            let mut pipe = self.child.stdout.take().unwrap();
            pipe.read_to_string(&mut stdout).unwrap();
            (self.child.wait().unwrap().code(), stdout)
        })
        .await
        .unwrap()
    }
}

/// A killed apply has written nothing to the version that waits: the next one begins again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_wait_is_done_again() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    let env = env_of(&emulator, "{ mode: wait, spaces: [acme/releases] }");
    let waiting = Waiting::start(&env).await;
    waiting.signal("-KILL");
    let _ = waiting.end().await;
    assert_eq!(states(&emulator).await, ["1 ACTIVE", "2 ACTIVE"]);
    let again = Waiting::start(&env).await;
    assert_eq!(retired(&emulator), 0);
    assert!(emulator.finish_job("r1", None));
    let (code, report) = again.end().await;
    assert_eq!(code, Some(2), "{report}");
    assert_eq!(states(&emulator).await, ["1 INACTIVE", "2 ACTIVE"]);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

/// An interrupt ends the wait at once, because nothing must be completed.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_wait() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    let env = env_of(&emulator, "{ mode: wait, spaces: [acme/releases] }");
    let waiting = Waiting::start(&env).await;
    waiting.signal("-INT");
    let (code, report) = waiting.end().await;
    assert_eq!(code, Some(8), "{report}");
    assert!(report.contains("cancelled"), "{report}");
    assert_eq!(retired(&emulator), 0);
}

/// The limit of the whole apply also ends a wait.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_the_apply_ends_the_wait() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    let solution = "  Form: { version: 1, state: INACTIVE, drain: { mode: wait, spaces: \
                    [acme/releases] } }\n";
    let text = manifest(&emulator.url(), solution).replace("deploy: 20s", "deploy: 20s, apply: 1s");
    let output = apply(&env_with(&text)).await.exits_with(5);
    assert!(
        output.stdout.contains("`timeouts.apply` was exceeded"),
        "{output}"
    );
    assert_eq!(retired(&emulator), 0);
}

/// A version that somebody changes while its runs end is not written.
#[tokio::test(flavor = "multi_thread")]
async fn the_precondition_is_checked_after_the_wait() {
    let emulator = world(&[]).await;
    start_run(&emulator, "r1", SPACE).await;
    let solution = "  Form: { version: 1, state: INACTIVE, drain: { mode: wait, spaces: \
                    [acme/releases] } }\n";
    let env = env_with(&manifest(&emulator.url(), solution));
    let waiting = Waiting::start(&env).await;
    patch(&emulator, "Form", "ACTIVE", "visibility=PUBLIC").await;
    let before = retired(&emulator);
    assert!(emulator.finish_job("r1", None));
    let (code, report) = waiting.end().await;
    assert_eq!(code, Some(3), "{report}");
    assert_eq!(retired(&emulator), before, "{report}");
    assert_eq!(states(&emulator).await, ["1 ACTIVE"]);
}

/// A run that starts between the writes of one change is seen before the next of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_between_two_writes_is_seen() {
    let delete = "  Form: { version: 1, state: ABSENT, drain: { mode: fail, spaces: \
                  [acme/releases] } }\n";
    let deactivate = delete.replace("ABSENT", "INACTIVE");
    for (solutions, starts_after, knob, fault, writes) in [
        // The delete is refused, and the version would be deactivated for another one.
        (delete, 1, "delete_active=refused", "delay=0ms", [1, 0]),
        // It was deactivated, and is set ACTIVE again.
        (delete, 2, "delete_active=refused", "delay=0ms", [1, 2]),
        // The patch was not accepted, and would be sent again.
        (
            &deactivate,
            1,
            "delete_active=allowed",
            "operation=patch_solution,times=1,status=503,retry_after=0",
            [0, 1],
        ),
    ] {
        let emulator = world(&[knob, "run_inactive=allowed"]).await;
        emulator.add_fault(fault.parse().unwrap());
        let url = emulator.url();
        let seen = Arc::new(AtomicUsize::new(0));
        let watch: Watch = Arc::new(move || {
            let (url, nth) = (url.clone(), seen.fetch_add(1, Ordering::SeqCst) + 1);
            Box::pin(async move {
                if nth == starts_after {
                    start_run_at(&url, "late", SPACE).await;
                }
                None
            })
        });
        let proxy = KillingProxy::start(&emulator.url(), Kill::Never, watch).await;
        let output = apply(&env_with(&manifest(&proxy.url, solutions))).await;
        let output = output.exits_with(5);
        assert!(output.stdout.contains("RUNNING (`late`)"), "{output}");
        let sent = [Operation::DeleteSolution, Operation::PatchSolution];
        let sent = sent.map(|operation| count(&emulator, operation));
        assert_eq!(sent, writes, "{output}");
        assert_eq!(states(&emulator).await, ["1 ACTIVE"], "{output}");
    }
}

/// A step that waits for runs leaves its permit to others.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_holds_no_permit() {
    let live = [Version::active("Form", "1")];
    let packages = [Version::active("Zeta", "1")];
    let knobs = ["run_missing_input=accepted"];
    let emulator = start_with(seed(&live, &packages), &knobs, JobPace::Polls(1)).await;
    emulator.add_fault("operation=run_solution,pace=never".parse().unwrap());
    start_run(&emulator, "r1", SPACE).await;
    let solutions = "  Form: { version: 1, state: INACTIVE, drain: { mode: wait, spaces: \
                     [acme/releases] } }\n  Zeta: { version: 1, path: \
                     '${drive}/Zeta-1.ibsolution' }\n";
    let env = env_with(&manifest(&emulator.url(), solutions));
    let arguments = [&APPLY[..], &["--parallelism=1"]].concat();
    let mut waiting = Waiting::start_with(&env, &arguments).await;
    let waiting = tokio::task::spawn_blocking(move || {
        let is_done = |line: Result<String, _>| line.unwrap().contains("Zeta@1: Creation complete");
        assert!(waiting.lines.any(is_done));
        waiting
    })
    .await
    .unwrap();
    assert!(emulator.finish_job("r1", None));
    let (code, report) = waiting.end().await;
    assert_eq!(code, Some(2), "{report}");
}

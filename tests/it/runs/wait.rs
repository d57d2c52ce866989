//! Waiting for runs and jobs: the outcome of each, and the report for those that do not end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::Value;
use solform_emulator::{Fault, JobPace, RunEnd};

use super::{document, field, input, run, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn every_end_has_its_exit_code() {
    for (knob, state, outcome, code) in [
        ("run_end=complete", "COMPLETE", "done", 0),
        ("run_end=failed", "FAILED", "failed", 5),
        ("run_end=cancelled", "CANCELLED", "failed", 5),
        (
            "run_end=stopped_at_checkpoint",
            "STOPPED_AT_CHECKPOINT",
            "failed",
            5,
        ),
    ] {
        let (_emulator, env) = start_with(&[knob], JobPace::Polls(2)).await;
        let output = run(&env, &["Form W-2@0.0.1", "--job-id", "r", "--wait"])
            .await
            .exits_with(i32::from(code > 0));
        assert_eq!(field(&output.stdout, "state"), Some(state), "{output}");
        assert_eq!(field(&output.stdout, "outcome"), Some(outcome), "{output}");
        assert!(output.stderr.contains("r: RUNNING"), "{output}");
        // A later `job` command shows the same outcome, with and without the type.
        for kind in [&["--type", "flow"][..], &[]] {
            let arguments = [&["job", "r", "--detailed-exitcode"], kind].concat();
            let output = env.solform_beside(&arguments).await.exits_with(code);
            assert_eq!(field(&output.stdout, "state"), Some(state), "{output}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_is_neither_success_nor_failure() {
    let (emulator, env) = start_with(&[], JobPace::Never).await;
    let arguments = [
        &["Form W-2@0.0.1", "--job-id", "r"][..],
        &["--wait", "--timeout", "300ms", "--detailed-exitcode"],
    ];
    let output = run(&env, &arguments.concat()).await.exits_with(6);
    assert_eq!(
        field(&output.stdout, "outcome"),
        Some("in progress"),
        "{output}"
    );
    let again = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("To look again: solform "))
        .unwrap_or_else(|| panic!("{output}"));
    // The printed command works.
    assert!(emulator.finish_run("r", RunEnd::Complete));
    let words = shlex::split(again).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = env.solform_beside(&words).await.exits_with(0);
    assert_eq!(field(&output.stdout, "outcome"), Some("done"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_about_a_run_do_not_end_the_wait() {
    for knobs in [
        &["job_first_answer=empty_body"][..],
        &["job_first_answer=empty_object"],
        &["job_first_answer=missing_state"],
        &["job_first_answer=error"],
        &["job_first_answer=unknown_word"],
        &["job_pending_word=missing"],
        &["job_pending_word=unknown"],
        &["job_results=missing"],
        &["job_results=object", "job_done_word=complete"],
        // The Job API does not know runs here, but the lists of runs contain them.
        &["job_forgotten_after=1", "unknown_job=not_found"],
        &["job_forgotten_after=1", "unknown_job=empty_object"],
        &["job_forgotten_after=1", "unknown_job=pending"],
        &["run_spaces=required"],
        &["error_status=ok", "error_body=status_msg"],
    ] {
        let (_emulator, env) = start_with(knobs, JobPace::Polls(2)).await;
        let output = run(&env, &["Form W-2@0.0.1", "--wait"]).await;
        assert_eq!(output.code(), 0, "{knobs:?}\n{output}");
        assert_eq!(
            field(&output.stdout, "state"),
            Some("COMPLETE"),
            "{knobs:?}\n{output}"
        );
        assert!(
            field(&output.stdout, "output folder").is_some(),
            "{knobs:?}\n{output}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_unknown_to_the_job_api_is_found_in_lists() {
    let (emulator, env) = start_with(&["unknown_job=not_found"], JobPace::Immediate).await;
    emulator.add_fault("operation=job_status,status=404".parse::<Fault>().unwrap());
    let output = run(&env, &["Form W-2@0.0.1", "--wait"]).await.exits_with(0);
    assert_eq!(field(&output.stdout, "state"), Some("COMPLETE"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_any_job_is_shown() {
    let (emulator, env) = start_with(&[], JobPace::Manual).await;
    let deploy = start_deploy(&emulator.url()).await;
    let output = env
        .solform_beside(&["job", &deploy, "--detailed-exitcode"])
        .await
        .exits_with(6);
    assert_eq!(
        field(&output.stdout, "outcome"),
        Some("in progress"),
        "{output}"
    );
    assert!(emulator.finish_job(&deploy, None));
    let document = document(&env, &["job", &deploy, "--wait"]).await;
    assert_eq!(document["outcome"], "done");
    let made = document["solution_ids"][0].as_str().unwrap();
    let _ = env
        .solform_beside(&["get", made])
        .await
        .exits_with(0)
        .says("New@1.0.0");

    let failed = start_deploy(&emulator.url()).await;
    assert!(emulator.finish_job(&failed, Some("out of memory")));
    let output = env
        .solform_beside(&["job", &failed, "--detailed-exitcode"])
        .await
        .exits_with(5);
    assert_eq!(
        field(&output.stdout, "because"),
        Some("out of memory"),
        "{output}"
    );

    let output = env
        .solform_beside(&["job", "unknown-job", "--detailed-exitcode"])
        .await
        .exits_with(6);
    assert_eq!(
        field(&output.stdout, "outcome"),
        Some("not known"),
        "{output}"
    );
}

/// Starts a deploy as another client would, and returns the id of its job.
async fn start_deploy(url: &str) -> String {
    let body = serde_json::json!({
        "solution_path": crate::support::worlds::path_of("New", "1.0.0"),
    });
    let reply: Value = crate::support::http_client()
        .post(format!("{url}/api/v2/solutions/deployed"))
        .bearer_auth(crate::support::worlds::TOKEN)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    reply["job_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_leaves_the_run_and_names_a_command() {
    let (emulator, env) = start_with(&[], JobPace::Never).await;
    let input = input();
    let mut child = env
        .command(
            env!("CARGO_BIN_EXE_solform"),
            &[
                "run",
                "Form W-2@0.0.1",
                "--input-dir",
                &input,
                "--job-id",
                "r",
                "--wait",
                "--detailed-exitcode",
            ],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut output = String::new();
        while !output.contains("RUNNING") {
            assert!(stderr.read_line(&mut output).unwrap() > 0, "{output}");
        }
        let killed = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        stderr.read_to_string(&mut output).unwrap();
        (child.wait().unwrap().code(), output)
    });
    let (code, output) = ended.await.unwrap();
    assert_eq!(code, Some(8), "{output}");
    assert!(output.contains("To look again: solform job "), "{output}");
    assert_eq!(emulator.pending_jobs(), ["r"]);
}

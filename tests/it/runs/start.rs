//! Starting runs: the selected solution, the request, and requests that must not be repeated.

use serde_json::json;
use solform_emulator::{Fault, JobPace, Operation};

use super::{document, field, input, run, start_with};
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{TOKEN, count, env_with, manifest};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_selected_by_id_address_or_name() {
    let (emulator, env) = start_with(&[], JobPace::Immediate).await;
    let list = document(&env, &["list", "--owner", "other"]).await;
    let id = list["solutions"][0]["id"].as_str().unwrap();

    for (arguments, operation, owner, version) in [
        (vec![id], Operation::RunSolution, "other", "1.0.0"),
        (
            vec!["other:Paystub@1.0.0"],
            Operation::RunSolution,
            "other",
            "1.0.0",
        ),
        (
            vec!["Form W-2@0.0.1"],
            Operation::RunSolution,
            "IB_DEPLOYED",
            "0.0.1",
        ),
        // A run by name selects the most recently created version of IB_DEPLOYED.
        (
            vec!["--name", "Form W-2"],
            Operation::RunByName,
            "IB_DEPLOYED",
            "0.0.2",
        ),
        (
            vec!["--name", "Form W-2", "--version", "0.0.1"],
            Operation::RunByName,
            "IB_DEPLOYED",
            "0.0.1",
        ),
        (
            vec!["--name", "Paystub", "--owner", "svc"],
            Operation::RunByName,
            "svc",
            "1.0.0",
        ),
    ] {
        emulator.clear_requests();
        let arguments = [&arguments[..], &["--wait"]].concat();
        let output = run(&env, &arguments).await.exits_with(0);
        assert_eq!(field(&output.stdout, "outcome"), Some("done"), "{output}");
        assert_eq!(field(&output.stdout, "state"), Some("COMPLETE"), "{output}");
        assert_eq!(count(&emulator, operation), 1, "{arguments:?}");
        let ran = field(&output.stdout, "solution").unwrap();
        let shown = env.solform_beside(&["get", ran]).await.exits_with(0);
        assert_eq!(
            field(&shown.stdout, "owner"),
            Some(owner),
            "{arguments:?}\n{shown}"
        );
        assert_eq!(
            field(&shown.stdout, "version"),
            Some(version),
            "{arguments:?}\n{shown}"
        );
    }
}

/// The output folder, the settings (as text or as a file) and the id of the run are sent as given.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_takes_its_folders_settings_and_id() {
    let (_emulator, env) = start_with(&[], JobPace::Immediate).await;
    env.write(
        "settings.json",
        &json!({ "output_has_run_id": true }).to_string(),
    );
    for settings in [r#"{"output_has_run_id": true}"#, "settings.json"] {
        let id = format!("run-{}", settings.len());
        let input = input();
        let arguments = [
            &["run", "Form W-2@0.0.1", "--wait", "--input-dir", &input][..],
            &["--output-dir", "acme/out/fs/D/results"],
            &["--settings", settings, "--job-id", &id],
        ];
        let document = document(&env, &arguments.concat()).await;
        assert_eq!(document["id"], json!(id));
        assert_eq!(document["outcome"], json!("done"));
        assert_eq!(
            document["output_folder"],
            json!(format!("acme/out/fs/D/results/{id}"))
        );
        assert!(document["time_taken_ms"].is_i64(), "{document}");
    }
}

/// Arguments that cannot start a run fail before the request is sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_run_is_reported_before_any_write() {
    let (emulator, env) = start_with(&[], JobPace::Immediate).await;
    let long = "x".repeat(51);
    env.write("list.json", "[1]");
    for (arguments, expected) in [
        (
            vec!["Form W-2@0.0.1", "--job-id", &long],
            "must not be longer than 50 characters",
        ),
        (
            vec!["Form W-2@0.0.1", "--settings", "[1]"],
            "`settings` must be a JSON object",
        ),
        (
            vec!["Form W-2@0.0.1", "--settings", "list.json"],
            "`settings` must be a JSON object",
        ),
        (vec!["Form W-2@0.0.1", "--settings", "{"], "it is not JSON"),
        (
            vec!["Form W-2@0.0.1", "--settings", "missing.json"],
            "the file cannot be read",
        ),
        (vec!["Paystub@1.0.0"], "2 live records are `Paystub@1.0.0`"),
        (vec!["Paystub@9"], "no live version matches `Paystub@9`"),
        (
            vec!["Paystub@1.0.0", "--name", "Paystub"],
            "cannot be used with",
        ),
        (vec!["--version", "1"], "required"),
        (vec![], "required"),
    ] {
        let _ = run(&env, &arguments).await.exits_with(1).warns(expected);
    }
    let _ = env
        .solform_beside(&["run", "Form W-2@0.0.1"])
        .await
        .exits_with(1)
        .warns("--input-dir");
    assert!(
        emulator
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_run_quotes_the_server() {
    let (_emulator, env) = start_with(&["run_missing_input=refused"], JobPace::Immediate).await;
    for (arguments, expected) in [
        (vec!["no-such-id"], "answered 404 Not Found"),
        (
            vec!["--name", "Nothing"],
            "there is no solution `Nothing` of IB_DEPLOYED to run",
        ),
        (vec!["Form W-2@0.0.1"], "answered 404"),
    ] {
        let arguments = [
            &["run"],
            &arguments[..],
            &["--input-dir", "acme/none/fs/D/in"],
        ]
        .concat();
        let output = env.solform_beside(&arguments).await.exits_with(1);
        let _ = output
            .warns("no run has started")
            .warns(expected)
            .warns("help: ");
    }
}

/// The server starts the run and its answer is lost: the lists show the run.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_start_is_found_and_not_sent_again() {
    for (operation, arguments) in [
        ("run_solution", vec!["Form W-2@0.0.1"]),
        ("run_by_name", vec!["--name", "Form W-2"]),
    ] {
        for what in ["connection=drop", "status=500", "status=502,body=html"] {
            let (emulator, env) = start_with(&[], JobPace::Immediate).await;
            let rule = format!("operation={operation},when=after,times=1,{what}");
            emulator.add_fault(rule.parse::<Fault>().unwrap());
            let arguments = [&arguments[..], &["--wait"]].concat();
            let output = run(&env, &arguments).await.exits_with(0);
            assert_eq!(field(&output.stdout, "note"), None, "{output}");
            let list = document(&env, &["jobs"]).await;
            assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{rule}\n{list}");
            let sent =
                count(&emulator, Operation::RunSolution) + count(&emulator, Operation::RunByName);
            assert_eq!(sent, 1, "{rule}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_not_accepted_is_sent_again() {
    for (what, note) in [
        ("status=429,retry_after=1", None),
        ("status=503,retry_after=1", None),
        (
            "connection=drop",
            Some("sent twice, because the first answer was lost"),
        ),
        (
            "status=500",
            Some("sent twice, because the first answer was lost"),
        ),
    ] {
        let (emulator, env) = start_with(&[], JobPace::Immediate).await;
        let rule = format!("operation=run_solution,when=before,times=1,{what}");
        emulator.add_fault(rule.parse::<Fault>().unwrap());
        let output = run(&env, &["Form W-2@0.0.1", "--wait"]).await.exits_with(0);
        assert_eq!(field(&output.stdout, "note"), note, "{output}");
        assert_eq!(count(&emulator, Operation::RunSolution), 2, "{rule}");
        assert!(!output.stderr.contains(TOKEN), "{output}");
    }
}

/// A second start with the same id is sent, and the server refuses it or returns the same run.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_id_gets_the_servers_answer() {
    for (knob, code) in [
        ("run_repeated_id=conflict", 1),
        ("run_repeated_id=same_run", 0),
    ] {
        let (emulator, env) = start_with(&[knob], JobPace::Immediate).await;
        let arguments = ["Form W-2@0.0.1", "--job-id", "mine"];
        let _ = run(&env, &arguments).await.exits_with(0);
        let _ = run(&env, &arguments).await.exits_with(code);
        assert_eq!(count(&emulator, Operation::RunSolution), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_solution_runs_where_the_server_lets_it() {
    for (knob, code, expected) in [
        ("run_inactive=hidden", 1, "may be hidden"),
        ("run_inactive=refused", 1, "no run has started"),
        ("run_inactive=allowed", 0, "Starting the run"),
    ] {
        let (emulator, env) = start_with(&[knob], JobPace::Polls(1)).await;
        let list = document(&env, &["list", "--name", "New"]).await;
        assert_eq!(list["solutions"], json!([]));
        let text = env
            .read("solform.yaml")
            .replace("version: 1.0.0,", "version: 1.0.0, state: INACTIVE,");
        env.write("solform.yaml", &text);
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(0);
        let _ = run(&env, &["New@1.0.0"])
            .await
            .exits_with(code)
            .warns(expected);
        assert_eq!(count(&emulator, Operation::RunSolution), 1, "{knob}");
    }
}

/// The server starts the run under its own id, and the answer is lost. The lists ignore the
/// requested id, or hide the other runs. The run may have started, so it is not started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_an_unknown_id_is_not_sent_again() {
    let later = "4000000000000000000";
    let another = json!({ "id": "srv-1", "startTimeNs": later });
    let older = json!({ "id": "srv-0", "startTimeNs": "1683159463986732303" });
    for (ignores_filter, expected) in [(false, "The run `srv-1`"), (true, "may have started")] {
        let (another, older) = (another.clone(), older.clone());
        let server = Scripted::start(move |asked| {
            let is_named = asked.raw_query.contains("job_id=") && !ignores_filter;
            match (asked.method.as_str(), asked.path.as_str()) {
                ("POST", "/api/v2/solutions/deployed/run") => {
                    Reply::text(500, r#"{"message":"lost"}"#)
                }
                ("GET", "/api/v2/solutions/deployed/jobs") if is_named => {
                    Reply::json(&json!({ "jobs": [] }))
                }
                // The page has a cap, and the server ignores the offset.
                ("GET", "/api/v2/solutions/deployed/jobs") => {
                    Reply::json(&json!({ "jobs": [another, older] }))
                }
                _ => Reply::json(&json!({ "status": "ERROR", "msg": "unknown job" })),
            }
        })
        .await;
        let url = server.url.as_str().trim_end_matches('/').to_owned();
        let env = env_with(&manifest(
            &url,
            "  New: { version: 1.0.0, path: '${drive}/${name}-${version}.ibsolution' }\n",
        ));
        let arguments = ["--name", "New", "--wait", "--detailed-exitcode"];
        let _ = run(&env, &arguments).await.exits_with(6).warns(expected);
        let sent = server
            .asked()
            .iter()
            .filter(|one| one.method == "POST")
            .count();
        assert_eq!(sent, 1);
    }
}

/// Only a run that began after the lost start counts as the result of it.
#[tokio::test(flavor = "multi_thread")]
async fn earlier_runs_do_not_prevent_a_second_start() {
    let (emulator, env) = start_with(&[], JobPace::Immediate).await;
    let arguments = ["Form W-2@0.0.1", "--wait"];
    let _ = run(&env, &arguments).await.exits_with(0);
    let rule = "operation=run_solution,when=before,times=1,status=500";
    emulator.add_fault(rule.parse::<Fault>().unwrap());
    let _ = run(&env, &arguments).await.exits_with(0);
    assert_eq!(count(&emulator, Operation::RunSolution), 3);
}

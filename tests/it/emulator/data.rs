//! The data folder, and the reasons for which an emulator does not start.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::json;
use solform_emulator::{EmulatorError, EmulatorOptions, JobPace, Seed, start};

use super::{Api, DEPLOYED, DRIVE, SEED, answer, options, text};

#[tokio::test]
async fn a_data_folder_keeps_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let durable = |seed: &str| EmulatorOptions {
        data: Some(folder.path().join("data")),
        seed: Some(Seed::parse(seed).unwrap()),
        job_pace: JobPace::Polls(1),
        ..EmulatorOptions::default()
    };
    let api = Api::start(durable(SEED)).await;
    let (_, first) = api.deploy("A-1").await;
    let job = text(&first["job_id"]);
    api.status(&job).await;
    let finished = api.status(&job).await;
    let (_, second) = api.deploy("B-1").await;
    for (cursor, body) in [("0", "one "), ("-1", "two")] {
        let request = api.file(Method::PATCH, "up").header("IB-Cursor", cursor);
        assert_eq!(answer(request.body(body)).await.0, 204);
    }
    answer(api.file(Method::DELETE, "A-1.ibsolution")).await;
    let before = api.list("").await;

    // No second emulator can use the folder meanwhile, not even in the same process.
    let error = start(durable("")).await.unwrap_err();
    assert!(matches!(error, EmulatorError::DataInUse { .. }), "{error}");
    assert!(error.to_string().contains("in use"), "{error}");
    api.emulator.stop().await;

    // Another seed changes nothing in an existing world.
    let other = "solutions: [{ name: Other, version: 1, owner: ann }]";
    let api = Api::start(durable(other)).await;
    assert_eq!(api.list("").await, before);
    assert_eq!(api.status(&job).await, finished);
    let read = api
        .file(Method::GET, "up")
        .query(&[("expect-node-type", "file")]);
    assert_eq!(text(&answer(read).await.1), "one two");
    assert_eq!(
        answer(api.file(Method::HEAD, "A-1.ibsolution")).await.0,
        404
    );
    // The job that was in progress continues, and new ids differ from the earlier ones.
    let job = text(&second["job_id"]);
    assert_eq!(api.status(&job).await["state"], "PENDING");
    assert_eq!(api.status(&job).await["state"], "DONE");
    let (_, third) = api.deploy("B-1").await;
    assert!(![&first, &second].contains(&&third));
    // Dropping the emulator without `stop` loses nothing either.
    drop(api);
    let api = Api::start(durable("")).await;
    assert_eq!(api.names("").await, ["B@1", "A@1"]);
}

#[tokio::test]
async fn runs_and_tasks_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let durable = || EmulatorOptions {
        data: Some(folder.path().to_owned()),
        ..options(&[], JobPace::Polls(1))
    };
    let api = Api::start(durable()).await;
    let (_, started) = api.deploy("A-1").await;
    api.status(&text(&started["job_id"])).await;
    let id = text(&api.result(&started).await["deployed_solution_id"]);
    answer(api.file(Method::PUT, "in/a").body("a")).await;
    let run = json!({ "input_dir": format!("{DRIVE}/in"), "job_id": "r" });
    let path = format!("{DEPLOYED}/{id}/run");
    assert_eq!(api.call(Method::POST, &path, Some(run)).await.0, 200);
    let orgs = Some(json!({ "orgs": ["acme"] }));
    let sharing = format!("{DEPLOYED}/{id}/sharing/orgs");
    assert_eq!(api.call(Method::PATCH, &sharing, orgs).await.0, 200);
    let copy = json!({ "src_path": format!("{DRIVE}/in"), "dst_path": format!("{DRIVE}/out") });
    let request = api.request(Method::POST, "/api/v2/files/copy").json(&copy);
    let response = request.send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    api.emulator.stop().await;

    let api = Api::start(durable()).await;
    assert_eq!(api.get(&location).await.1["state"], "COMPLETE");
    assert_eq!(answer(api.file(Method::HEAD, "out/a")).await.0, 200);
    for state in ["RUNNING", "COMPLETE"] {
        api.status("r").await;
        let (_, listed) = api.get(&format!("{DEPLOYED}/{id}/jobs")).await;
        assert_eq!(listed["jobs"][0]["state"], state);
    }
    assert_eq!(answer(api.file(Method::HEAD, "in/out/a.json")).await.0, 200);
}

/// The variable that marks the child process of the test below, which dies.
const CHILD_FOLDER: &str = "SOLFORM_TEST_DYING_EMULATOR";

/// The test starts itself again as the process that dies, so that neither half can pass alone.
#[tokio::test]
async fn a_killed_process_keeps_what_it_answered() {
    let durable = |folder: PathBuf| EmulatorOptions {
        data: Some(folder),
        ..options(&[], JobPace::Manual)
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the process that lives speaks through it to the one that dies"
    )]
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let api = Api::start(durable(folder.into())).await;
        assert_eq!(api.deploy("A-1").await.0, 200);
        // As with a kill, no destructor runs and no buffer is flushed.
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("emulator::data::a_killed_process_keeps_what_it_answered")
        .env(CHILD_FOLDER, folder.path())
        .output()
        .unwrap();
    // The child ends by a signal; a failed assertion would end it with an exit code.
    assert_eq!(output.status.code(), None, "{output:?}");
    let api = Api::start(durable(folder.path().to_owned())).await;
    assert_eq!(api.names("").await, ["A@1"]);
    assert_eq!(api.emulator.pending_jobs().len(), 1);
}

#[tokio::test]
async fn a_failed_start_shows_the_reason() {
    let first = Api::with(&[], JobPace::Immediate).await;
    let error = start(EmulatorOptions {
        listen: first.emulator.address(),
        ..EmulatorOptions::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, EmulatorError::Bind { .. }), "{error}");

    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create_new(folder.path().join("file")).unwrap();
    let error = start(EmulatorOptions {
        data: Some(folder.path().join("file")),
        ..EmulatorOptions::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, EmulatorError::Data { .. }), "{error}");
}

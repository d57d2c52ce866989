//! The ends of jobs, and the state of their records before and after.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use solform_emulator::JobPace;

use super::{Api, DEPLOYED, answer, text};

#[tokio::test]
async fn jobs_end_by_polls() {
    let api = Api::with(&[], JobPace::Polls(2)).await;
    let (_, started) = api.deploy("A-1").await;
    let job = text(&started["job_id"]);
    for _ in 0..2 {
        let status = api.status(&job).await;
        assert_eq!(
            (&status["status"], &status["state"]),
            (&json!("OK"), &json!("PENDING"))
        );
        assert_eq!(status["results"], Value::Null);
    }
    for _ in 0..2 {
        let status = api.status(&job).await;
        assert_eq!(status["state"], "DONE");
        assert_eq!(status["results"][0]["status"], "OK");
    }
}

#[tokio::test]
async fn jobs_end_by_control_route_with_either_result() {
    let api = Api::with(&[], JobPace::Manual).await;
    let (_, first) = api.deploy("A-1").await;
    let (_, second) = api.deploy("B-1").await;
    let jobs = [text(&first["job_id"]), text(&second["job_id"])];
    assert_eq!(api.emulator.pending_jobs(), jobs);
    // Records are visible before their jobs end.
    assert_eq!(api.names("").await, ["B@1", "A@1"]);

    let finish = format!("/__emulator/jobs/{}/finish", jobs[0]);
    let failure = Some(json!({ "error": "out of memory" }));
    let (status, job) = api.call(Method::POST, &finish, failure).await;
    assert_eq!((status, &job["message"]), (200, &json!("out of memory")));
    assert_eq!(
        api.result(&first).await,
        json!({ "status": "ERROR", "msg": "out of memory" })
    );
    assert_eq!(api.call(Method::POST, &finish, None).await.0, 409);
    assert_eq!(api.names("").await, ["B@1"]);

    let (status, finished) = api
        .call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    assert_eq!((status, finished), (200, json!({ "finished": [jobs[1]] })));
    assert_eq!(api.result(&second).await["status"], "OK");
    let (_, listed) = api.get("/__emulator/jobs").await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn jobs_end_by_time_or_never() {
    let api = Api::with(&[], JobPace::After(Duration::from_mins(1))).await;
    let (_, started) = api.deploy("A-1").await;
    let job = text(&started["job_id"]);
    assert_eq!(api.status(&job).await["state"], "PENDING");
    let advance = Some(json!({ "advance_ms": 60_000 }));
    let (status, _) = api.call(Method::POST, "/__emulator/clock", advance).await;
    assert_eq!(status, 200);
    assert_eq!(api.status(&job).await["state"], "DONE");

    let api = Api::with(&[], JobPace::Never).await;
    let (_, started) = api.deploy("A-1").await;
    api.emulator.advance_clock(Duration::from_hours(24));
    assert_eq!(
        api.status(&text(&started["job_id"])).await["state"],
        "PENDING"
    );
}

#[tokio::test]
async fn records_during_and_after_jobs() {
    let fail = |api: &Api, started: &Value| {
        let path = format!("/__emulator/jobs/{}/finish", text(&started["job_id"]));
        api.request(Method::POST, &path)
            .json(&json!({ "error": "no" }))
    };
    let api = Api::with(&["record_during_job=hidden"], JobPace::Manual).await;
    let (_, started) = api.deploy("A-1").await;
    assert!(api.names("").await.is_empty());
    api.call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    assert_eq!(api.names("").await, ["A@1"]);
    let id = text(&api.result(&started).await["deployed_solution_id"]);

    // A failed deletion leaves the record, which can be deleted again.
    let (_, started) = api.delete(&id).await;
    answer(fail(&api, &started)).await;
    assert_eq!(api.result(&started).await["msg"], "no");
    assert_eq!(api.names("").await, ["A@1"]);

    for (knob, count) in [
        ("failed_job_record=removed", 0),
        ("failed_job_record=left", 1),
    ] {
        let api = Api::with(&[knob], JobPace::Manual).await;
        let (_, started) = api.deploy("A-1").await;
        answer(fail(&api, &started)).await;
        assert_eq!(api.result(&started).await["status"], "ERROR");
        assert_eq!(api.names("").await.len(), count, "{knob}");
    }

    // Deleting a record during its deploy makes the job fail.
    let api = Api::with(&[], JobPace::Manual).await;
    let (_, deploy) = api.deploy("A-1").await;
    let id = text(&api.list("").await["solutions"][0]["id"]);
    let (_, delete) = api.delete(&id).await;
    assert!(api.emulator.finish_job(&text(&delete["job_id"]), None));
    api.call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    assert_eq!(api.result(&deploy).await["status"], "ERROR");
}

#[tokio::test]
async fn deploying_twice() {
    // Knob, status of the second call, status of its job, records at the end, first id stays.
    let cases = [
        ("job_error", 200, "ERROR", 1, true),
        ("conflict", 409, "", 1, true),
        ("second_record", 200, "OK", 2, true),
        ("replace_same_id", 200, "OK", 1, true),
        ("replace_new_id", 200, "OK", 1, false),
    ];
    for (knob, wanted, result, count, stays) in cases {
        let knob = format!("duplicate_deploy={knob}");
        let api = Api::with(&[&knob], JobPace::Manual).await;
        let finish = || api.call(Method::POST, "/__emulator/jobs/finish", None);
        let (_, first) = api.deploy("A-1").await;
        finish().await;
        let id = text(&api.result(&first).await["deployed_solution_id"]);
        let (status, second) = api.deploy("A-1").await;
        assert_eq!(status, wanted, "{knob}");
        finish().await;
        if status == 200 {
            assert_eq!(api.result(&second).await["status"], result, "{knob}");
        }
        assert_eq!(api.names("").await.len(), count, "{knob}");
        let (status, _) = api.get(&format!("{DEPLOYED}/{id}")).await;
        assert_eq!(status == 200, stays, "{knob}");
    }
}

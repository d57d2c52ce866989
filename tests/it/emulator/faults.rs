//! Fault rules: the requests that they match, and the effect that the client sees.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{EmulatorOptions, JobPace, Seed};

use super::{Api, DEPLOYED, options, text};

/// Starts an emulator with this rule.
async fn with_rule(rule: &str) -> Api {
    let api = Api::with(&[], JobPace::Immediate).await;
    api.emulator.add_fault(rule.parse().unwrap());
    api
}

#[tokio::test]
async fn rules_choose_their_requests() {
    // A rule, and the statuses of six list requests, one after the other.
    for (rule, statuses) in [
        ("status=500", [500; 6]),
        ("status=500,skip=4", [200, 200, 200, 200, 500, 500]),
        ("status=500,times=2", [500, 500, 200, 200, 200, 200]),
        ("status=500,nth=3", [200, 200, 500, 200, 200, 200]),
        ("status=500,operation=deploy", [200; 6]),
        (
            "status=500,operation=list_solutions,nth=1",
            [500, 200, 200, 200, 200, 200],
        ),
        ("status=500,method=post", [200; 6]),
        ("status=500,address=/api/v2/*deployed", [500; 6]),
        ("status=500,address=/api/v2/*name=Form W-2*", [500; 6]),
        ("status=500,address=/api/v2/files/*", [200; 6]),
        ("status=500,request=*x*", [200; 6]),
        ("status=500,probability=0", [200; 6]),
        (
            "status=500,probability=1,times=1",
            [500, 200, 200, 200, 200, 200],
        ),
    ] {
        let api = with_rule(rule).await;
        for (index, wanted) in statuses.into_iter().enumerate() {
            let (status, _) = api.get(&format!("{DEPLOYED}?name=Form%20W-2")).await;
            assert_eq!(status, wanted, "{rule}: request {index}");
        }
        let faults = api.emulator.faults();
        let count = statuses.iter().filter(|status| **status == 500).count();
        assert_eq!(faults[0].hits as usize, count, "{rule}");
        let noted = api.emulator.requests();
        let noted = noted.iter().filter(|record| record.fault.is_some());
        assert_eq!(noted.count(), count, "{rule}");
    }
}

#[tokio::test]
async fn equal_seeds_give_equal_faults() {
    let run_case = |rule: &'static str| async move {
        let api = with_rule(rule).await;
        let mut answered = Vec::new();
        for _ in 0..32 {
            answered.push(api.get(DEPLOYED).await.0);
        }
        answered
    };
    let first = run_case("status=500,probability=0.5").await;
    assert_eq!(first, run_case("status=500,probability=0.5").await);
    assert_ne!(first, run_case("status=500,probability=0.5,seed=9").await);
    assert!(first.contains(&200) && first.contains(&500), "{first:?}");
}

#[tokio::test]
async fn answers_are_replaced_before_or_after_the_write() {
    for (rule, status, body) in [
        (
            "status=503",
            503,
            json!({ "message": "a fault rule asks for this error" }),
        ),
        (
            "status=409,body=msg,text=in use",
            409,
            json!({ "msg": "in use" }),
        ),
        (
            "body=status_msg,text=no",
            200,
            json!({ "status": "ERROR", "msg": "no" }),
        ),
        ("body=empty", 200, json!("")),
        ("status=502,body=empty", 502, json!("")),
    ] {
        for (when, count) in [("before", 0), ("after", 1)] {
            let rule = format!("operation=deploy,when={when},{rule}");
            let api = with_rule(&rule).await;
            assert_eq!(api.deploy("A-1").await, (status, body.clone()), "{rule}");
            assert_eq!(api.names("").await.len(), count, "{rule}");
        }
    }
    let api = with_rule("body=html").await;
    let response = api.request(Method::GET, DEPLOYED).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.text().await.unwrap().starts_with("<html>"));

    let api = Api::with(&[], JobPace::Immediate).await;
    // The logical clock shows its start time until the first operation.
    for (rule, status, wanted) in [
        ("status=429,retry_after=7", 429, "7"),
        ("retry_after=soon", 503, "soon"),
        ("retry_after=date:60", 503, "Tue, 14 Nov 2023 22:14:20 GMT"),
    ] {
        let id = api.emulator.add_fault(rule.parse().unwrap());
        let response = api.request(Method::GET, DEPLOYED).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{rule}");
        assert_eq!(response.headers()["retry-after"], wanted, "{rule}");
        assert!(api.emulator.remove_fault(id));
    }
}

#[tokio::test]
async fn connections_break() {
    for (when, count) in [("before", 0), ("after", 1)] {
        let rule = format!("operation=deploy,connection=drop,when={when}");
        let api = with_rule(&rule).await;
        let body = json!({ "solution_path": "acme/prod/fs/Instabase Drive/A-1.ibsolution" });
        let request = api.request(Method::POST, DEPLOYED).json(&body);
        let error = request.send().await.unwrap_err();
        assert!(error.is_request(), "{rule}: {error:?}");
        assert_eq!(api.names("").await.len(), count, "{rule}");
        assert_eq!(api.emulator.requests()[0].status, None);
    }

    let api = with_rule("operation=list_solutions,connection=truncate").await;
    let whole = json!({ "has_more": [false], "next_offset": [-1], "solutions": [] }).to_string();
    let mut response = api.request(Method::GET, DEPLOYED).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.content_length(), Some(whole.len() as u64));
    let mut read = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => panic!("the body is complete"),
            Err(error) => break error,
        }
    };
    assert_eq!(read, whole.as_bytes()[..whole.len() / 2], "{error}");

    let api = with_rule("operation=list_solutions,status=200,connection=endless").await;
    let mut response = api.request(Method::GET, DEPLOYED).send().await.unwrap();
    let mut length = 0;
    while length < 10 << 20 {
        length += response.chunk().await.unwrap().unwrap().len();
    }
    drop(response);
    assert_eq!(api.get(&format!("{DEPLOYED}/x")).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn answers_are_delayed() {
    for when in ["before", "after"] {
        let rule = format!("operation=list_solutions,nth=1,delay=10s,when={when}");
        let api = with_rule(&rule).await;
        let start = tokio::time::Instant::now();
        api.list("").await;
        assert!(start.elapsed() >= Duration::from_secs(10), "{when}");
        let start = tokio::time::Instant::now();
        api.list("").await;
        assert!(start.elapsed() < Duration::from_secs(10), "{when}");
    }
}

#[tokio::test]
async fn jobs_go_wrong() {
    let result = |status: &str, msg: &str| json!([{ "status": status, "msg": msg }]);
    for (rule, count, results) in [
        (
            "job=fail,text=out of memory",
            0,
            result("ERROR", "out of memory"),
        ),
        ("job=leave_record,text=no", 1, result("ERROR", "no")),
        (
            "job=cancel",
            0,
            result("ERROR", "the job was ended as CANCELLED"),
        ),
        ("job=lost", 0, Value::Null),
        ("job=forgotten", 1, Value::Null),
        ("job=stuck", 1, Value::Null),
        ("pace=manual", 1, Value::Null),
    ] {
        let api = with_rule(&format!("operation=deploy,{rule}")).await;
        let (status, started) = api.deploy("A-1").await;
        assert_eq!(status, 200, "{rule}");
        let status = api.status(&text(&started["job_id"])).await;
        assert_eq!(status["results"], results, "{rule}: {status}");
        let is_known = !rule.contains("job=lost") && !rule.contains("forgotten");
        assert_eq!(status["status"] == "OK", is_known, "{rule}: {status}");
        assert_eq!(api.names("").await.len(), count, "{rule}");
    }

    let api = with_rule("operation=delete_solution,job=slow,nth=1").await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    let (_, started) = api.delete(&id).await;
    let job = text(&started["job_id"]);
    for _ in 0..20 {
        assert_eq!(api.status(&job).await["state"], "PENDING");
    }
    assert_eq!(api.status(&job).await["state"], "DONE");
    assert!(api.names("").await.is_empty());

    // A lost deletion leaves its record unchanged.
    let api = with_rule("operation=delete_solution,job=lost,nth=1").await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    api.delete(&id).await;
    assert_eq!(api.names("").await, ["A@1"]);
    let (_, started) = api.delete(&id).await;
    assert_eq!(api.result(&started).await["status"], "OK");
}

#[tokio::test]
async fn a_rule_sets_lag_and_knobs_for_one_request() {
    let api = with_rule("operation=deploy,list_lag=2,nth=1").await;
    api.deployed("A-1").await;
    api.deployed("B-1").await;
    for names in [&["B@1"] as &[&str], &["B@1"], &["B@1", "A@1"]] {
        assert_eq!(api.names("").await, names);
    }
    // The deletion happens at the end of the job, and lists show it late too.
    let api = Api::with(&[], JobPace::Manual).await;
    api.deploy("A-1").await;
    api.call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    let id = text(&api.list("").await["solutions"][0]["id"]);
    api.emulator
        .add_fault("operation=delete_solution,list_lag=1".parse().unwrap());
    api.delete(&id).await;
    api.call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 404);
    assert_eq!(api.names("").await, ["A@1"]);
    assert!(api.names("").await.is_empty());

    let api =
        with_rule("operation=list_solutions,nth=2,knob.paging=bare,knob.error_body=msg").await;
    for has_more in [json!([false]), json!(false), json!([false])] {
        assert_eq!(api.list("").await["has_more"], has_more);
    }
}

#[tokio::test]
async fn rules_come_from_seed_options_and_control_route() {
    let seed = "faults:\n  - { operation: list_solutions, times: 1, status: 500, text: seed }\n";
    let api = Api::start(EmulatorOptions {
        seed: Some(Seed::parse(seed).unwrap()),
        faults: vec!["status=502,times=1,text=options".parse().unwrap()],
        ..options(&[], JobPace::Immediate)
    })
    .await;
    let rule = json!({ "status": 503, "times": 1, "text": "route", "knob.paging": "bare" });
    let faults = "/__emulator/faults";
    let (status, added) = api.call(Method::POST, faults, Some(rule)).await;
    assert_eq!((status, added), (200, json!({ "id": 3 })));
    for message in ["seed", "options", "route"] {
        assert_eq!(api.get(DEPLOYED).await.1["message"], message);
    }
    assert_eq!(api.get(DEPLOYED).await.0, 200);
    let (_, listed) = api.get(faults).await;
    let third = json!({
        "id": 3, "rule": "times=1,status=503,text=route,knob.paging=bare",
        "matched": 2, "hits": 1,
    });
    assert_eq!(listed["faults"][2], third);

    for (method, path, body, status) in [
        (Method::DELETE, "/__emulator/faults/2", None, 200),
        (Method::DELETE, "/__emulator/faults/2", None, 404),
        (Method::DELETE, "/__emulator/faults/x", None, 404),
        (Method::POST, faults, Some(json!({ "statsu": 500 })), 400),
        (
            Method::POST,
            faults,
            Some(json!({ "operation": "deploy" })),
            400,
        ),
        (Method::POST, faults, Some(json!([])), 400),
        (Method::DELETE, faults, None, 200),
    ] {
        assert_eq!(
            api.call(method.clone(), path, body).await.0,
            status,
            "{method} {path}"
        );
    }
    assert!(api.emulator.faults().is_empty());
}

//! The knobs for unknown behaviour of the platform, other than those in `knobs`.

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::JobPace;

use super::{Api, DEPLOYED, DRIVE, answer, text};

impl Api {
    fn set_knob(&self, setting: &str) {
        self.emulator
            .change_knobs(|knobs| knobs.assign(setting).unwrap());
    }
}

#[tokio::test]
async fn odd_answers_about_jobs() {
    // The first answer, then the second.
    for (knob, first) in [
        ("job_first_answer=empty_body", json!("")),
        ("job_first_answer=empty_object", json!({})),
        ("job_first_answer=missing_state", Value::Null),
        ("job_first_answer=error", json!("ERROR")),
        ("job_first_answer=unknown_word", json!("SETTLING")),
    ] {
        for pace in [JobPace::Immediate, JobPace::Polls(1)] {
            let api = Api::with(&[knob], pace).await;
            let (_, started) = api.deploy("A-1").await;
            let job = text(&started["job_id"]);
            let status = api.status(&job).await;
            match &first {
                Value::Null => {
                    assert!(
                        status["state"].is_null() && status["status"] == "OK",
                        "{status}"
                    );
                }
                Value::String(word) if word == "ERROR" => assert_eq!(status["status"], "ERROR"),
                Value::String(word) if !word.is_empty() => assert_eq!(status["state"], json!(word)),
                body => assert_eq!(&status, body, "{knob}"),
            }
            assert_eq!(api.status(&job).await["state"], "DONE", "{knob}");
        }
    }
    for (knob, state) in [
        ("job_pending_word=pending", json!("PENDING")),
        ("job_pending_word=running", json!("RUNNING")),
        ("job_pending_word=queued", json!("QUEUED")),
        ("job_pending_word=unknown", json!("SETTLING")),
        ("job_pending_word=missing", Value::Null),
    ] {
        let api = Api::with(&[knob], JobPace::Never).await;
        let (_, started) = api.deploy("A-1").await;
        assert_eq!(
            api.status(&text(&started["job_id"])).await["state"],
            state,
            "{knob}"
        );
    }
    for (knob, cur_status) in [
        ("job_cur_status=empty_object", json!("{}")),
        ("job_cur_status=empty_text", json!("")),
        ("job_cur_status=free_text", json!("step 1 of 3")),
        ("job_cur_status=missing", Value::Null),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let (_, started) = api.deploy("A-1").await;
        let status = api.status(&text(&started["job_id"])).await;
        assert_eq!(status["cur_status"], cur_status, "{knob}");
    }
}

#[tokio::test]
async fn odd_results_of_jobs() {
    let ended = |knob: &'static str, package: &'static str| async move {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let (_, started) = api.deploy(package).await;
        api.status(&text(&started["job_id"])).await
    };
    for (knob, well, badly) in [
        ("job_results=list", "/results/0/status", "/results/0/msg"),
        ("job_results=object", "/results/status", "/results/msg"),
        ("job_results=empty", "/results", "/results/0/msg"),
        ("job_results=missing", "/state", "/results/0/msg"),
    ] {
        let status = ended(knob, "A-1").await;
        assert!(status.pointer(well).is_some(), "{knob}: {status}");
        assert_eq!(
            status["results"].is_null(),
            knob.ends_with("missing"),
            "{knob}"
        );
        let status = ended(knob, "none").await;
        assert!(status.pointer(badly).is_some(), "{knob}: {status}");
    }
    for (knob, top, state, message) in [
        ("job_failure=results", "OK", json!("DONE"), "/results/0/msg"),
        (
            "job_failure=unavailable",
            "OK",
            json!("DONE"),
            "/results/0/msg",
        ),
        ("job_failure=state", "OK", json!("FAILED"), "/msg"),
        ("job_failure=top_error", "ERROR", json!("DONE"), "/msg"),
        (
            "job_failure=top_error_without_state",
            "ERROR",
            Value::Null,
            "/msg",
        ),
    ] {
        let status = ended(knob, "none").await;
        assert_eq!(
            (&status["status"], &status["state"]),
            (&json!(top), &state),
            "{knob}"
        );
        let message = text(status.pointer(message).unwrap());
        assert!(message.contains("no valid package"), "{knob}: {status}");
        assert_eq!(
            message.starts_with("UNAVAILABLE"),
            knob.ends_with("unavailable"),
            "{knob}"
        );
    }
    let api = Api::with(&["job_forgotten_after=2"], JobPace::Polls(1)).await;
    let (_, started) = api.deploy("A-1").await;
    for word in ["PENDING", "DONE", "DONE"] {
        assert_eq!(api.status(&text(&started["job_id"])).await["state"], word);
    }
    assert_eq!(
        api.status(&text(&started["job_id"])).await["status"],
        "ERROR"
    );
}

#[tokio::test]
async fn odd_lists() {
    let api = Api::with(&["limit_zero=refused"], JobPace::Immediate).await;
    for package in ["B-1", "A-1"] {
        api.deployed(package).await;
    }
    for (setting, query, wanted) in [
        ("limit_zero=default", "limit=0", "A@1 B@1"),
        ("limit_zero=empty", "limit=0", ""),
        ("list_order=oldest_first", "", "B@1 A@1"),
        ("list_order=by_name", "", "A@1 B@1"),
        ("filters_combined=all", "name=A&owner=IB_DEPLOYED", ""),
        (
            "filters_combined=any",
            "name=A&owner=IB_DEPLOYED",
            "A@1 B@1",
        ),
        ("filters_combined=any", "", "A@1 B@1"),
        ("filters_combined=first", "owner=IB_DEPLOYED&name=A", "A@1"),
    ] {
        api.set_knob(setting);
        assert_eq!(
            api.names(query).await.join(" "),
            wanted,
            "{setting} {query}"
        );
    }
    assert_eq!(api.list("limit=0").await["has_more"], json!([true]));
    api.set_knob("limit_zero=refused");
    assert_eq!(api.get(&format!("{DEPLOYED}?limit=0")).await.0, 400);
    api.set_knob("list_order=shuffled");
    let mut orders = Vec::new();
    for _ in 0..16 {
        orders.push(api.names("").await.join(" "));
    }
    for order in ["A@1 B@1", "B@1 A@1"] {
        assert!(orders.iter().any(|shown| shown == order), "{orders:?}");
    }
}

#[tokio::test]
async fn reads_lag_behind_writes() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    let path = format!("{DEPLOYED}/{id}");
    api.set_knob("read_lag=2");
    let (_, patched) = api.patch(&id, "state=INACTIVE").await;
    assert_eq!(patched["solution"]["state"], "INACTIVE");
    for state in ["ACTIVE", "ACTIVE", "INACTIVE", "INACTIVE"] {
        assert_eq!(api.get(&path).await.1["solution"]["state"], state);
    }
    api.delete(&id).await;
    for status in [200, 200, 404] {
        assert_eq!(api.get(&path).await.0, status);
    }
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    for status in [404, 404, 200] {
        assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, status);
    }
}

#[tokio::test]
async fn new_files_are_found_late() {
    let api = Api::with(&["file_lag=2"], JobPace::Immediate).await;
    let head = |path: &str, retries: u32| {
        let retry = json!({ "retries": retries, "backoff-seconds": 1 }).to_string();
        let request = api.file(Method::HEAD, path);
        answer(request.header("IB-Retry-Config", retry))
    };
    for path in ["one", "two", "three"] {
        assert_eq!(answer(api.file(Method::PUT, path).body("x")).await.0, 204);
    }
    for status in [404, 404, 200] {
        assert_eq!(answer(api.file(Method::HEAD, "one")).await.0, status);
    }
    assert_eq!(head("two", 2).await.0, 200);
    for status in [404, 200] {
        assert_eq!(head("three", 1).await.0, status);
    }
    // A replaced file is not a new file.
    assert_eq!(answer(api.file(Method::PUT, "one").body("y")).await.0, 204);
    assert_eq!(answer(api.file(Method::HEAD, "one")).await.0, 200);
}

#[tokio::test]
async fn odd_errors_and_limits() {
    let api = Api::with(&["error_status=ok"], JobPace::Immediate).await;
    let (status, body) = api.get(&format!("{DEPLOYED}/none")).await;
    assert_eq!((status, &body["status"]), (200, &json!("ERROR")));
    assert_eq!(answer(api.file(Method::HEAD, "none")).await.0, 404);

    let api = Api::with(&["rate_limit=2"], JobPace::Immediate).await;
    for (setting, wanted) in [
        ("retry_after=seconds", Some("1")),
        ("retry_after=date", Some("Tue, 14 Nov 2023 22:13:27 GMT")),
        ("retry_after=missing", None),
    ] {
        api.set_knob(setting);
        for status in [200, 200, 429] {
            let response = api.request(Method::GET, DEPLOYED).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{setting}");
            if status == 429 {
                let header = response.headers().get("retry-after");
                assert_eq!(header.map(|value| value.to_str().unwrap()), wanted);
            }
        }
    }

    let api = Api::with(&["body_limit_kib=1"], JobPace::Immediate).await;
    for (length, status) in [(1_024, 204), (1_025, 413)] {
        let request = api.file(Method::PUT, "x").body(vec![b'x'; length]);
        assert_eq!(answer(request).await.0, status, "{length}");
    }

    for (knob, status, location) in [
        ("trailing_slash=accepted", 200, None),
        (
            "trailing_slash=redirected",
            308,
            Some("/api/v2/solutions/deployed?name=A%20B"),
        ),
        (
            "trailing_slash=found",
            302,
            Some("/api/v2/solutions/deployed?name=A%20B"),
        ),
        ("trailing_slash=not_found", 404, None),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let url = format!("{}{DEPLOYED}/?name=A%20B", api.emulator.url());
        let response = client.get(url).bearer_auth("t").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{knob}");
        let header = response.headers().get("location");
        assert_eq!(
            header.map(|value| value.to_str().unwrap()),
            location,
            "{knob}"
        );
    }
}

#[tokio::test]
async fn odd_deploys() {
    let api = Api::with(&["record_during_job=half_made"], JobPace::Manual).await;
    api.deploy("B-1").await;
    let listed = api.list("state=INACTIVE").await;
    assert_eq!(listed["solutions"][0]["summary"], "");
    let finish = || api.call(Method::POST, "/__emulator/jobs/finish", None);
    finish().await;
    let listed = api.list("state=ACTIVE").await;
    assert_eq!(listed["solutions"][0]["summary"], "Reads B");

    let api = Api::with(&["deploy_async=honoured"], JobPace::Never).await;
    for (package, wanted) in [("A-1", "OK"), ("none", "ERROR")] {
        let path = format!("{DRIVE}/{package}.ibsolution");
        let body = json!({ "solution_path": path, "async": false });
        let (status, reply) = api.call(Method::POST, DEPLOYED, Some(body)).await;
        assert_eq!((status, &reply["status"]), (200, &json!(wanted)));
        assert_eq!(reply["job_id"], Value::Null);
    }
    assert_eq!(api.names("").await, ["A@1"]);

    // The server reads the package when the job ends; without a package the job fails.
    let api = Api::with(&["package_read=at_end"], JobPace::Manual).await;
    let (_, first) = api.deploy("A-1").await;
    let (_, second) = api.deploy("B-1").await;
    answer(api.file(Method::DELETE, "A-1.ibsolution")).await;
    api.call(Method::POST, "/__emulator/jobs/finish", None)
        .await;
    assert_eq!(api.result(&first).await["status"], "ERROR");
    assert_eq!(api.result(&second).await["status"], "OK");
    assert_eq!(api.names("").await, ["B@1"]);

    let api = Api::with(&["duplicate_deploy=bad_request"], JobPace::Immediate).await;
    api.deployed("A-1").await;
    assert_eq!(api.deploy("A-1").await.0, 400);

    let api = Api::with(&["publish=forbidden"], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    assert_eq!(api.patch(&id, "visibility=PUBLIC").await.0, 403);
}

#[tokio::test]
async fn odd_identities() {
    let seed = "
packages:
  - { path: d/1.ibsolution, name: 'Form ', version: '1.0', owner: ann, visibility: PRIVATE }
  - { path: d/2.ibsolution, name: form, version: '1.0.0', owner: ann, visibility: PUBLIC }
  - { path: d/3.ibsolution, name: Form, version: '1.0.0', owner: IB_DEPLOYED, visibility: PRIVATE }
";
    for (knobs, wanted) in [
        (&[] as &[&str], ["Form @1.0", "form@1.0.0", "Form@1.0.0"]),
        (
            &["name_form=trimmed"],
            ["Form@1.0", "form@1.0.0", "Form@1.0.0"],
        ),
        (
            &["version_form=three_parts"],
            ["Form @1.0.0", "form@1.0.0", "Form@1.0.0"],
        ),
        (
            &[
                "name_form=trimmed",
                "version_form=three_parts",
                "identity_case=insensitive",
                "owner_after_visibility=unchanged",
            ],
            ["Form@1.0.0", "", "Form@1.0.0"],
        ),
        (&["owner_mismatch=job_error"], ["Form @1.0", "", ""]),
    ] {
        let api = Api::seeded(seed, knobs, JobPace::Immediate).await;
        api.set_knob("list_order=oldest_first");
        for number in 1..=3 {
            let body = json!({ "solution_path": format!("d/{number}.ibsolution") });
            assert_eq!(api.call(Method::POST, DEPLOYED, Some(body)).await.0, 200);
        }
        let wanted: Vec<_> = wanted.into_iter().filter(|name| !name.is_empty()).collect();
        assert_eq!(api.names("").await, wanted, "{knobs:?}");
    }
}

#[tokio::test]
async fn deleting_a_referenced_solution() {
    let seed = "solutions: [{ name: A, version: 1, owner: ann, id: a, referenced: true }]";
    for (knob, status, result) in [
        ("delete_referenced=allowed", 200, "OK"),
        ("delete_referenced=refused", 400, ""),
        ("delete_referenced=job_error", 200, "ERROR"),
    ] {
        let api = Api::seeded(seed, &[knob], JobPace::Immediate).await;
        let (answered, started) = api.delete("a").await;
        assert_eq!(answered, status, "{knob}");
        if status == 200 {
            assert_eq!(api.result(&started).await["status"], result, "{knob}");
        }
        assert_eq!(api.names("").await.is_empty(), result == "OK", "{knob}");
    }
}

//! Each knob, and the behaviour that it selects.

use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value;
use serde_json::json;
use solform_emulator::JobPace;

use super::{Api, DEPLOYED, text};

#[tokio::test]
async fn answers_are_compressed_if_accepted() {
    for (knob, accepted, coding) in [
        ("compression=gzip", "br, gzip", Some("gzip")),
        ("compression=gzip", "br", None),
        ("compression=off", "gzip", None),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let request = api.request(Method::GET, DEPLOYED);
        let request = request.header("accept-encoding", accepted);
        let response = request.send().await.unwrap();
        let header = response.headers().get("content-encoding").cloned();
        assert_eq!(header.as_ref().and_then(|h| h.to_str().ok()), coding);
        let body = response.bytes().await.unwrap();
        assert_eq!(body.starts_with(&[0x1f, 0x8b]), coding.is_some());
    }
}

#[tokio::test]
async fn list_knobs() {
    let page = |knob: &'static str| async move {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        api.deployed("A-1").await;
        api.deployed("B-1").await;
        api
    };
    let forms = [
        ("paging=wrapped", json!([true]), json!([1])),
        ("paging=bare", json!(true), json!(1)),
        ("paging=strings", json!("true"), json!("1")),
        ("paging=missing", Value::Null, Value::Null),
    ];
    for (knob, has_more, next_offset) in forms {
        let body = page(knob).await.list("limit=1").await;
        assert_eq!(
            (&body["has_more"], &body["next_offset"]),
            (&has_more, &next_offset)
        );
    }
    let cases: [(&str, &str, &[&str]); 9] = [
        ("list_order=oldest_first", "", &["A@1", "B@1"]),
        ("state_filter=active_only", "", &["B@1", "A@1"]),
        ("name_filter=exact", "name=a", &[]),
        ("name_filter=ignore_case", "name=a", &["A@1"]),
        ("name_filter=prefix", "name=", &["B@1", "A@1"]),
        ("name_filter=ignored", "name=a", &["B@1", "A@1"]),
        ("owner_filter=prefix", "owner=IB_", &["B@1"]),
        ("author_filter=ignored", "author=nobody", &["B@1", "A@1"]),
        (
            "visibility_filter=ignored",
            "visibility=PUBLIC",
            &["B@1", "A@1"],
        ),
    ];
    for (knob, query, names) in cases {
        assert_eq!(page(knob).await.names(query).await, names, "{knob}");
    }
    let refusals = [
        ("state_filter=required", ""),
        ("over_limit=refused", "limit=101"),
        ("unknown_filter_word=refused", "state=NONE"),
        ("unknown_filter_word=refused", "visibility=NONE"),
    ];
    for (knob, query) in refusals {
        let (status, _) = page(knob).await.get(&format!("{DEPLOYED}?{query}")).await;
        assert_eq!(status, 400, "{knob}");
    }
    let body = page("visibility_in_records=true")
        .await
        .list("name=B")
        .await;
    assert_eq!(body["solutions"][0]["visibility"], "PUBLIC");
    let body = page("times=string").await.list("name=B").await;
    let created = text(&body["solutions"][0]["createdAtMs"]);
    assert!(created.ends_with("000"), "{created}");
}

#[tokio::test]
async fn lagging_lists_show_writes_late() {
    let api = Api::with(&["list_lag=2"], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 200);
    for names in [&[] as &[&str], &[], &["A@1"], &["A@1"]] {
        assert_eq!(api.names("").await, names);
    }
    api.patch(&id, "state=INACTIVE").await;
    for names in [&["A@1"] as &[&str], &["A@1"], &[]] {
        assert_eq!(api.names("state=ACTIVE").await, names);
    }
    api.delete(&id).await;
    assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 404);
    for names in [&["A@1"] as &[&str], &["A@1"], &[]] {
        assert_eq!(api.names("").await, names);
    }
}

/// The logical clock advances one second with each operation.
#[tokio::test]
async fn reads_show_writes_after_a_time() {
    let api = Api::with(&["list_lag=3s", "read_lag=2s"], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    api.emulator
        .advance_clock(std::time::Duration::from_secs(9));
    assert_eq!(api.names("").await, ["A@1"]);
    api.patch(&id, "state=INACTIVE").await;
    let (_, record) = api.get(&format!("{DEPLOYED}/{id}")).await;
    assert_eq!(record["solution"]["state"], "ACTIVE");
    let (_, record) = api.get(&format!("{DEPLOYED}/{id}")).await;
    assert_eq!(record["solution"]["state"], "INACTIVE");
    assert_eq!(api.names("state=ACTIVE").await, [] as [&str; 0]);
    api.patch(&id, "state=ACTIVE").await;
    for names in [&["A@1"] as &[&str], &["A@1"], &[]] {
        assert_eq!(api.names("state=INACTIVE").await, names);
    }
}

/// A job ends at its time, and not only when the next request arrives: the lag of its record begins
/// then, and does not depend on the client.
#[tokio::test]
async fn a_lag_begins_at_the_end_of_the_job() {
    let pace = JobPace::After(std::time::Duration::from_secs(2));
    let api = Api::with(&["list_lag=3s", "record_during_job=hidden"], pace).await;
    api.deploy("A-1").await;
    // The record is made after two seconds, and listed after five.
    api.emulator
        .advance_clock(std::time::Duration::from_secs(4));
    assert_eq!(api.names("").await, ["A@1"]);
}

/// Deploys and patches; returns the status of the patch, and the state, visibility and owner
/// afterwards.
async fn patched(knob: &str, query: &str, body: Option<Value>) -> (u16, String) {
    let api = Api::with(&[knob, "visibility_in_records=true"], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    let path = format!("{DEPLOYED}/{id}");
    let (status, _) = api
        .call(Method::PATCH, &format!("{path}?{query}"), body)
        .await;
    let (_, single) = api.get(&path).await;
    let single = &single["solution"];
    let shown = [&single["state"], &single["visibility"], &single["owner"]];
    (status, shown.map(text).join(" "))
}

#[tokio::test]
async fn patch_knobs() {
    let off = || Some(json!({ "state": "INACTIVE", "is_customizable": true }));
    let cases = [
        (
            "style=query",
            "state=INACTIVE",
            None,
            200,
            "INACTIVE PRIVATE",
        ),
        ("style=query", "", off(), 200, "ACTIVE PRIVATE"),
        ("style=body", "state=INACTIVE", None, 200, "ACTIVE PRIVATE"),
        ("style=body", "", off(), 200, "INACTIVE PRIVATE"),
        (
            "style=both",
            "visibility=PUBLIC",
            off(),
            200,
            "INACTIVE PUBLIC",
        ),
        ("style=body", "", Some(json!([])), 400, "ACTIVE PRIVATE"),
        (
            "without_parameters=refused",
            "",
            None,
            400,
            "ACTIVE PRIVATE",
        ),
        (
            "unknown_word=refused",
            "state=ON",
            None,
            400,
            "ACTIVE PRIVATE",
        ),
        (
            "unknown_word=ignored",
            "state=ON",
            None,
            200,
            "ACTIVE PRIVATE",
        ),
    ];
    for (knob, query, body, status, image) in cases {
        let result = patched(&format!("patch_{knob}"), query, body).await;
        let owner = if image.ends_with("PUBLIC") {
            "IB_DEPLOYED"
        } else {
            "ann"
        };
        assert_eq!(
            result,
            (status, format!("{image} {owner}")),
            "{knob} {query}"
        );
    }
    let api = Api::with(&["patch_touches_updated=false"], JobPace::Immediate).await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    let (_, patched) = api.patch(&id, "state=INACTIVE").await;
    let patched = &patched["solution"];
    assert_eq!(patched["updatedAtMs"], patched["createdAtMs"]);
}

#[tokio::test]
async fn visibility_knobs() {
    let cases = [
        ("publish=allowed", "PUBLIC", 200, "PUBLIC IB_DEPLOYED"),
        (
            "publish=pending_review",
            "PUBLIC",
            200,
            "PENDING_REVIEW ann",
        ),
        ("publish=unchanged", "PUBLIC", 200, "PRIVATE ann"),
        ("publish=unauthorized", "PUBLIC", 401, "PRIVATE ann"),
        (
            "owner_after_visibility=unchanged",
            "PUBLIC",
            200,
            "PUBLIC ann",
        ),
        (
            "owner_after_visibility=ib_deployed",
            "PUBLIC",
            200,
            "PUBLIC IB_DEPLOYED",
        ),
        (
            "owner_after_visibility=ib_deployed",
            "PRIVATE",
            200,
            "PRIVATE ann",
        ),
        (
            "owner_after_visibility=username",
            "PUBLIC",
            200,
            "PUBLIC ann",
        ),
        (
            "owner_after_visibility=username",
            "PRIVATE",
            200,
            "PRIVATE admin",
        ),
        (
            "owner_after_visibility=follows",
            "PUBLIC",
            200,
            "PUBLIC IB_DEPLOYED",
        ),
        (
            "owner_after_visibility=follows",
            "PRIVATE",
            200,
            "PRIVATE admin",
        ),
    ];
    for (knob, wanted, status, image) in cases {
        let result = patched(knob, &format!("visibility={wanted}"), None).await;
        assert_eq!(
            result,
            (status, format!("ACTIVE {image}")),
            "{knob} {wanted}"
        );
    }
}

#[tokio::test]
async fn deploy_knobs() {
    let visibilities = [
        ("missing_visibility=private", "A-1", "PRIVATE"),
        ("missing_visibility=public", "A-1", "PUBLIC"),
        ("package_visibility=honoured", "B-1", "PUBLIC"),
        ("package_visibility=private", "B-1", "PRIVATE"),
        ("package_visibility=public", "A-1", "PUBLIC"),
        ("package_visibility=pending_review", "B-1", "PENDING_REVIEW"),
        ("package_visibility=pending_review", "A-1", "PRIVATE"),
    ];
    // The visibility of the package changes the owner too, or the package's own owner stays.
    for (knobs, package, owner) in [
        (
            &["package_visibility=public"] as &[&str],
            "A-1",
            "IB_DEPLOYED",
        ),
        (&["package_visibility=private"], "B-1", "admin"),
        (
            &[
                "package_visibility=public",
                "owner_after_visibility=unchanged",
            ],
            "A-1",
            "ann",
        ),
        (
            &[
                "package_visibility=private",
                "owner_after_visibility=ib_deployed",
            ],
            "B-1",
            "IB_DEPLOYED",
        ),
    ] {
        let api = Api::with(knobs, JobPace::Immediate).await;
        api.deployed(package).await;
        let found = api.names(&format!("owner={owner}")).await;
        assert_eq!(found.len(), 1, "{knobs:?} {package}");
    }
    for (knob, package, visibility) in visibilities {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        api.deployed(package).await;
        let found = api.names(&format!("visibility={visibility}")).await;
        assert_eq!(found.len(), 1, "{knob} {package}");
    }

    for (knob, key) in [
        ("deploy_result=deployed_solution_id", "deployed_solution_id"),
        ("deploy_result=solution_id", "solution_id"),
        ("deploy_result=id", "id"),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let id = text(&api.deployed("A-1").await[key]);
        assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 200);
    }
    let api = Api::with(
        &["deploy_result=nothing", "job_done_word=complete"],
        JobPace::Immediate,
    );
    let api = api.await;
    let (_, started) = api.deploy("A-1").await;
    let status = api.status(&text(&started["job_id"])).await;
    assert_eq!(status["state"], "COMPLETE");
    assert_eq!(status["results"], json!([{ "status": "OK" }]));

    let api = Api::with(&["package_owner=caller_only"], JobPace::Immediate).await;
    assert_eq!(api.deployed("A-1").await["status"], "ERROR");
    assert_eq!(api.deployed("B-1").await["status"], "OK");
    let api = Api::with(&["package_owner=replaced"], JobPace::Immediate).await;
    api.deployed("A-1").await;
    assert_eq!(api.names("owner=admin").await, ["A@1"]);
}

#[tokio::test]
async fn delete_knobs() {
    let deployed = |knobs: Vec<&'static str>, pace| async move {
        let api = Api::with(&knobs, pace).await;
        api.deploy("A-1").await;
        api.call(Method::POST, "/__emulator/jobs/finish", None)
            .await;
        let id = text(&api.list("").await["solutions"][0]["id"]);
        (api, id)
    };
    for (knob, wanted, result) in [
        ("delete_active=refused", 400, ""),
        ("delete_active=job_error", 200, "ERROR"),
        ("delete_active=allowed", 200, "OK"),
    ] {
        let (api, id) = deployed(vec![knob], JobPace::Immediate).await;
        let (status, started) = api.delete(&id).await;
        assert_eq!(status, wanted, "{knob}");
        if status == 200 {
            assert_eq!(api.result(&started).await["status"], result, "{knob}");
        }
        if result != "OK" {
            api.patch(&id, "state=INACTIVE").await;
            let (_, started) = api.delete(&id).await;
            assert_eq!(api.result(&started).await["status"], "OK");
        }
        assert!(api.names("").await.is_empty());
    }
    for (knob, wanted, result) in [
        ("not_found", 404, ""),
        ("job_done", 200, "OK"),
        ("job_error", 200, "ERROR"),
    ] {
        let missing: &str = &format!("delete_missing={knob}");
        let repeated: &str = &format!("delete_repeated={knob}");
        let api = Api::with(&[missing, repeated], JobPace::Manual).await;
        let (_, started) = api.deploy("A-1").await;
        api.call(Method::POST, "/__emulator/jobs/finish", None)
            .await;
        let id = text(&api.result(&started).await["deployed_solution_id"]);
        api.delete(&id).await;
        for id in [id.as_str(), "unknown"] {
            let (status, started) = api.delete(id).await;
            assert_eq!(status, wanted, "{knob} {id}");
            if status == 200 {
                api.call(Method::POST, "/__emulator/jobs/finish", None)
                    .await;
                assert_eq!(api.result(&started).await["status"], result, "{knob} {id}");
            }
        }
    }
    for (knob, status, body) in [
        ("delete_answer=empty_object", 200, json!({})),
        ("delete_answer=no_content", 204, json!("")),
    ] {
        let (api, id) = deployed(vec![knob], JobPace::Polls(0)).await;
        assert_eq!(api.delete(&id).await, (status, body));
        assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 404);
    }
}

#[tokio::test]
async fn answer_knobs() {
    let unknown = "/api/v1/jobs/status?job_id=x&type=async";
    for (knob, status, part) in [
        ("unknown_job=error", 200, "ERROR"),
        ("unknown_job=not_found", 404, "message"),
        ("unknown_job=empty_object", 200, "{}"),
        ("unknown_job=pending", 200, "PENDING"),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let (answered, body) = api.get(unknown).await;
        assert_eq!(answered, status, "{knob}");
        assert!(body.to_string().contains(part), "{knob}: {body}");
    }
    for (knob, body) in [
        (
            "error_body=message",
            "{\"message\":\"there is nothing at GET /x\"}",
        ),
        ("error_body=msg", "{\"msg\":\"there is nothing at GET /x\"}"),
        (
            "error_body=error",
            "{\"error\":\"there is nothing at GET /x\"}",
        ),
        (
            "error_body=status_msg",
            "{\"msg\":\"there is nothing at GET /x\",\"status\":\"ERROR\"}",
        ),
        (
            "error_body=html",
            "<html>\n<head><title>404 Not Found</title>",
        ),
        ("error_body=empty", ""),
    ] {
        let api = Api::with(&[knob], JobPace::Immediate).await;
        let response = api.request(Method::GET, "/x").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let text = response.text().await.unwrap();
        assert!(text.starts_with(body), "{knob}: {text}");
    }
    let api = Api::with(&[], JobPace::Immediate).await;
    let bad = Some(json!({ "paging": "bare", "list_lag": "many" }));
    let (status, _) = api.call(Method::PATCH, "/__emulator/knobs", bad).await;
    assert_eq!(status, 400);
    let (_, knobs) = api.get("/__emulator/knobs").await;
    assert_eq!(knobs["paging"], "wrapped");
}

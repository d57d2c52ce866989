//! Lists of runs in the forms that servers send, and the request that starts a run.

use serde_json::{Value, json};
use solform::api::{ApiErrorKind, Writer};
use solform::ident::{JobId, Owner, SolutionId, SolutionName, Version};
use solform::job::{JobKind, JobResult, JobState, RunFilter, RunRequest, RunState, RunTarget};

use super::reader;
use crate::support::scripted::{Reply, Scripted};

fn ids(runs: &[solform::job::RunRecord]) -> Vec<&str> {
    runs.iter().map(|run| run.id.as_str()).collect()
}

/// Starts a server with this number of runs and pages of at most `cap` runs.
async fn with_runs(count: usize, cap: usize) -> Scripted {
    Scripted::start(move |asked| {
        let number = |key: &str, default: usize| {
            asked
                .query
                .get(key)
                .map_or(default, |text| text.parse().unwrap())
        };
        let (limit, offset) = (number("limit", 20).min(cap), number("offset", 0));
        let runs: Vec<Value> = (offset..count.min(offset + limit))
            .map(|nth| json!({ "id": format!("r{nth}"), "state": "COMPLETE" }))
            .collect();
        Reply::json(&json!({ "jobs": runs }))
    })
    .await
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    for (count, cap, requests) in [
        (0, 100, 1),
        (5, 100, 2),
        (7, 3, 4),
        (250, 100, 4),
        (200, 100, 3),
    ] {
        let server = with_runs(count, cap).await;
        let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
        let expected: Vec<String> = (0..count).map(|nth| format!("r{nth}")).collect();
        assert_eq!(ids(&list.runs), expected, "{count} {cap}");
        assert_eq!(list.incomplete, None);
        assert_eq!(server.asked().len(), requests, "{count} {cap}");
    }
}

#[tokio::test]
async fn a_limited_list_requests_only_what_it_shows() {
    let server = with_runs(250, 100).await;
    let filter = RunFilter {
        limit: Some(30),
        offset: 5,
        ..RunFilter::default()
    };
    let list = reader(&server).runs(&filter).await.unwrap();
    assert_eq!((list.runs.len(), ids(&list.runs)[0]), (30, "r5"));
    let asked: Vec<String> = server
        .asked()
        .iter()
        .map(|one| one.raw_query.clone())
        .collect();
    assert_eq!(asked, ["limit=30&offset=5"]);
}

#[tokio::test]
async fn odd_lists_end_and_report_their_gaps() {
    let page = |ids: &[&str]| {
        let runs: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        Reply::json(&json!({ "jobs": runs }))
    };
    // The offset is ignored, and the page may be full or not: the server may limit its size.
    let server = Scripted::start(move |_| page(&["a", "b"])).await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert_eq!(ids(&list.runs), ["a", "b"]);
    assert!(list.incomplete.unwrap().contains("there may be more"));
    let full: Vec<String> = (0..100).map(|nth| format!("r{nth}")).collect();
    let server =
        Scripted::start(move |_| page(&full.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert_eq!(list.runs.len(), 100);
    assert!(list.incomplete.unwrap().contains("ignores `offset`"));

    // A run was added in between: an old run is listed again, and counted once.
    let server = Scripted::start(move |asked| match asked.nth {
        0 => page(&["a", "b", "c"]),
        1 => page(&["c", "d"]),
        _ => page(&[]),
    })
    .await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert_eq!(ids(&list.runs), ["a", "b", "c", "d"]);

    // The last page is the end, and the server does not accept the limit.
    let server = Scripted::start(move |asked| {
        if asked.query.contains_key("limit") {
            return Reply::text(400, r#"{"message":"limit is too large"}"#);
        }
        match asked.query.get("offset") {
            None => page(&["a"]),
            Some(_) => Reply::text(404, r#"{"message":"no such page"}"#),
        }
    })
    .await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert_eq!((ids(&list.runs), list.incomplete), (vec!["a"], None));

    // No entry has an id, on page after page.
    let server =
        Scripted::start(move |_| Reply::json(&json!({ "jobs": [{ "state": "FAILED" }] }))).await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert!(list.incomplete.unwrap().contains("no run with an id"));
    assert!(server.count() < 5, "{}", server.count());

    // The offset is ignored, and new runs keep coming at the front.
    let server = Scripted::start(move |asked| {
        let newest = asked.nth + 3;
        let ids: Vec<String> = (0..newest).rev().map(|nth| format!("r{nth}")).collect();
        page(&ids.iter().map(String::as_str).collect::<Vec<_>>())
    })
    .await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert!(list.incomplete.unwrap().contains("ignores `offset`"));
    assert!(server.count() < 5, "{}", server.count());

    // An entry without an id is reported.
    let server = Scripted::start(move |asked| match asked.nth {
        0 => Reply::json(&json!({ "jobs": [{ "id": "a" }, { "state": "FAILED" }, 7] })),
        _ => page(&[]),
    })
    .await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    assert_eq!(ids(&list.runs), ["a"]);
    assert_eq!(list.incomplete.as_deref(), Some("2 listed runs have no id"));
}

#[tokio::test]
async fn an_answer_without_runs_is_an_error() {
    for (body, kind) in [
        (
            r#"{"solutions": []}"#,
            ApiErrorKind::Shape("the answer has no list `jobs`".to_owned()),
        ),
        (r#"{"status": "ERROR", "msg": "no"}"#, ApiErrorKind::Refused),
        ("<html>", ApiErrorKind::NotJson { html: true }),
    ] {
        let server = Scripted::start(move |_| Reply::text(200, body)).await;
        let error = reader(&server)
            .runs(&RunFilter::default())
            .await
            .unwrap_err();
        assert_eq!(*error.kind(), kind, "{body}");
        let path = "/api/v2/solutions/deployed/jobs?";
        assert!(error.url().contains(path), "{error}");
    }
}

#[tokio::test]
async fn records_of_runs_are_read_in_every_form() {
    let documented = json!({
        "id": "example-job-id", "accountId": "example-account-id", "jobType": "FLOW",
        "startTimeNs": "1683159463986732303", "modifiedTimeNs": "1683159471011951164",
        "completionTimeNs": "1683159471011951164", "state": "COMPLETE",
        "lastStartTimeNs": "1683159463986732303", "timeTakenNs": "7025218861",
        "message": "Completed single_flow", "deployedSolutionId": "example-solution-id",
        "outputFolder": "path/to/output/folder",
    });
    let numbers = json!({
        "id": 7, "state": "REVIEWING", "startTimeNs": 1_683_159_463_986_732_303_i64,
        "timeTakenNs": 7_025_218_861_i64, "outputFolder": null, "metadata": {},
    });
    let server = Scripted::start(move |asked| match asked.nth {
        0 => Reply::json(&json!({ "jobs": [documented, numbers] })),
        _ => Reply::json(&json!({ "jobs": [] })),
    })
    .await;
    let list = reader(&server).runs(&RunFilter::default()).await.unwrap();
    let [first, second] = &list.runs[..] else {
        panic!("{list:?}");
    };
    assert_eq!(first.state, Some(RunState::Complete));
    assert_eq!(first.started_at_ms, Some(1_683_159_463_986));
    assert_eq!(first.completed_at_ms, Some(1_683_159_471_011));
    assert_eq!(first.time_taken_ms, Some(7025));
    assert_eq!(first.message.as_deref(), Some("Completed single_flow"));
    assert_eq!(
        first.output_folder.as_deref(),
        Some("path/to/output/folder")
    );
    assert_eq!(
        first.solution_id.as_ref().unwrap().as_str(),
        "example-solution-id"
    );
    assert_eq!(second.id.as_str(), "7");
    assert_eq!(second.state, Some(RunState::new("REVIEWING")));
    assert_eq!(second.started_at_ms, Some(1_683_159_463_986));
    assert_eq!(second.time_taken_ms, Some(7025));
    assert_eq!(
        (second.output_folder.as_ref(), second.completed_at_ms),
        (None, None)
    );
}

#[tokio::test]
async fn filters_are_applied_again_to_records() {
    // This server ignores every filter.
    let server = Scripted::start(|asked| match asked.query.get("offset") {
        None => Reply::json(&json!({ "jobs": [
            {
                "id": "a", "state": "FAILED", "deployedSolutionId": "s1",
                "outputFolder": "acme/prod/fs/D/out"
            },
            {
                "id": "b", "state": "COMPLETE", "deployedSolutionId": "s2",
                "outputFolder": "acme/test/fs/D/out"
            },
            { "id": "c" },
        ] })),
        Some(_) => Reply::json(&json!({ "jobs": [] })),
    })
    .await;
    let reader = reader(&server);
    let none = RunFilter::default();
    for (filter, expected) in [
        (none.clone(), vec!["a", "b", "c"]),
        (
            RunFilter {
                states: vec!["FAILED".to_owned(), "RUNNING".to_owned()],
                ..none.clone()
            },
            vec!["a", "c"],
        ),
        (
            RunFilter {
                ids: vec![JobId::parse("b").unwrap()],
                ..none.clone()
            },
            vec!["b"],
        ),
        (
            RunFilter {
                solution_ids: vec![SolutionId::parse("s2").unwrap()],
                ..none.clone()
            },
            vec!["b", "c"],
        ),
        (
            RunFilter {
                output_repos: vec!["acme/prod".to_owned()],
                ..none.clone()
            },
            vec!["a", "c"],
        ),
        (
            RunFilter {
                users: vec!["nobody".to_owned()],
                ..none
            },
            vec!["a", "b", "c"],
        ),
    ] {
        let list = reader.runs(&filter).await.unwrap();
        assert_eq!(ids(&list.runs), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_run_request_contains_only_given_values() {
    let server = Scripted::start(|_| Reply::json(&json!({ "job_id": "theirs" }))).await;
    let writer = Writer::new(&reader(&server));
    let request = RunRequest {
        id: JobId::parse("mine").unwrap(),
        input_dir: "a/b/fs/D/in".to_owned(),
        output_dir: None,
        settings: serde_json::Map::new(),
    };
    let by_id = RunTarget::Id(SolutionId::parse("s 1").unwrap());
    let name = |version: Option<&str>, owner: Option<&str>| RunTarget::Name {
        name: SolutionName::parse("Form W-2").unwrap(),
        version: version.map(|text| Version::parse(text).unwrap()),
        owner: owner.map(|text| Owner::parse(text).unwrap()),
    };
    let full = RunRequest {
        output_dir: Some("a/b/fs/D/out".to_owned()),
        settings: json!({ "delete_out_dir": false })
            .as_object()
            .unwrap()
            .clone(),
        ..request.clone()
    };
    for (target, request, line, body) in [
        (
            by_id,
            &request,
            "POST /api/v2/solutions/deployed/s%201/run",
            json!({ "input_dir": "a/b/fs/D/in", "job_id": "mine", "settings": {} }),
        ),
        (
            name(None, None),
            &request,
            "POST /api/v2/solutions/deployed/run",
            json!({
                "name": "Form W-2", "input_dir": "a/b/fs/D/in", "job_id": "mine", "settings": {}
            }),
        ),
        (
            name(Some("0.0.2"), Some("IB_DEPLOYED")),
            &full,
            "POST /api/v2/solutions/deployed/run",
            json!({
                "name": "Form W-2", "version": "0.0.2", "owner": "IB_DEPLOYED",
                "input_dir": "a/b/fs/D/in", "output_dir": "a/b/fs/D/out", "job_id": "mine",
                "settings": { "delete_out_dir": false },
            }),
        ),
    ] {
        let id = writer.run(&target, request).await.unwrap();
        assert_eq!(id.unwrap().as_str(), "theirs");
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.line(), line);
        assert_eq!(serde_json::from_slice::<Value>(&asked.body).unwrap(), body);
    }
}

#[tokio::test]
async fn the_state_of_a_run_is_its_current_status() {
    let current = |status: &str, share: Value| {
        json!({ "status": status, "curProgress": share, "review_state": "NONE" }).to_string()
    };
    let done = JobState::Finished(JobResult::Done {
        solution_ids: Vec::new(),
    });
    let failed = |text: &str| JobState::Finished(JobResult::Failed(text.to_owned()));
    let pending = |word: &str| JobState::Pending(word.to_owned());
    for (body, state, progress) in [
        (
            json!({ "state": "PENDING", "cur_status": current("RUNNING", json!(0.25)) }),
            pending("PENDING"),
            Some(0.25),
        ),
        (
            json!({ "state": "PENDING", "cur_status": current("RUNNING", json!("0.5")) }),
            pending("PENDING"),
            Some(0.5),
        ),
        (
            json!({ "state": "PENDING", "cur_status": current("RUNNING", json!(40)) }),
            pending("PENDING"),
            Some(1.0),
        ),
        (
            json!({ "cur_status": current("RUNNING", json!(0.5)) }),
            pending("RUNNING"),
            Some(0.5),
        ),
        (
            json!({ "state": "DONE", "cur_status": current("COMPLETE", json!(1)) }),
            done.clone(),
            Some(1.0),
        ),
        (
            json!({ "state": "DONE", "cur_status": current("CANCELLED", json!(0.5)) }),
            failed("CANCELLED"),
            Some(0.5),
        ),
        (
            json!({ "state": "DONE", "cur_status": current("PAUSED", json!(0.5)) }),
            failed("PAUSED"),
            Some(0.5),
        ),
        (
            json!({ "state": "DONE", "cur_status": "step 1 of 3" }),
            done.clone(),
            None,
        ),
        (
            json!({ "state": "DONE", "cur_status": "{\"status\": \"FAILED\"}" }),
            done.clone(),
            None,
        ),
        (
            json!({ "state": "DONE", "cur_status": "" }),
            done.clone(),
            None,
        ),
        (json!({ "state": "DONE" }), done, None),
    ] {
        let reply = body.clone();
        let server = Scripted::start(move |_| Reply::json(&reply)).await;
        let status = reader(&server)
            .job_status(&JobId::parse("r").unwrap(), JobKind::Flow)
            .await
            .unwrap();
        assert_eq!(status.state, state, "{body}");
        assert_eq!(
            status.flow.and_then(|flow| flow.progress),
            progress,
            "{body}"
        );
        assert_eq!(server.asked()[0].raw_query, "job_id=r&type=flow");
    }
}

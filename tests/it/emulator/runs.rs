//! Runs: their start, their end, the files that they write, and their lists.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{Clock, EmulatorOptions, JobPace, RunEnd, Seed};

use super::{Api, DEPLOYED, answer, options, text};

const SEED: &str = "
users:
  - { token: t-ann, username: ann }
solutions:
  - { name: Form, version: 1, owner: IB_DEPLOYED, id: form-1 }
  - { name: Form, version: 2, owner: IB_DEPLOYED, id: form-2, visibility: PUBLIC }
  - { name: Form, version: 3, owner: ann, id: form-3 }
  - { name: Bill, version: 1, owner: ann, id: bill, state: INACTIVE }
files:
  - { path: acme/prod/fs/d/in/a.pdf, text: a }
  - { path: acme/prod/fs/d/in/b.pdf, text: b }
  - { path: acme/test/fs/d/in/c.pdf, text: c }
";

const IN: &str = "acme/prod/fs/d/in";

async fn world(knobs: &[&str], job_pace: JobPace) -> Api {
    Api::seeded(SEED, knobs, job_pace).await
}

impl Api {
    async fn run(&self, id: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, &format!("{DEPLOYED}/{id}/run"), Some(body))
            .await
    }

    async fn run_by_name(&self, body: Value) -> (u16, Value) {
        self.call(Method::POST, &format!("{DEPLOYED}/run"), Some(body))
            .await
    }

    /// Returns the ids of the runs in the list for this query.
    async fn runs(&self, query: &str) -> Vec<String> {
        let (status, body) = self.get(&format!("{DEPLOYED}/jobs?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let jobs = body["jobs"].as_array().unwrap();
        jobs.iter().map(|job| text(&job["id"])).collect()
    }

    async fn file_text(&self, path: &str) -> (u16, Value) {
        self.get(&format!("/api/v2/files/{path}?expect-node-type=file"))
            .await
    }
}

#[tokio::test]
async fn a_run_completes_and_writes_files() {
    let api = world(&[], JobPace::Polls(3)).await;
    let (status, started) = api
        .run("form-1", json!({ "input_dir": IN, "settings": {} }))
        .await;
    assert_eq!(status, 200, "{started}");
    let id = text(&started["job_id"]);
    let job = format!("/api/v1/jobs/status?job_id={id}&type=flow");

    let (_, listed) = api.get(&format!("{DEPLOYED}/form-1/jobs")).await;
    let run = &listed["jobs"][0];
    assert_eq!((&run["id"], &run["state"]), (&json!(id), &json!("RUNNING")));
    assert_eq!(run["completionTimeNs"], Value::Null);
    for progress in [0.25, 0.5, 0.75] {
        let (_, status) = api.get(&job).await;
        assert_eq!(status["state"], "PENDING");
        let flow: Value = serde_json::from_str(&text(&status["cur_status"])).unwrap();
        assert_eq!(flow["status"], "RUNNING");
        assert_eq!(flow["curProgress"], progress);
        assert_eq!(flow["finish_timestamp"], Value::Null);
    }
    let (_, status) = api.get(&job).await;
    let output = format!("{IN}/out");
    assert_eq!(
        status["results"],
        json!([{ "status": "OK", "output_folder": output }])
    );
    let flow: Value = serde_json::from_str(&text(&status["cur_status"])).unwrap();
    assert_eq!(
        (&flow["status"], &flow["curProgress"]),
        (&json!("COMPLETE"), &json!(1.0))
    );

    let (_, listed) = api.get(&format!("{DEPLOYED}/form-1/jobs")).await;
    let run = &listed["jobs"][0];
    assert_eq!(run["state"], "COMPLETE");
    assert_eq!(run["deployedSolutionId"], "form-1");
    assert_eq!(run["outputFolder"], output);
    assert_eq!(run["jobType"], "FLOW");
    let time = |key: &str| text(&run[key]).parse::<u64>().unwrap();
    assert_eq!(
        time("completionTimeNs") - time("startTimeNs"),
        time("timeTakenNs")
    );
    assert!(text(&run["startTimeNs"]).len() >= 19, "{run}");

    let (_, summary) = api.file_text(&format!("{output}/summary.json")).await;
    assert_eq!(summary["files"], json!(["a.pdf", "b.pdf"]));
    assert_eq!(api.file_text(&format!("{output}/a.pdf.json")).await.0, 200);
}

#[tokio::test]
async fn settings_choose_the_output_folder() {
    let api = world(&[], JobPace::Immediate).await;
    let run = |settings: Value| {
        let body = json!({
            "input_dir": IN, "output_dir": "acme/prod/fs/d/o", "job_id": "j/1", "settings": settings
        });
        api.run("form-1", body)
    };
    let (_, started) = run(json!({ "output_has_run_id": true })).await;
    assert_eq!(started, json!({ "job_id": "j/1" }));
    let (status, _) = api.file_text("acme/prod/fs/d/o/j_1/summary.json").await;
    assert_eq!(status, 200);
    // A second start with the same id is refused, or returns the same run.
    assert_eq!(run(json!({})).await.0, 409);
    api.emulator
        .change_knobs(|knobs| knobs.assign("run_repeated_id=same_run").unwrap());
    assert_eq!(run(json!({})).await, (200, started));
    assert_eq!(api.runs("").await.len(), 1);
    // An existing output folder is deleted, but never the input.
    for (output, status) in [("acme/prod/fs/d/o", 404), ("acme/prod/fs/d", 200)] {
        let settings = json!({ "delete_out_dir": true });
        let body = json!({ "input_dir": IN, "output_dir": output, "settings": settings });
        assert_eq!(api.run("form-1", body).await.0, 200);
        let kept = if status == 404 {
            "acme/prod/fs/d/o/j_1/summary.json".to_owned()
        } else {
            format!("{IN}/a.pdf")
        };
        assert_eq!(api.file_text(&kept).await.0, status, "{output}");
    }
}

#[tokio::test]
async fn a_run_by_name_uses_the_newest_version() {
    let api = world(&[], JobPace::Immediate).await;
    for (body, wanted) in [
        (json!({ "name": "Form" }), "form-2"),
        (json!({ "name": "Form", "version": "1" }), "form-1"),
        (json!({ "name": "Form", "version": "" }), "form-2"),
        (json!({ "name": "Form", "owner": "ann" }), "form-3"),
        (
            json!({ "name": "Form", "owner": "IB_DEPLOYED", "version": "3" }),
            "",
        ),
        (json!({ "name": "form" }), ""),
        // An INACTIVE version counts as missing.
        (json!({ "name": "Bill", "owner": "ann" }), ""),
    ] {
        let mut body = body;
        body["input_dir"] = json!(IN);
        let (status, started) = api.run_by_name(body.clone()).await;
        if wanted.is_empty() {
            assert_eq!(status, 404, "{body}");
            continue;
        }
        assert_eq!(status, 200, "{body}: {started}");
        let id = text(&started["job_id"]);
        assert_eq!(
            api.runs(&format!("solution_id={wanted}&job_id={id}")).await,
            [id],
            "{body}"
        );
    }
}

#[tokio::test]
async fn bad_runs_are_refused_and_say_why() {
    let api = world(&[], JobPace::Immediate).await;
    let long = "é".repeat(51);
    for (id, body, status, part) in [
        ("form-1", json!({}), 400, "`input_dir`"),
        ("form-1", json!({ "input_dir": "" }), 400, "`input_dir`"),
        ("form-1", json!({ "input_dir": 7 }), 400, "`input_dir`"),
        ("form-1", json!({ "input_dir": "a/../b" }), 400, "a/../b"),
        (
            "form-1",
            json!({ "input_dir": IN, "settings": [] }),
            400,
            "`settings`",
        ),
        (
            "form-1",
            json!({ "input_dir": IN, "settings": "x" }),
            400,
            "`settings`",
        ),
        (
            "form-1",
            json!({ "input_dir": IN, "job_id": long }),
            400,
            "50 characters",
        ),
        (
            "form-1",
            json!({ "input_dir": IN, "job_id": 5 }),
            400,
            "`job_id`",
        ),
        (
            "form-1",
            json!({ "input_dir": IN, "output_dir": format!("{IN}/a.pdf") }),
            412,
            "folder",
        ),
        ("form-1", json!([]), 400, "object"),
        ("none", json!({ "input_dir": IN }), 404, "`none`"),
        ("bill", json!({ "input_dir": IN }), 404, "`bill`"),
    ] {
        let (answered, reply) = api.run(id, body.clone()).await;
        assert_eq!(answered, status, "{body}: {reply}");
        assert!(text(&reply["message"]).contains(part), "{body}: {reply}");
    }
    assert_eq!(api.run_by_name(json!({ "input_dir": IN })).await.0, 400);
    let fine = json!({ "input_dir": IN, "job_id": "é".repeat(50) });
    assert_eq!(api.run("form-1", fine).await.0, 200);
    assert_eq!(api.get(&format!("{DEPLOYED}/none/jobs")).await.0, 404);
}

#[tokio::test]
async fn runs_end_in_every_way() {
    let state = |api: Api, body: Value| async move {
        let (status, started) = api.run("form-1", body).await;
        assert_eq!(status, 200, "{started}");
        let (_, listed) = api.get(&format!("{DEPLOYED}/jobs")).await;
        text(&listed["jobs"][0]["state"])
    };
    let body = || json!({ "input_dir": IN });
    for (knob, wanted) in [
        ("run_end=complete", "COMPLETE"),
        ("run_end=failed", "FAILED"),
        ("run_end=cancelled", "CANCELLED"),
        ("run_end=stopped_at_checkpoint", "STOPPED_AT_CHECKPOINT"),
    ] {
        assert_eq!(
            state(world(&[knob], JobPace::Immediate).await, body()).await,
            wanted
        );
    }
    for (rule, wanted) in [
        ("job=fail", "FAILED"),
        ("job=cancel", "CANCELLED"),
        ("job=checkpoint", "STOPPED_AT_CHECKPOINT"),
        ("job=stuck", "RUNNING"),
    ] {
        let api = world(&[], JobPace::Immediate).await;
        api.emulator
            .add_fault(format!("operation=run_solution,{rule}").parse().unwrap());
        assert_eq!(state(api, body()).await, wanted, "{rule}");
    }
    for (knob, wanted) in [
        ("run_missing_input=failed", "FAILED"),
        ("run_missing_input=accepted", "COMPLETE"),
    ] {
        let api = world(&[knob], JobPace::Immediate).await;
        assert_eq!(
            state(api, json!({ "input_dir": "acme/prod/fs/d/none" })).await,
            wanted
        );
    }
    let api = world(
        &["run_missing_input=refused", "run_inactive=refused"],
        JobPace::Manual,
    )
    .await;
    assert_eq!(
        api.run("form-1", json!({ "input_dir": "a/b" })).await.0,
        404
    );
    assert_eq!(api.run("bill", body()).await.0, 400);
    api.emulator
        .change_knobs(|knobs| knobs.assign("run_inactive=allowed").unwrap());
    assert_eq!(api.run("bill", body()).await.0, 200);

    // By the control interface: in the process, and over the route.
    let (_, started) = api.run("form-1", body()).await;
    assert!(
        api.emulator
            .finish_run(&text(&started["job_id"]), RunEnd::Cancelled)
    );
    assert_eq!(
        api.runs("state=CANCELLED").await,
        [text(&started["job_id"])]
    );
    let (_, started) = api.run("form-1", body()).await;
    let path = format!("/__emulator/jobs/{}/finish", text(&started["job_id"]));
    let bad = Some(json!({ "state": "DONE" }));
    assert_eq!(api.call(Method::POST, &path, bad).await.0, 400);
    let word = Some(json!({ "state": "STOPPED_AT_CHECKPOINT" }));
    assert_eq!(api.call(Method::POST, &path, word).await.0, 200);
    assert_eq!(
        api.runs("state=STOPPED_AT_CHECKPOINT&state=CANCELLED")
            .await
            .len(),
        2
    );
}

/// Starts four runs: b1 and b2 of ann's solution, by two users; f1 and f2 of a public one.
async fn four_runs() -> Api {
    let mut api = world(&["run_inactive=allowed"], JobPace::Manual).await;
    for (token, solution, id, input) in [
        ("t", "bill", "b1", IN),
        ("t-ann", "bill", "b2", "acme/test/fs/d/in"),
        ("t", "form-2", "f1", IN),
        ("t", "form-1", "f2", IN),
    ] {
        api.token = token;
        let body = json!({ "input_dir": input, "job_id": id });
        let (status, reply) = api.run(solution, body).await;
        assert_eq!(status, 200, "{reply}");
    }
    api.token = "t";
    for (id, seconds) in [("f1", 60), ("b1", 30)] {
        api.emulator.advance_clock(Duration::from_secs(seconds));
        assert!(api.emulator.finish_job(id, None));
    }
    api
}

#[tokio::test]
async fn lists_of_runs_filter_sort_and_page() {
    let mut api = four_runs().await;
    for (query, wanted) in [
        ("", "f2 f1 b2 b1"),
        ("order=ASCENDING", "b1 b2 f1 f2"),
        ("order=DESCENDING&sort_by=startTimeNs", "f2 f1 b2 b1"),
        ("sort_by=name", "f2 f1 b2 b1"),
        ("sort_by=name&order=ASCENDING", "b1 b2 f1 f2"),
        ("sort_by=version", "f1 f2 b2 b1"),
        ("sort_by=username", "b2 f2 f1 b1"),
        ("sort_by=state", "f2 b2 f1 b1"),
        ("sort_by=timeTakenNs", "b1 f1 f2 b2"),
        ("limit=2", "f2 f1"),
        ("limit=2&offset=3", "b1"),
        ("offset=4", ""),
        ("limit=1000000000", "f2 f1 b2 b1"),
        ("job_id=f1", "f1"),
        ("job_id=f1&job_id=b2&job_id=none", "f1 b2"),
        ("user=ann", "b2"),
        ("user=ann&user=admin", "f2 f1 b2 b1"),
        ("state=COMPLETE", "f1 b1"),
        ("state=RUNNING&state=COMPLETE", "f2 f1 b2 b1"),
        ("state=NONE", ""),
        ("solution_id=bill&solution_id=form-2", "f1 b2 b1"),
        ("owner=ann", "b2 b1"),
        ("owner=ann&owner=IB_DEPLOYED", "f2 f1 b2 b1"),
        ("name=Form&name=Bill&state=COMPLETE", "f1 b1"),
        ("name=Fo", ""),
        ("output_repo=acme/test", "b2"),
        ("output_repo=acme/test&output_repo=acme/prod", "f2 f1 b2 b1"),
        ("output_repo=acme", ""),
        ("sort_by=colour&order=UP", "f2 f1 b2 b1"),
    ] {
        assert_eq!(api.runs(query).await.join(" "), wanted, "{query}");
    }
    for query in ["limit=0", "limit=-1", "limit=x", "offset=-1", "limit=1e9"] {
        assert_eq!(
            api.get(&format!("{DEPLOYED}/jobs?{query}")).await.0,
            400,
            "{query}"
        );
    }
    // The list of one solution accepts the same parameters, except those that name solutions.
    let (_, listed) = api
        .get(&format!(
            "{DEPLOYED}/bill/jobs?user=ann&name=Form&solution_id=x"
        ))
        .await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
    // Without administrator rights: the user's own runs, and those of the user's own solutions.
    api.token = "t-ann";
    assert_eq!(api.runs("").await.join(" "), "b2 b1");
}

/// The official example has times with digits below a second.
/// A run can end after a number of lists that show it: pages behind it do not count.
#[tokio::test]
async fn a_run_ends_after_its_lists() {
    let api = world(&[], JobPace::Lists(2)).await;
    for id in ["a", "b"] {
        let solution = if id == "a" { "form-1" } else { "form-2" };
        let body = json!({ "input_dir": IN, "job_id": id, "settings": {} });
        assert_eq!(api.run(solution, body).await.0, 200);
    }
    for (query, expected) in [
        ("solution_id=form-1&state=RUNNING", &["a"][..]),
        ("solution_id=form-1&state=RUNNING&offset=1", &[]),
        ("solution_id=form-1&state=COMPLETE", &[]),
        ("solution_id=form-1&state=RUNNING", &["a"]),
        ("solution_id=form-1&state=RUNNING", &[]),
        ("state=COMPLETE", &["a"]),
        ("state=RUNNING", &["b"]),
    ] {
        assert_eq!(api.runs(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn runs_have_times_in_nanoseconds() {
    let api = Api::start(EmulatorOptions {
        seed: Some(Seed::parse(SEED).unwrap()),
        clock: Clock::System,
        ..options(&["time_resolution=second"], JobPace::Immediate)
    })
    .await;
    for _ in 0..9 {
        api.run("form-1", json!({ "input_dir": IN })).await;
    }
    let (_, listed) = api.get(&format!("{DEPLOYED}/jobs")).await;
    for key in [
        "startTimeNs",
        "modifiedTimeNs",
        "completionTimeNs",
        "lastStartTimeNs",
    ] {
        let times = listed["jobs"].as_array().unwrap().iter();
        let times: Vec<u64> = times.map(|job| text(&job[key]).parse().unwrap()).collect();
        assert!(
            times.iter().any(|time| time % 1_000_000_000 != 0),
            "{key}: {times:?}"
        );
        assert!(
            times.iter().any(|time| time % 1_000_000 != 0),
            "{key}: {times:?}"
        );
        assert!(
            times.is_sorted_by(|newer, older| newer >= older),
            "{key}: {times:?}"
        );
    }
}

/// Equal runs are reversed with the others, with each setting of the knob for their order.
#[tokio::test]
async fn ascending_order_is_descending_order_reversed() {
    for clock in [Clock::System, Clock::Logical { start_ms: 1_000 }] {
        let api = Api::start(EmulatorOptions {
            seed: Some(Seed::parse(SEED).unwrap()),
            clock,
            ..options(&[], JobPace::Immediate)
        })
        .await;
        for nth in 0..9 {
            let solution = ["form-1", "form-2", "form-3"][nth % 3];
            let body = json!({ "input_dir": IN, "job_id": format!("r{nth}") });
            api.run(solution, body).await;
        }
        for ties in ["newest_first", "oldest_first"] {
            let knob = format!("run_ties={ties}");
            api.emulator
                .change_knobs(|knobs| knobs.assign(&knob).unwrap());
            for key in [
                "startTimeNs",
                "name",
                "version",
                "username",
                "timeTakenNs",
                "state",
            ] {
                let sorted =
                    async |order: &str| api.runs(&format!("sort_by={key}&order={order}")).await;
                let mut up = sorted("ASCENDING").await;
                let down = sorted("DESCENDING").await;
                assert_eq!(down, sorted("DESCENDING").await, "{key}");
                up.reverse();
                assert_eq!(up, down, "{key} {ties}");
            }
            if ties == "newest_first" {
                let started: Vec<_> = (0..9).map(|nth| format!("r{nth}")).collect();
                assert_eq!(api.runs("order=ASCENDING").await, started);
            }
        }
    }
}

#[tokio::test]
async fn knobs_of_the_lists_of_runs() {
    let api = four_runs().await;
    let turn = |setting: &'static str| {
        api.emulator
            .change_knobs(|knobs| knobs.assign(setting).unwrap());
    };
    turn("run_ties=oldest_first");
    assert_eq!(api.runs("sort_by=name").await.join(" "), "f1 f2 b1 b2");
    turn("unknown_filter_word=refused");
    for query in ["sort_by=colour", "order=UP", "state=NONE"] {
        assert_eq!(
            api.get(&format!("{DEPLOYED}/jobs?{query}")).await.0,
            400,
            "{query}"
        );
    }
    turn("run_spaces=required");
    assert_eq!(api.get(&format!("{DEPLOYED}/jobs")).await.0, 400);
    assert_eq!(api.runs("output_repo=acme/test").await, ["b2"]);
    turn("run_spaces=own");
    assert!(api.runs("").await.is_empty());
    let request = api.request(Method::GET, &format!("{DEPLOYED}/jobs"));
    let (_, listed) = answer(request.header("IB-Context", "acme")).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 4);
    turn("limit_zero=empty");
    assert!(api.runs("limit=0&output_repo=acme/prod").await.is_empty());
    turn("limit_zero=default");
    assert_eq!(api.runs("limit=0&output_repo=acme/prod").await.len(), 3);
}

#[tokio::test]
async fn deleting_a_running_solution() {
    for (knob, status, result, state) in [
        ("delete_running=allowed", 200, "OK", "RUNNING"),
        ("delete_running=cascade", 200, "OK", "CANCELLED"),
        ("delete_running=refused", 400, "", "RUNNING"),
        ("delete_running=job_error", 200, "ERROR", "RUNNING"),
    ] {
        let api = world(&[knob], JobPace::Manual).await;
        api.run("form-1", json!({ "input_dir": IN, "job_id": "r" }))
            .await;
        let (answered, started) = api.delete("form-1").await;
        assert_eq!(answered, status, "{knob}");
        if status == 200 {
            assert!(api.emulator.finish_job(&text(&started["job_id"]), None));
            assert_eq!(api.result(&started).await["status"], result, "{knob}");
        }
        assert_eq!(api.runs(&format!("state={state}")).await, ["r"], "{knob}");
        let is_there = api.get(&format!("{DEPLOYED}/form-1")).await.0 == 200;
        assert_eq!(is_there, result != "OK", "{knob}");
    }
}

//! The Deployed Solutions API as its documentation describes it.

use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use solform_emulator::{EmulatorOptions, JobPace, Seed};

use super::{Api, DEPLOYED, answer, text};

#[tokio::test]
async fn a_solution_lives_from_deploy_to_delete() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let empty = json!({ "has_more": [false], "next_offset": [-1], "solutions": [] });
    assert_eq!(api.list("").await, empty);

    let result = api.deployed("B-1").await;
    let id = text(&result["deployed_solution_id"]);
    assert_eq!(
        result,
        json!({ "status": "OK", "deployed_solution_id": id })
    );

    let created = 1_700_000_002_000_u64;
    let folder = format!("system/global/fs/Instabase Drive/Applications/Deployed/All/{id}");
    let listed = json!({
        "id": id, "name": "B", "version": "1", "owner": "IB_DEPLOYED", "createdAtMs": created,
        "updatedAtMs": created, "summary": "Reads B", "state": "ACTIVE", "author": "admin",
        "solution_path": folder,
    });
    let page = json!({ "has_more": [false], "next_offset": [-1], "solutions": [listed] });
    assert_eq!(api.list("").await, page);

    let (status, single) = api.get(&format!("{DEPLOYED}/{id}")).await;
    let mut wanted = listed.clone();
    wanted["description"] = json!("Reads much of B");
    wanted["metadata"] = json!("{\"authors\":[\"bob\"]}");
    assert_eq!((status, single), (200, json!({ "solution": wanted })));

    let (status, patched) = api.patch(&id, "state=INACTIVE&visibility=PRIVATE").await;
    assert_eq!(status, 200);
    let patched = &patched["solution"];
    assert_eq!(patched["state"], "INACTIVE");
    assert!(patched["updatedAtMs"].as_u64() > Some(created));
    assert_eq!(patched["solution_path"], Value::Null);
    assert_eq!(
        api.names("visibility=PRIVATE&state=INACTIVE").await,
        ["B@1"]
    );

    // The server's copy of the package is readable.
    let path = format!("/api/v2/files/{folder}/package.json?expect-node-type=file");
    let (status, package) = api.get(&path).await;
    assert_eq!((status, &package["name"]), (200, &json!("B")));

    let (status, started) = api.delete(&id).await;
    assert_eq!(status, 200);
    assert_eq!(api.result(&started).await, json!({ "status": "OK" }));
    assert_eq!(api.get(&format!("{DEPLOYED}/{id}")).await.0, 404);
    assert_eq!(api.list("").await, empty);
    assert_eq!(api.get(&path).await.0, 404);
}

#[tokio::test]
async fn lists_filter_and_page() {
    let seed = "
solutions:
  - { name: Form, version: 1, owner: ann, author: zoe, state: ACTIVE, created_at_ms: 12345 }
  - { name: Form, version: 2, owner: ann, state: INACTIVE }
  - { name: Form W-2, version: 1, owner: IB_DEPLOYED, state: PRODUCTION }
  - { name: Bill, version: 1, owner: bob, visibility: PENDING_REVIEW }
";
    let api = Api::start(EmulatorOptions {
        seed: Some(Seed::parse(seed).unwrap()),
        page_cap: 3,
        ..EmulatorOptions::default()
    })
    .await;
    let cases: [(&str, &[&str]); 11] = [
        ("", &["Bill@1", "Form W-2@1", "Form@2"]),
        ("offset=3", &["Form@1"]),
        ("limit=1&offset=1", &["Form W-2@1"]),
        ("limit=1000000000", &["Bill@1", "Form W-2@1", "Form@2"]),
        ("offset=4", &[]),
        ("state=ACTIVE", &["Bill@1", "Form@1"]),
        ("name=Form", &["Form@2", "Form@1"]),
        ("name=Form+W-2", &["Form W-2@1"]),
        ("owner=ann&author=zoe", &["Form@1"]),
        ("visibility=PENDING_REVIEW", &["Bill@1"]),
        ("state=NONE", &[]),
    ];
    for (query, names) in cases {
        assert_eq!(api.names(query).await, names, "{query}");
    }
    let page = api.list("limit=2&offset=1").await;
    assert_eq!(page["has_more"], json!([true]));
    assert_eq!(page["next_offset"], json!([3]));
    assert_eq!(
        api.list("offset=3").await["solutions"][0]["createdAtMs"],
        12345
    );
    for query in ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=1.5"] {
        let (status, body) = api.get(&format!("{DEPLOYED}?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(text(&body["message"]).contains('`'), "{body}");
    }
}

#[tokio::test]
async fn a_repeated_list_shows_each_change() {
    let seed = "
solutions:
  - { name: One, version: 1, owner: ann, id: one }
  - { name: Two, version: 1, owner: ann, id: two }
packages:
  - { path: acme/prod/fs/Instabase Drive/A-1.ibsolution, name: A, version: 1, owner: ann }
";
    let knobs = ["record_during_job=hidden"];
    let api = Api::seeded(seed, &knobs, JobPace::Manual).await;
    let everything = ["Two@1", "One@1"];
    assert_eq!(api.names("").await, everything);
    assert_eq!(api.names("").await, everything);
    assert_eq!(api.names("state=ACTIVE&limit=1").await, ["Two@1"]);

    api.patch("one", "state=INACTIVE").await;
    assert_eq!(api.names("state=ACTIVE").await, ["Two@1"]);
    assert_eq!(api.names("state=INACTIVE").await, ["One@1"]);
    assert_eq!(api.list("").await["solutions"][1]["state"], "INACTIVE");

    let (_, started) = api.deploy("A-1").await;
    assert_eq!(api.names("").await, everything, "it is not made yet");
    assert!(api.emulator.finish_job(&text(&started["job_id"]), None));
    assert_eq!(api.names("").await, ["A@1", "Two@1", "One@1"]);
    assert_eq!(api.names("state=ACTIVE&offset=1").await, ["Two@1"]);

    api.emulator
        .change_knobs(|knobs| knobs.assign("list_order=by_name").unwrap());
    assert_eq!(api.names("").await, ["A@1", "One@1", "Two@1"]);
    api.emulator
        .change_knobs(|knobs| knobs.assign("name_filter=ignored").unwrap());
    assert_eq!(api.names("name=A").await, ["A@1", "One@1", "Two@1"]);
    api.emulator
        .change_knobs(|knobs| knobs.assign("name_filter=exact").unwrap());
    assert_eq!(api.names("name=A").await, ["A@1"]);

    let (_, started) = api.delete("two").await;
    assert!(api.emulator.finish_job(&text(&started["job_id"]), None));
    assert_eq!(api.names("").await, ["A@1", "One@1"]);

    // A lagging list shows a write only after this number of calls.
    api.emulator
        .change_knobs(|knobs| knobs.assign("list_lag=2").unwrap());
    api.patch("one", "state=ACTIVE").await;
    assert_eq!(api.names("state=ACTIVE").await, ["A@1"]);
    assert_eq!(api.names("state=ACTIVE").await, ["A@1"]);
    assert_eq!(api.names("state=ACTIVE").await, ["A@1", "One@1"]);
}

#[tokio::test]
async fn users_see_and_change_only_what_they_may() {
    let seed = "
users:
  - { token: t-ann, username: ann }
solutions:
  - { name: Mine, version: 1, owner: ann, id: mine }
  - { name: Written, version: 1, owner: bob, author: ann, id: written }
  - { name: Theirs, version: 1, owner: bob, id: theirs }
  - { name: All, version: 1, owner: IB_DEPLOYED, id: all }
";
    let mut api = Api::start(EmulatorOptions {
        seed: Some(Seed::parse(seed).unwrap()),
        token: Some("root".into()),
        contexts: vec!["acme".to_owned()],
        ..EmulatorOptions::default()
    })
    .await;
    for (token, status, count) in [("root", 200, 4), ("t-ann", 200, 3), ("other", 401, 0)] {
        api.token = token;
        let (answered, body) = api.get(DEPLOYED).await;
        assert_eq!(answered, status, "{token}");
        let solutions = body["solutions"].as_array().map_or(0, Vec::len);
        assert_eq!(solutions, count, "{token}");
    }
    api.token = "t-ann";
    for (id, status) in [
        ("mine", 200),
        ("written", 200),
        ("theirs", 404),
        ("all", 401),
    ] {
        assert_eq!(api.patch(id, "state=INACTIVE").await.0, status, "{id}");
        assert_eq!(api.delete(id).await.0, status, "{id}");
    }
    for (context, status) in [("acme", 200), ("other", 401)] {
        let request = api
            .request(Method::GET, DEPLOYED)
            .header("Ib-Context", context);
        assert_eq!(answer(request).await.0, status);
    }
    let bare = api.client.get(format!("{}{DEPLOYED}", api.emulator.url()));
    let (status, body) = answer(bare).await;
    assert_eq!(status, 401);
    assert!(body["message"].is_string());
}

#[tokio::test]
async fn equal_worlds_send_equal_bytes() {
    let story = || async {
        let api = Api::with(&[], JobPace::Polls(1)).await;
        let mut replies = Vec::new();
        for package in ["A-1", "B-1", "A-1"] {
            let (_, started) = api.deploy(package).await;
            let job = text(&started["job_id"]);
            replies.push(api.status(&job).await);
            replies.push(api.status(&job).await);
            replies.push(api.list("").await);
        }
        replies
    };
    assert_eq!(story().await, story().await);
}

//! The requests of the vendor's promotion toolkit, in its order and with its headers.

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::JobPace;

use super::{Api, DRIVE, answer, text};

const PACKAGE: &str = "{\"name\": \"My Flow\", \"version\": \"0.0.2\", \"owner\": \"IB_DEPLOYED\", \
     \"solution_type\": \"ibflowbin\", \"visibility\": \"PUBLIC\", \"dependencies\": {}}";

impl Api {
    async fn task(&self, action: &str, from: &str, to: &str) -> (u16, String) {
        let body =
            json!({ "src_path": format!("{DRIVE}/{from}"), "dst_path": format!("{DRIVE}/{to}") });
        // The toolkit sends its JSON without a content type.
        let request = self
            .request(Method::POST, &format!("/api/v2/files/{action}"))
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let location = response.headers().get("location");
        let location = location
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        (response.status().as_u16(), location)
    }

    async fn put(&self, path: &str, body: &'static str) {
        assert_eq!(answer(self.file(Method::PUT, path).body(body)).await.0, 204);
    }

    async fn read(&self, path: &str) -> (u16, Value) {
        let request = self.file(Method::GET, path);
        answer(request.query(&[("expect-node-type", "file")])).await
    }

    async fn v1(&self, call: &str, body: Value) -> Value {
        let request = self.request(Method::POST, &format!("/api/v1/{call}"));
        let (status, reply) = answer(request.body(body.to_string())).await;
        assert_eq!(status, 200, "{call}: {reply}");
        reply
    }
}

#[tokio::test]
async fn a_solution_is_copied_compiled_packed_and_deployed() {
    let api = Api::with(&[], JobPace::Immediate).await;
    api.put("src/package.json", PACKAGE).await;
    api.put("src/flows/flow.ibflow", "{}").await;
    for (from, to, state) in [
        ("src/package.json", "work/src/package.json", "COMPLETE"),
        ("src/flows", "work/src/flows", "COMPLETE"),
        // The toolkit copies an icon without checking that there is one.
        ("src/icon.png", "work/src/icon.png", "FAILED"),
        ("src", "src/within", "FAILED"),
    ] {
        let (status, location) = api.task("copy", from, to).await;
        assert_eq!(status, 202, "{from}");
        assert_eq!(api.get(&location).await.1["state"], state, "{from}");
    }

    let root = format!("{DRIVE}/work/src");
    let body = json!({
        "binary_type": "Single Flow", "flow_project_root": format!("{root}/flows"),
        "predefined_binary_path": format!("{root}/flows/flow.ibflowbin"),
        "settings": { "flow_file": "flow.ibflow", "is_flow_v3": true },
    });
    for (place, bad) in [
        ("/binary_type", json!({})),
        ("/settings/is_flow_v3", json!("true")),
    ] {
        let mut body = body.clone();
        *body.pointer_mut(place).unwrap() = bad;
        let path = "/api/v1/flow_binary/compile";
        let (status, reply) = api.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, 400, "{place}: {reply}");
    }
    // With the path in the URL, as the toolkit sends it, and without, as the documentation has it.
    let compiled = api.v1("flow_binary/compile", body.clone()).await;
    assert_eq!(api.result(&compiled).await["status"], "OK");
    let compiled = api.v1(&format!("flow_binary/compile/{root}"), body).await;
    assert_eq!(compiled["status"], "OK");
    let result = api.result(&compiled).await;
    assert_eq!(result["flow_path"], format!("{root}/flows/flow.ibflowbin"));
    assert_eq!(api.read("work/src/flows/flow.ibflowbin").await.0, 200);

    let output = format!("{DRIVE}/compiled");
    let body = json!({ "content_folder": root, "output_folder": output });
    let created = api.v1("solution/create", body.clone()).await;
    let path = format!("{output}/My Flow-0.0.2.ibsolution");
    assert_eq!(created, json!({ "status": "OK", "output_path": path }));
    let mut with_job = body;
    with_job["async"] = json!("true");
    let started = api.v1("solution/create", with_job).await;
    assert_eq!(api.result(&started).await["solution_path"], path);

    assert_eq!(api.deployed("compiled/My Flow-0.0.2").await["status"], "OK");
    assert_eq!(api.names("owner=IB_DEPLOYED").await, ["My Flow@0.0.2"]);
    // Extract accepts a package with the extension of packages.
    let (status, _) = api
        .task("extract", "compiled/My Flow-0.0.2.ibsolution", "temp")
        .await;
    assert_eq!(status, 202);
    assert_eq!(api.read("temp/package.json").await.1["version"], "0.0.2");
    assert_eq!(api.read("temp/flows/flow.ibflow").await.0, 200);
}

#[tokio::test]
async fn dependencies_are_published_in_the_marketplace() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let source = format!("{DRIVE}/B-1.ibsolution");
    let published = api
        .v1("marketplace/publish", json!({ "ibsolution_path": source }))
        .await;
    assert_eq!(published, json!({ "status": "OK" }));
    let place =
        "system/global/fs/Instabase%20Drive/Applications/Marketplace/All/B/1/B-1.ibsolution";
    let target = format!("{DRIVE}/deps/B-1.ibsolution");
    let copied = api
        .v1(
            &format!("drives/{place}/copy?is_v2=true"),
            json!({ "new_full_path": target }),
        )
        .await;
    let job = text(&copied["job_id"]);
    let (_, status) = api
        .get(&format!("/api/v1/jobs/status?job_id={job}&type=job"))
        .await;
    assert_eq!(
        (&status["status"], &status["state"]),
        (&json!("OK"), &json!("DONE"))
    );
    assert_eq!(api.read("deps/B-1.ibsolution").await.0, 200);
    let started = api
        .v1(
            "marketplace/publish",
            json!({ "ibsolution_path": source, "async": "true" }),
        )
        .await;
    assert_eq!(api.result(&started).await["status"], "OK");
    // A v1 call reports an error as `ERROR` in a body with status 200.
    for (call, body) in [
        (
            "marketplace/publish",
            json!({ "ibsolution_path": "none.ibsolution" }),
        ),
        (
            "solution/create",
            json!({ "content_folder": "none", "output_folder": "x" }),
        ),
    ] {
        let reply = api.v1(call, body).await;
        assert_eq!(reply["status"], "ERROR", "{call}");
        assert!(reply["msg"].is_string(), "{call}");
    }
}

#[tokio::test]
async fn folders_are_moved_and_copied_completely() {
    let api = Api::with(&["location_form=url"], JobPace::Immediate).await;
    api.put("a/one.txt", "1").await;
    api.put("a/sub/two.txt", "2").await;
    let (status, location) = api.task("move", "a", "b").await;
    assert_eq!(status, 202);
    assert!(location.starts_with(&api.emulator.url()), "{location}");
    assert_eq!(api.read("b/sub/two.txt").await, (200, json!(2)));
    assert_eq!(api.read("a/one.txt").await.0, 404);
    api.emulator
        .change_knobs(|knobs| knobs.assign("location_form=missing").unwrap());
    for (action, from, to) in [
        ("copy", "b/one.txt", "b/sub"),
        ("copy", "b", "b/one.txt"),
        ("move", "b", "b/sub/b"),
        ("extract", "b/one.txt", "c"),
    ] {
        assert_eq!(api.task(action, from, to).await, (202, String::new()));
        assert_eq!(
            api.read("b/one.txt").await,
            (200, json!(1)),
            "{action} {from} {to}"
        );
    }
    let bad = api
        .request(Method::POST, "/api/v2/files/copy")
        .body("{\"src_path\": \"x\"}");
    assert_eq!(answer(bad).await.0, 400);
}

/// The toolkit does not read the job of a compilation, and packs what it finds.
#[tokio::test]
async fn a_failed_task_has_done_nothing() {
    let api = Api::with(&[], JobPace::Immediate).await;
    api.put("a/flow.ibflow", "{}").await;
    for fault in ["compile_flow,job=fail", "copy_node,job=fail"] {
        let rule = format!("operation={fault},times=1,text=no");
        api.emulator.add_fault(rule.parse().unwrap());
    }
    let body = json!({
        "binary_type": "Single Flow", "flow_project_root": format!("{DRIVE}/a"),
        "settings": { "flow_file": "flow.ibflow", "is_flow_v3": true },
    });
    let compiled = api.v1("flow_binary/compile", body.clone()).await;
    assert_eq!(api.result(&compiled).await["status"], "ERROR");
    assert_eq!(api.read("a/build/bin/flow.ibflowbin").await.0, 404);
    let (_, location) = api.task("copy", "a", "b").await;
    assert_eq!(api.get(&location).await.1["state"], "FAILED");
    assert_eq!(api.read("b/flow.ibflow").await.0, 404);
    let compiled = api.v1("flow_binary/compile", body).await;
    assert_eq!(api.result(&compiled).await["status"], "OK");
    assert_eq!(api.read("a/build/bin/flow.ibflowbin").await.0, 200);
}

//! The profile `aihub`: its records have the form that was captured from real servers.

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{EmulatorOptions, JobPace, Profile};

use super::{Api, DEPLOYED, options, text};

async fn aihub() -> (Api, String) {
    let api = Api::start(EmulatorOptions {
        knobs: None,
        profile: "aihub".parse().unwrap(),
        ..options(&[], JobPace::Immediate)
    })
    .await;
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    (api, id)
}

#[tokio::test]
async fn records_have_the_captured_form() {
    let (api, id) = aihub().await;
    let (_, single) = api.get(&format!("{DEPLOYED}/{id}")).await;
    let record = &single["solution"];
    let mut keys: Vec<&str> = record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "appReleaseVersion",
            "author",
            "createdAtMs",
            "description",
            "id",
            "isCustomizable",
            "linkSharingMode",
            "metadata",
            "name",
            "owner",
            "solutionType",
            "solution_path",
            "state",
            "summary",
            "updateMode",
            "updatedAtMs",
            "version",
            "visibility",
        ]
    );
    assert_eq!(record["summary"], "No summary");
    assert_eq!(record["description"], "No release notes");
    for key in ["createdAtMs", "updatedAtMs"] {
        let time = text(&record[key]);
        assert!(time.len() == 13 && time.ends_with("000"), "{key} {time}");
    }
    let metadata: Value = serde_json::from_str(&text(&record["metadata"])).unwrap();
    assert_eq!(metadata["authors"], json!(["admin"]));
    assert!(metadata["billing_model"].is_string());

    // The server folder that the record names is readable.
    let folder = text(&record["solution_path"]);
    assert!(folder.ends_with(&format!("/Deployed/All/{id}")), "{folder}");
    let (status, package) = api
        .get(&format!(
            "/api/v2/files/{folder}/package.json?expect-node-type=file"
        ))
        .await;
    assert_eq!((status, &package["version"]), (200, &json!("1")));
    let (status, icon) = api
        .get(&format!(
            "/api/v2/files/{folder}/icon.png?expect-node-type=file"
        ))
        .await;
    assert_eq!(status, 404, "the package has no icon: {icon}");
    let listed = api.list("visibility=PRIVATE").await;
    assert_eq!(listed["solutions"][0]["visibility"], "PRIVATE");
    assert_eq!(listed["solutions"][0]["solutionType"], "EXTRACTION");
}

#[tokio::test]
async fn an_icon_can_be_read() {
    let (api, _) = aihub().await;
    for (path, body) in [
        (
            "src/package.json",
            json!({ "name": "C", "version": "1", "owner": "ann", "solution_type": "ibflowbin" })
                .to_string(),
        ),
        ("src/icon.png", "png".to_owned()),
    ] {
        let request = api.file(Method::PUT, path).body(body);
        assert_eq!(super::answer(request).await.0, 204);
    }
    let drive = super::DRIVE;
    let body = json!({ "content_folder": format!("{drive}/src"), "output_folder": drive });
    let create = "/api/v1/solution/create";
    let (_, created) = api.call(Method::POST, create, Some(body)).await;
    assert_eq!(created["output_path"], format!("{drive}/C-1.ibsolution"));
    let id = text(&api.deployed("C-1").await["deployed_solution_id"]);
    let (_, single) = api.get(&format!("{DEPLOYED}/{id}")).await;
    let folder = text(&single["solution"]["solution_path"]);
    let icon = format!("/api/v2/files/{folder}/icon.png?expect-node-type=file");
    assert_eq!(api.get(&icon).await, (200, json!("png")));
}

#[tokio::test]
async fn patches_and_sharing_of_the_newer_toolkit_work() {
    let (api, id) = aihub().await;
    let path = format!("{DEPLOYED}/{id}");
    let body = json!({ "is_customizable": true, "state": "PRODUCTION" });
    let (status, patched) = api.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!(status, 200, "{patched}");
    assert_eq!(patched["solution"]["state"], "PRODUCTION");
    assert_eq!(patched["solution"]["isCustomizable"], true);
    for bad in ["yes", ""]
        .map(Value::from)
        .into_iter()
        .chain([json!(1), json!([])])
    {
        let body = Some(json!({ "is_customizable": bad }));
        assert_eq!(api.call(Method::PATCH, &path, body).await.0, 400, "{bad}");
    }
    for query in ["state=OTHER", "visibility=OTHER"] {
        let body = Some(json!({ "state": "ACTIVE", "visibility": "PRIVATE" }));
        let path = format!("{path}?{query}");
        assert_eq!(api.call(Method::PATCH, &path, body).await.0, 400, "{query}");
    }
    assert_eq!(api.names("state=PRODUCTION").await, ["A@1"]);
    assert!(api.names("state=ACTIVE").await.is_empty());

    let sharing = format!("{path}/sharing/orgs");
    let orgs = Some(json!({ "orgs": ["acme"] }));
    let (status, _) = api.call(Method::PATCH, &sharing, orgs).await;
    assert_eq!(status, 200);
    let (_, single) = api.get(&path).await;
    assert_eq!(single["solution"]["sharedAccounts"], json!(["acme"]));
    for bad in [json!({}), json!({ "orgs": "acme" }), json!({ "orgs": [1] })] {
        assert_eq!(api.call(Method::PATCH, &sharing, Some(bad)).await.0, 400);
    }
    let elsewhere = format!("{DEPLOYED}/none/sharing/orgs");
    let orgs = Some(json!({ "orgs": [] }));
    assert_eq!(api.call(Method::PATCH, &elsewhere, orgs).await.0, 404);
    // The form in the official documentation still works.
    assert_eq!(api.patch(&id, "state=INACTIVE").await.0, 200);
}

#[test]
fn profiles_have_names() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    let error = "AI Hub".parse::<Profile>().unwrap_err();
    assert!(error.to_string().contains("`docs` and `aihub`"), "{error}");
}

//! The API description: it equals the committed one, is complete, and describes the answers.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use solform_emulator::{EmulatorOptions, JobPace, Operation, Profile, openapi};

use super::{Api, DEPLOYED, DRIVE, answer, options, text};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the committed document is a file, and a variable asks for its renewal"
)]
fn the_committed_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/emulator.openapi.json");
    let mut present = serde_json::to_string_pretty(&openapi()).unwrap();
    present.push('\n');
    if std::env::var_os("SOLFORM_BLESS").is_some() {
        std::fs::write(&path, &present).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == present,
        "{} differs from the types; run the test again with SOLFORM_BLESS=1",
        path.display()
    );
}

/// Returns the part of the document for one operation.
fn part(document: &Value, operation: Operation) -> Value {
    let paths = document["paths"].as_object().unwrap();
    let mut parts = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values());
    let part = parts.find(|part| part["operationId"] == operation.name());
    part.unwrap_or_else(|| panic!("{operation:?} is not described"))
        .clone()
}

#[test]
fn every_operation_is_described_with_its_certainty() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let marks = ["STATED", "SEEN", "INFERRED", "UNKNOWN"];
    for operation in Operation::ALL {
        let part = part(&document, operation);
        assert_eq!(part["operationId"], operation.name());
        let mut described = vec![&part["description"]];
        let parameters = part["parameters"].as_array().unwrap();
        described.extend(parameters.iter().map(|parameter| &parameter["description"]));
        for description in described {
            let description = text(description);
            let is_marked = marks.iter().any(|mark| description.starts_with(mark));
            assert!(is_marked, "{operation:?}: {description}");
        }
    }
    // Each referenced schema exists.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

/// Asserts that an answer conforms to the document.
fn check(document: &Value, operation: Operation, status: u16, body: &Value) {
    let responses = &part(document, operation)["responses"];
    // Without knobs and faults, each status has its own response, never `default`.
    let response = &responses[status.to_string()];
    assert!(response.is_object(), "{operation:?} {status}: {body}");
    let content = &response["content"]["application/json"]["schema"];
    if content.is_null() {
        assert!(!body.is_object(), "{operation:?} {status}: {body}");
        return;
    }
    let mut schema = content.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(body).map(|e| e.to_string()).collect();
    assert!(
        errors.is_empty(),
        "{operation:?} {status}: {body}\n{errors:#?}"
    );
}

#[tokio::test]
async fn answers_conform_to_the_document() {
    let document = openapi();
    for profile in Profile::ALL {
        let api = Api::start(EmulatorOptions {
            profile,
            knobs: None,
            ..options(&[], JobPace::Polls(1))
        })
        .await;
        let ask = async |operation: Operation, path: String, body: Option<Value>| {
            let (method, _) = operation.route();
            let (status, reply) = api.call(method, &path, body).await;
            check(&document, operation, status, &reply);
            (status, reply)
        };
        let files = format!("/api/v2/files/{DRIVE}");
        let package = json!({ "solution_path": format!("{DRIVE}/A-1.ibsolution") });
        let (_, started) = ask(Operation::Deploy, DEPLOYED.to_owned(), Some(package)).await;
        let status =
            |started: &Value| format!("/api/v1/jobs/status?job_id={}", text(&started["job_id"]));
        for _ in 0..2 {
            ask(Operation::JobStatus, status(&started), None).await;
        }
        let (_, listed) = ask(Operation::ListSolutions, DEPLOYED.to_owned(), None).await;
        let id = text(&listed["solutions"][0]["id"]);
        let one = format!("{DEPLOYED}/{id}");
        ask(Operation::GetSolution, one.clone(), None).await;
        ask(
            Operation::PatchSolution,
            format!("{one}?visibility=PUBLIC"),
            None,
        )
        .await;
        let orgs = Some(json!({ "orgs": ["acme"] }));
        ask(
            Operation::ShareSolution,
            format!("{one}/sharing/orgs"),
            orgs,
        )
        .await;
        ask(
            Operation::WriteFile,
            format!("{files}/in/a"),
            Some(json!({})),
        )
        .await;
        let run = json!({ "input_dir": format!("{DRIVE}/in"), "settings": {} });
        let (_, started) = ask(
            Operation::RunSolution,
            format!("{one}/run"),
            Some(run.clone()),
        )
        .await;
        ask(Operation::ListRuns, format!("{DEPLOYED}/jobs"), None).await;
        for _ in 0..2 {
            ask(Operation::JobStatus, status(&started), None).await;
        }
        ask(Operation::ListSolutionRuns, format!("{one}/jobs"), None).await;
        let mut by_name = run;
        by_name["name"] = json!("A");
        let (_, single) = ask(Operation::GetSolution, one.clone(), None).await;
        by_name["owner"] = single["solution"]["owner"].clone();
        let (answered, _) = ask(
            Operation::RunByName,
            format!("{DEPLOYED}/run"),
            Some(by_name),
        )
        .await;
        assert_eq!(answered, 200);
        let node = json!({ "name": "new", "node_type": "folder" });
        ask(Operation::CreateNode, files.clone(), Some(node)).await;
        for kind in ["file", "folder"] {
            ask(
                Operation::ReadNode,
                format!("{files}?expect-node-type={kind}"),
                None,
            )
            .await;
        }
        let from_to =
            json!({ "src_path": format!("{DRIVE}/in"), "dst_path": format!("{DRIVE}/c") });
        let copy = api
            .request(Method::POST, "/api/v2/files/copy")
            .json(&from_to);
        let response = copy.send().await.unwrap();
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        ask(Operation::FileJobStatus, location, None).await;
        let create = json!({ "content_folder": "x", "output_folder": "y" });
        for body in [create, json!({})] {
            let path = "/api/v1/solution/create".to_owned();
            ask(Operation::CreateSolution, path, Some(body)).await;
        }
        let (answered, reply) = ask(Operation::DeleteSolution, one.clone(), None).await;
        assert_eq!(answered, 200, "{reply}");
        let bare = api.client.get(format!("{}{one}", api.emulator.url()));
        let (answered, reply) = answer(bare).await;
        check(&document, Operation::GetSolution, answered, &reply);
    }
}

#[tokio::test]
async fn the_emulator_refuses_what_the_document_refuses() {
    let document = openapi();
    let api = Api::with(&["unknown_filter_word=refused"], JobPace::Immediate).await;
    let schema = |name: &str| {
        let mut schema = document["components"]["schemas"][name].clone();
        schema["components"] = document["components"].clone();
        jsonschema::validator_for(&schema).unwrap()
    };
    let id = text(&api.deployed("A-1").await["deployed_solution_id"]);
    let run = format!("{DEPLOYED}/{id}/run");
    let node = format!("/api/v2/files/{DRIVE}/nodes");
    let texts = [
        "a", "/a/", "a/b", ".a", "..a", "a.", "...", "", "/", "//", "a//b", ".", "..", "a/../b",
        "./a", "a/.", "a\0b", "a\n",
    ];
    for text in texts {
        for (name, path, body) in [
            ("RunBody", &run, json!({ "input_dir": text })),
            (
                "RunBody",
                &run,
                json!({ "input_dir": "a", "output_dir": text }),
            ),
            (
                "CreateNodeBody",
                &node,
                json!({ "name": text, "node_type": "folder" }),
            ),
        ] {
            let is_valid = schema(name).is_valid(&body);
            let (status, reply) = api.call(Method::POST, path, Some(body.clone())).await;
            assert_eq!(is_valid, status != 400, "{body}: {reply}");
        }
    }
    for (operation, path) in [
        (Operation::ListSolutions, DEPLOYED.to_owned()),
        (Operation::ListRuns, format!("{DEPLOYED}/jobs")),
        (Operation::ListSolutionRuns, format!("{DEPLOYED}/{id}/jobs")),
    ] {
        for parameter in part(&document, operation)["parameters"].as_array().unwrap() {
            let items = &parameter["schema"]["items"];
            let schema = if items.is_object() {
                items
            } else {
                &parameter["schema"]
            };
            let words = schema["enum"].as_array().into_iter().flatten();
            let words = words
                .map(|word| (text(word), 200))
                .chain([("OTHER".to_owned(), 400)]);
            for (word, wanted) in words.filter(|_| schema["enum"].is_array()) {
                let query = format!("{}={word}", text(&parameter["name"]));
                let (status, reply) = api.get(&format!("{path}?{query}")).await;
                assert_eq!(status, wanted, "{path}?{query}: {reply}");
            }
        }
    }
}

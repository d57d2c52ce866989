//! The formats of plans and reports that other programs read.

mod credentials;
mod events;
mod exit_codes;
mod github;
mod html;
mod literals;
mod matrix;
mod places;
mod printed;
mod reports;
mod sarif;
pub(crate) mod streams;
mod summarised;

use serde_json::Value;
pub(crate) use streams::assert_golden;

use crate::support::worlds::{Version, env_with, manifest, seed, start};

const SOLUTIONS: &str = "
  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  B: { version: 1, state: ABSENT }
  C: { version: 1, visibility: PUBLIC }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_written_in_several_formats_at_once() {
    let emulator = start(
        seed(
            &[
                Version::active("A", "1"),
                Version::active("B", "1"),
                Version::active("C", "1"),
            ],
            &[Version::active("A", "2")],
        ),
        &[],
    )
    .await;
    // Without `user`, a visibility of PUBLIC does not match the declared owner.
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS).replace("user: svc, ", ""));
    let printed = env
        .solform_beside(&[
            "plan",
            "--format",
            "json",
            "--out",
            "the.plan",
            "--output",
            "text=plan.txt",
            "--output=gitlab=counts.json",
            "--detailed-exitcode",
        ])
        .await
        .exits_with(2)
        // The warning is on standard error.
        .warns("Warning:")
        .warns("The plan is saved in `the.plan`.");
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(document["applyable"], true);
    let schema = env.solform(&["schema", "plan"]).exits_with(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let counts: Value = serde_json::from_str(&env.read("counts.json")).unwrap();
    assert_eq!(
        counts,
        serde_json::json!({ "create": 1, "update": 2, "delete": 1 })
    );
    let text = env.read("plan.txt");
    assert!(
        text.contains("Plan: 1 to add, 2 to change, 1 to destroy."),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");

    // `show` of the saved plan prints the same.
    let shown = env.solform(&["show", "--json", "the.plan"]).exits_with(0);
    assert_eq!(shown.stdout, printed.stdout);
    let shown = env.solform(&["show", "the.plan"]).exits_with(0);
    assert_eq!(shown.stdout, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_of_a_blocked_plan_has_the_reason() {
    let emulator = start(seed(&[Version::active("B", "1")], &[]), &[]).await;
    let text = manifest(&emulator.url(), "  B: { version: 1, state: ABSENT }\n");
    let env = env_with(&text.replace("    vars:", "    protect: [\"B@*\"]\n    vars:"));
    let printed = env
        .solform_beside(&["plan", "--format", "json", "--detailed-exitcode"])
        .await
        .exits_with(4);
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(document["applyable"], false);
    assert_eq!(
        document["resource_changes"][0]["x_solution"]["blocked"],
        true
    );
    assert_eq!(
        document["x_solution"]["refusals"][0],
        "`B@1` is protected and must not be deleted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_formats_are_errors() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    for (arguments, message) in [
        (
            &["plan", "--format", "xml"][..],
            "possible values: text, json, markdown, html, gitlab, github, sarif, mermaid",
        ),
        (&["plan", "--output", "plan.json"], "FORMAT=FILE"),
        (&["plan", "--output", "xml=plan.xml"], "--output"),
        (
            &["plan", "--output", "json=no/such/folder/plan.json"],
            "failed to write",
        ),
    ] {
        let _ = env
            .solform_beside(arguments)
            .await
            .exits_with(1)
            .warns(message);
    }
}

/// Each key of the report and each type of line is in docs/output.md.
#[test]
fn the_page_has_each_key_and_type_of_line() {
    let page = include_str!("../../../docs/output.md");
    let env = crate::support::TestEnv::new();
    let schema = |name: &str| -> Value {
        let text = env.solform(&["schema", name]).exits_with(0).stdout;
        serde_json::from_str(&text).unwrap()
    };
    let report = schema("report");
    let mut names: Vec<String> = Vec::new();
    for keys in [
        &report["properties"],
        &report["$defs"]["ReportChange"]["properties"],
    ] {
        names.extend(keys.as_object().unwrap().keys().cloned());
    }
    let events = schema("events");
    for kind in events["oneOf"].as_array().unwrap() {
        names.push(
            kind["properties"]["type"]["const"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let logs = &events["$defs"]["LogItem"]["anyOf"][0]["oneOf"];
    for kind in logs.as_array().unwrap() {
        names.push(
            kind["properties"]["event"]["const"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert!(names.len() > 35, "{names:?}");
    for name in &names {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/output.md has no `{name}`"
        );
    }
}

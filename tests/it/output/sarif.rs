//! SARIF documents have what code scanning needs. `.ci/examples` validates them against the
//! official schema.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::worlds::{TOKEN, Version, env_with, manifest, manifest_with, seed, start};

/// Parses a document, and asserts what code scanning requires.
fn checked(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap();
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut fingerprints = BTreeSet::new();
    for result in results(&document) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        // Code scanning shows only results with a location.
        let at = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(at["uri"], "solform.yaml", "{result:#}");
        let help = rules[index]["help"]["text"].as_str().unwrap();
        assert!(help.len() > 15, "{result:#}");
        let print = result["partialFingerprints"]["solform/v1"]
            .as_str()
            .unwrap();
        assert!(fingerprints.insert(print), "{document:#}");
    }
    document
}

fn results(document: &Value) -> &Vec<Value> {
    document["runs"][0]["results"].as_array().unwrap()
}

/// Returns the rule, the level, the line and the column of each result.
fn summary(document: &Value) -> Vec<(&str, &str, Option<u64>, Option<u64>)> {
    let results = results(document).iter();
    let summary = results.map(|result| {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        (
            result["ruleId"].as_str().unwrap(),
            result["level"].as_str().unwrap(),
            region["startLine"].as_u64(),
            region["startColumn"].as_u64(),
        )
    });
    summary.collect()
}

fn fingerprints(document: &Value) -> Vec<&Value> {
    let results = results(document).iter();
    results
        .map(|result| &result["partialFingerprints"])
        .collect()
}

#[test]
fn validate_writes_the_problems() {
    let text = "solform: 1\nenvironments:\n  a: { url: 'emulator:', colour: red, store: '' }\n\
        solutions: {}\n";
    let env = env_with(text);
    let sarif = ["validate", "--format", "sarif"];
    let output = env
        .solform(&sarif)
        .exits_with(1)
        .warns("Error: unknown field `colour`");
    let document = checked(&output.stdout);
    let found = summary(&document);
    assert!(
        found.contains(&("unknown-field", "error", Some(3), Some(26))),
        "{found:?}"
    );
    let unknown = results(&document);
    let unknown = unknown.iter().find(|it| it["ruleId"] == "unknown-field");
    let location = &unknown.unwrap()["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"],
        json!({ "uri": "solform.yaml" })
    );
    assert_eq!(location["region"]["endColumn"], 32);
    // A moved line changes no fingerprint.
    env.write("solform.yaml", &format!("# moved\n\n{text}"));
    let moved = env.solform(&sarif).exits_with(1);
    let moved = checked(&moved.stdout);
    assert_ne!(summary(&moved), summary(&document));
    assert_eq!(fingerprints(&moved), fingerprints(&document));
    // Warnings do not fail, and a manifest without problems has no results.
    env.write(
        "solform.yaml",
        "solform: 1\nenvironments: { a: { url: 'emulator:' } }\n",
    );
    let output = env
        .solform(&["validate", "--output", "sarif=out.sarif"])
        .exits_with(0)
        .says("Success! The manifest is valid.");
    assert!(!output.stdout.contains("2.1.0"), "{output}");
    let warned = checked(&env.read("out.sarif"));
    assert_eq!(summary(&warned).len(), 1);
    assert_eq!(summary(&warned)[0].1, "warning");
    let _ = env.solform(&["init"]).exits_with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_blocks_risks_and_notes() {
    let live = ["Up", "Old", "Safe"].map(|name| Version::active(name, "1"));
    let emulator = start(seed(&live, &[Version::active("Up", "2")]), &[]).await;
    let text = manifest_with(
        &emulator.url(),
        "    protect: [\"Safe@*\"]\n",
        "",
        "  Up: { version: 2, path: '${drive}/Up-2.ibsolution' }\n  Old: { \
         version: 1, state: INACTIVE }\n  Safe: { version: 1, state: ABSENT }\n",
    );
    let env = env_with(&text);
    let plan = [
        "plan",
        "--format",
        "sarif",
        "--output",
        "json=plan.json",
        "--out",
        "the.plan",
    ];
    let output = env.solform_beside(&plan).await.exits_with(1);
    assert!(!output.stdout.contains(TOKEN), "{output}");
    let document = checked(&output.stdout);
    let found = summary(&document);
    assert!(
        found.contains(&("protected", "error", Some(13), Some(20))),
        "{found:?}"
    );
    assert!(
        found.contains(&("risk", "warning", Some(13), Some(20))),
        "{found:?}"
    );
    assert!(
        found.contains(&("no-successor", "note", Some(12), Some(19))),
        "{found:?}"
    );
    // The numbers are those of the plan document.
    let json: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    let changes = json["resource_changes"].as_array().unwrap();
    let noted: usize = changes
        .iter()
        .map(|change| change["x_solution"]["notes"].as_array().unwrap().len())
        .sum();
    let of_level = |level| found.iter().filter(|result| result.1 == level).count();
    assert_eq!(of_level("note"), noted);
    let refusals = &json["x_solution"]["refusals"];
    assert_eq!(of_level("error"), refusals.as_array().unwrap().len());
    // A saved plan shows the same.
    let shown = env
        .solform(&["show", "the.plan", "--format", "sarif"])
        .exits_with(1);
    assert_eq!(shown.stdout, output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_without_a_plan_is_a_result() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, owner: '' }\n",
    ));
    let output = env
        .solform_beside(&["plan", "--format", "sarif"])
        .await
        .exits_with(1);
    let document = checked(&output.stdout);
    assert_eq!(summary(&document)[0].1, "error");
}

#[test]
fn a_review_has_its_findings() {
    let base = "solform: 1\nenvironments: { a: { url: 'emulator:', protect: ['A@*'] } }\n\
        defaults: { owner: o }\nsolutions:\n  A: { version: 1, path: a/1.ibsolution }\n";
    let env = env_with(
        &base
            .replace("version: 1, path: a/1", "version: 2, path: a/2")
            .replace(", protect: ['A@*']", ""),
    );
    env.write("base.yaml", base);
    let review = ["review", "--base", "base.yaml", "--format", "sarif"];
    let output = env.solform(&[&review[..], &["--output", "json=r.json"]].concat());
    let output = output.exits_with(0);
    let document = checked(&output.stdout);
    let found = summary(&document);
    assert!(
        found.iter().any(|it| it.0 == "upgraded" && it.2 == Some(5)),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.0.starts_with("protection-removed") && it.1 == "warning"),
        "{found:?}"
    );
    let json: Value = serde_json::from_str(&env.read("r.json")).unwrap();
    assert_eq!(found.len(), json["findings"].as_array().unwrap().len());
}

/// A name is not shown as a link, and no control character is in a message.
#[test]
fn texts_are_escaped() {
    let env = env_with(
        "solform: 1\nenvironments: { a: { url: 'emulator:' } }\n\
         \"[x](javascript:alert)\\u001b[31m\": 1\n",
    );
    let output = env
        .solform(&["validate", "--format", "sarif"])
        .exits_with(1);
    let document = checked(&output.stdout);
    for result in results(&document) {
        let text = result["message"]["text"].as_str().unwrap();
        assert!(!text.contains("](") && !text.contains('\u{1b}'), "{text}");
    }
}

//! JSON documents match their schemas, and the committed schemas match the types.

use std::path::Path;

use serde_json::Value;
use solform_emulator::JobPace;

use super::{input, start_with};
use crate::support::TestEnv;

const DOCUMENTS: [&str; 20] = [
    "solutions",
    "runs",
    "job",
    "history",
    "apply-history",
    "plan",
    "doctor",
    "drift",
    "review",
    "report",
    "events",
    "abandon",
    "revoke",
    "package",
    "package-diff",
    "plan-matrix",
    "list-matrix",
    "report-matrix",
    "promotion",
    "explanations",
];

#[test]
fn the_committed_schemas_match_the_types() {
    let env = TestEnv::new();
    for document in DOCUMENTS {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{document}.schema.json"));
        let made = env.solform(&["schema", document]).exits_with(0).stdout;
        if std::env::var("SOLFORM_BLESS").is_ok_and(|value| value == "1") {
            std::fs::write(&path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            made == committed,
            "{} is not that of the types; run the tests with SOLFORM_BLESS=1 to write it",
            path.display()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_match_their_schemas() {
    let (_emulator, env) = start_with(&[], JobPace::Polls(3)).await;
    let validators = DOCUMENTS.map(|document| {
        let schema = env.solform(&["schema", document]).exits_with(0).stdout;
        jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
    });
    let input = input();
    let start = [
        "run",
        "Form W-2@0.0.1",
        "--input-dir",
        &input,
        "--job-id",
        "r",
    ];
    for (which, arguments, code) in [
        (0, &["list"][..], 0),
        (0, &["list", "--name", "Nothing"], 0),
        (0, &["get", "Form W-2@0.0.1"], 0),
        (0, &["get", "Paystub@1.0.0"], 0),
        (1, &["jobs"], 0),
        (2, &start, 0),
        (2, &["job", "r"], 1),
        (2, &["job", "r", "--wait"], 0),
        (1, &["jobs"], 0),
        (2, &["job", "unknown"], 1),
        (6, &["doctor"], 0),
        (6, &["doctor", "--store", "solform.yaml"], 1),
    ] {
        let arguments = [arguments, &["--json"]].concat();
        let output = env.solform_beside(&arguments).await.exits_with(code);
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        let errors: Vec<String> = validators[which]
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{arguments:?}: {errors:#?}\n{document:#}"
        );
        let expected = if which == 6 { "1.0" } else { "1.1" };
        assert_eq!(document["format_version"], expected, "{arguments:?}");
        assert_eq!(document["environment"], "test");
    }
    // A schema that accepts everything would prove nothing.
    for validator in &validators {
        assert!(!validator.is_valid(&serde_json::json!({ "format_version": "1.0" })));
    }
}

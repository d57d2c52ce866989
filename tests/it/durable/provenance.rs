//! Who started an apply, and from what, as the history and the reports show it.

use serde_json::Value;

use crate::support::worlds::{Version, env_with, manifest, seed, start};

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_records_who_started_it_and_from_what() {
    let emulator = start(seed(&[Version::inactive("Form", "1")], &[]), &[]).await;
    let mut env = env_with(&manifest(&emulator.url(), "  Form: { version: 1 }\n"));
    for (name, value) in [
        ("CI_JOB_URL", "https://ci.example.com/jobs/7"),
        ("CI_COMMIT_SHA", "0123abcd"),
        ("CI_COMMIT_REF_NAME", "release"),
    ] {
        env.set(name, value);
    }
    let apply = [
        "apply",
        "--auto-approve",
        "--message",
        "the fix of\u{1b}[31m 42",
        "--output",
        "json=r.json",
        "--output",
        "markdown=r.md",
        "--output",
        "html=r.html",
    ];
    let line = "Applied by tester@machine, pipeline https://ci.example.com/jobs/7, commit \
                0123abcd, \
                branch release, message the fix of";
    let output = env.solform_beside(&apply).await.exits_with(0).says(line);
    assert!(!output.stdout.contains('\u{1b}'), "{output}");
    let report: Value = serde_json::from_str(&env.read("r.json")).unwrap();
    let provenance = &report["provenance"];
    assert_eq!(provenance["who"], "tester@machine");
    assert_eq!(provenance["ci_run"], "https://ci.example.com/jobs/7");
    assert_eq!(provenance["commit"], "0123abcd");
    assert_eq!(provenance["branch"], "release");
    assert!(env.read("r.md").contains("tester@machine"));
    assert!(env.read("r.html").contains("tester@machine"));
    let history = env
        .solform_beside(&["history", "--json"])
        .await
        .exits_with(0);
    let history: Value = serde_json::from_str(&history.stdout).unwrap();
    assert_eq!(history["applies"][0]["provenance"], *provenance);
    let id = history["applies"][0]["id"].as_str().unwrap();
    let _ = env
        .solform_beside(&["history", "show", id])
        .await
        .exits_with(0)
        .says("https://ci.example.com/jobs/7");
}

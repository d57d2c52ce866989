//! The report of an apply in every format, whatever the end was.

use serde_json::{Value, json};
use solform::emulator::Emulator;

use super::streams::{assert_golden, assert_valid, steady, validator};
use crate::support::TestEnv;
use crate::support::worlds::{TOKEN, Version, env_with, manifest, manifest_with, seed, start};

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  Old: { version: 1, state: ABSENT }
";

async fn world() -> (Emulator, TestEnv) {
    let live = ["Up", "Old"].map(|name| Version::active(name, "1"));
    let emulator = start(seed(&live, &[Version::active("Up", "2")]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    (emulator, env)
}

const EVERYWHERE: [&str; 8] = [
    "--output",
    "json=report.json",
    "--output",
    "markdown=report.md",
    "--output",
    "github=report.cmd",
    "--output",
    "text=report.txt",
];

fn apply(more: &[&'static str]) -> Vec<&'static str> {
    [
        &["apply", "--auto-approve", "--detailed-exitcode"],
        &EVERYWHERE[..],
        more,
    ]
    .concat()
}

fn report(env: &TestEnv) -> Value {
    let document: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    assert_valid(&validator(env, "report"), &document);
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_had_in_every_format_at_once() {
    let (_emulator, env) = world().await;
    let output = env.solform_beside(&apply(&[])).await.exits_with(2);
    let document = report(&env);
    assert_eq!(document["result"], "complete");
    assert_eq!(
        document["totals"],
        json!({ "added": 1, "changed": 1, "destroyed": 1 })
    );
    assert_eq!(document["convergence"]["result"], "converged");
    // The text is what stood on the screen: the plan, the table, the verdict.
    assert_eq!(env.read("report.txt"), output.stdout);
    let verdict = "Apply complete! Resources: 1 added, 1 changed, 1 destroyed.";
    assert!(output.stdout.ends_with(&format!("{verdict}\n")), "{output}");
    assert!(env.read("report.md").contains(&format!("**{verdict}**")));
    assert_eq!(
        env.read("report.cmd"),
        format!("::notice title=solform apply%3A test::{verdict}\n")
    );
    // The run is the one that the store keeps.
    let run = document["run"].as_str().unwrap();
    let shown = env.solform(&["history", "show", run, "--format", "markdown"]);
    let shown = shown.exits_with(0);
    assert!(
        shown
            .stdout
            .starts_with("<!-- solform report environment=test id=")
    );
    assert!(
        shown.stdout.contains("| `create` | `Up@2` | done |"),
        "{shown}"
    );
    assert!(shown.stdout.contains(&format!("**{verdict}**")), "{shown}");
    let shown = env.solform(&["history", "show", run, "--format", "json"]);
    let kept = env
        .solform(&["history", "show", run, "--json"])
        .exits_with(0);
    assert_eq!(shown.exits_with(0).stdout, kept.stdout);
    let both = ["history", "show", run, "--json", "--format", "text"];
    let _ = env
        .solform(&both)
        .exits_with(1)
        .warns("cannot be used with");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_document_has_standard_output_for_itself() {
    let (_emulator, env) = world().await;
    let json = ["apply", "--auto-approve", "--format", "json"];
    let output = env.solform_beside(&json).await.exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_valid(&validator(&env, "report"), &document);
    let output = output
        .warns("Plan: 1 to add, 1 to change, 1 to destroy.")
        .warns("Apply complete!");
    assert!(!output.stderr.contains(TOKEN));
    // Nothing to do is a report too.
    let output = env.solform_beside(&json).await.exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["result"], "complete");
    assert_eq!(document["changes"], json!([]));
    assert_eq!(document["run"], Value::Null);
    let markdown = ["destroy", "--auto-approve", "--format", "markdown"];
    let output = env.solform_beside(&markdown).await.exits_with(0);
    assert!(
        output.stdout.starts_with("<!-- solform report "),
        "{output}"
    );
    assert!(output.stdout.contains("**Destroy complete!"), "{output}");
    // Where nobody approved, the document says so.
    let output = env.solform_beside(&["apply", "--format", "json"]);
    let output = output.await.exits_with(1).warns("nobody to approve");
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["result"], "not-applied");
    let _ = env
        .solform_beside(&["apply", "--resume", "--format", "json"])
        .await
        .exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_failed_leaves_its_report() {
    let (emulator, env) = world().await;
    let fault = "operation=deploy,job=fail,text=::error::out of <memory>";
    emulator.add_fault(fault.parse().unwrap());
    let arguments = apply(&["--parallelism", "1"]);
    let output = env.solform_beside(&arguments).await.exits_with(5);
    let document = report(&env);
    let pretty = serde_json::to_string_pretty(&steady(&document)).unwrap();
    assert_golden("report-failed.json", &format!("{pretty}\n"));
    assert_golden("report-failed.md", &steady_text(&env.read("report.md")));
    assert_golden("report-failed.cmd", &steady_text(&env.read("report.cmd")));
    assert_eq!(document["outcomes"]["failed"], 1);
    assert_eq!(document["outcomes"]["skipped"], 1);
    assert!(document["resume_command"].is_string());
    assert_eq!(env.read("report.txt"), output.stdout);
}

fn steady_text(text: &str) -> String {
    let times = regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let text = times.replace_all(text, "2026-01-01T00:00:00Z");
    let value = steady(&Value::String(text.into_owned()));
    let marker = regex::Regex::new(r"id=[0-9a-f]{12}").unwrap();
    let text = value.as_str().unwrap();
    marker.replace_all(text, "id=000000000000").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_begun_leaves_a_report_with_why() {
    let (emulator, mut env) = world().await;
    let protected = manifest_with(&emulator.url(), "    protect: [\"Old@*\"]\n", "", SOLUTIONS);
    env.write("solform.yaml", &protected);
    let _ = env.solform_beside(&apply(&[])).await.exits_with(4);
    let document = report(&env);
    assert_eq!(document["result"], "not-applied");
    assert_eq!(document["environment"], "test");
    assert_eq!(
        document["errors"][0]["summary"],
        "`Old@1` is protected and must not be deleted"
    );
    let commands = env.read("report.cmd");
    assert!(
        commands.starts_with("::error file=solform.yaml,line=13,col=19,title=Old@1::`Old@1` is"),
        "{commands}"
    );
    assert!(
        env.read("report.txt")
            .contains("Not applied: nothing was changed.")
    );
    // Without a manifest nothing is known of the environment, and a report is written all the same.
    let _ = env
        .solform_beside(&apply(&["--file", "no.yaml"]))
        .await
        .exits_with(1);
    let document = report(&env);
    assert_eq!(document["environment"], Value::Null);
    env.set("TEST_TOKEN", "a-wrong-token-that-nobody-sees");
    let _ = env.solform_beside(&apply(&[])).await.exits_with(1);
    assert_eq!(report(&env)["errors"].as_array().unwrap().len(), 1);
    for file in ["report.json", "report.md", "report.cmd", "report.txt"] {
        assert!(!env.read(file).contains("a-wrong-token"), "{file}");
    }
}

//! The report of an apply in each format, for each kind of end.

use serde_json::{Value, json};
use solform_emulator::{Emulator, JobPace};

use super::streams::{assert_golden, assert_valid, steady, validator};
use crate::support::TestEnv;
use crate::support::worlds::{
    TOKEN, Version, env_with, manifest, manifest_with, seed, start, start_with,
};

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
async fn a_report_is_written_in_each_format_at_once() {
    let (_emulator, env) = world().await;
    let output = env.solform_beside(&apply(&[])).await.exits_with(2);
    let document = report(&env);
    assert_eq!(document["result"], "complete");
    assert_eq!(
        document["totals"],
        json!({ "added": 1, "changed": 1, "destroyed": 1 })
    );
    assert_eq!(document["convergence"]["result"], "converged");
    // The text equals standard output: the plan, the table, the verdict.
    assert_eq!(env.read("report.txt"), output.stdout);
    let verdict = "Apply complete! Resources: 1 added, 1 changed, 1 destroyed.";
    assert!(output.stdout.ends_with(&format!("{verdict}\n")), "{output}");
    assert!(env.read("report.md").contains(&format!("**{verdict}**")));
    assert_eq!(
        env.read("report.cmd"),
        format!("::notice title=solform apply%3A test::{verdict}\n")
    );
    // `run` is the id of the apply record in the store.
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
async fn a_document_is_alone_on_standard_output() {
    let (_emulator, env) = world().await;
    let json = ["apply", "--auto-approve", "--format", "json"];
    let output = env.solform_beside(&json).await.exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_valid(&validator(&env, "report"), &document);
    let output = output
        .warns("Plan: 1 to add, 1 to change, 1 to destroy.")
        .warns("Apply complete!");
    assert!(!output.stderr.contains(TOKEN));
    // An apply without changes has a report too.
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
    // The document of an apply that was not approved says so.
    let output = env.solform_beside(&["apply", "--format", "json"]);
    let output = output.await.exits_with(1).warns("cannot be approved");
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["result"], "not-applied");
    let _ = env
        .solform_beside(&["apply", "--resume", "--format", "json"])
        .await
        .exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_apply_writes_its_report() {
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
async fn an_apply_that_did_not_start_reports_the_reason() {
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
    // Without a manifest the environment is unknown, and a report is still written.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_earlier_apply_keeps_it_incomplete() {
    let packages = [Version::active("Up", "2")];
    let emulator = start_with(seed(&[], &packages), &[], JobPace::Never).await;
    let solutions = "  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let text = manifest(&emulator.url(), solutions).replace("deploy: 20s", "deploy: 1s");
    let env = env_with(&text);
    let _ = env.solform_beside(&apply(&[])).await.exits_with(6);
    // The list shows the record, so that the plan is empty; its job may still fail.
    let again = env.solform_beside(&apply(&[])).await.exits_with(6);
    assert!(!again.stdout.contains("No changes."), "{again}");
    assert!(!again.stdout.contains("Apply complete!"), "{again}");
    assert!(
        again.stdout.contains("In flight: the deploy of Up@2, job "),
        "{again}"
    );
    let document = report(&env);
    assert_eq!(document["result"], "incomplete");
    assert_eq!(document["convergence"]["result"], "not-converged");
    assert_eq!(document["in_flight"][0]["address"], "Up@2");
    assert!(document["resume_command"].is_string(), "{document:#}");
}

/// A version that is deleted to be replaced, and whose deploy fails, is gone: the report says so in
/// each format, and so does the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_replace_that_lost_its_version_says_so() {
    let version = || [Version::active("A", "1")];
    let emulator = start(seed(&version(), &version()), &[]).await;
    let solutions = "  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let env = env_with(&manifest(&emulator.url(), solutions));
    let fault = "operation=deploy,job=fail,text=out of memory";
    emulator.add_fault(fault.parse().unwrap());
    let output = env.solform_beside(&apply(&["--replace", "A@1"])).await;
    let output = output.exits_with(5).warns("A@1: failed after ");
    let document = report(&env);
    assert_eq!(document["changes"][0]["action"], "replace");
    assert_eq!(document["changes"][0]["deleted"], true);
    let totals = json!({ "added": 0, "changed": 0, "destroyed": 1 });
    assert_eq!(document["totals"], totals);
    let sentence = "A@1 was deleted to be replaced, and it is not deployed again; correct the \
        cause, then run the command again to deploy it.";
    let line = format!("Deleted: {sentence}");
    assert!(
        output.stderr.contains("; its version was deleted ("),
        "{output}"
    );
    assert!(
        output.stdout.contains(", its version was deleted\n"),
        "{output}"
    );
    assert!(output.stdout.contains(&format!("\n{line}\n")), "{output}");
    let markdown = env.read("report.md");
    assert!(
        markdown.contains(&format!("> **Needs attention:** `{line}`")),
        "{markdown}"
    );
    let commands = env.read("report.cmd");
    let annotation = format!(",title=Deleted%3A A@1::{sentence}\n");
    assert!(commands.contains(&annotation), "{commands}");
    let run = document["run"].as_str().unwrap();
    let shown = env.solform(&["history", "show", run, "--format", "markdown"]);
    let shown = shown.exits_with(0).says(&line);
    assert!(shown.stdout.contains(" 1 destroyed.**"), "{shown}");
    let shown = env
        .solform(&["history", "show", run, "--json"])
        .exits_with(0);
    let past: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(past["steps"][0]["deleted"], true);
    let _ = env
        .solform(&["history", "show", run])
        .exits_with(0)
        .says("    its version was deleted\n");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_and_pipes_are_not_replaced() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    let (_emulator, env) = world().await;
    env.write("target.json", "old");
    symlink("target.json", env.path().join("link.json")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(env.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let pipe = env.path().join("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let _ = env
        .solform_beside(&[
            "plan",
            "--output",
            "json=link.json",
            "--output",
            "gitlab=pipe",
        ])
        .await
        .exits_with(0);
    assert!(env.path().join("link.json").is_symlink());
    assert!(env.read("target.json").contains("format_version"));
    let kind = std::fs::metadata(env.path().join("pipe"))
        .unwrap()
        .file_type();
    assert!(kind.is_fifo());
    assert!(reader.join().unwrap().contains("\"create\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_output_files_are_reported_before_changes() {
    let (_emulator, env) = world().await;
    env.write("solform.yaml", &env.read("solform.yaml"));
    let text = env.read("solform.yaml");
    std::fs::create_dir(env.path().join("folder")).unwrap();
    for (output, message) in [
        (&["json=solform.yaml"][..], "is the manifest"),
        (&["github=./solform.yaml"], "is the manifest"),
        (&["json=folder"], "failed to write"),
        (&["json=missing/report"], "failed to write"),
        (&["json=one", "markdown=one"], "two outputs"),
    ] {
        let output: Vec<&str> = output.iter().flat_map(|file| ["--output", file]).collect();
        for command in [
            &["plan"][..],
            &["apply", "--auto-approve"],
            &["destroy", "--auto-approve"],
            &["review", "--base", "solform.yaml"],
        ] {
            if command[0] == "review" && output.iter().any(|file| file.starts_with("github")) {
                continue;
            }
            let arguments = [command, &output].concat();
            let _ = env
                .solform_beside(&arguments)
                .await
                .exits_with(1)
                .warns(message);
            assert_eq!(env.read("solform.yaml"), text, "{arguments:?}");
            assert!(!env.path().join("one").exists(), "{arguments:?}");
        }
    }
    // Nothing was changed.
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_plan_is_shown_with_the_reason() {
    let emulator = start(seed(&[Version::active("Old", "1")], &[]), &[]).await;
    let limits = "    limits: { max_destroy: 0 }\n";
    let solutions = "  Old: { version: 1, state: ABSENT }\n";
    let env = env_with(&manifest_with(&emulator.url(), limits, "", solutions));
    let plan = ["plan", "--out", "the.plan", "--detailed-exitcode"];
    let _ = env.solform_beside(&plan).await.exits_with(4);
    let show = [
        "show",
        "the.plan",
        "--format",
        "json",
        "--detailed-exitcode",
    ];
    let shown = env.solform(&show).exits_with(4).warns("max_destroy");
    let document: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(document["applyable"], false);
    assert_eq!(
        document["x_solution"]["refusals"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_cannot_be_combined_with_replace() {
    let (_emulator, env) = world().await;
    for command in [&["destroy", "--auto-approve"][..], &["plan", "--destroy"]] {
        let arguments = [command, &["--replace", "Up@1"]].concat();
        let _ = env
            .solform_beside(&arguments)
            .await
            .exits_with(1)
            .warns("--replace cannot be combined with a plan that destroys");
    }
}

//! HTML pages and Mermaid flowcharts: they have the numbers of the JSON documents, and no text from
//! outside is markup or a link.

use serde_json::Value;
use solform_emulator::Emulator;

use super::streams::{assert_valid, validator};
use crate::support::TestEnv;
use crate::support::worlds::{Version, env_with, manifest, seed, start};

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// Starts an instance with an upgrade, a delete, and a hostile name.
async fn instance() -> (Emulator, TestEnv) {
    let live = [
        Version::active("Form", "1"),
        Version::active("Old", "1"),
        Version::active(HOSTILE, "1"),
    ];
    let packages = [Version::active("Form", "2"), Version::active("Bad", "1")];
    let emulator = start(seed(&live, &packages), &[]).await;
    let solutions = format!(
        "  Form: {{ version: 2, path: '${{drive}}/Form-2.ibsolution' }}
  Bad: {{ version: 1, path: '${{drive}}/Bad-1.ibsolution' }}
  Old: {{ version: 1, state: ABSENT }}
  '{HOSTILE}': {{ version: 1, state: INACTIVE }}\n"
    );
    let env = env_with(&manifest(&emulator.url(), &solutions));
    (emulator, env)
}

/// Asserts that a page loads nothing, and that no name in it is markup.
fn assert_safe(page: &str) {
    assert!(
        page.starts_with("<!DOCTYPE html><html lang=\"en\">"),
        "{page}"
    );
    assert!(
        page.contains("content=\"default-src 'none'; style-src 'unsafe-inline';"),
        "{page}"
    );
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)&gt;"),
        "{page}"
    );
    for loads in [
        "<img", "<script", "<link", "src=\"", "href=\"h", "url(", "@import",
    ] {
        assert!(!page.contains(loads), "{loads} in {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_plan_has_the_numbers_of_the_document() {
    let (_emulator, env) = instance().await;
    let arguments = ["plan", "--format", "html", "--out", "the.plan"];
    let outputs = [
        "--output",
        "json=plan.json",
        "--output",
        "mermaid=order.mmd",
    ];
    let arguments = [&arguments[..], &outputs].concat();
    let page = env.solform_beside(&arguments).await.exits_with(0).stdout;
    assert_safe(&page);
    let document: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    let changes = document["resource_changes"].as_array().unwrap();
    let count = |action: &str| {
        let is_action = |change: &&Value| change["change"]["actions"][0] == action;
        changes.iter().filter(is_action).count()
    };
    let verdict = format!(
        "<strong>Plan: {} to add, {} to change, {} to destroy.</strong>",
        count("create"),
        count("update"),
        count("delete")
    );
    assert_eq!(page.matches(&verdict).count(), 1, "{verdict} in {page}");
    assert_eq!(page.matches("<article ").count(), 5, "{page}");
    // Losses come before the order and the other changes.
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("<h2>Destroyed or lost</h2>") < place("<h2>Order</h2>"));
    assert!(place("<h2>Order</h2>") < place("<h2>Other changes</h2>"));
    let flowchart = env.read("order.mmd");
    let order = "  c0[\"Form@2: create\"]:::add\n  c1[\"Form@1: update in-place\"]:::change\n  \
                 c0 --> c1\n";
    assert!(
        flowchart.starts_with(&format!("flowchart LR\n{order}")),
        "{flowchart}"
    );
    let shown = env
        .solform(&["show", "--format", "html", "the.plan"])
        .exits_with(0);
    assert_eq!(shown.stdout, page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_report_has_the_times_of_steps_and_jobs() {
    let (emulator, env) = instance().await;
    let rule = "operation=deploy,request=*Bad*,job=fail,text=<b>no</b>";
    emulator.add_fault(rule.parse().unwrap());
    let outputs = [
        "--output",
        "html=report.html",
        "--output",
        "json=report.json",
    ];
    let arguments = [&["apply", "--auto-approve"], &outputs[..]].concat();
    let apply = env.solform_beside(&arguments).await.exits_with(1);
    assert!(apply.stdout.contains("Not complete: "), "{apply}");
    let page = env.read("report.html");
    assert_safe(&page);
    assert!(page.contains("failed: &lt;b&gt;no&lt;/b&gt;"), "{page}");
    let report: Value = serde_json::from_str(&env.read("report.json")).unwrap();
    assert_valid(&validator(&env, "report"), &report);
    let totals = &report["totals"];
    let totals = format!(
        "; {} added, {} changed, {} destroyed.</strong>",
        totals["added"], totals["changed"], totals["destroyed"]
    );
    assert_eq!(page.matches(&totals).count(), 1, "{totals} in {page}");
    // Each change was started; deploys and deletes have jobs.
    let changes = report["changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .all(|change| change["started_at"].is_string()),
        "{report}"
    );
    let jobs: Vec<&Value> = changes
        .iter()
        .flat_map(|change| change["job_times"].as_array().unwrap())
        .collect();
    assert_eq!(jobs.len(), 3, "{report}");
    for job in &jobs {
        assert!(
            job["started_at"].as_str() <= job["ended_at"].as_str(),
            "{job}"
        );
    }
    assert_eq!(
        page.matches("<rect class=\"step ").count(),
        changes.len(),
        "{page}"
    );
    assert_eq!(
        page.matches("<rect class=\"job ").count(),
        jobs.len(),
        "{page}"
    );
    let failed = "<rect class=\"step bad\"";
    assert_eq!(page.matches(failed).count(), 1, "{page}");

    // The journal has the same steps.
    let id = report["run"].as_str().unwrap();
    let past = env
        .solform_beside(&["history", "show", id, "--format", "html"])
        .await
        .exits_with(0)
        .stdout;
    assert_safe(&past);
    assert!(past.contains(&totals), "{past}");
    assert_eq!(
        past.matches("<rect class=\"step ").count(),
        changes.len(),
        "{past}"
    );
    assert_eq!(
        past.matches("<rect class=\"job ").count(),
        jobs.len(),
        "{past}"
    );
    for format in ["html", "markdown", "text", "json"] {
        let list = env
            .solform_beside(&["history", "--format", format])
            .await
            .exits_with(0)
            .stdout;
        assert!(list.contains(&id[..13]), "{list}");
    }
    let document = env
        .solform_beside(&["history", "show", id, "--json"])
        .await
        .exits_with(0)
        .stdout;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_valid(&validator(&env, "apply-history"), &document);
    let steps = document["steps"].as_array().unwrap();
    assert!(
        steps.iter().all(|step| step["started_at"].is_string()),
        "{document}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_did_not_begin_is_a_page() {
    let (_emulator, env) = instance().await;
    let file = env.read("solform.yaml").replace("  Old:", "  <b>Old: [");
    env.write("bad.yaml", &file);
    let arguments = ["apply", "--file", "bad.yaml", "--auto-approve"];
    let arguments = [&arguments[..], &["--output", "html=report.html"]].concat();
    let apply = env.solform_beside(&arguments).await.exits_with(1);
    assert!(apply.stderr.contains("Error: "), "{apply}");
    let page = env.read("report.html");
    assert!(
        page.contains("<strong>Not applied: nothing was changed.</strong>"),
        "{page}"
    );
    assert!(page.contains("<h2>Errors</h2>"), "{page}");
    assert!(!page.contains("<b>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_review_shows_high_risks_first() {
    let (_emulator, env) = instance().await;
    let head = env.read("solform.yaml");
    env.write(
        "base.yaml",
        &head.replace(
            "  Old: { version: 1, state: ABSENT }",
            "  Old: { version: 1 }",
        ),
    );
    let arguments = ["review", "--base", "base.yaml", "--format", "html"];
    let outputs = [
        "--output",
        "json=review.json",
        "--output",
        "text=review.txt",
    ];
    let page = env
        .solform(&[&arguments[..], &outputs].concat())
        .exits_with(0)
        .stdout;
    let text = env.read("review.txt");
    let verdict = text
        .lines()
        .find(|line| line.starts_with("Review: "))
        .unwrap();
    assert!(
        page.contains(&format!("<strong>{verdict}</strong>")),
        "{verdict} in {page}"
    );
    let review: Value = serde_json::from_str(&env.read("review.json")).unwrap();
    let findings = review["findings"].as_array().unwrap().len();
    assert_eq!(page.matches("<article ").count(), findings, "{page}");
    assert!(page.contains("<h2>High risks</h2>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_environments_are_one_page() {
    let (emulator, env) = instance().await;
    let live = [Version::active("Old", "1"), Version::active(HOSTILE, "1")];
    let other = start(seed(&live, &[]), &[]).await;
    let text = env.read("solform.yaml");
    let (before, rest) = text.split_once("environments:\n").unwrap();
    let (first, _) = rest.split_once("defaults:").unwrap();
    let second = first
        .replace(&emulator.url(), &other.url())
        .replacen("test:", "uat:", 1);
    assert_ne!(first, second);
    env.write("two.yaml", &text.replace(rest, &format!("{second}{rest}")));
    assert!(before.contains("solform: 1"));
    let arguments = [
        "plan",
        "--file",
        "two.yaml",
        "--all-environments",
        "--format",
        "html",
    ];
    let outputs = ["--output", "mermaid=order.mmd", "--output", "text=plan.txt"];
    let page = env
        .solform_beside(&[&arguments[..], &outputs].concat())
        .await;
    let page = page.exits_with(1).stdout;
    assert_safe(&page);
    let text = env.read("plan.txt");
    let verdicts = text
        .lines()
        .filter(|line| line.starts_with("Plan: "))
        .collect::<Vec<_>>();
    assert_eq!(verdicts.len(), 2, "{text}");
    for verdict in verdicts {
        assert!(
            page.contains(&format!("<strong>{verdict}</strong>")),
            "{verdict} in {page}"
        );
    }
    let all = text.lines().last().unwrap();
    assert!(
        page.contains(&format!("<strong>{all}</strong>")),
        "{all} in {page}"
    );
    assert_eq!(env.read("order.mmd").matches("  subgraph ").count(), 2);

    let arguments = [
        "apply",
        "--file",
        "two.yaml",
        "--all-environments",
        "--auto-approve",
    ];
    let outputs = [
        "--output",
        "html=report.html",
        "--output",
        "json=report.json",
    ];
    let apply = env
        .solform_beside(&[&arguments[..], &outputs].concat())
        .await
        .exits_with(1);
    assert!(apply.stdout.contains("2 environments: "), "{apply}");
    let page = env.read("report.html");
    assert_safe(&page);
    assert_eq!(
        page.matches("<section class=\"environment\"").count(),
        2,
        "{page}"
    );
}

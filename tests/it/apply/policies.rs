//! Policies: every plan is judged before it is applied, by each command that applies one.

use std::fmt::Write as _;

use serde_json::Value;
use solform_emulator::{Emulator, Operation};

use super::uploads::put;
use crate::output::streams::{assert_golden, assert_valid, steady, validator};
use crate::support::TestEnv;
use crate::support::plan_file::PlanFile;
use crate::support::worlds::{DRIVE, Version, count, env_with, manifest_with, seed, start};

const NEXT: &str = "  Form: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];
const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// Returns a policy with this effect and condition.
fn policy(effect: &str, condition: &str) -> String {
    format!("policies:\n  - {{ name: p, {effect}: '{condition}', message: Not so. }}\n")
}

/// Starts a server with `Form@1` in service and the package of `Form@2`, and a manifest with this
/// policy.
async fn world(effect: &str, condition: &str) -> (Emulator, TestEnv) {
    let live = [Version::active("Form", "1")];
    let emulator = start(seed(&live, &[Version::active("Form", "2")]), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "",
        &policy(effect, condition),
        NEXT,
    ));
    (emulator, env)
}

fn writes(emulator: &Emulator) -> usize {
    let requests = emulator.requests();
    requests
        .iter()
        .filter(|it| it.method != "GET" && it.method != "HEAD")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_plan_is_not_applied() {
    let (emulator, env) = world("deny", r#"changes.exists(c, c.action == "create")"#).await;
    let denied = "Error: policy `p` denies the plan: Not so. (`Form@2`)";
    let _ = env.solform_beside(&PLAN).await.exits_with(4).warns(denied);
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns(denied);
    let _ = env.solform_beside(&APPLY).await.exits_with(4).warns(denied);
    for (format, expected) in [
        (
            "markdown",
            "**Cannot be applied:** ``policy `p` denies the plan: Not so.",
        ),
        ("html", "denies the plan: Not so."),
        ("github", "::error file=solform.yaml,line=10,"),
    ] {
        let plan = ["plan", "--format", format];
        let _ = env.solform_beside(&plan).await.exits_with(1).says(expected);
    }
    let json = env.solform_beside(&["plan", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["applyable"], false);
    let violation = &json["x_solution"]["policies"][0];
    assert_eq!(violation["policy"], "p");
    assert_eq!(violation["enforcement"], "deny");
    assert_eq!(violation["addresses"], serde_json::json!(["Form@2"]));
    assert_eq!(writes(&emulator), 0);
}

/// The document of a plan that policies deny, and warn about.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_plan_has_its_document() {
    let (emulator, env) = world("deny", r#"changes.exists(c, c.action == "create")"#).await;
    let more = "  - { name: q, warn: 'true', message: Take care. }\n  - { name: r, deny: \
                'changes.exists(c, newer(c.before.version, \"7\"))', message: Not known. }\n";
    let text = env
        .read("solform.yaml")
        .replace("solutions:\n", &format!("{more}solutions:\n"));
    env.write("solform.yaml", &text);
    let json = ["plan", "--format", "json"];
    let output = env.solform_beside(&json).await.exits_with(1);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_valid(&validator(&env, "plan"), &document);
    let pretty = serde_json::to_string_pretty(&steady(&document)).unwrap();
    assert_golden("plan-denied.json", &format!("{pretty}\n"));
    // The lines of the manifest are shown, as for other problems.
    let _ = output
        .warns("[policy-denied]")
        .warns("solform.yaml:10:")
        .warns(" 10 \u{2502}   - { name: p, deny: ")
        .warns("this condition");
    let stream = env.solform_beside(&["plan", "--json"]).await;
    let lines = stream
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let denied = lines.iter().find(|line| line["@level"] == "error").unwrap();
    let diagnostic = &denied["diagnostic"];
    assert_eq!(diagnostic["x_solution"]["code"], "policy-denied");
    assert_eq!(diagnostic["range"]["start"]["line"], 10);
    let code = diagnostic["snippet"]["code"].as_str().unwrap();
    assert!(code.contains("name: p, deny:"), "{code}");
    assert_eq!(writes(&emulator), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_does_not_block() {
    let (_emulator, env) = world("warn", r#"changes.exists(c, c.action == "create")"#).await;
    let warning = "policy `p` warns: Not so. (`Form@2`)";
    for (format, expected) in [
        ("text", "Warning: policy `p` warns: Not so. (`Form@2`)"),
        ("markdown", "**Warnings of policies:** ``policy `p` warns"),
        ("html", "Warnings of policies"),
        ("github", "::warning file=solform.yaml,line=10,"),
        ("github", "title=policy-warned::"),
        ("sarif", "\"ruleId\": \"policy-warned\""),
        ("text", "  at solform.yaml:10:"),
    ] {
        let plan = ["plan", "--format", format];
        let _ = env.solform_beside(&plan).await.exits_with(0).says(expected);
    }
    let json = env.solform_beside(&["plan", "--json"]).await.says(warning);
    let _ = json.says("\"code\":\"policy-warned\"");
    let _ = env
        .solform_beside(&["plan", "--out", "plan.json"])
        .await
        .exits_with(0);
    let _ = env
        .solform_beside(&["show", "plan.json"])
        .await
        .exits_with(0)
        .says(warning);
    let apply = ["apply", "plan.json", "--detailed-exitcode"];
    let _ = env.solform_beside(&apply).await.exits_with(2).says(warning);
}

/// A condition that meets a null denies, and a plan without changes violates nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_fails_denies() {
    let condition = r#"changes.exists(c, newer(c.before.version, "7")) || now.hour > 23"#;
    let (emulator, env) = world("deny", condition).await;
    let denied = "denies the plan, because it could not be judged: `newer` needs a value";
    let _ = env.solform_beside(&PLAN).await.exits_with(4).warns(denied);
    let unchanged = "  Form: { version: 1 }\n";
    let always = policy("deny", "true");
    env.write(
        "solform.yaml",
        &manifest_with(&emulator.url(), "", &always, unchanged),
    );
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .says("No changes.");
}

/// The fresh plan is judged, whatever the file says.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_judged_again() {
    let (emulator, env) = world("deny", r#"environment == "test""#).await;
    let out = ["plan", "--out", "plan.json"];
    let _ = env
        .solform_beside(&out)
        .await
        .exits_with(1)
        .says("It cannot be applied.");
    let mut file = PlanFile::read(&env.read("plan.json"));
    assert!(
        file.at("refusals")[0]["policy"]["policy"] == "p",
        "{:#}",
        file.at("refusals")
    );
    *file.at("refusals") = serde_json::json!([]);
    file.at("plan").as_object_mut().unwrap().remove("judgement");
    env.write("plan.json", &file.sealed());
    let _ = env
        .solform_beside(&["show", "plan.json"])
        .await
        .exits_with(0);
    let apply = ["apply", "plan.json", "--detailed-exitcode"];
    let denied = "policy `p` denies the plan: Not so.";
    let _ = env.solform_beside(&apply).await.exits_with(4).warns(denied);
    assert_eq!(writes(&emulator), 0);
    // Other policies are another manifest.
    let other = manifest_with(&emulator.url(), "", &policy("deny", "false"), NEXT);
    env.write("solform.yaml", &other);
    let _ = env
        .solform_beside(&apply)
        .await
        .exits_with(3)
        .warns("has changed");
}

/// The file holds what was true when it was made. In this test the time has changed since.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_judged_by_the_time_of_the_apply() {
    let out = ["plan", "--out", "plan.json"];
    let apply = ["apply", "plan.json", "--detailed-exitcode"];
    let (emulator, env) = world("deny", r#"now.date >= "2001-01-01""#).await;
    let _ = env.solform_beside(&out).await.exits_with(1);
    let mut file = PlanFile::read(&env.read("plan.json"));
    let refusals = std::mem::replace(file.at("refusals"), serde_json::json!([]));
    let plan = file.at("plan").as_object_mut().unwrap();
    let judgement = plan.remove("judgement").unwrap();
    env.write("plan.json", &file.sealed());
    let denied = "policy `p` denies the plan: Not so.";
    let _ = env.solform_beside(&apply).await.exits_with(4).warns(denied);
    assert_eq!(writes(&emulator), 0);
    // The other way round, the policy allows what it denied before.
    let (emulator, env) = world("deny", r#"now.date < "2001-01-01""#).await;
    let _ = env.solform_beside(&out).await.exits_with(0);
    let mut file = PlanFile::read(&env.read("plan.json"));
    *file.at("refusals") = refusals;
    file.at("plan")["judgement"] = judgement;
    env.write("plan.json", &file.sealed());
    let show = env.solform_beside(&["show", "plan.json"]).await;
    let _ = show.warns(denied);
    let _ = env.solform_beside(&apply).await.exits_with(2);
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_back_and_destroy_are_judged() {
    let condition = r#"changes.exists(c, c.action == "delete" || c.before.state == "INACTIVE")"#;
    let (emulator, env) = world("deny", condition).await;
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    let begun = writes(&emulator);
    let denied = "policy `p` denies the plan: Not so.";
    for command in ["rollback", "destroy"] {
        let arguments = [command, "--auto-approve", "--detailed-exitcode"];
        let _ = env
            .solform_beside(&arguments)
            .await
            .exits_with(4)
            .warns(denied);
    }
    assert_eq!(writes(&emulator), begun);
}

/// A server for each of two environments: the policies of the second one add to the others.
async fn pair(top: &str, second: &str, solution: &str) -> (Vec<Emulator>, TestEnv) {
    let mut servers = Vec::new();
    let mut environments = String::new();
    for (name, more) in [("uat", ""), ("prod", second)] {
        let live = [Version::active("Form", "1")];
        let server = start(seed(&live, &[Version::active("Form", "2")]), &[]).await;
        put(&server, &format!("{DRIVE}/smoke/in/a.pdf"), b"a".to_vec()).await;
        write!(
            environments,
            "  {name}:\n    url: '{}'\n    token: {{ env: TEST_TOKEN }}\n    user: svc\n    \
             timeouts: {{ deploy: 20s, delete: 20s, propagation: 1s }}\n{more}",
            server.url()
        )
        .unwrap();
        servers.push(server);
    }
    let env = env_with(&format!(
        "solform: 1\nenvironments:\n{environments}vars: {{ drive: \"{DRIVE}\" }}\ndefaults: {{ \
         owner: svc }}\n{top}solutions:\n{solution}"
    ));
    (servers, env)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_environments_are_judged_before_the_first() {
    let more = "    policies: [{ name: q, deny: 'true', message: Closed. }]\n";
    let (servers, env) = pair(&policy("warn", "true"), more, NEXT).await;
    let warning = "Warning: policy `p` warns: Not so.";
    let all = ["plan", "--all-environments", "--detailed-exitcode"];
    let plan = env.solform_beside(&all).await.exits_with(4).says(warning);
    assert_eq!(plan.stdout.matches(warning).count(), 2, "{plan}");
    let apply = [
        "apply",
        "--all-environments",
        "--auto-approve",
        "--detailed-exitcode",
    ];
    let denied = "The plan of environment `prod` cannot be applied:\nError: policy `q` denies";
    let _ = env.solform_beside(&apply).await.exits_with(4).warns(denied);
    assert!(
        servers
            .iter()
            .all(|server| count(server, Operation::Deploy) == 0)
    );
    let markdown = ["plan", "--all-environments", "--format", "markdown"];
    let _ = env
        .solform_beside(&markdown)
        .await
        .says("uat: policy `p` warns");
    let _ = env
        .solform_beside(&["apply", "-e", "uat", "--auto-approve"])
        .await
        .exits_with(0);
}

/// A pass in the store of any environment counts for the same package.
#[tokio::test(flavor = "multi_thread")]
async fn packages_that_passed_elsewhere_are_verified() {
    let verify = "    verify: [{ name: smoke, input_dir: '${drive}/smoke/in' }]\n";
    let solution = format!(
        "  Form:\n    version: 2\n    path: '${{drive}}/${{name}}-${{version}}.ibsolution'\n\
         {verify}"
    );
    let more = "    policies: [{ name: q, deny: 'changes.exists(c, c.action == \"create\" && \
                !(c.after.package in verified))', message: Unverified. }]\n";
    let (_servers, env) = pair("", more, &solution).await;
    let plan = ["plan", "-e", "prod", "--detailed-exitcode"];
    let denied = "policy `q` denies the plan: Unverified. (`Form@2`)";
    let _ = env.solform_beside(&plan).await.exits_with(4).warns(denied);
    let apply = [
        "apply",
        "-e",
        "uat",
        "--auto-approve",
        "--detailed-exitcode",
    ];
    let _ = env.solform_beside(&apply).await.exits_with(2);
    let _ = env.solform_beside(&plan).await.exits_with(2);
    let revoke = ["revoke", "-e", "uat", "Form@2", "--auto-approve"];
    let _ = env.solform_beside(&revoke).await.exits_with(0);
    let _ = env.solform_beside(&plan).await.exits_with(4).warns(denied);
}

/// The server may have a word that differs from a known one in its case, and environments of other
/// manifests have other names.
#[tokio::test(flavor = "multi_thread")]
async fn doubtful_texts_are_warnings() {
    for (condition, expected) in [
        (
            r#"changes.exists(c, c.before.state == "active")"#,
            "the known word is `ACTIVE`",
        ),
        (r#"environment == "tset""#, "no environment is named `tset`"),
    ] {
        let (_emulator, env) = world("deny", condition).await;
        let validate = env.solform_beside(&["validate"]).await.exits_with(0);
        let _ = validate.warns(expected);
    }
}

/// The value of a variable could change the condition that was reviewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_contains_no_variables() {
    for condition in [
        r#"environment == "${env:TEAM}""#,
        r#"environment == "$${x}""#,
        r#"environment == "${drive}""#,
    ] {
        let (emulator, env) = world("deny", condition).await;
        let _ = env
            .solform_beside(&APPLY)
            .await
            .exits_with(1)
            .warns("a condition cannot contain variables of the manifest");
        assert_eq!(writes(&emulator), 0);
    }
}

//! Several environments at once: one matrix in every format, the errors of one beside the plans of
//! the others, and the commands that refuse several.

use std::fmt::Write as _;

use serde_json::{Value, json};
use solform_emulator::{Emulator, Operation};

use super::streams::{assert_valid, last_error, stream, validator};
use crate::support::TestEnv;
use crate::support::worlds::{DRIVE, Version, count, env_with, seed, start};

const TOKEN: &str = "token: { env: TEST_TOKEN }";
const UPGRADE: &str = "  Form: { version: 2, path: '${drive}/Form-2.ibsolution' }\n";

/// Writes a manifest with these environments; each is a name, a URL and more keys.
fn environment(environments: &[(&str, &str, &str)], solutions: &str) -> TestEnv {
    let mut text = String::from("solform: 1\nenvironments:\n");
    for (name, url, more) in environments {
        writeln!(text, "  {name}: {{ url: '{url}', user: svc, {more} }}").unwrap();
    }
    write!(
        text,
        "vars: {{ drive: {DRIVE} }}\ndefaults: {{ owner: svc }}\nsolutions:\n{solutions}"
    )
    .unwrap();
    env_with(&text)
}

/// Starts an instance on which `Form@1` is live, and `Form@2` can be deployed.
async fn instance() -> Emulator {
    let packages = [Version::active("Form", "2")];
    start(seed(&[Version::active("Form", "1")], &packages), &[]).await
}

/// Starts an instance on which `Form@2` is live.
async fn upgraded() -> Emulator {
    start(seed(&[Version::active("Form", "2")], &[]), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upgrade_in_two_environments_is_one_row() {
    let (dev, uat, prod) = (instance().await, upgraded().await, instance().await);
    let urls = [dev.url(), uat.url(), prod.url()];
    let environments = [
        ("dev", urls[0].as_str(), TOKEN),
        ("uat", urls[1].as_str(), TOKEN),
        ("prod", urls[2].as_str(), TOKEN),
    ];
    let env = environment(&environments, UPGRADE);
    // The order is that of the manifest.
    let arguments = ["plan", "-e", "prod", "-e", "dev", "-e", "uat"];
    let arguments = [&arguments[..], &["--detailed-exitcode"]].concat();
    let plan = env.solform_beside(&arguments).await.exits_with(2);
    let all = ["plan", "--all-environments", "--detailed-exitcode"];
    let again = env.solform_beside(&all).await.exits_with(2);
    assert_eq!(plan.stdout, again.stdout);
    let text = urls
        .iter()
        .fold(plan.stdout, |text, url| text.replace(url, "URL"));
    insta::assert_snapshot!(text, @r#"
    SOLUTION  dev                               uat           prod
    Form        ~ 1 ACTIVE -> INACTIVE PRIVATE      2 ACTIVE    ~ 1 ACTIVE -> INACTIVE PRIVATE
                + 2 ACTIVE                                      + 2 ACTIVE
    Symbols: ~ update in-place, + create.

    Environment "dev" at URL.
      # Form@1 will be updated in-place
      # (superseded by Form@2)
      # Form@2 will be created
      # (declared; upgrade from Form@1)

    Plan: 1 to add, 1 to change, 0 to destroy.
    Versions: 0 as declared.

    Environment "uat" at URL.
    No changes. Your infrastructure matches the configuration.
    Versions: 1 as declared.

    Environment "prod" at URL.
      # Form@1 will be updated in-place
      # (superseded by Form@2)
      # Form@2 will be created
      # (declared; upgrade from Form@1)

    Plan: 1 to add, 1 to change, 0 to destroy.
    Versions: 0 as declared.

    3 environments: 2 with changes, 1 without changes.
    "#);
    for emulator in [&dev, &uat, &prod] {
        assert_eq!(count(emulator, Operation::Deploy), 0);
    }

    let output = [&all[..], &["--format", "json", "--output=markdown=plan.md"]].concat();
    let output = [&output[..], &["--output=gitlab=counts.json"]].concat();
    let document = env.solform_beside(&output).await.exits_with(2);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    assert_valid(&validator(&env, "plan-matrix"), &document);
    let rows = document["solutions"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let environments = document["environments"].as_array().unwrap();
    for (index, name) in ["dev", "uat", "prod"].into_iter().enumerate() {
        assert_eq!(environments[index]["name"], name);
        assert_eq!(rows[0]["cells"][index]["environment"], name);
        let alone = ["plan", "-e", name, "--format", "json"];
        let alone = env.solform_beside(&alone).await.exits_with(0);
        let alone: Value = serde_json::from_str(&alone.stdout).unwrap();
        assert_eq!(environments[index]["document"], alone);
    }
    assert_eq!(
        rows[0]["cells"][0]["versions"][0],
        json!({
            "address": "Form@1", "version": "1", "owner": "svc",
            "state": "ACTIVE", "visibility": "PRIVATE", "change": "update",
            "state_after": "INACTIVE", "visibility_after": "PRIVATE", "blocked": false,
        })
    );
    let counts: Value = serde_json::from_str(&env.read("counts.json")).unwrap();
    assert_eq!(counts, json!({ "create": 2, "update": 2, "delete": 0 }));
    let markdown = env.read("plan.md");
    let cell = "`~` `1` `ACTIVE` -> `INACTIVE` `PRIVATE`<br>`+` `2` `ACTIVE`";
    for part in [
        "<!-- solform environments=dev_uat_prod id=".to_owned(),
        "**3 environments: 2 with changes, 1 without changes.**\n".to_owned(),
        "\n| solution | `dev` | `uat` | `prod` |\n|---|---|---|---|\n".to_owned(),
        format!("\n| `Form` | {cell} | `2` `ACTIVE` | {cell} |\n"),
        "\n- `uat`: **No changes.** ".to_owned(),
        "<br>`~` `Form@1`<br>`+` `Form@2`\n".to_owned(),
    ] {
        assert!(markdown.contains(&part), "{part}: {markdown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_does_not_hide_the_others() {
    let (dev, prod) = (instance().await, instance().await);
    let (dev_url, prod_url) = (dev.url(), prod.url());
    let environments = [
        ("dev", dev_url.as_str(), TOKEN),
        (
            "uat",
            dev_url.as_str(),
            "token: { env: TEST_TOKEN }, vars: { drive: '${env:NO_SUCH}' }",
        ),
        ("prod", prod_url.as_str(), "token: { file: no-such-file }"),
    ];
    let env = environment(&environments, UPGRADE);
    let arguments = ["plan", "--all-environments", "--detailed-exitcode"];
    let plan = env.solform_beside(&arguments).await.exits_with(1);
    for part in [
        "SOLUTION  dev",
        "# Form@2 will be created\n",
        "Environment \"uat\": no plan: ",
        "Environment \"prod\": no plan: failed to read the live state of environment `prod`",
        "3 environments: 1 with changes, 2 without a plan.\n",
    ] {
        assert!(plan.stdout.contains(part), "{part}: {plan}");
    }
    let _ = plan
        .warns("(in environment `uat`)")
        .warns("Error: environment `prod` cannot be planned\n");

    let arguments = ["plan", "--all-environments", "--json"];
    let events = env.solform_beside(&arguments).await.exits_with(1);
    let lines = stream(&env, &events);
    assert_eq!(last_error(&lines)["x_solution"]["environment"], "prod");
    let planned = lines.iter().filter(|line| line["type"] == "planned_change");
    for line in planned {
        assert_eq!(line["x_solution"]["environment"], "dev", "{line:#}");
    }

    let list = env
        .solform_beside(&["list", "--all-environments", "--json"])
        .await;
    let list = list
        .exits_with(1)
        .warns("environment `prod` cannot be listed");
    let document: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_valid(&validator(&env, "list-matrix"), &document);
    let cells = &document["solutions"][0]["cells"];
    assert_eq!(cells[0]["versions"][0]["state"], "ACTIVE");
    assert_eq!(cells[0]["versions"][0]["change"], Value::Null);
    assert_eq!(cells[2]["versions"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_plan_names_its_environment() {
    let (dev, prod) = (instance().await, instance().await);
    let (dev_url, prod_url) = (dev.url(), prod.url());
    let environments = [
        ("dev", dev_url.as_str(), TOKEN),
        (
            "prod",
            prod_url.as_str(),
            "token: { env: TEST_TOKEN }, protect: ['Form@1']",
        ),
    ];
    let env = environment(&environments, "  Form: { version: 1, state: ABSENT }\n");
    let arguments = ["plan", "-e", "dev", "-e", "prod", "--detailed-exitcode"];
    let plan = env.solform_beside(&arguments).await.exits_with(4);
    let plan = plan.warns("The plan of environment `prod` cannot be applied:\nError: ");
    assert!(!plan.stderr.contains("`dev`"), "{plan}");
    assert!(plan.stdout.contains("(blocked)"), "{plan}");
    let annotations = [&arguments[..], &["--format", "github"]].concat();
    let annotations = env.solform_beside(&annotations).await.exits_with(4);
    let _ = annotations.says("title=prod%3A Form@1");
}

/// Equal errors and refusals are shown once, with the names of their environments; the event stream
/// has those of each.
#[tokio::test(flavor = "multi_thread")]
async fn equal_errors_are_shown_once() {
    let (dev, prod) = (instance().await, instance().await);
    let (dev_url, prod_url) = (dev.url(), prod.url());
    let missing = "token: { env: NO_SUCH_TOKEN }";
    let environments = [
        ("dev", dev_url.as_str(), missing),
        ("uat", dev_url.as_str(), TOKEN),
        ("prod", prod_url.as_str(), missing),
    ];
    let env = environment(&environments, UPGRADE);
    let plan = ["plan", "--all-environments"];
    let list = ["list", "--all-environments"];
    for (arguments, failure) in [(&plan, "cannot be planned"), (&list, "cannot be listed")] {
        let output = env.solform_beside(arguments).await.exits_with(1);
        let names = format!("`dev` (URL `{dev_url}`), `prod` (URL `{prod_url}`)");
        let output = output.warns(&format!("Error: environments {names} {failure}\n"));
        for part in ["Error: ", "NO_SUCH_TOKEN", "\n  help: "] {
            assert_eq!(output.stderr.matches(part).count(), 1, "{part}: {output}");
        }
    }
    let events = [&plan[..], &["--json"]].concat();
    let events = env.solform_beside(&events).await.exits_with(1);
    let lines = stream(&env, &events);
    let errors = lines.iter().filter(|line| line["@level"] == "error");
    let of_each = errors.map(|line| line["diagnostic"]["x_solution"]["environment"].clone());
    assert_eq!(of_each.collect::<Vec<_>>(), ["dev", "prod"], "{events}");

    let protected = "token: { env: TEST_TOKEN }, protect: ['Form@1']";
    let environments = environments.map(|(name, url, _)| (name, url, protected));
    let env = environment(&environments, "  Form: { version: 1, state: ABSENT }\n");
    let plan = env.solform_beside(&plan).await.exits_with(1);
    let plan = plan.warns(
        "The plans of environments `dev`, `uat`, `prod` cannot be applied:\nError: `Form@1`",
    );
    assert_eq!(plan.stderr.matches("Error: ").count(), 1, "{plan}");
}

/// A version of `--replace` may be absent in some of the environments, as for `--target`.
#[tokio::test(flavor = "multi_thread")]
async fn a_replace_must_match_somewhere() {
    let packages = [Version::active("Form", "2")];
    let live = start(seed(&packages, &packages), &[]).await;
    let (dev, prod) = (instance().await, live);
    let (dev_url, prod_url) = (dev.url(), prod.url());
    let times = "token: { env: TEST_TOKEN }, timeouts: { deploy: 20s, propagation: 1s }";
    let environments = [
        ("dev", dev_url.as_str(), times),
        ("prod", prod_url.as_str(), times),
    ];
    let env = environment(&environments, UPGRADE);
    let base = ["-e", "dev", "-e", "prod", "--replace"];
    for (address, why) in [
        ("Form@1", "the manifest does not declare it"),
        ("Frm@2", "the manifest does not declare it"),
    ] {
        let none = [&["plan"], &base[..], &[address]].concat();
        let none = env.solform_beside(&none).await.exits_with(1);
        let none = none.warns(&format!("Error: `{address}` cannot be replaced: {why}\n"));
        assert!(none.stdout.is_empty(), "{none}");
    }
    let plan = [&["plan"], &base[..], &["Form@2"]].concat();
    let plan = env.solform_beside(&plan).await.exits_with(0);
    for line in ["# Form@2 will be created\n", "# Form@2 must be replaced\n"] {
        assert_eq!(plan.stdout.matches(line).count(), 1, "{plan}");
    }
    let apply = [&["apply", "--auto-approve"], &base[..], &["Form@2"]].concat();
    let apply = env.solform_beside(&apply).await.exits_with(0);
    let _ = apply.says("2 environments: 2 complete; 2 added, 1 changed, 1 destroyed.");
    let deletes = [&dev, &prod].map(|emulator| count(emulator, Operation::DeleteSolution));
    assert_eq!(deletes, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_must_select_something_somewhere() {
    let (dev, prod) = (instance().await, upgraded().await);
    let (dev_url, prod_url) = (dev.url(), prod.url());
    let environments = [
        ("dev", dev_url.as_str(), TOKEN),
        ("prod", prod_url.as_str(), TOKEN),
    ];
    let env = environment(&environments, UPGRADE);
    let base = ["plan", "-e", "dev", "-e", "prod"];
    // Only `dev` has this version.
    let some = [&base[..], &["--target", "Form@1"]].concat();
    let _ = env.solform_beside(&some).await.exits_with(0);
    let excluded = [&base[..], &["--exclude", "Form@1", "--detailed-exitcode"]].concat();
    let _ = env.solform_beside(&excluded).await.exits_with(2);
    let alone = ["plan", "-e", "prod", "--target", "Form@1"];
    let _ = env.solform_beside(&alone).await.exits_with(1);
    let none = [&base[..], &["--target", "Frm", "--exclude", "Form"]].concat();
    let none = env.solform_beside(&none).await.exits_with(1);
    let none = none.warns("`Frm` selects nothing that is declared or live");
    assert!(none.stdout.is_empty(), "{none}");
}

#[test]
fn several_environments_are_refused_elsewhere() {
    let environments = [
        ("dev", "https://a.example", TOKEN),
        ("prod", "https://b.example", TOKEN),
    ];
    let env = environment(&environments, UPGRADE);
    let several = "this command works on one environment, and several are given: ";
    for (arguments, message) in [
        (&["destroy", "-e", "dev", "-e", "prod"][..], several),
        (&["destroy", "--all-environments"], several),
        (&["get", "-e", "dev", "-e", "prod", "Form@1"], several),
        (
            &["plan", "-e", "dev", "-e", "prod", "--destroy", "--out", "p"],
            "--destroy with --out is for one environment, and several are given",
        ),
        (
            &["plan", "-e", "dev", "--all-environments"],
            "cannot be used with",
        ),
        (
            &["plan", "-e", "dev", "-e", "prdo"],
            "unknown environment `prdo`",
        ),
    ] {
        let _ = env.solform(arguments).exits_with(1).warns(message);
    }
}

//! The patterns by which other programs read the text of Terraform, applied to that of solform.

use regex::Regex;
use serde_json::Value;

use crate::support::worlds::{Version, env_with, manifest_with, seed, start};
use crate::support::{CommandOutput, TestEnv};

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  Again: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Old: { version: 1, state: ABSENT }
  Safe: { version: 1, state: ABSENT }
  Same: { version: 1 }
";

fn found<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    let pattern = Regex::new(pattern).unwrap();
    text.lines()
        .filter_map(|line| pattern.captures(line))
        .filter_map(|captures| captures.get(1))
        .map(|group| group.as_str())
        .collect()
}

/// Returns the addresses for each kind of change. A tool that comments on pull requests reads them
/// from lines that end in these phrases.
fn items(text: &str) -> [Vec<&str>; 4] {
    [
        found(r"^\s*# (.*) will be created$", text),
        found(r"^\s*# (.*) will be updated in-place$", text),
        found(r"^\s*# (.*) will be destroyed$", text),
        found(r"^\s*# (.*) must be replaced$", text),
    ]
}

/// Returns the numbers that a pull request server reads from the summary line.
fn numbers(text: &str) -> Option<[usize; 3]> {
    let line = r"(?m)^Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy(?:, \d+ to forget)?\.";
    let captures = Regex::new(line).unwrap().captures(text)?;
    Some([1, 2, 3].map(|group| captures[group].parse().unwrap()))
}

/// A plan with every kind of change.
const EVERY_KIND: &str = "
  Again: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Back: { version: 1 }
  Beside: { version: 2 }
  New: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Off: { version: 1, state: INACTIVE }
  Old: { version: 1, state: ABSENT }
  Safe: { version: 1, state: ABSENT }
  Same: { version: 1 }
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  Wide: { version: 1, visibility: PUBLIC }
";

/// Counts the actions of the document as GitLab's documentation does: flattens them first.
fn count_actions(document: &Value) -> [usize; 3] {
    let changes = document["resource_changes"].as_array().unwrap();
    let actions: Vec<&Value> = changes
        .iter()
        .filter_map(|change| change["change"]["actions"].as_array())
        .flatten()
        .collect();
    ["create", "update", "delete"]
        .map(|word| actions.iter().filter(|action| **action == word).count())
}

/// Compares the text of that plan with its snapshot.
fn check_golden(text: &str) {
    insta::assert_snapshot!(text, @r#"
    Environment "test" at URL. Actions are shown with these symbols:
      - destroy
    -/+ destroy and then create replacement
      ~ update in-place
      + create

    1 coexisting version will be deactivated by policy.
    To keep it, declare `superseded: keep`.

      # Again@1 must be replaced
      # (requested by the command, solform.yaml:13:21)
    -/+ Again@1
          + path       = "acme/releases/fs/Instabase Drive/Again-1.ibsolution"
          ! out of service until the new deploy is done
          ! cannot be undone: the record, its id and its job history are lost

      # Old@1 will be destroyed
      # (declared as ABSENT, solform.yaml:18:19)
      - Old@1
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PRIVATE"
          ! stops serving, and no other version of this name takes its place
          ! cannot be undone: the record, its id and its job history are lost

      # Safe@1 will be destroyed
      # (declared as ABSENT, solform.yaml:19:20)
      - Safe@1
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PRIVATE"
          ! blocked: a `protect` pattern of the environment covers this version
          ! stops serving, and no other version of this name takes its place
          ! cannot be undone: the record, its id and its job history are lost

      # Back@1 will be updated in-place
      # (declared, solform.yaml:14:20; downgrade from Back@2)
      ~ Back@1
          ~ state      = "INACTIVE" -> "ACTIVE"
          ! goes down in version

      # Back@2 will be updated in-place
      # (superseded by Back@1, solform.yaml:14:20; waits for Back@1)
      ~ Back@2
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Beside@1 will be updated in-place
      # (superseded by Beside@2, solform.yaml:15:22)
      ~ Beside@1
          ~ state      = "ACTIVE" -> "INACTIVE"

      # New@1 will be created
      # (declared, solform.yaml:16:19)
      + New@1
          + owner      = "svc"
          + path       = "acme/releases/fs/Instabase Drive/New-1.ibsolution"
          + state      = "ACTIVE"

      # Off@1 will be updated in-place
      # (declared, solform.yaml:17:19)
      ~ Off@1
          ~ state      = "ACTIVE" -> "INACTIVE"
          ! stops serving, and no other version of this name takes its place

      # Spare@1 will be updated in-place
      # (its name is not declared, so `manage.undeclared` applies)
      ~ Spare@1
          ~ state      = "ACTIVE" -> "INACTIVE"
          ! stops serving, and no other version of this name takes its place

      # Up@1 will be updated in-place
      # (superseded by Up@2, solform.yaml:21:18; waits for Up@2)
      ~ Up@1
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Up@2 will be created
      # (declared, solform.yaml:21:18; upgrade from Up@1)
      + Up@2
          + owner      = "svc"
          + path       = "acme/releases/fs/Instabase Drive/Up-2.ibsolution"
          + state      = "ACTIVE"

      # Wide@1 will be updated in-place
      # (declared, solform.yaml:22:20)
      ~ Wide@1
          ~ visibility = "PRIVATE" -> "PUBLIC"
          ! becomes PUBLIC

    Plan: 3 to add, 7 to change, 3 to destroy.
    Versions: 2 as declared, 1 unmanaged, 1 blocked, 4 without a successor, 1 going down in version, 1 becoming PUBLIC, 3 irreversible.
    "#);
}

/// Makes that plan; returns its folder, the URL of the emulator, and the output.
async fn every_kind() -> (TestEnv, String, CommandOutput) {
    let live = [
        Version::active("Again", "1"),
        Version::inactive("Back", "1"),
        Version::active("Back", "2"),
        Version::active("Beside", "1"),
        Version::active("Beside", "2"),
        Version::active("Off", "1"),
        Version::active("Old", "1"),
        Version::active("Safe", "1"),
        Version::active("Same", "1"),
        Version::active("Spare", "1"),
        Version::active("Stranger", "1").owner("mallory"),
        Version::active("Up", "1"),
        Version::active("Wide", "1"),
    ];
    let packages = ["New 1", "Up 2", "Again 1"]
        .map(|package| package.split_once(' ').unwrap())
        .map(|(name, version)| Version::active(name, version));
    let emulator = start(seed(&live, &packages), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    protect: [\"Safe@*\"]\n",
        "manage: { owners: [svc], undeclared: deactivate }\n",
        EVERY_KIND,
    ));
    let arguments = [
        "plan",
        "--replace=Again@1",
        "--output=text=plan.txt",
        "--output=json=plan.json",
        "--output=gitlab=counts.json",
        "--output=markdown=plan.md",
        "--concise",
    ];
    let plan = env.solform_beside(&arguments).await;
    (env, emulator.url(), plan)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_each_kind_of_change_has_the_literals() {
    let (env, url, plan) = every_kind().await;
    let plan = plan.exits_with(1);
    let text = env.read("plan.txt");
    check_golden(&text.replace(&url, "URL"));
    let counts = [3, 7, 3];
    let created = vec!["New@1", "Up@2"];
    let updated = vec![
        "Back@1", "Back@2", "Beside@1", "Off@1", "Spare@1", "Up@1", "Wide@1",
    ];
    let destroyed = vec!["Old@1", "Safe@1"];
    let expected = [created, updated, destroyed, vec!["Again@1"]];
    assert_eq!(items(&text), expected);
    assert_eq!(numbers(&text), Some(counts));
    // The concise text, two lines per change, has the same items in another order.
    let mut concise = items(&plan.stdout);
    for names in &mut concise {
        names.sort_unstable();
    }
    assert_eq!(concise, expected);
    assert_eq!(numbers(&plan.stdout), Some(counts));
    assert!(plan.stdout.lines().count() < text.lines().count());

    let document: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    assert_eq!(count_actions(&document), counts);
    let gitlab: Value = serde_json::from_str(&env.read("counts.json")).unwrap();
    let [create, update, delete] = counts;
    assert_eq!(
        gitlab,
        serde_json::json!({ "create": create, "update": update, "delete": delete })
    );
    let line = "**Plan: 3 to add, 7 to change, 3 to destroy.**";
    assert!(env.read("plan.md").contains(line));
}

async fn outputs() -> [CommandOutput; 4] {
    let live = ["Up", "Again", "Old", "Same"].map(|name| Version::active(name, "1"));
    let packages = [Version::active("Up", "2"), Version::active("Again", "1")];
    let emulator = start(seed(&live, &packages), &[]).await;
    let env = env_with(&manifest_with(&emulator.url(), "", "", SOLUTIONS));
    let plan = env.solform_beside(&["plan", "--replace", "Again@1"]).await;
    let arguments = ["apply", "--auto-approve", "--replace", "Again@1"];
    let apply = env.solform_beside(&arguments).await;
    let again = env.solform_beside(&["plan"]).await;
    let refused = env.solform_beside(&["plan", "--target", "Nobody"]).await;
    [plan, apply, again, refused]
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_other_programs_find_the_literals() {
    let [plan, apply, again, refused] = outputs().await;
    let plan = plan.exits_with(0).stdout;
    assert_eq!(
        items(&plan),
        [vec!["Up@2"], vec!["Up@1"], vec!["Old@1"], vec!["Again@1"]],
        "{plan}"
    );
    assert_eq!(numbers(&plan), Some([2, 1, 2]), "{plan}");
    assert_eq!(found(r"(\d+) to destroy\.", &plan), ["2"]);
    assert_eq!(found(r"^(Plan: \d|No changes\.)", &plan).len(), 1);

    let apply = apply.exits_with(0).stdout;
    assert_eq!(
        found(
            r"^(Apply complete! Resources: \d+ added, \d+ changed, \d+ destroyed\.)$",
            &apply
        ),
        ["Apply complete! Resources: 2 added, 1 changed, 2 destroyed."],
        "{apply}"
    );
    assert!(found(r"^(Error: )", &apply).is_empty());

    let again = again.exits_with(0).stdout;
    assert_eq!(numbers(&again), None);
    assert!(
        again.starts_with("No changes. Your infrastructure matches the configuration."),
        "{again}"
    );

    let refused = refused.exits_with(1);
    assert_eq!(found(r"^(Error: )", &refused.stderr).len(), 1, "{refused}");
    assert!(found(r"^(Apply complete!|Plan: \d)", &refused.stdout).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_of_a_blocked_plan_count_its_changes() {
    let emulator = start(seed(&[Version::active("Safe", "1")], &[]), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    protect: [\"Safe@*\"]\n",
        "",
        "  Safe: { version: 1, state: ABSENT }\n",
    ));
    let plan = env.solform_beside(&["plan"]).await.exits_with(1);
    assert_eq!(numbers(&plan.stdout), Some([0, 0, 1]), "{plan}");
    assert_eq!(items(&plan.stdout)[2], ["Safe@1"]);
    assert_eq!(found(r"^(Error: )", &plan.stderr).len(), 1, "{plan}");
    let apply = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1);
    assert!(!apply.stdout.contains("Apply complete!"), "{apply}");
}

//! The output of the command in each format, with each decision.

use serde_json::Value;

use super::{ARGUMENTS, World, world};
use crate::output::assert_golden;
use crate::support::worlds::Version;

/// Starts two environments whose promotion has every decision and every warning.
async fn all_decisions() -> World {
    let uat = [
        Version::active("Form W-2", "0.0.3"),
        Version::active("Down", "1"),
        Version::active("Same", "2.1.0"),
        Version::active("Two", "1"),
        Version::active("Two", "2"),
        Version::active("Many", "3"),
        Version::active("Gone", "1"),
        Version::active("Off", "2"),
        Version::active("a|b `c` <i>", "1.10"),
    ];
    let prod = [
        Version::active("Form W-2", "0.0.1"),
        Version::inactive("Off", "1"),
    ];
    let overlay = "    solutions:
      Form W-2: { version: 0.0.1 }
      Down: { version: 2 }
      Two: { version: 0 }
      Many: { versions: { 1: , 2: { state: INACTIVE } } }
      Gone: { state: ABSENT }
      Off: { version: 1, state: INACTIVE }
      \"a|b `c` <i>\": { version: 1-x }
";
    let base = "  Form W-2: { version: 0.0.3 }
  Same: { version: 2.1.0 }
  Two: { versions: { 1: , 2: } }
  Gone: { version: 1 }
  Lone: { version: 1 }
";
    world(&uat, &prod, overlay, base).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_shows_every_decision() {
    let world = all_decisions().await;
    let arguments = [
        &ARGUMENTS[..],
        &["--check", "--json", "--output", "text=promotion.txt"],
        &["--output", "markdown=promotion.md"],
        &["--output", "github=promotion.cmd"],
    ];
    let output = world.env.solform_beside(&arguments.concat()).await;
    let output = output.exits_with(0);
    let mut document: Value = serde_json::from_str(&output.stdout).unwrap();
    let schema = world.env.solform(&["schema", "promotion"]).exits_with(0);
    let schema = serde_json::from_str(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&document), "{document:#}");
    document["solform_version"] = "VERSION".into();
    assert_golden("promotion.json", &format!("{document:#}\n"));
    assert_golden("promotion.warnings.txt", &output.stderr);
    for file in ["promotion.txt", "promotion.md", "promotion.cmd"] {
        assert_golden(file, &world.env.read(file));
    }
}

/// The result of a promotion of everything: each line that changes.
#[tokio::test(flavor = "multi_thread")]
async fn all_promoted_lines_change() {
    let world = all_decisions().await;
    let before = world.text();
    let _ = world.env.solform_beside(&ARGUMENTS).await.exits_with(0);
    let after = world.text();
    let changed = before.lines().zip(after.lines());
    let changed: Vec<&str> = changed
        .filter(|(before, after)| before != after)
        .map(|(_, after)| after.trim())
        .collect();
    assert_eq!(
        changed,
        [
            "Form W-2: { version: 0.0.3 }",
            "Down: { version: 1 }",
            "Off: { version: 2, state: INACTIVE }",
            "\"a|b `c` <i>\": { version: 1.10 }",
        ]
    );
    assert_eq!(before.lines().count(), after.lines().count());
}

//! Tests of the text of a plan.

use super::*;
use crate::attribute::Visibility;
use crate::manifest::{SupersededPolicy, Undeclared};
use crate::plan::testing::{Scenario, declared, live, scenario};

fn text_of(scenario: &Scenario) -> String {
    plan_text(PlanDetail::Verbose, &scenario.plan())
}

#[test]
fn every_kind_of_change() {
    let text = text_of(
        &scenario()
            .declare([
                declared("Upgrade@2.0").visible(Visibility::Public),
                declared("Gone@1.0").absent(),
                declared("Again@1.0"),
                declared("Same@1.0"),
            ])
            .live([
                live("Upgrade@1.0"),
                live("Gone@1.0").visible("PUBLIC"),
                live("Again@1.0"),
                live("Same@1.0"),
                live("other:Stranger@1.0"),
            ])
            .replace("Again@1.0"),
    );
    insta::assert_snapshot!(text, @r#"
    Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
      - destroy
    -/+ destroy and then create replacement
      ~ update in-place
      + create

      # Again@1.0 must be replaced
      # (requested by the command, solform.yaml:1:3)
    -/+ Again@1.0
          + path       = "releases/Again-1.0.ibsolution"
          ! out of service until the new deploy is done
          ! cannot be undone: the record, its id and its job history are lost

      # Gone@1.0 will be destroyed
      # (declared as ABSENT, solform.yaml:1:3)
      - Gone@1.0
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PUBLIC"
          ! stops serving, and no other version of this name takes its place
          ! cannot be undone: the record, its id and its job history are lost

      # Upgrade@1.0 will be updated in-place
      # (superseded by Upgrade@2.0, solform.yaml:1:3; waits for Upgrade@2.0)
      ~ Upgrade@1.0
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Upgrade@2.0 will be created
      # (declared, solform.yaml:1:3; upgrade from Upgrade@1.0)
      + Upgrade@2.0
          + owner      = "svc"
          + path       = "releases/Upgrade-2.0.ibsolution"
          + state      = "ACTIVE"
          + visibility = "PUBLIC"
          ! becomes PUBLIC

    Plan: 2 to add, 1 to change, 2 to destroy.
    Versions: 1 as declared, 1 unmanaged, 1 without a successor, 1 becoming PUBLIC, 2 irreversible.
    "#);
}

#[test]
fn values_that_are_left_alone_are_shown() {
    let text = text_of(
        &scenario()
            .declare([
                declared("Review@1.0").visible(Visibility::Public),
                declared("Odd@1.0"),
                declared("Unseen@1.0").visible(Visibility::Private),
            ])
            .live([
                live("Review@1.0").visible("PENDING_REVIEW"),
                live("Odd@1.0").state("EMBARGOED\u{1b}[2J"),
                live("Unseen@1.0").visibility_unknown(),
            ]),
    );
    insta::assert_snapshot!(text, @r#"
    Nothing to change, but action is needed: 1 declared version in an unknown state or visibility.
    Note: Odd@1.0: the server reports the unknown word "EMBARGOED\u{1b}[2J", which solform leaves alone
    Note: Review@1.0: waits for a review: it becomes PUBLIC only after it is approved
    Note: Unseen@1.0: the live visibility is not known, which is not drift
    Versions: 1 as declared, 1 unknown, 1 waiting for review.
    "#);
}

#[test]
fn a_blocked_change_stays_in_the_plan() {
    let text = text_of(
        &scenario()
            .declare([declared("Kept@1.0").absent()])
            .live([live("Kept@1.0")])
            .protect("Kept@*"),
    );
    insta::assert_snapshot!(text, @r#"
    Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
      - destroy

      # Kept@1.0 will be destroyed
      # (declared as ABSENT, solform.yaml:1:3)
      - Kept@1.0
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PRIVATE"
          ! blocked: a `protect` pattern of the environment covers this version
          ! stops serving, and no other version of this name takes its place
          ! cannot be undone: the record, its id and its job history are lost

    Plan: 0 to add, 0 to change, 1 to destroy.
    Versions: 0 as declared, 1 blocked, 1 without a successor, 1 irreversible.
    "#);
}

#[test]
fn policies_name_their_reason() {
    let text = text_of(
        &scenario()
            .declare([declared("New@2.0").superseding(SupersededPolicy::Delete, None)])
            .live([live("New@2.0"), live("New@1.0"), live("Nobodys@1.0")])
            .undeclared(Undeclared::Deactivate),
    );
    insta::assert_snapshot!(text, @r#"
    Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
      - destroy
      ~ update in-place

      # New@1.0 will be destroyed
      # (superseded by New@2.0, solform.yaml:1:3)
      - New@1.0
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PRIVATE"
          ! cannot be undone: the record, its id and its job history are lost

      # Nobodys@1.0 will be updated in-place
      # (its name is not declared, so `manage.undeclared` applies)
      ~ Nobodys@1.0
          ~ state      = "ACTIVE" -> "INACTIVE"
          ! stops serving, and no other version of this name takes its place

    Plan: 0 to add, 1 to change, 1 to destroy.
    Versions: 1 as declared, 1 without a successor, 1 irreversible.
    "#);
}

#[test]
fn nothing_to_do() {
    let text = text_of(&scenario().declare([declared("Same@1.0")]).converged());
    insta::assert_snapshot!(text, @r"
    No changes. Your infrastructure matches the configuration.
    Versions: 1 as declared.
    ");
}

/// Returns a scenario with an upgrade, a roll-back and three coexisting versions.
fn successions() -> Scenario {
    scenario()
        .declare([
            declared("Up@1.10"),
            declared("Back@1.0"),
            declared("Beside@3.0"),
        ])
        .live([
            live("Up@1.9"),
            live("Back@1.0").inactive(),
            live("Back@2.0"),
            live("Beside@1.0"),
            live("Beside@2.0"),
            live("Beside@3.0"),
        ])
}

#[test]
fn upgrades_and_coexisting_versions_are_shown() {
    insta::assert_snapshot!(text_of(&successions()), @r#"
    Environment "prod" at https://ib.example.com. Actions are shown with these symbols:
      ~ update in-place
      + create

    2 coexisting versions will be deactivated by policy.
    To keep them, declare `superseded: keep`.

      # Back@1.0 will be updated in-place
      # (declared, solform.yaml:1:3; downgrade from Back@2.0)
      ~ Back@1.0
          ~ state      = "INACTIVE" -> "ACTIVE"
          ! goes down in version

      # Back@2.0 will be updated in-place
      # (superseded by Back@1.0, solform.yaml:1:3; waits for Back@1.0)
      ~ Back@2.0
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Beside@1.0 will be updated in-place
      # (superseded by Beside@3.0, solform.yaml:1:3)
      ~ Beside@1.0
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Beside@2.0 will be updated in-place
      # (superseded by Beside@3.0, solform.yaml:1:3)
      ~ Beside@2.0
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Up@1.9 will be updated in-place
      # (superseded by Up@1.10, solform.yaml:1:3; waits for Up@1.10)
      ~ Up@1.9
          ~ state      = "ACTIVE" -> "INACTIVE"

      # Up@1.10 will be created
      # (declared, solform.yaml:1:3; upgrade from Up@1.9)
      + Up@1.10
          + owner      = "svc"
          + path       = "releases/Up-1.10.ibsolution"
          + state      = "ACTIVE"

    Plan: 1 to add, 5 to change, 0 to destroy.
    Versions: 1 as declared, 1 going down in version.
    "#);
}

#[test]
fn a_concise_plan_shows_only_risks_in_full() {
    let scenario = successions()
        .declare([
            declared("Gone@1.0").absent(),
            declared("Wide@1.0").visible(Visibility::Public),
            declared("New@1.0"),
        ])
        .live([live("Gone@1.0"), live("Wide@1.0")]);
    insta::assert_snapshot!(plan_text(PlanDetail::Concise, &scenario.plan()), @r#"
    Environment "prod" at https://ib.example.com.

    2 coexisting versions will be deactivated by policy.
    To keep them, declare `superseded: keep`.

      # Gone@1.0 will be destroyed
      # (declared as ABSENT, solform.yaml:1:3)
      - Gone@1.0
          - owner      = "svc"
          - state      = "ACTIVE"
          - visibility = "PRIVATE"
          ! stops serving, and no other version of this name takes its place
          ! cannot be undone: the record, its id and its job history are lost

      # Back@1.0 will be updated in-place
      # (declared, solform.yaml:1:3; downgrade from Back@2.0)
      ~ Back@1.0
          ~ state      = "INACTIVE" -> "ACTIVE"
          ! goes down in version

      # Wide@1.0 will be updated in-place
      # (declared, solform.yaml:1:3)
      ~ Wide@1.0
          ~ visibility = "PRIVATE" -> "PUBLIC"
          ! becomes PUBLIC

      # Back@2.0 will be updated in-place
      # (superseded by Back@1.0)
      # Beside@1.0 will be updated in-place
      # (superseded by Beside@3.0)
      # Beside@2.0 will be updated in-place
      # (superseded by Beside@3.0)
      # New@1.0 will be created
      # (declared)
      # Up@1.9 will be updated in-place
      # (superseded by Up@1.10)
      # Up@1.10 will be created
      # (declared; upgrade from Up@1.9)

    Plan: 2 to add, 6 to change, 1 to destroy.
    Versions: 1 as declared, 1 without a successor, 1 going down in version, 1 becoming PUBLIC, 1 irreversible.
    "#);
}

/// A saved plan may contain fields without a difference; they have no row.
#[test]
fn every_row_shows_a_difference() {
    let long = "x".repeat(300);
    for (before, after, expected) in [
        (Some("ACTIVE"), Some("ACTIVE"), None),
        (None, None, None),
        (Some("A"), Some("B"), Some(r#"~ state      = "A" -> "B""#)),
        (
            Some("A\u{200b}"),
            Some("A\\u{200b}"),
            Some(r#"~ state      = "A[-\u{200b}-]{+\u{200b}+}""#),
        ),
        (
            Some("drive/releases/Form W-2-1.0.0.ibsolution"),
            Some("drive/releases/Form W-2-1.1.0.ibsolution"),
            Some(r#"~ state      = "drive/releases/Form W-2-1.[-0-]{+1+}.0.ibsolution""#),
        ),
    ] {
        let text = text_of_field(before, after);
        let rows: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("      "))
            .collect();
        assert_eq!(rows, expected.into_iter().collect::<Vec<_>>());
    }
    assert!(text_of_field(None, Some(&long)).contains("(300 characters)"));
    let text = text_of_field(
        Some(&format!("{long}1{long}")),
        Some(&format!("{long}2{long}")),
    );
    assert!(text.contains("[-") && text.len() < 1_200, "{text}");
}

/// Returns the text of a plan whose only change has one field.
fn text_of_field(before: Option<&str>, after: Option<&str>) -> String {
    let mut plan = scenario()
        .declare([declared("Form@1").inactive()])
        .live([live("Form@1")])
        .plan();
    let change = &mut plan.changes[0];
    change.notes.clear();
    let field = &mut change.fields[0];
    field.before = before.map(std::sync::Arc::from);
    field.after = after.map(std::sync::Arc::from);
    plan_text(PlanDetail::Verbose, &plan)
}

use super::super::ActionKind::{Create, Delete, Replace, Update};
use super::super::testing::{Scenario, declared, live, scenario};
use super::super::{Plan, Selector};
use crate::manifest::{SupersededPolicy, Undeclared};

fn waits<'a>(plan: &'a Plan, text: &str) -> Vec<&'a str> {
    plan.at(text).waits()
}

/// Within one name, each change that ends service waits for all changes that begin it.
#[test]
fn new_comes_before_old() {
    let plan = scenario()
        .declare([
            declared("Form@9"),
            declared("Form@8"),
            declared("Form@7"),
            declared("Form@6").inactive(),
            declared("Form@5").inactive(),
            declared("Form@4").absent(),
        ])
        .live([
            live("Form@8").inactive(),
            live("Form@7"),
            live("Form@6"),
            live("Form@4"),
            live("Form@3"),
        ])
        .expect(&[
            ("Form@3", Update, "superseded"),
            ("Form@4", Delete, "tombstone"),
            ("Form@5", Create, "declared"),
            ("Form@6", Update, "declared"),
            ("Form@8", Update, "declared"),
            ("Form@9", Create, "declared"),
        ]);
    for out in ["Form@3", "Form@4", "Form@6"] {
        assert_eq!(waits(&plan, out), ["Form@8", "Form@9"], "{out}");
        let successors = plan.at(out).succeeded_by();
        assert_eq!(successors, ["Form@7", "Form@8", "Form@9"], "{out}");
    }
    for free in ["Form@5", "Form@8", "Form@9"] {
        assert_eq!(waits(&plan, free), Vec::<&str>::new(), "{free}");
        assert_eq!(plan.at(free).succeeded_by(), Vec::<&str>::new(), "{free}");
    }
    let ids: Vec<bool> = plan
        .at("Form@3")
        .successors
        .iter()
        .map(|one| one.id.is_some())
        .collect();
    assert_eq!(ids, [true, true, false], "what is live is known by its id");
    assert!(plan.changes.iter().all(|change| !change.ends_service()));
}

#[test]
fn names_do_not_wait_for_one_another() {
    let plan = scenario()
        .declare([declared("Form@2"), declared("Paystub@2")])
        .live([live("Form@1"), live("Paystub@1")])
        .plan();
    assert_eq!(waits(&plan, "Form@1"), ["Form@2"]);
    assert_eq!(waits(&plan, "Paystub@1"), ["Paystub@2"]);
}

/// Until the new version is live, the old versions are needed for a roll-back, in service or not.
#[test]
fn deletes_of_inactive_versions_wait() {
    let delete = |text| declared(text).superseding(SupersededPolicy::Delete, None);
    let plan = scenario()
        .declare([delete("Form@9")])
        .live([live("Form@1").inactive()])
        .expect(&[
            ("Form@1", Delete, "superseded"),
            ("Form@9", Create, "declared"),
        ]);
    assert_eq!(waits(&plan, "Form@1"), ["Form@9"]);
    // A tombstone of such a version does not wait.
    let plan = scenario()
        .declare([delete("Form@9"), declared("Form@1").absent()])
        .live([live("Form@1").inactive()])
        .plan();
    assert_eq!(waits(&plan, "Form@1"), Vec::<&str>::new());
}

/// The new version must have all of its declared fields, including its visibility.
#[test]
fn a_change_of_visibility_begins_service() {
    use crate::attribute::Visibility::Public;
    let plan = scenario()
        .declare([declared("Form@2").visible(Public)])
        .live([live("Form@2"), live("Form@1")])
        .plan();
    assert_eq!(plan.at("Form@2").patches(), "visibility=PUBLIC");
    assert_eq!(waits(&plan, "Form@1"), ["Form@2"]);
    // A version that waits for review has no change, but the old version must still wait for it.
    let plan = scenario()
        .declare([declared("Form@2").visible(Public)])
        .live([live("Form@2").visible("PENDING_REVIEW"), live("Form@1")])
        .expect(&[("Form@1", Update, "superseded")]);
    let change = plan.at("Form@1");
    assert_eq!(change.succeeded_by(), ["Form@2"]);
    assert!(!change.successors[0].is_live_among(&[live("Form@2").visible("PENDING_REVIEW")], None));
    assert!(change.successors[0].is_live_among(&[live("Form@2").visible("PUBLIC")], None));
}

#[test]
fn replaces_of_one_name_are_sequential() {
    let plan = scenario()
        .declare(["Form@1", "Form@2", "Form@3", "Form@4"].map(declared))
        .live(["Form@1", "Form@2", "Form@3", "Form@0"].map(live))
        .replace("Form@1")
        .replace("Form@2")
        .replace("Form@3")
        .expect(&[
            ("Form@0", Update, "superseded"),
            ("Form@1", Replace, "requested"),
            ("Form@2", Replace, "requested"),
            ("Form@3", Replace, "requested"),
            ("Form@4", Create, "declared"),
        ]);
    assert_eq!(waits(&plan, "Form@1"), ["Form@4"]);
    assert_eq!(waits(&plan, "Form@2"), ["Form@1", "Form@4"]);
    assert_eq!(waits(&plan, "Form@3"), ["Form@1", "Form@2", "Form@4"]);
    assert_eq!(
        waits(&plan, "Form@0"),
        ["Form@1", "Form@2", "Form@3", "Form@4"]
    );
    // A replaced version is its own successor, and it gets another id.
    assert!(plan.at("Form@2").successors.is_empty());
    assert!(
        plan.at("Form@0")
            .successors
            .iter()
            .all(|successor| successor.id.is_none())
    );
}

/// A replace can begin or end service.
#[test]
fn replaces_are_ordered_by_what_they_do() {
    let plan = scenario()
        .declare([
            declared("Form@1"),
            declared("Form@2"),
            declared("Form@3").inactive(),
            declared("Form@4").inactive(),
        ])
        .live([
            live("Form@1"),
            live("Form@2").inactive(),
            live("Form@3"),
            live("Form@4").inactive(),
        ])
        .replace("Form@1")
        .replace("Form@2")
        .replace("Form@3")
        .replace("Form@4")
        .plan();
    assert_eq!(
        waits(&plan, "Form@1"),
        ["Form@2"],
        "serves now, and will again"
    );
    assert_eq!(waits(&plan, "Form@2"), Vec::<&str>::new(), "is to serve");
    assert_eq!(
        waits(&plan, "Form@3"),
        ["Form@1", "Form@2"],
        "serves no more"
    );
    assert_eq!(plan.at("Form@3").succeeded_by(), ["Form@1", "Form@2"]);
    assert_eq!(waits(&plan, "Form@4"), Vec::<&str>::new(), "never serves");
}

/// The plan notes each change that leaves a name without a version in service; a limit counts them.
#[test]
fn ending_service_is_noted() {
    let ends = |scenario: &Scenario| -> Vec<String> {
        let plan = scenario.plan();
        let ended = plan.changes.iter().filter(|change| change.ends_service());
        ended.map(|change| change.address.to_string()).collect()
    };
    let inactive = |text| declared(text).inactive();
    let base = || {
        scenario()
            .declare([inactive("Form@2")])
            .live([live("Form@2")])
    };
    let none = Vec::<String>::new();

    assert_eq!(ends(&base()), ["Form@2"]);
    assert_eq!(
        ends(&base().live([live("Form@1")])),
        none,
        "another stays in service"
    );
    assert_eq!(ends(&base().live([live("Form@1").inactive()])), ["Form@2"]);
    assert_eq!(
        ends(&base().live([live("Form@1").state("ODD")])),
        none,
        "it may well serve"
    );
    assert_eq!(
        ends(&base().live([live("mallory:Form@1")])),
        ["Form@2"],
        "an unmanaged version does not count"
    );
    assert_eq!(
        ends(&base().live([live("Paystub@1")])),
        ["Form@2"],
        "another name is none"
    );
    assert_eq!(
        ends(&base().declare([declared("Form@3")])),
        none,
        "another comes"
    );
    assert_eq!(
        ends(&base().replace("Form@2")),
        ["Form@2"],
        "it comes back inactive"
    );
    let replaced = scenario()
        .declare([declared("Form@2")])
        .converged()
        .replace("Form@2");
    assert_eq!(ends(&replaced), none, "it comes back");
    let tombstones = scenario()
        .declare([declared("Form@1").absent(), declared("Form@2").absent()])
        .live([live("Form@1"), live("Form@2").inactive()]);
    assert_eq!(
        ends(&tombstones),
        ["Form@1"],
        "what does not serve ends nothing"
    );
    let destroyed = scenario()
        .declare([declared("Form@1"), declared("Form@2")])
        .converged()
        .destroy();
    assert_eq!(ends(&destroyed), ["Form@1", "Form@2"]);
    assert_eq!(ends(&destroyed.live([live("Form@0")])), none);
    let undeclared = scenario()
        .undeclared(Undeclared::Deactivate)
        .live([live("Form@1"), live("Form@2")]);
    assert_eq!(ends(&undeclared), ["Form@1", "Form@2"]);
    let visibility = scenario()
        .declare([declared("Form@1").visible(crate::attribute::Visibility::Public)])
        .live([live("Form@1")]);
    assert_eq!(ends(&visibility), none);
}

#[test]
fn selections_follow_dependencies() {
    let base = || {
        scenario()
            .declare(["Form@2", "Form@3", "Paystub@2"].map(declared))
            .live(["Form@1", "Form@3", "Paystub@1"].map(live))
    };
    let all = ["Form@1", "Form@2", "Form@3", "Paystub@1", "Paystub@2"];
    let kept = |scenario: &Scenario| -> Vec<String> {
        let plan = scenario.plan();
        assert_eq!(plan.left_out, all.len() - plan.changes.len());
        plan.changes
            .iter()
            .map(|change| change.address.to_string())
            .collect()
    };
    assert_eq!(kept(&base()), all);
    // Targeting the old version includes the new version that it waits for, but not live versions.
    assert_eq!(kept(&base().target("Form@1")), ["Form@1", "Form@2"]);
    assert_eq!(kept(&base().target("Form@2")), ["Form@2"]);
    assert_eq!(
        kept(&base().target("Form@2").target("Paystub")),
        ["Form@2", "Paystub@1", "Paystub@2"]
    );
    // Excluding the new version excludes the old one.
    assert_eq!(
        kept(&base().exclude("Form@2")),
        ["Form@3", "Paystub@1", "Paystub@2"]
    );
    assert_eq!(
        kept(&base().exclude("Form@1")),
        ["Form@2", "Form@3", "Paystub@1", "Paystub@2"]
    );
    assert_eq!(kept(&base().target("Form").exclude("Form@2")), ["Form@3"]);
    assert_eq!(
        kept(&base().target("Form@1").exclude("Form@2")),
        Vec::<String>::new()
    );
    assert_eq!(
        kept(&base().exclude("Form").exclude("Paystub")),
        Vec::<String>::new()
    );
}

#[test]
fn selections_follow_sequential_replaces() {
    let base = || {
        scenario()
            .declare(["Form@1", "Form@2", "Form@3"].map(declared))
            .converged()
            .replace("Form@1")
            .replace("Form@2")
            .replace("Form@3")
    };
    let kept = |scenario: &Scenario| scenario.plan().changes.len();
    assert_eq!(kept(&base().target("Form@1")), 1);
    assert_eq!(kept(&base().target("Form@3")), 3);
    assert_eq!(kept(&base().exclude("Form@1")), 0);
    assert_eq!(kept(&base().exclude("Form@3")), 2);
}

#[test]
fn selectors_read_addresses_from_the_right() {
    let odd = declared("svc:a@b:c@1:0").identity;
    for (text, expected) in [
        ("a@b:c", true),
        ("a@b:c@1:0", true),
        ("svc:a@b:c@1:0", true),
        ("a@b:c@1", false),
        ("c@1:0", false),
        ("svc:a@b:c", false),
    ] {
        assert_eq!(Selector::new(text).selects(&odd), expected, "{text}");
    }
}

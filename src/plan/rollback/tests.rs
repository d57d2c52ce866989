//! Tests of the plan that rolls an apply back, from the writes of the apply, the live state and the
//! manifest.

use std::sync::Arc;

use super::super::ActionKind::{Create, Replace, Update};
use super::super::simulator::{Run, Server};
use super::super::testing::{Scenario, address, declared, identity, live, scenario};
use super::super::{KnownPackage, Loss, Overrides, Rollback, Summary, judge};
use super::properties::rollback_of;
use super::{AdjustedKey, adjustments};
use crate::attribute::{State, Visibility};
use crate::ident::SolutionId;
use crate::manifest::{Limit, SupersededPolicy};

/// Executes the plan of a scenario, and returns the scenario that rolls it back.
fn applied(scenario: &Scenario) -> Scenario {
    let plan = scenario.plan();
    let run = Run::new(scenario, &plan, Server::PLAIN, 1);
    let (live, progress) = run.killed_after(usize::MAX);
    let mut after = Scenario {
        live,
        ..scenario.clone()
    };
    after.options.replace.clear();
    after.options.rollback = Some(Arc::new(rollback_of(progress)));
    after
}

impl Scenario {
    fn rollback(&mut self) -> &mut Rollback {
        Arc::make_mut(self.options.rollback.as_mut().unwrap())
    }

    /// Returns the losses of the plan as `ADDRESS code`.
    fn losses(&self) -> Vec<String> {
        let rollback = self.plan().rollback.unwrap();
        let losses = rollback.unrestored.iter();
        losses
            .map(|found| format!("{} {}", found.identity.address(), found.loss.code()))
            .collect()
    }

    /// Changes a live version.
    fn with(mut self, text: &str, change: impl FnOnce(&mut crate::live::LiveVersion)) -> Self {
        let wanted = identity(text);
        let mut versions = self.live.iter_mut();
        change(versions.find(|live| live.identity == wanted).unwrap());
        self
    }
}

fn upgrade() -> Scenario {
    scenario()
        .declare([declared("Form@2")])
        .live([live("Form@1")])
}

#[test]
fn the_old_version_comes_back_first() {
    let plan = applied(&upgrade()).expect(&[
        ("Form@1", Update, "rolled-back"),
        ("Form@2", Update, "rolled-back"),
    ]);
    assert_eq!(plan.at("Form@1").patches(), "state=ACTIVE");
    assert_eq!(plan.at("Form@2").patches(), "state=INACTIVE");
    assert_eq!(plan.at("Form@2").waits(), ["Form@1"]);
    assert_eq!(plan.at("Form@2").succeeded_by(), ["Form@1"]);
    assert_eq!(plan.at("Form@1").origin, None);
    assert!(plan.at("Form@2").origin.is_some());
    assert!(!Summary::of(&plan).is_partial());
}

#[test]
fn only_the_values_that_were_set_are_restored() {
    let declared = [
        declared("A@1").inactive().visible(Visibility::Public),
        declared("B@1").visible(Visibility::Public),
    ];
    let scenario = scenario()
        .declare(declared)
        .live([live("A@1"), live("B@1"), live("C@1")]);
    let plan = applied(&scenario).expect(&[
        ("A@1", Update, "rolled-back"),
        ("B@1", Update, "rolled-back"),
    ]);
    assert_eq!(plan.at("A@1").patches(), "state=ACTIVE visibility=PRIVATE");
    assert_eq!(plan.at("B@1").patches(), "visibility=PRIVATE");
}

/// A version that is as before needs no change, and one that others changed is left alone. Its
/// successor stays in service.
#[test]
fn what_has_changed_since_is_not_touched() {
    let back = applied(&upgrade()).with("Form@1", |it| it.state = "ACTIVE".to_owned().into());
    back.expect(&[("Form@2", Update, "rolled-back")]);
    assert!(back.losses().is_empty());

    let moved = applied(&upgrade()).with("Form@1", |it| {
        it.visibility = Some("PUBLIC".to_owned().into());
    });
    moved.expect_nothing();
    assert_eq!(moved.losses(), ["Form@1 changed-since", "Form@2 kept"]);
    let plan = moved.plan();
    assert!(Summary::of(&plan).is_partial());
    let losses = plan.rollback.unwrap().unrestored;
    assert_eq!(
        losses[0].loss.to_string(),
        "changed since the apply, and is left alone: its visibility was left PRIVATE, and is PUBLIC"
    );

    let gone = applied(&upgrade()).without("Form@1");
    gone.expect_nothing();
    assert_eq!(gone.losses(), ["Form@1 changed-since", "Form@2 kept"]);

    let widened = applied(&upgrade()).with("Form@2", |it| it.state = "INACTIVE".to_owned().into());
    widened.expect(&[("Form@1", Update, "rolled-back")]);

    // A newer record hides the one that the apply changed.
    let newer = live("Form@1").id("newer").created(i64::MAX).inactive();
    let hidden = applied(&upgrade()).live([newer]);
    hidden.expect_nothing();
    assert_eq!(hidden.losses(), ["Form@1 older-record", "Form@2 kept"]);
}

#[test]
fn deleted_versions_are_deployed_from_known_packages() {
    let entry = declared("Form@2").superseding(SupersededPolicy::Delete, None);
    let deleted = scenario()
        .declare([entry])
        .live([live("Form@1").inactive()]);
    let mut deleted = applied(&deleted);
    deleted.expect(&[("Form@2", Update, "rolled-back")]);
    assert_eq!(deleted.losses(), ["Form@1 no-package"]);

    let package = KnownPackage {
        path: "old.ibsolution".to_owned(),
        fingerprint: None,
    };
    let id = live("Form@1").id;
    deleted.rollback().packages.insert(id, package);
    let plan = deleted.expect(&[
        ("Form@1", Create, "rolled-back"),
        ("Form@2", Update, "rolled-back"),
    ]);
    assert_eq!(plan.at("Form@1").package_path(), Some("old.ibsolution"));
    assert_eq!(
        plan.at("Form@1").action.after().unwrap().state,
        State::Inactive
    );
    assert_eq!(deleted.losses(), ["Form@1 id"]);

    let problem = "it is gone".to_owned();
    deleted.rollback().lost.insert(identity("Form@1"), problem);
    deleted.expect(&[("Form@2", Update, "rolled-back")]);
    assert_eq!(deleted.losses(), ["Form@1 package"]);
}

#[test]
fn replaced_versions_get_their_package_back() {
    let replaced = scenario()
        .declare([declared("Form@1")])
        .live([live("Form@1")])
        .replace("Form@1");
    let mut replaced = applied(&replaced);
    replaced.expect_nothing();
    assert_eq!(replaced.losses(), ["Form@1 id", "Form@1 contents"]);
    let package = KnownPackage {
        path: "old.ibsolution".to_owned(),
        fingerprint: None,
    };
    let id = live("Form@1").id;
    replaced.rollback().packages.insert(id, package);
    let made = replaced.rollback().steps[0].made.clone().unwrap();
    replaced.history.deployed.insert(made, None);
    let plan = replaced.expect(&[("Form@1", Replace, "rolled-back")]);
    assert_eq!(plan.at("Form@1").package_path(), Some("old.ibsolution"));
    assert_eq!(replaced.losses(), ["Form@1 id"]);
}

#[test]
fn unknown_outcomes_and_foreign_states_are_named() {
    let mut unknown = applied(&upgrade());
    let step = &mut unknown.rollback().steps[0];
    (step.is_unknown, step.is_done) = (true, false);
    let identity = step.identity.address().to_string();
    assert!(unknown.losses().contains(&format!("{identity} unknown")));

    let mut found = applied(&upgrade());
    let steps = &mut found.rollback().steps;
    steps.retain(|step| step.identity.version.as_str() == "1");
    (steps[0].write, steps[0].is_done) = (None, true);
    found.expect_nothing();
    assert_eq!(found.losses(), ["Form@1 found-done"]);

    let production = scenario()
        .declare([declared("Form@1").inactive()])
        .live([live("Form@1").state("PRODUCTION")]);
    let production = applied(&production);
    production.expect(&[("Form@1", Update, "rolled-back")]);
    assert_eq!(production.losses(), ["Form@1 state"]);
}

/// What the manifest no longer manages is left alone, and limits count as for every plan.
#[test]
fn the_guards_are_those_of_every_plan() {
    let narrowed = applied(&upgrade()).manage(&["other"]);
    narrowed.expect_nothing();
    assert_eq!(
        narrowed.losses(),
        ["Form@1 not-managed", "Form@2 not-managed"]
    );

    let mut first = applied(&scenario().declare([declared("Form@1")]));
    first.manifest.environment.limits.max_change = Some(Limit::Count(0));
    let plan = first.expect(&[("Form@1", Update, "rolled-back")]);
    assert!(plan.at("Form@1").ends_service());
    let limits = &first.manifest.environment.limits;
    assert_eq!(judge(&plan, limits, &Overrides::default()).len(), 1);

    let part = applied(&upgrade()).target("Form@1");
    part.expect(&[("Form@1", Update, "rolled-back")]);
}

#[test]
fn the_manifest_declares_what_is_restored() {
    let edits = |scenario: &Scenario| -> Vec<String> {
        let plan = scenario.plan();
        let found = adjustments(&scenario.manifest, &plan, |_| true);
        let text = |edit: &super::Adjustment| {
            let line = edit.origin.as_ref().map(|origin| origin.line);
            let (key, value) = (edit.key.name(), edit.key.value());
            format!("{} {key} {value} {line:?}", edit.address)
        };
        found.iter().map(text).collect()
    };
    assert_eq!(edits(&applied(&upgrade())), ["Form@2 version 1 Some(1)"]);

    let several = scenario()
        .declare([
            declared("A@1").inactive().visible(Visibility::Public),
            declared("B@1"),
            declared("B@2"),
            declared("C@1").absent(),
        ])
        .live([
            live("A@1"),
            live("B@1").inactive(),
            live("B@3"),
            live("C@1"),
        ]);
    let mut several = applied(&several);
    let package = KnownPackage {
        path: "c.ibsolution".to_owned(),
        fingerprint: None,
    };
    let id = SolutionId::parse("id-svc:C@1").unwrap();
    several.rollback().packages.insert(id, package);
    assert_eq!(
        edits(&several),
        [
            "A@1 state ACTIVE Some(1)",
            "A@1 visibility PRIVATE Some(1)",
            "B@1 state INACTIVE Some(1)",
            "B@2 state INACTIVE Some(1)",
            "B@3 versions { 3: { state: ACTIVE } } Some(1)",
            "C@1 state ACTIVE Some(1)",
        ]
    );
    assert_eq!(AdjustedKey::State(State::Active).value(), "ACTIVE");
    assert_eq!(address("A@1"), identity("A@1").address());
    assert!(!Loss::Unknown.to_string().ends_with('.'));
}

use super::super::testing::{Scenario, declared, live, scenario};
use super::super::{Overrides, PastWrite, Patch, approve};
use super::*;
use crate::attribute::{State, Visibility};
use crate::ident::Digest;
use crate::live::LiveVersion;
use crate::manifest::{Limit, Limits, SupersededPolicy};

/// Narrows the plan of one live state to the plan of another.
fn narrowed(planned: &Scenario, now: &Scenario, progress: &PlanProgress) -> NarrowedPlan {
    let mut now = now.clone();
    now.options.is_approval = true;
    let live = now.live_state();
    narrow(&now.manifest, &live, now.plan(), &planned.plan(), progress)
}

/// Describes each approved change with its end, then the changes that are not approved.
fn describe(narrowed: &NarrowedPlan) -> Vec<String> {
    let changes = narrowed.plan.changes.iter();
    let mut lines: Vec<String> = changes
        .filter(|change| !change.is_no_op())
        .map(|change| {
            let kind = change.action.kind().as_str();
            let end = match narrowed.decided.get(&change.address) {
                None => "executed".to_owned(),
                Some(Decided::Done(_)) => "done".to_owned(),
                Some(Decided::Refused(differences)) => {
                    let words: Vec<String> = differences.iter().map(word).collect();
                    format!("refused: {}", words.join(", "))
                }
            };
            format!("{kind} {}: {end}", change.address)
        })
        .collect();
    lines.extend(narrowed.not_approved.iter().map(|change| {
        format!(
            "{} {}: not approved",
            change.action.kind().as_str(),
            change.address
        )
    }));
    lines
}

fn word(difference: &Difference) -> String {
    match difference {
        Difference::Gone { .. } => "gone".to_owned(),
        Difference::Appeared { .. } => "appeared".to_owned(),
        Difference::Orphaned { .. } => "orphaned".to_owned(),
        Difference::OtherOwner { .. } => "other owner".to_owned(),
        Difference::Field {
            field,
            planned,
            live,
        } => {
            format!("{} {planned} is {live}", field.as_str())
        }
        Difference::OtherIdentity { .. } => "other identity".to_owned(),
        Difference::Declared {
            field,
            planned,
            declared,
        } => {
            format!("{} {planned} declared {declared}", field.as_str())
        }
        Difference::Package { .. } => "package".to_owned(),
        Difference::PackageProblem { problem } => problem.to_string(),
        Difference::PackageUnreadable { .. } => "unreadable".to_owned(),
        Difference::NotPlanned { instead } => {
            let instead = instead.map_or("nothing", super::super::ActionKind::as_str);
            format!("planned is {instead}")
        }
        Difference::WaitsFor { address } => format!("waits for {address}"),
        Difference::UsedUp => "used up".to_owned(),
    }
}

fn write(action: &Action) -> PastWrite {
    PastWrite::new(action.clone())
}

fn deactivations() -> Vec<(SolutionId, Patch)> {
    let patch = Patch::new(Some(State::Inactive), None).unwrap();
    vec![(SolutionId::parse("r").unwrap(), patch)]
}

fn after(steps: Vec<PastWrite>) -> PlanProgress {
    PlanProgress {
        is_used_up: false,
        steps,
    }
}

/// Returns a scenario with an upgrade, a new version, a deactivation, a publication, and a
/// tombstone.
fn release() -> Scenario {
    scenario()
        .declare([
            declared("Up@2"),
            declared("New@1"),
            declared("Off@1").inactive(),
            declared("Pub@1").visible(Visibility::Public),
            declared("Old@1").absent(),
        ])
        .live(["Up@1", "Off@1", "Pub@1", "Old@1"].map(live))
}

/// A change that waits for a refused one is skipped, so that the shown plan does not have it.
#[test]
fn a_skipped_change_is_not_shown() {
    let declared_now = |up| {
        scenario()
            .declare([up, declared("New@1")])
            .live([live("Up@1")])
    };
    let planned = declared_now(declared("Up@2"));
    let now = declared_now(declared("Up@2").visible(Visibility::Public));
    let narrowed = narrowed(&planned, &now, &PlanProgress::default());
    assert_eq!(
        describe(&narrowed),
        [
            "create New@1: executed",
            "update Up@1: executed",
            "create Up@2: refused: visibility (any) declared PUBLIC",
        ]
    );
    let shown = narrowed.to_show();
    let shown: Vec<&str> = shown
        .to_do()
        .map(|change| change.address.as_str())
        .collect();
    assert_eq!(shown, ["New@1"]);
}

#[test]
fn an_unchanged_world_executes_everything() {
    let expected = [
        "create New@1: executed",
        "update Off@1: executed",
        "delete Old@1: executed",
        "update Pub@1: executed",
        "update Up@1: executed",
        "create Up@2: executed",
    ];
    let narrowed = narrowed(&release(), &release(), &PlanProgress::default());
    assert_eq!(describe(&narrowed), expected);
    assert_eq!(narrowed.plan, release().plan());
}

/// A change that is already live is done, regardless of its author; any other difference refuses
/// only that change.
#[test]
fn each_difference_refuses_only_its_change() {
    let moved = |text: &str, change: fn(LiveVersion) -> LiveVersion| {
        release().without(text).live([change(live(text))])
    };
    let cases = [
        (moved("Off@1", LiveVersion::inactive), "update Off@1: done"),
        (
            moved("Pub@1", |one| one.visible("PUBLIC")),
            "update Pub@1: done",
        ),
        (release().without("Old@1"), "delete Old@1: done"),
        (release().live([live("New@1")]), "create New@1: done"),
        (
            release().live([live("New@1").inactive()]),
            "create New@1: refused: appeared",
        ),
        (release().without("Off@1"), "update Off@1: refused: gone"),
        (
            moved("Off@1", |one| one.visible("PUBLIC")),
            "update Off@1: refused: visibility PRIVATE is PUBLIC",
        ),
        (
            moved("Pub@1", LiveVersion::inactive),
            "update Pub@1: refused: state ACTIVE is INACTIVE",
        ),
        (
            moved("Off@1", LiveVersion::visibility_unknown),
            "update Off@1: refused: visibility PRIVATE is unknown",
        ),
        (
            moved("Old@1", LiveVersion::inactive),
            "delete Old@1: refused: state ACTIVE is INACTIVE",
        ),
        (
            moved("Old@1", |one| one.id("another")),
            "delete Old@1: done",
        ),
    ];
    for (now, expected) in cases {
        let lines = describe(&narrowed(&release(), &now, &PlanProgress::default()));
        assert!(
            lines.contains(&expected.to_owned()),
            "{expected}: {lines:?}"
        );
        let executed = lines.iter().filter(|line| line.ends_with(": executed"));
        assert_eq!(executed.count(), 5, "{lines:?}");
    }
}

/// The visibility of a record that the new plan does not change was not read: it is no difference.
#[test]
fn a_visibility_that_was_not_read_is_no_difference() {
    let other = |change: fn(LiveVersion) -> LiveVersion| {
        scenario()
            .declare([declared("Off@1"), declared("Pub@1")])
            .live([
                change(live("Off@1")),
                change(live("Pub@1")),
                change(live("Old@1")),
            ])
    };
    let planned = scenario()
        .declare([
            declared("Off@1").inactive(),
            declared("Pub@1").visible(Visibility::Public),
            declared("Old@1").absent(),
        ])
        .live(["Off@1", "Pub@1", "Old@1"].map(live));
    let found = narrowed(
        &planned,
        &other(LiveVersion::visibility_unknown),
        &PlanProgress::default(),
    );
    let expected = [
        "update Off@1: refused: planned is no-op",
        "delete Old@1: refused: planned is nothing",
        "update Pub@1: refused: planned is no-op",
    ];
    assert_eq!(describe(&found), expected);
    // A known visibility that differs is shown.
    let found = narrowed(
        &planned,
        &other(|one| one.visible("PUBLIC")),
        &PlanProgress::default(),
    );
    assert!(
        describe(&found)[1].contains("visibility PRIVATE is PUBLIC"),
        "{:?}",
        describe(&found)
    );
}

/// A visibility that was unknown to the plan is not compared.
#[test]
fn an_unknown_visibility_is_not_compared() {
    let planned = scenario()
        .declare([declared("Off@1").inactive()])
        .live([live("Off@1").visibility_unknown()]);
    let now = scenario()
        .declare([declared("Off@1").inactive()])
        .live([live("Off@1").visible("PUBLIC")]);
    let lines = describe(&narrowed(&planned, &now, &PlanProgress::default()));
    assert_eq!(lines, ["update Off@1: executed"]);
}

#[test]
fn changes_only_in_the_fresh_plan_are_not_executed() {
    let planned = scenario()
        .declare([declared("Up@2"), declared("Other@1")])
        .live(["Up@1", "Up@2", "Other@1"].map(live));
    let lines = describe(&narrowed(
        &planned,
        &planned.clone().without("Up@2").without("Other@1"),
        &PlanProgress::default(),
    ));
    // An approved change that waits for a change that is not approved is refused.
    assert_eq!(
        lines,
        [
            "update Up@1: refused: waits for Up@2",
            "create Other@1: not approved",
            "create Up@2: not approved",
        ]
    );
}

/// A fresh plan never has a forged change that the manifest does not allow.
#[test]
fn guards_apply_to_each_file() {
    let world = || scenario().live(["Form@1", "Form@2", "me:Foreign@1"].map(live));
    let all = |scenario: Scenario| {
        scenario
            .manage(&["*"])
            .undeclared(crate::manifest::Undeclared::Delete)
    };
    let forged = all(world());
    for (now, expected) in [
        (
            world().declare([declared("Form@2")]),
            [
                "delete Foreign@1: refused: planned is nothing",
                "delete Form@1: refused: planned is update",
                "delete Form@2: refused: planned is no-op",
            ],
        ),
        (
            world()
                .declare([declared("Form@1").absent()])
                .protect("Form@*"),
            [
                "delete Foreign@1: refused: planned is nothing",
                "delete Form@1: executed",
                "delete Form@2: refused: planned is nothing",
            ],
        ),
    ] {
        let lines = describe(&narrowed(&forged, &now, &PlanProgress::default()));
        assert_eq!(lines, expected);
    }
    // The protected version blocks the plan.
    let now = world()
        .declare([declared("Form@1").absent()])
        .protect("Form@*");
    let narrowed = narrowed(&forged, &now, &PlanProgress::default());
    let limits = &now.manifest.environment.limits;
    assert!(approve(narrowed, limits, &Overrides::default()).is_err());
}

#[test]
fn a_package_that_differs_is_refused() {
    let mut planned = release().plan();
    for change in &mut planned.changes {
        if let Action::Create { after, .. } = &mut change.action {
            after.package = Some(Digest::of(b"reviewed"));
        }
    }
    for (found, expected) in [
        (Some(&b"reviewed"[..]), "create New@1: executed"),
        (Some(b"exchanged"), "create New@1: refused: package"),
        (None, "create New@1: refused: package"),
    ] {
        let mut fresh = release().plan();
        for change in &mut fresh.changes {
            if let Action::Create { after, .. } = &mut change.action {
                after.package = found.map(Digest::of);
            }
        }
        let live = release().live_state();
        let manifest = release().manifest;
        let progress = PlanProgress::default();
        let lines = describe(&narrow(&manifest, &live, fresh, &planned, &progress));
        assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    }
}

/// The rest of a create is an update, the rest of a replace is a create, and the plan's own writes
/// are not changes by others.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn the_rest_of_a_half_done_change_is_executed() {
    let planned = scenario()
        .declare([
            declared("New@1").visible(Visibility::Public),
            declared("Again@1"),
            declared("Both@1").inactive().visible(Visibility::Public),
            declared("Old@1").absent(),
        ])
        .live([live("Again@1"), live("Both@1"), live("Old@1")])
        .replace("Again@1");
    let plan = planned.plan();
    let action = |address: &str| &plan.at(address).action;
    let deployed = |address: &str, id: &str| PastWrite {
        is_deployed: true,
        record: Some(SolutionId::parse(id).unwrap()),
        ..write(action(address))
    };
    let deleted = |address: &str| PastWrite {
        is_deleted: true,
        ..write(action(address))
    };
    let patched = |address: &str| PastWrite {
        patches: deactivations(),
        refused: Vec::new(),
        ..write(action(address))
    };
    let again = PastWrite {
        is_deleted: true,
        ..deployed("Again@1", "r")
    };
    let none = || planned.clone();
    let with = |gone: &str, version: LiveVersion| none().without(gone).live([version]);
    let cases = [
        // Deployed, but not published yet.
        (
            none().live([live("New@1").id("n")]),
            vec![deployed("New@1", "n")],
            "update New@1: executed",
        ),
        (
            none().live([live("New@1").id("other")]),
            vec![deployed("New@1", "n")],
            "create New@1: refused: appeared",
        ),
        (
            none().live([live("New@1").id("n")]),
            vec![],
            "create New@1: refused: appeared",
        ),
        // Deleted, but not deployed yet.
        (
            none().without("Again@1"),
            vec![deleted("Again@1")],
            "create Again@1: executed",
        ),
        (
            none().without("Again@1"),
            vec![],
            "replace Again@1: refused: gone",
        ),
        // Deployed again.
        (
            with("Again@1", live("Again@1").id("r")),
            vec![again.clone()],
            "replace Again@1: done",
        ),
        (
            with("Again@1", live("Again@1").id("r").inactive()),
            vec![again],
            "update Again@1: executed",
        ),
        (
            with("Again@1", live("Again@1").id("x")),
            vec![],
            "replace Again@1: refused: gone",
        ),
        // A delete that was sent and had no effect is sent again.
        (
            none(),
            vec![deleted("Again@1")],
            "replace Again@1: executed",
        ),
        // Set INACTIVE to be deleted.
        (
            with("Old@1", live("Old@1").inactive()),
            vec![patched("Old@1")],
            "delete Old@1: executed",
        ),
        (
            with("Again@1", live("Again@1").inactive()),
            vec![patched("Again@1")],
            "replace Again@1: executed",
        ),
        // A part of a patch took effect.
        (
            with("Both@1", live("Both@1").inactive()),
            vec![patched("Both@1")],
            "update Both@1: executed",
        ),
        (
            with("Both@1", live("Both@1").inactive()),
            vec![],
            "update Both@1: refused: state ACTIVE is INACTIVE",
        ),
    ];
    for (now, steps, expected) in cases {
        let mut now = now;
        let progress = after(steps);
        now.options
            .replace
            .retain(|address| !progress.has_replaced(address));
        let lines = describe(&narrowed(&planned, &now, &progress));
        assert!(
            lines.contains(&expected.to_owned()),
            "{expected}: {lines:?}"
        );
    }
}

/// A plan or a change that was done once is not done again.
#[test]
fn a_used_up_plan_executes_nothing() {
    let progress = PlanProgress {
        is_used_up: true,
        steps: Vec::new(),
    };
    let describe_with = |now: &Scenario, progress| describe(&narrowed(&release(), now, progress));
    let refused = describe_with(&release(), &progress);
    assert!(
        refused
            .iter()
            .all(|line| line.ends_with("refused: used up")),
        "{refused:?}"
    );
    let done = release()
        .without("Old@1")
        .without("Up@1")
        .without("Off@1")
        .without("Pub@1")
        .live([
            live("Up@1").inactive(),
            live("Up@2"),
            live("New@1"),
            live("Off@1").inactive(),
            live("Pub@1").visible("PUBLIC"),
        ]);
    let done = describe_with(&done, &progress);
    assert!(done.iter().all(|line| line.ends_with(": done")), "{done:?}");
    let step = PastWrite {
        is_deployed: true,
        is_done: true,
        ..write(&release().plan().at("New@1").action)
    };
    let lines = describe_with(&release(), &after(vec![step]));
    assert!(
        lines.contains(&"create New@1: refused: used up".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"create Up@2: executed".to_owned()),
        "{lines:?}"
    );
}

/// Limits count all changes of the plan, including those that are already done.
#[test]
fn limits_count_finished_deletes() {
    let gone = |count: usize| {
        let entries = (0..10).map(move |number| {
            let entry = declared(&format!("Form {number}@1"));
            if number < count {
                entry.absent()
            } else {
                entry
            }
        });
        scenario()
            .declare(entries)
            .live((0..10).map(|number| live(&format!("Form {number}@1"))))
    };
    for (planned, limit, allow, is_allowed) in [
        (3, None, None, true),
        (4, None, None, false),
        (4, None, Some(4), true),
        (4, None, Some(3), false),
        (4, None, Some(9), true),
        (4, Some(Limit::Count(4)), None, true),
        (4, Some(Limit::Percent(39)), None, false),
        (4, Some(Limit::Percent(40)), None, true),
    ] {
        let whole = gone(planned);
        let plan = whole.plan();
        let limits = Limits {
            max_destroy: limit,
            max_change: None,
        };
        let allow = Overrides {
            destroy: allow,
            change: None,
        };
        for done in 0..=planned {
            let mut now = whole.clone();
            let mut steps = Vec::new();
            for number in 0..done {
                let address = format!("Form {number}@1");
                now = now.without(&address);
                steps.push(PastWrite {
                    is_deleted: true,
                    ..write(&plan.at(&address).action)
                });
            }
            let narrowed = narrowed(&whole, &now, &after(steps));
            assert_eq!(narrowed.spent.unwrap().gone, done);
            let approved = approve(narrowed, &limits, &allow);
            let expected = is_allowed || done == planned;
            assert_eq!(
                approved.is_ok(),
                expected,
                "{done} of {planned} {limit:?} {allow:?}"
            );
        }
    }
}

/// The limit for versions that stop serving counts those that already have.
#[test]
fn limits_count_finished_deactivations() {
    let whole = scenario()
        .declare([declared("A@1").inactive(), declared("B@1").inactive()])
        .live([live("A@1"), live("B@1"), live("C@1"), live("D@1")]);
    let now = whole.clone().without("A@1").live([live("A@1").inactive()]);
    let step = PastWrite {
        patches: deactivations(),
        refused: Vec::new(),
        ..write(&whole.plan().at("A@1").action)
    };
    let narrowed = narrowed(&whole, &now, &after(vec![step]));
    assert_eq!(narrowed.spent.unwrap().ended_service, 1);
    for (limit, is_allowed) in [
        (Limit::Percent(50), true),
        (Limit::Percent(49), false),
        (Limit::Count(1), false),
    ] {
        let limits = Limits {
            max_destroy: None,
            max_change: Some(limit),
        };
        let approved = approve(narrowed.clone(), &limits, &Overrides::default());
        assert_eq!(approved.is_ok(), is_allowed, "{limit:?}");
    }
}

/// The delete of a superseded version waits for its successor. If the successor is refused, the
/// delete is skipped.
#[test]
fn dependants_of_a_refused_change_keep_waiting() {
    let planned = scenario()
        .declare([declared("Up@2").superseding(SupersededPolicy::Delete, None)])
        .live([live("Up@1")]);
    let now = planned.clone().live([live("Up@2").inactive()]);
    let narrowed = narrowed(&planned, &now, &PlanProgress::default());
    assert_eq!(
        describe(&narrowed),
        ["delete Up@1: executed", "create Up@2: refused: appeared"]
    );
    assert_eq!(narrowed.plan.at("Up@1").waits(), ["Up@2"]);
}

#[test]
fn a_patch_is_the_difference_of_its_images() {
    let plan = release().plan();
    for change in &plan.changes {
        if let Action::Update {
            before,
            patch,
            after,
        } = &change.action
        {
            let between = super::super::propose::patch_between(before, after);
            assert_eq!(between, Some(*patch));
        }
    }
    assert_eq!(Patch::new(None, None), None);
}

//! The properties of each plan file, with any bytes in it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::super::properties::{any_scenario, any_server, is_blocked, replacing};
use super::super::saved::resealed;
use super::super::simulator::{Run, Server};
use super::super::testing::Scenario;
use super::super::{
    DiffOptions, LiveImage, Mode, Overrides, PlanOptions, SavedPlan, approve, diff,
};
use super::*;
use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::Digest;
use crate::live::{Coverage, LiveVersion};
use crate::manifest::{Glob, Undeclared};

/// An edit of a plan file, or of the live state between plan and apply.
#[derive(Debug, Clone, Copy)]
struct Edit {
    kind: u8,
    /// The numbers that choose the change and the value.
    choice: (usize, usize),
}

fn any_edits(kinds: u8, most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..kinds, any::<(usize, usize)>()).prop_map(|(kind, choice)| Edit { kind, choice });
    proptest::collection::vec(edit, 0..=most)
}

/// The number of kinds of edits that [`forge`] makes.
const FORGERIES: u8 = 16;
/// The number of kinds of edits that [`drift`] makes.
const DRIFTS: u8 = 4;

/// Edits a plan file like an attacker who wants it to do more, and seals it again. `other` is a
/// plan file of the same environment whose manifest allows everything.
fn forge(text: &str, other: &str, live: &[LiveVersion], edits: &[Edit]) -> Option<String> {
    let mut file: Value = serde_json::from_str(text).unwrap();
    let other: Value = serde_json::from_str(other).unwrap();
    for Edit {
        kind,
        choice: (first, second),
    } in edits
    {
        let changes = file["plan"]["changes"].as_array_mut().unwrap();
        let count = changes.len();
        let others = other["plan"]["changes"].as_array().unwrap();
        let foreign = (!others.is_empty()).then(|| others[first % others.len()].clone());
        let record = (!live.is_empty()).then(|| &live[second % live.len()]);
        if let (Some(foreign), 0..3) = (&foreign, *kind) {
            // A change of the other plan replaces a change of this plan, or is added to them.
            let address = &foreign["address"];
            changes.retain(|change| change["address"] != *address);
            if *kind == 0 && !changes.is_empty() {
                let index = second % changes.len();
                changes[index] = foreign.clone();
            } else {
                changes.push(foreign.clone());
            }
            continue;
        }
        match kind {
            3 => file["plan"]["live_in_scope"] = json!(1_000_000),
            4 => file["plan"]["coverage"] = json!("whole"),
            5 => file["options"]["target"] = json!([]),
            6 if second.is_multiple_of(8) => file["kind"] = json!("destroy"),
            7 if second.is_multiple_of(8) => file["options"]["allow"]["destroy"] = json!(99),
            8 => file["refusals"] = json!([]),
            _ if count == 0 => {}
            9 => {
                changes.remove(first % count);
            }
            10 => {
                let change = &mut changes[first % count];
                change["blocked"] = json!([]);
                change["notes"] = json!([]);
                change["waits_for"] = json!([]);
                change["successors"] = json!([]);
            }
            11 => {
                // The record of another change, or of no change.
                if let (Some(record), Some(before)) =
                    (record, changes[first % count]["action"].get_mut("before"))
                    && !before.is_null()
                {
                    before["id"] = json!(record.id.as_str());
                }
            }
            12 => {
                // The change becomes a delete of a record.
                if let Some(record) = record {
                    let change = &mut changes[first % count];
                    let before = serde_json::to_value(LiveImage::of(record)).unwrap();
                    change["action"] = json!({ "kind": "delete", "before": before });
                    change["address"] = json!(record.identity.full_address());
                    change["reason"] = json!({ "kind": "declared" });
                    let fields = change.as_object_mut().unwrap();
                    fields.remove("identity");
                    fields.remove("fields");
                }
            }
            13 => {
                let action = &mut changes[first % count]["action"];
                if action.get("path").is_some() {
                    action["path"] = json!("releases/evil.ibsolution");
                }
            }
            14 => {
                let action = &mut changes[first % count]["action"];
                if action["kind"] == "create" || action["kind"] == "replace" {
                    let words = [json!("PUBLIC"), json!("PRIVATE"), Value::Null];
                    action["after"]["visibility"] = words[second % 3].clone();
                    action["after"]["package"] = json!(Digest::of(b"another"));
                }
            }
            _ => {
                let action = &mut changes[first % count]["action"];
                if let Some(before) = action.get_mut("before").filter(|before| !before.is_null()) {
                    before["visibility"] = Value::Null;
                }
            }
        }
    }
    resealed(&file.to_string())
}

/// Changes the live state like other users between plan and apply.
fn drift(live: &mut Vec<LiveVersion>, edits: &[Edit]) {
    for Edit {
        kind,
        choice: (first, second),
    } in edits
    {
        if live.is_empty() {
            return;
        }
        let index = first % live.len();
        match kind {
            0 => {
                live.remove(index);
            }
            1 => live[index].state = LiveStateWord::new(["ACTIVE", "INACTIVE", "ODD"][second % 3]),
            2 => {
                let word = ["PUBLIC", "PRIVATE"][second % 2];
                live[index].visibility = Some(LiveVisibilityWord::new(word));
            }
            _ => {
                let id = format!("new-{second}");
                let copy = live[index].clone().id(&id).created(99);
                live.push(copy);
            }
        }
    }
}

/// Returns the same live state with a manifest that manages everything, protects nothing, and
/// deletes each undeclared version.
fn without_guards(scenario: &Scenario) -> Scenario {
    let mut other = scenario.clone().manage(&["*"]).manage_names(&["*"]);
    other.manifest.environment.protect = Vec::<Glob>::new();
    other.manifest.environment.user = None;
    other.manifest.desired.clear();
    other.options = DiffOptions::default();
    other.undeclared(Undeclared::Delete)
}

/// The number of cases that reached each part of the property.
#[derive(Default)]
struct Reached {
    cases: Cell<u32>,
    parsed: Cell<u32>,
    executed: Cell<u32>,
    protected: Cell<u32>,
    half_done: Cell<u32>,
    pair: Cell<u32>,
    unmanaged: Cell<u32>,
}

fn count(counter: &Cell<u32>, is_reached: bool) {
    counter.set(counter.get() + u32::from(is_reached));
}

/// With any bytes in the file, each write that is sent is also in a fresh plan.
#[test]
fn a_forged_file_adds_no_write() {
    let reached = Reached::default();
    let mut runner = TestRunner::new(Config {
        cases: 512,
        failure_persistence: None,
        ..Config::default()
    });
    let inputs = (
        any_scenario(),
        any_server(),
        select(vec![Mode::Converge, Mode::Converge, Mode::Destroy]),
        (any::<u64>(), 0_u8..5, 0_usize..8, any::<usize>()),
        any_edits(FORGERIES, 3),
        any_edits(DRIFTS, 2),
    );
    runner
        .run(
            &inputs,
            |(scenario, server, mode, numbers, forgeries, drifts)| {
                let (seed, faults, steps, choice) = numbers;
                let scenario = match mode {
                    Mode::Converge | Mode::Rollback => replacing(scenario, choice),
                    Mode::Destroy => scenario.destroy(),
                };
                let halves = (seed, faults, steps);
                check_forgery(&scenario, server, halves, (&forgeries, &drifts), &reached)
            },
        )
        .unwrap();
    let Reached {
        cases,
        parsed,
        executed,
        protected,
        half_done,
        pair,
        unmanaged,
    } = reached;
    let cases = cases.get();
    assert!(
        parsed.get() * 2 >= cases,
        "{} of {cases} parsed",
        parsed.get()
    );
    for (name, counter) in [
        ("executed", executed),
        ("protected", protected),
        ("half done", half_done),
        ("with an owner pair", pair),
        ("with unmanaged records", unmanaged),
    ] {
        assert!(
            counter.get() * 20 >= cases,
            "{} of {cases} {name}",
            counter.get()
        );
    }
}

/// Asserts that each executed change is in the fresh plan and in the file, and that each approved
/// change has one end.
fn check_narrowed(
    narrowed: &NarrowedPlan,
    fresh: &Plan,
    approved: &Plan,
    progress: &PlanProgress,
) -> Result<(), TestCaseError> {
    for change in narrowed.to_execute().to_do() {
        prop_assert!(
            fresh.changes.contains(change),
            "not in the fresh plan: {:?}",
            change
        );
        let mut approved = approved.to_do();
        prop_assert!(
            approved.any(|one| one.identity == change.identity),
            "not approved: {:?}",
            change
        );
        prop_assert!(!progress.is_used_up, "a used-up plan executes something");
    }
    prop_assert_eq!(narrowed.plan.to_do().count(), approved.to_do().count());
    Ok(())
}

fn check_forgery(
    scenario: &Scenario,
    server: Server,
    (seed, faults, steps): (u64, u8, usize),
    (forgeries, drifts): (&[Edit], &[Edit]),
    reached: &Reached,
) -> Result<(), TestCaseError> {
    let allow = Overrides {
        destroy: Some(9),
        change: Some(9),
    };
    let plan = scenario.plan();
    let options = PlanOptions::new(&scenario.options, allow);
    let saved = SavedPlan::new(plan.clone(), Vec::new(), options, "id".to_owned(), 7);
    let other = without_guards(scenario).plan();
    let other = SavedPlan::new(
        other,
        Vec::new(),
        PlanOptions::default(),
        "other".to_owned(),
        8,
    );
    // An earlier apply of the unedited plan, which did not end; then changes by other users.
    let (mut world, progress) = if is_blocked(&plan) {
        (scenario.live.clone(), PlanProgress::default())
    } else {
        Run::new(scenario, &plan, server, seed)
            .failing(faults)
            .killed_after(steps)
    };
    drift(&mut world, drifts);
    let manifest = &scenario.manifest;
    count(&reached.cases, true);
    count(&reached.protected, !manifest.environment.protect.is_empty());
    count(&reached.half_done, !progress.steps.is_empty());
    count(&reached.pair, manifest.environment.user.is_some());
    let is_unmanaged = |live: &LiveVersion| !manifest.scope.contains(&live.identity);
    count(&reached.unmanaged, world.iter().any(is_unmanaged));
    let forged = forge(&saved.to_json(), &other.to_json(), &world, forgeries);
    let Some(read) = forged.and_then(|text| SavedPlan::from_json(&text).ok()) else {
        return Ok(());
    };
    count(&reached.parsed, true);
    let command = match scenario.options.mode {
        Mode::Converge | Mode::Rollback => "apply",
        Mode::Destroy => "destroy",
    };
    if read
        .check_command(command, &scenario.options.replace, &allow)
        .is_err()
    {
        return Ok(());
    }
    // The selection comes from the file; the mode and the replaces come from the command line.
    let typed = &scenario.options;
    let fresh_options = read
        .options
        .of_new_plan(typed.mode, &typed.replace, &progress);
    let live = LiveState::new(world.clone(), Coverage::Whole);
    let fresh = diff(manifest, &live, &scenario.history, &fresh_options).unwrap();
    let narrowed = narrow(manifest, &live, fresh.clone(), &read.plan, &progress);
    let executed = narrowed.to_execute().into_owned();
    check_narrowed(&narrowed, &fresh, &read.plan, &progress)?;
    count(&reached.executed, executed.to_do().next().is_some());
    if progress.is_used_up || is_blocked(&executed) {
        return Ok(());
    }
    // Approval refuses a narrowed plan only because of its limits.
    let limits = &manifest.environment.limits;
    if let Err(refused) = approve(narrowed.clone(), limits, &allow) {
        let is_limit = refused
            .refusals
            .iter()
            .any(|refusal| !matches!(refusal, super::super::Refusal::TooManyDestroys { .. }));
        prop_assert!(!is_limit, "{:?}", refused.refusals);
        return Ok(());
    }
    // The simulator asserts that each write is allowed by the manifest.
    let again = Scenario {
        live: world,
        options: fresh_options,
        ..scenario.clone()
    };
    Run::new(&again, &executed, server, seed)
        .after(&narrowed.decided)
        .failing(faults)
        .killed_after(usize::MAX);
    Ok(())
}

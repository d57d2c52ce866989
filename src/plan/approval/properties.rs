//! What holds of every plan file, whatever bytes are in it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::super::properties::{any_scenario, any_server, is_blocked, replacing};
use super::super::saved::resealed;
use super::super::simulator::{Run, Server};
use super::super::testing::Scenario;
use super::super::{Overrides, SavedPlan, approve_narrowed, diff};
use super::*;
use crate::attribute::{LiveStateWord, LiveVisibilityWord};
use crate::ident::Digest;
use crate::live::Coverage;
use crate::manifest::{Glob, Undeclared};

/// One edit of a plan file, or of the live state between plan and apply.
#[derive(Debug, Clone, Copy)]
struct Edit {
    kind: u8,
    /// Which change, which value.
    choice: (usize, usize),
}

fn any_edits(kinds: u8, most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..kinds, any::<(usize, usize)>()).prop_map(|(kind, choice)| Edit { kind, choice });
    proptest::collection::vec(edit, 0..=most)
}

/// How many kinds of edits [`forge`] knows.
const FORGERIES: u8 = 16;
/// How many kinds of edits [`drift`] knows.
const DRIFTS: u8 = 4;

/// Edits a file as somebody would who wants it to do more, and seals it again. `other` is a file of
/// the same environment whose manifest allows everything.
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
            // The change of another plan, in the place of one of this, or beside them.
            let address = &foreign["address"];
            changes.retain(|change| change["address"] != *address);
            if *kind == 0 && !changes.is_empty() {
                let place = second % changes.len();
                changes[place] = foreign.clone();
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
                // The record of another change, or of nobody.
                if let (Some(record), Some(before)) =
                    (record, changes[first % count]["action"].get_mut("before"))
                    && !before.is_null()
                {
                    before["id"] = json!(record.id.as_str());
                }
            }
            12 => {
                // Whatever it was, it deletes a record now.
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

/// What others do between plan and apply.
fn drift(live: &mut Vec<LiveVersion>, edits: &[Edit]) {
    for Edit {
        kind,
        choice: (first, second),
    } in edits
    {
        if live.is_empty() {
            return;
        }
        let place = first % live.len();
        match kind {
            0 => {
                live.remove(place);
            }
            1 => live[place].state = LiveStateWord::new(["ACTIVE", "INACTIVE", "ODD"][second % 3]),
            2 => {
                let word = ["PUBLIC", "PRIVATE"][second % 2];
                live[place].visibility = Some(LiveVisibilityWord::new(word));
            }
            _ => {
                let id = format!("new-{second}");
                let copy = live[place].clone().id(&id).created(99);
                live.push(copy);
            }
        }
    }
}

/// The same live state under a manifest that manages everything, protects nothing, and deletes what
/// it does not declare.
fn without_guards(scenario: &Scenario) -> Scenario {
    let mut other = scenario.clone().manage(&["*"]).manage_names(&["*"]);
    other.manifest.environment.protect = Vec::<Glob>::new();
    other.manifest.environment.user = None;
    other.manifest.desired.clear();
    other.options = DiffOptions::default();
    other.undeclared(Undeclared::Delete)
}

/// How often each part of the property was reached.
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

fn count(counter: &Cell<u32>, is_so: bool) {
    counter.set(counter.get() + u32::from(is_so));
}

/// Whatever bytes are in the file, no write is sent that a fresh plan would not send.
#[test]
fn a_forged_file_sends_nothing_of_its_own() {
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
                    Mode::Converge => replacing(scenario, choice),
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

fn to_do(plan: &Plan) -> Vec<&Change> {
    let changes = plan.changes.iter();
    changes.filter(|change| !change.is_no_op()).collect()
}

/// What is executed is in the fresh plan and in the file, and each approved change has one end.
fn check_narrowed(
    narrowed: &NarrowedPlan,
    fresh: &Plan,
    approved: &Plan,
    progress: &PlanProgress,
) -> Result<(), TestCaseError> {
    for change in to_do(&narrowed.to_execute()) {
        prop_assert!(
            fresh.changes.contains(change),
            "not in the fresh plan: {:?}",
            change
        );
        let mut approved = to_do(approved).into_iter();
        prop_assert!(
            approved.any(|one| one.identity == change.identity),
            "not approved: {:?}",
            change
        );
        prop_assert!(!progress.is_used_up, "a used-up plan executes something");
    }
    prop_assert_eq!(to_do(&narrowed.plan).len(), to_do(approved).len());
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
    // An earlier apply of the plan as it was, which did not come to its end; then others.
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
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
    };
    if read
        .check_command(command, &scenario.options.replace, &allow)
        .is_err()
    {
        return Ok(());
    }
    // The file selects; the mode and what is replaced are typed.
    let typed = &scenario.options;
    let fresh_options = read
        .options
        .of_new_plan(typed.mode, &typed.replace, &progress);
    let live = LiveState::new(world.clone(), Coverage::Whole);
    let fresh = diff(manifest, &live, &scenario.history, &fresh_options).unwrap();
    let narrowed = narrow(manifest, &live, fresh.clone(), &read.plan, &progress);
    let executed = narrowed.to_execute();
    check_narrowed(&narrowed, &fresh, &read.plan, &progress)?;
    count(&reached.executed, !to_do(&executed).is_empty());
    if progress.is_used_up || is_blocked(&executed) {
        return Ok(());
    }
    // Whatever is approved, a plan that nobody edited and that nobody disturbed can be finished.
    let limits = &manifest.environment.limits;
    if let Err(refused) = approve_narrowed(narrowed.clone(), limits, &allow) {
        let is_limit = refused
            .refusals
            .iter()
            .any(|refusal| !matches!(refusal, super::super::Refusal::TooManyDestroys { .. }));
        prop_assert!(!is_limit, "{:?}", refused.refusals);
        return Ok(());
    }
    // The simulator asserts that no write touches what the manifest does not allow.
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

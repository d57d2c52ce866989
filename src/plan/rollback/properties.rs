//! The properties of each roll-back, for any manifest, any live state and any apply.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::properties::{any_scenario, any_server, is_blocked, replacing};
use super::super::simulator::{End, Run, Server, reported};
use super::super::testing::Scenario;
use super::super::{PastWrite, Plan, PlanProgress, Rollback, UndoStep};
use crate::ident::Identity;
use crate::live::LiveVersion;

/// Returns the roll-back of the apply with these writes.
pub(super) fn rollback_of(progress: PlanProgress) -> Rollback {
    let step = |write: PastWrite| UndoStep {
        identity: write.action.identity().unwrap().clone(),
        is_done: write.is_done,
        is_unknown: false,
        made: write.record.clone().filter(|_| write.is_deployed),
        made_other: None,
        write: Some(write),
    };
    Rollback {
        apply: "0192f1c4".to_owned(),
        steps: progress.steps.into_iter().map(step).collect(),
        ..Rollback::default()
    }
}

/// Returns whether the plan says that a version is not restored completely.
fn is_named(plan: &Plan, identity: &Identity) -> bool {
    let rollback = plan.rollback.as_ref().unwrap();
    let mut lost = rollback.unrestored.iter();
    lost.any(|found| found.identity.is_same_version(identity))
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_global_rejects: 1_000_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// After an apply, whatever has failed, and its roll-back, the world is as before, or the plan
    /// said beforehand what is not. A version that the apply deployed stays, out of service. The
    /// simulator asserts that no name goes out of service meanwhile.
    #[test]
    fn a_roll_back_restores_the_world_or_says_what_not(
        scenario in any_scenario(),
        server in any_server(),
        (seed, faults, choice) in (any::<u64>(), 0_u8..6, any::<usize>()),
    ) {
        let server = Server { reviews: false, ..server };
        let mut scenario = replacing(scenario, choice);
        let hidden: Vec<LiveVersion> =
            scenario.live.iter().map(|live| reported(server, live)).collect();
        let seen = Scenario { live: hidden, ..scenario.clone() };
        let plan = seen.plan();
        prop_assume!(!is_blocked(&plan));
        let run = Run::new(&scenario, &plan, server, seed).failing(faults);
        let (after, progress) = run.killed_after(usize::MAX);
        let rollback = rollback_of(progress);
        let before = std::mem::replace(&mut scenario.live, after);
        let made = rollback.steps.iter().filter_map(|step| Some((step.made.clone()?, None)));
        scenario.history.deployed.extend(made);
        scenario.options.replace.clear();
        scenario.options.rollback = Some(Arc::new(rollback));
        let shown = scenario.live.iter().map(|live| reported(server, live)).collect();
        let undo = Scenario { live: shown, ..scenario.clone() }.plan();
        prop_assume!(!is_blocked(&undo));
        // Other ids are made.
        let (ends, end) = Run::new(&scenario, &undo, server, !seed).finish();
        prop_assert!(ends.values().all(|end| *end == End::Done), "{:?} of {:#?}", ends, undo);
        for version in before.iter().filter(|version| !is_named(&undo, &version.identity)) {
            let now = end.iter().find(|now| now.id == version.id);
            let Some(now) = now else {
                return Err(TestCaseError::fail(format!("{version:?} is gone: {undo:#?}")));
            };
            prop_assert_eq!(&now.state, &version.state, "{:#?}", undo);
            if !server.hides_visibility {
                prop_assert_eq!(&now.visibility, &version.visibility, "{:#?}", undo);
            }
        }
        let is_new = |now: &&LiveVersion| before.iter().all(|version| version.id != now.id);
        for now in end.iter().filter(is_new).filter(|now| !is_named(&undo, &now.identity)) {
            prop_assert!(!now.state.is_in_service(), "{:?} stays: {:#?}", now, undo);
        }
    }
}

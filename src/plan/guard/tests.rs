use super::super::ActionKind;
use super::super::testing::{Scenario, declared, live, scenario};
use super::*;
use crate::ident::SolutionName;

fn limits(max_destroy: Option<Limit>, max_change: Option<Limit>) -> Limits {
    Limits {
        max_destroy,
        max_change,
    }
}

const BUILT_IN: Limits = Limits {
    max_destroy: None,
    max_change: None,
};
const NO_OVERRIDES: Overrides = Overrides {
    destroy: None,
    change: None,
};

/// Returns `count` live versions, each with its own name. The first `gone` are declared `ABSENT`,
/// the next `ended` are declared `INACTIVE`.
fn estate(count: usize, gone: usize, ended: usize) -> Scenario {
    let entries = (0..count).map(|number| {
        let entry = declared(&format!("Form {number:02}@1"));
        if number < gone {
            entry.absent()
        } else if number < gone + ended {
            entry.inactive()
        } else {
            entry
        }
    });
    let versions = (0..count).map(|number| live(&format!("Form {number:02}@1")));
    scenario().declare(entries).live(versions)
}

fn names(names: &[&str]) -> Coverage {
    Coverage::Names(
        names
            .iter()
            .map(|name| SolutionName::parse(name).unwrap())
            .collect(),
    )
}

fn listed(scenario: Scenario) -> Scenario {
    let names = scenario
        .live
        .iter()
        .map(|live| live.identity.name.clone())
        .collect();
    scenario.coverage(Coverage::Names(names))
}

#[test]
fn the_built_in_limit_is_thirty_percent_from_ten_up() {
    for (count, gone, allowed) in [
        (9, 9, None),
        (10, 3, None),
        (10, 4, Some(3)),
        (13, 3, None),
        (13, 4, Some(3)),
        (14, 4, None),
        (20, 6, None),
        (20, 7, Some(6)),
    ] {
        let refusals = judge(&estate(count, gone, 0).plan(), &BUILT_IN, &NO_OVERRIDES);
        let expected: Vec<Refusal> = allowed
            .map(|allowed| Refusal::TooManyDestroys {
                planned: gone,
                allowed,
            })
            .into_iter()
            .collect();
        assert_eq!(refusals, expected, "{gone} of {count}");
    }
}

#[test]
fn limits_are_counts_or_shares_rounded_down() {
    use Limit::{Count, Percent};
    for (limit, count, gone, is_allowed) in [
        (Count(2), 5, 2, true),
        (Count(2), 5, 3, false),
        (Count(0), 5, 0, true),
        (Count(0), 5, 1, false),
        (Percent(50), 5, 2, true),
        (Percent(50), 5, 3, false),
        (Percent(0), 5, 1, false),
        (Percent(100), 5, 5, true),
        // A declared limit also applies below ten versions.
        (Percent(30), 3, 1, false),
    ] {
        let destroys = judge(
            &estate(count, gone, 0).plan(),
            &limits(Some(limit), None),
            &NO_OVERRIDES,
        );
        assert_eq!(
            destroys.is_empty(),
            is_allowed,
            "destroy {limit:?}: {gone} of {count}"
        );
        let changes = judge(
            &estate(count, 0, gone).plan(),
            &limits(None, Some(limit)),
            &NO_OVERRIDES,
        );
        assert_eq!(
            changes.is_empty(),
            is_allowed,
            "change {limit:?}: {gone} of {count}"
        );
    }
}

#[test]
fn deletes_in_service_count_for_both_limits() {
    let plan = estate(5, 2, 1).plan();
    let strict = limits(Some(Limit::Count(1)), Some(Limit::Count(1)));
    assert_eq!(
        judge(&plan, &strict, &NO_OVERRIDES),
        [
            Refusal::TooManyDestroys {
                planned: 2,
                allowed: 1
            },
            Refusal::TooManyChanges {
                planned: 3,
                allowed: 1
            },
        ]
    );
}

#[test]
fn creates_updates_and_upgrades_count_for_nothing() {
    let plan = scenario()
        .declare(["A@2", "B@1", "C@1"].map(declared))
        .live([live("A@1"), live("B@1").inactive()])
        .plan();
    let strict = limits(Some(Limit::Count(0)), Some(Limit::Count(0)));
    assert!(approve(plan, &strict, &NO_OVERRIDES).is_ok());
}

#[test]
fn a_replace_counts_as_a_destroy() {
    let plan = scenario()
        .declare([declared("A@1")])
        .converged()
        .replace("A@1")
        .plan();
    let strict = limits(Some(Limit::Count(0)), Some(Limit::Count(0)));
    assert_eq!(
        judge(&plan, &strict, &NO_OVERRIDES),
        [Refusal::TooManyDestroys {
            planned: 1,
            allowed: 0
        }]
    );
}

/// An override names the exact number, so that a plan that has grown since is refused again.
#[test]
fn overrides_name_the_exact_number() {
    let plan = estate(5, 2, 1).plan();
    let strict = limits(Some(Limit::Count(0)), Some(Limit::Count(0)));
    for (destroy, change, refused) in [
        (Some(2), Some(3), 0),
        (Some(3), Some(3), 1),
        (Some(1), Some(3), 1),
        (Some(2), Some(2), 1),
        (Some(2), None, 1),
        (None, None, 2),
    ] {
        let refusals = judge(&plan, &strict, &Overrides { destroy, change });
        assert_eq!(refusals.len(), refused, "{destroy:?} {change:?}");
    }
}

#[test]
fn overrides_do_not_lift_protection() {
    let plan = estate(2, 1, 0).protect("Form 00@*").plan();
    let overrides = Overrides {
        destroy: Some(1),
        change: Some(1),
    };
    let refused = approve(plan.clone(), &BUILT_IN, &overrides).unwrap_err();
    let address = plan.at("Form 00@1").address.clone();
    assert_eq!(refused.refusals, [Refusal::Protected { address }]);
    assert_eq!(refused.plan, plan, "it stays in the plan");
    assert_eq!(plan.at("Form 00@1").action.kind(), ActionKind::Delete);
}

#[test]
fn an_unproven_listing_approves_nothing() {
    let unproven = Unproven::Moving { attempts: 3 };
    let create = scenario()
        .declare([declared("A@1")])
        .coverage(Coverage::Unproven(unproven.clone()));
    assert_eq!(
        judge(&create.plan(), &BUILT_IN, &NO_OVERRIDES),
        [Refusal::Unproven(unproven.clone())],
        "a create"
    );
    let nothing = scenario().coverage(Coverage::Unproven(unproven.clone()));
    assert_eq!(
        judge(&nothing.plan(), &BUILT_IN, &NO_OVERRIDES).len(),
        1,
        "no change at all"
    );
    // A percentage of an unknown total has no meaning; a count has.
    let destroys = estate(20, 20, 0)
        .coverage(Coverage::Unproven(unproven))
        .plan();
    assert_eq!(judge(&destroys, &BUILT_IN, &NO_OVERRIDES).len(), 1);
    let count = limits(Some(Limit::Count(5)), None);
    assert_eq!(judge(&destroys, &count, &NO_OVERRIDES).len(), 2);
}

#[test]
fn a_percentage_needs_a_complete_listing() {
    use Limit::{Count, Percent};
    let exact = |destroy, change| Overrides { destroy, change };
    let scope: &[Refusal] = &[Refusal::ScopeNotListed];
    let cases: [(usize, usize, Limits, Overrides, &[Refusal]); 9] = [
        (0, 0, BUILT_IN, NO_OVERRIDES, &[]),
        (1, 0, BUILT_IN, NO_OVERRIDES, scope),
        (1, 0, BUILT_IN, exact(Some(1), None), &[]),
        (1, 0, BUILT_IN, exact(Some(2), None), scope),
        (1, 0, limits(Some(Count(1)), None), NO_OVERRIDES, &[]),
        (1, 0, limits(Some(Percent(100)), None), NO_OVERRIDES, scope),
        (0, 1, BUILT_IN, NO_OVERRIDES, &[]),
        (0, 1, limits(None, Some(Percent(100))), NO_OVERRIDES, scope),
        (
            0,
            1,
            limits(None, Some(Percent(100))),
            exact(None, Some(1)),
            &[],
        ),
    ];
    for (gone, ended, limits, overrides, expected) in cases {
        let whole = estate(2, gone, ended);
        let plan = listed(whole.clone()).plan();
        assert_eq!(
            judge(&plan, &limits, &overrides),
            expected,
            "{gone} {ended} {limits:?}"
        );
        assert_eq!(
            needs_whole_listing(&plan, None, &limits, &overrides),
            !expected.is_empty()
        );
        assert!(!judge(&whole.plan(), &limits, &overrides).contains(&scope[0]));
    }
}

#[test]
fn a_name_that_was_not_listed_is_not_touched() {
    let plan = scenario()
        .declare(["A@1", "B@1"].map(declared))
        .coverage(names(&["A"]))
        .plan();
    let address = plan.at("B@1").address.clone();
    assert_eq!(
        judge(&plan, &BUILT_IN, &NO_OVERRIDES),
        [Refusal::NotListed { address }]
    );
}

#[test]
fn each_refusal_has_a_fix() {
    let unproven = Unproven::Moving { attempts: 3 };
    let address = super::super::testing::address("A@1");
    for refusal in [
        Refusal::Unproven(unproven),
        Refusal::NotListed {
            address: address.clone(),
        },
        Refusal::Protected { address },
        Refusal::TooManyDestroys {
            planned: 3,
            allowed: 2,
        },
        Refusal::TooManyChanges {
            planned: 3,
            allowed: 2,
        },
        Refusal::ScopeNotListed,
    ] {
        let (message, help) = (refusal.to_string(), refusal.help());
        assert!(
            !message.ends_with('.') && help.ends_with('.'),
            "{message} {help}"
        );
        assert!(help.starts_with(char::is_uppercase), "{help}");
    }
}

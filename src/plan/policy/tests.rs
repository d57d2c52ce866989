use super::super::ActionKind::{Create, Delete, Update};
use super::super::testing::{IB, Scenario, address, declared, live, scenario};
use super::super::{ActionKind, Block, Note, OwnerConflict, Summary};
use super::*;
use crate::manifest::SupersededPolicy::{Deactivate, Delete as DeleteThem, Keep};

/// Returns a scenario in which `Form@9` is declared and live.
fn superseding(policy: SupersededPolicy, retain: Option<usize>) -> Scenario {
    scenario()
        .declare([declared("Form@9").superseding(policy, retain)])
        .converged()
}

#[test]
fn policies_for_superseded_versions() {
    let others = || [live("Form@1"), live("Form@2").inactive()];
    superseding(Keep, None).live(others()).expect_nothing();
    superseding(Deactivate, None)
        .live(others())
        .expect(&[("Form@1", Update, "superseded")]);
    let plan = superseding(DeleteThem, None).live(others()).expect(&[
        ("Form@1", Delete, "superseded"),
        ("Form@2", Delete, "superseded"),
    ]);
    let by = thin_vec![declared("Form@9").identity.address()];
    assert_eq!(plan.at("Form@1").reason, Reason::Superseded { by });
    assert_eq!(
        plan.at("Form@1").origin.as_ref().map(|origin| origin.line),
        Some(1)
    );
    assert_eq!(plan.unmanaged, 0);
}

#[test]
fn only_active_declared_versions_supersede() {
    let delete = |text| declared(text).superseding(DeleteThem, None);
    for entry in [delete("Form@9").inactive(), delete("Form@9").absent()] {
        let plan = scenario()
            .declare([entry])
            .live([live("Form@9").inactive(), live("Form@1")])
            .plan();
        assert!(
            plan.changes
                .iter()
                .all(|change| change.address.as_str() == "Form@9")
        );
        assert_eq!(plan.unmanaged, 1);
    }
}

#[test]
fn policies_change_only_managed_versions() {
    let base = || {
        scenario()
            .manage(&["svc", "me"])
            .declare([declared("Form@9").superseding(DeleteThem, None)])
            .converged()
    };
    for (case, version) in [
        ("another owner's", live("me:Form@1")),
        ("an unmanaged version", live("mallory:Form@1")),
        ("another name", live("Form 2@1")),
        ("PRODUCTION", live("Form@1").state("PRODUCTION")),
        ("an unknown state", live("Form@1").state("ODD")),
    ] {
        let plan = base().live([version]).expect_nothing();
        assert_eq!(plan.unmanaged, 1, "{case}");
    }
    base()
        .manage_names(&["Paystub"])
        .live([live("Form@1")])
        .expect_nothing();
}

#[test]
fn declared_versions_are_never_superseded() {
    scenario()
        .declare([
            declared("Form@9").superseding(DeleteThem, None),
            declared("Form@8").superseding(DeleteThem, None),
            declared("Form@1").inactive().superseding(DeleteThem, None),
        ])
        .converged()
        .expect_nothing();
}

/// The newest stay by time; if the times are equal, by version.
#[test]
fn the_newest_are_retained() {
    type Case = (
        &'static str,
        usize,
        [LiveVersion; 3],
        &'static [(&'static str, ActionKind)],
    );
    let at = |text: &str, time| live(text).inactive().created(time);
    let cases: [Case; 6] = [
        (
            "by time",
            1,
            [at("Form@1", 3), at("Form@2", 2), at("Form@3", 1)],
            &[("Form@2", Delete), ("Form@3", Delete)],
        ),
        (
            "by version",
            1,
            [at("Form@1.9", 1), at("Form@1.10", 1), at("Form@1.2", 1)],
            &[("Form@1.2", Delete), ("Form@1.9", Delete)],
        ),
        (
            "no time is oldest",
            2,
            [at("Form@1", 1), live("Form@7").inactive(), at("Form@2", 2)],
            &[("Form@7", Delete)],
        ),
        (
            "none",
            0,
            [at("Form@1", 1), at("Form@2", 2), at("Form@3", 3)],
            &[("Form@1", Delete), ("Form@2", Delete), ("Form@3", Delete)],
        ),
        (
            "more than there are",
            9,
            [at("Form@1", 1), at("Form@2", 2), at("Form@3", 3)],
            &[],
        ),
        (
            "those in service are deactivated",
            1,
            [at("Form@1", 1), at("Form@2", 2), live("Form@3").created(3)],
            &[("Form@1", Delete), ("Form@2", Delete), ("Form@3", Update)],
        ),
    ];
    for (case, retain, versions, expected) in cases {
        let plan = superseding(DeleteThem, Some(retain)).live(versions).plan();
        let planned: Vec<(&str, ActionKind)> = plan
            .changes
            .iter()
            .filter(|change| !change.is_no_op())
            .map(|change| (change.address.as_str(), change.action.kind()))
            .collect();
        assert_eq!(planned, expected, "{case}");
    }
}

/// A version that no policy may change stays, and counts as retained.
#[test]
fn retained_versions_include_unmanageable_ones() {
    superseding(DeleteThem, Some(1))
        .live([
            live("Form@3").state("PRODUCTION").created(3),
            live("Form@2").inactive().created(2),
        ])
        .expect(&[("Form@2", Delete, "superseded")]);
}

/// A policy covers each live record, and `retain` counts versions, not records.
#[test]
fn all_records_of_a_version_are_superseded() {
    let twice = || {
        [
            live("Form@2").inactive().created(3).id("b"),
            live("Form@2").inactive().created(1).id("a"),
            live("Form@1").inactive().created(2),
        ]
    };
    superseding(DeleteThem, None).live(twice()).expect(&[
        ("Form@1", Delete, "superseded"),
        ("Form@2#b", Delete, "superseded"),
        ("Form@2#a", Delete, "superseded"),
    ]);
    superseding(DeleteThem, Some(1))
        .live(twice())
        .expect(&[("Form@1", Delete, "superseded")]);
}

/// If the entries of one name differ, the most careful policy applies.
#[test]
fn the_most_careful_policy_applies() {
    for (left, right, expected) in [
        ((DeleteThem, None), (Keep, None), None),
        ((Keep, None), (DeleteThem, None), None),
        ((DeleteThem, None), (Deactivate, None), Some(Update)),
        ((DeleteThem, Some(1)), (DeleteThem, None), Some(Update)),
        ((DeleteThem, None), (DeleteThem, None), Some(Delete)),
    ] {
        let plan = scenario()
            .declare([
                declared("Form@8").superseding(left.0, left.1),
                declared("Form@9").superseding(right.0, right.1),
            ])
            .converged()
            .live([live("Form@1")])
            .plan();
        let planned = plan.changes.iter().find(|change| !change.is_no_op());
        assert_eq!(
            planned.map(|change| change.action.kind()),
            expected,
            "{left:?} {right:?}"
        );
    }
}

/// For policies both owners of the pair are one publisher. Only records in the store are deleted
/// under the other owner.
#[test]
fn the_other_owner_is_superseded_but_not_deleted() {
    let base = || {
        scenario()
            .user("me")
            .manage(&[IB])
            .declare([declared("IB_DEPLOYED:Form@9").superseding(DeleteThem, None)])
            .converged()
    };
    let old = || live("me:Form@1");
    let plan = base()
        .live([old()])
        .expect(&[("Form@1", Update, "superseded")]);
    let owner = old().identity.owner;
    let change = plan.at("Form@1");
    assert!(change.has(&Note::FollowedOwner {
        owner: owner.clone()
    }));
    assert!(change.has(&Note::DeactivatedInstead {
        because: Block::Owner(OwnerConflict::OwnerMoved { live: owner }),
    }));
    // A version that is out of service already stays, with a note.
    let plan = base().live([old().inactive()]).expect_nothing();
    let change = plan.at("Form@1");
    assert!(change.has(&Note::DeactivatedInstead {
        because: Block::Owner(OwnerConflict::OwnerMoved {
            live: old().identity.owner
        }),
    }));
    let by = thin_vec![address("Form@9")];
    assert_eq!(change.reason, Reason::Superseded { by });
    let summary = Summary::of(&plan);
    assert_eq!((summary.no_op, summary.unmanaged), (1, 1));
    let undeclared = scenario()
        .user("me")
        .manage(&[IB])
        .undeclared(Undeclared::Delete)
        .live([old().inactive()])
        .expect_nothing();
    assert_eq!(undeclared.at("Form@1").notes, change.notes[..1]);
    base()
        .deployed(&old())
        .live([old()])
        .expect(&[("Form@1", Delete, "superseded")]);
    // Either owner may be declared.
    scenario()
        .user("me")
        .manage(&["me"])
        .declare([declared("me:Form@9")])
        .converged()
        .live([live("IB_DEPLOYED:Form@1").by("me")])
        .expect(&[("Form@1", Update, "superseded")]);

    for (case, scenario) in [
        ("another user", base().user("you").live([old()])),
        ("another author", base().live([old().by("mallory")])),
        (
            "no author",
            base().live([LiveVersion {
                author: None,
                ..old()
            }]),
        ),
        (
            "an owner outside the pair",
            base().live([live("you:Form@1").by("me")]),
        ),
        ("an unknown state", base().live([old().state("ARCHIVED")])),
    ] {
        let plan = scenario.plan();
        assert_eq!(plan.unmanaged, 1, "{case}");
    }
    // Each of two records of one superseded version follows its own rule.
    base()
        .live([old(), live("IB_DEPLOYED:Form@1").inactive()])
        .expect(&[
            ("IB_DEPLOYED:Form@1", Delete, "superseded"),
            ("me:Form@1", Update, "superseded"),
        ]);
}

#[test]
fn retain_counts_the_versions_of_the_pair() {
    let base = |retain| {
        scenario()
            .user("me")
            .manage(&[IB])
            .declare([declared("IB_DEPLOYED:Form@9").superseding(DeleteThem, Some(retain))])
            .converged()
            .live([
                live("me:Form@3").created(3),
                live("IB_DEPLOYED:Form@2").created(2).inactive(),
                live("IB_DEPLOYED:Form@1").created(1).inactive(),
            ])
    };
    base(1).expect(&[
        ("Form@1", Delete, "superseded"),
        ("Form@2", Delete, "superseded"),
        ("Form@3", Update, "superseded"),
    ]);
    base(2).expect(&[
        ("Form@1", Delete, "superseded"),
        ("Form@3", Update, "superseded"),
    ]);
}

/// A protection stops deletes, not deactivation.
#[test]
fn a_protected_version_is_deactivated() {
    let protected = |text: &str, note: bool, scenario: Scenario| {
        let plan = scenario.protect("Form@*").live([live(text)]).plan();
        let change = plan.at(text);
        assert_eq!(change.patches(), "state=INACTIVE");
        let instead = Note::DeactivatedInstead {
            because: Block::Protected,
        };
        assert_eq!((change.has(&instead), change.blocked.len()), (note, 0));
    };
    protected("Form@1", false, superseding(Deactivate, None));
    protected("Form@1", true, superseding(DeleteThem, None));
    protected("Form@1", false, superseding(DeleteThem, Some(1)));
    let undeclared = |policy| scenario().undeclared(policy);
    protected("Form@1", false, undeclared(Undeclared::Deactivate));
    protected("Form@1", true, undeclared(Undeclared::Delete));
    superseding(DeleteThem, None)
        .protect("Form@*")
        .live([live("Form@1").inactive()])
        .expect_nothing();
    // The other owner of the pair is protected too.
    let plan = scenario()
        .user("me")
        .manage(&["me", IB])
        .protect("me:Form@*")
        .declare([declared("me:Form@9").superseding(DeleteThem, None)])
        .converged()
        .live([live("IB_DEPLOYED:Form@1").by("me")])
        .deployed(&live("IB_DEPLOYED:Form@1"))
        .expect(&[("Form@1", Update, "superseded")]);
    assert!(plan.at("Form@1").has(&Note::DeactivatedInstead {
        because: Block::Protected
    }));
}

/// If the policy is `delete`, an undeclared version of the other owner of the pair is deactivated.
#[test]
fn undeclared_versions_of_the_pair() {
    let base = |author: &str| {
        scenario()
            .user("me")
            .manage(&["me"])
            .undeclared(Undeclared::Delete)
            .live([live("IB_DEPLOYED:Other@1").by(author), live("me:Other@2")])
    };
    base("me").expect(&[
        ("Other@1", Update, "undeclared"),
        ("Other@2", Delete, "undeclared"),
    ]);
    base("bob").expect(&[("Other@2", Delete, "undeclared")]);
    base("me").deployed(&live("IB_DEPLOYED:Other@1")).expect(&[
        ("Other@1", Delete, "undeclared"),
        ("Other@2", Delete, "undeclared"),
    ]);
}

#[test]
fn policies_for_undeclared_names() {
    let base = |undeclared| {
        scenario()
            .undeclared(undeclared)
            .protect("Safe@*")
            .declare([
                declared("Form@9").superseding(Keep, None),
                declared("Old@1").absent(),
            ])
            .converged()
            .live([
                live("Form@1"),
                live("Old@2"),
                live("Other@1"),
                live("Other@2").inactive(),
                live("Other@3").state("PRODUCTION"),
                live("Other@4").state("ODD"),
                live("Safe@1"),
                live("mallory:Other@1"),
            ])
    };
    assert_eq!(base(Undeclared::Ignore).expect_nothing().unmanaged, 8);
    let plan = base(Undeclared::Deactivate).expect(&[
        ("Other@1", Update, "undeclared"),
        ("Safe@1", Update, "undeclared"),
    ]);
    assert_eq!(plan.unmanaged, 6);
    assert_eq!(plan.at("Other@1").origin, None);
    let plan = base(Undeclared::Delete).expect(&[
        ("Other@1", Delete, "undeclared"),
        ("Other@2", Delete, "undeclared"),
        ("Safe@1", Update, "undeclared"),
    ]);
    assert_eq!(plan.unmanaged, 5);
    let out_of_scope = base(Undeclared::Delete).manage_names(&["Form", "Old"]);
    assert_eq!(out_of_scope.expect_nothing().unmanaged, 8);
}

#[test]
fn reasons_use_the_addresses_of_the_plan() {
    let plan = scenario()
        .manage(&["svc", "me"])
        .declare([declared("Form@9"), declared("me:Form@9")])
        .live([live("Form@1")])
        .expect(&[
            ("Form@1", Update, "superseded"),
            ("me:Form@9", Create, "declared"),
            ("svc:Form@9", Create, "declared"),
        ]);
    let by = thin_vec![declared("Form@9").identity.full_address()];
    assert_eq!(plan.at("Form@1").reason, Reason::Superseded { by });
}

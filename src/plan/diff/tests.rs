use super::super::ActionKind::{self, Create, Delete, NoOp, Replace, Update};
use super::super::testing::{Scenario, address, declared, live, scenario};
use super::super::{Block, Decision, Field, Note, Undo};
use super::*;
use crate::attribute::Visibility;
use crate::live::Unproven;
use crate::manifest::{SupersededPolicy, Undeclared};

#[test]
fn declared_versions_stay() {
    let plan = scenario()
        .declare([
            declared("Form@2").visible(Visibility::Public),
            declared("Form@1").inactive(),
            declared("Old@1").absent(),
        ])
        .converged()
        .expect_nothing();
    let kinds: Vec<(&str, ActionKind)> = plan
        .changes
        .iter()
        .map(|change| (change.address.as_str(), change.action.kind()))
        .collect();
    assert_eq!(kinds, [("Form@1", NoOp), ("Form@2", NoOp), ("Old@1", NoOp)]);
    assert!(
        plan.changes
            .iter()
            .all(|change| change.undo() == Undo::Nothing)
    );
    assert_eq!((plan.unmanaged, plan.live_in_scope), (0, 2));
}

#[test]
fn missing_versions_are_created() {
    let plan = scenario()
        .declare([
            declared("Form@2").visible(Visibility::Public),
            declared("Form@1").inactive(),
        ])
        .expect(&[
            ("Form@1", Create, "declared"),
            ("Form@2", Create, "declared"),
        ]);
    let form = plan.at("Form@2");
    let fields: Vec<(Field, Option<&str>)> = form
        .fields
        .iter()
        .map(|field| (field.field, field.after.as_deref()))
        .collect();
    assert_eq!(
        fields,
        [
            (Field::Owner, Some("svc")),
            (Field::Path, Some("releases/Form-2.ibsolution")),
            (Field::State, Some("ACTIVE")),
            (Field::Visibility, Some("PUBLIC")),
        ]
    );
    assert_eq!(form.undo(), Undo::ByDelete);
    assert_eq!(form.origin.as_ref().map(|origin| origin.line), Some(1));
}

#[test]
fn versions_are_compared_exactly() {
    scenario()
        .declare(["Form@1.10", "Form@1.9", "form@1.9"].map(declared))
        .live([live("Form@1.90"), live("Form@1.9.0")])
        .expect(&[
            ("Form@1.9", Create, "declared"),
            ("Form@1.9.0", Update, "superseded"),
            ("Form@1.10", Create, "declared"),
            ("Form@1.90", Update, "superseded"),
            ("form@1.9", Create, "declared"),
        ]);
}

/// A roll-back is one patch: a version that is still live is never deployed again.
#[test]
fn a_roll_back_is_a_patch() {
    let plan = scenario()
        .declare([declared("Form@1")])
        .live([live("Form@1").inactive(), live("Form@2")])
        .expect(&[
            ("Form@1", Update, "declared"),
            ("Form@2", Update, "superseded"),
        ]);
    assert_eq!(plan.at("Form@1").patches(), "state=ACTIVE");
    assert_eq!(plan.at("Form@2").patches(), "state=INACTIVE");
    assert_eq!(plan.at("Form@2").waits(), ["Form@1"]);
    assert_eq!(plan.at("Form@2").undo(), Undo::ByPatch);
}

/// Parses the state and visibility of a declared `Form@1`; `-` is no visibility.
fn declared_as(words: &str) -> Desired {
    let (state, visibility) = words.split_once(' ').unwrap();
    Desired {
        state: if state == "ACTIVE" {
            State::Active
        } else {
            State::Inactive
        },
        visibility: Visibility::ALL
            .into_iter()
            .find(|one| one.as_str() == visibility),
        ..declared("Form@1")
    }
}

/// Parses the state and visibility of a live `Form@1`; `-` is an unknown visibility.
fn live_as(words: &str) -> LiveVersion {
    let (state, visibility) = words.split_once(' ').unwrap();
    match visibility {
        "-" => live("Form@1").state(state).visibility_unknown(),
        word => live("Form@1").state(state).visible(word),
    }
}

/// The patch of one declared version, and the fields that are only noted.
#[test]
fn each_field_is_decided_separately() {
    for (declares, has, patches, leaves) in [
        // Fields that are not declared are neither compared nor patched.
        ("ACTIVE -", "ACTIVE PUBLIC", "", ""),
        ("ACTIVE -", "ACTIVE -", "", ""),
        ("ACTIVE -", "ACTIVE PENDING_REVIEW", "", ""),
        ("ACTIVE -", "ACTIVE ODD", "", ""),
        ("ACTIVE -", "INACTIVE PUBLIC", "state=ACTIVE", ""),
        ("INACTIVE -", "ACTIVE PRIVATE", "state=INACTIVE", ""),
        ("ACTIVE PUBLIC", "ACTIVE PRIVATE", "visibility=PUBLIC", ""),
        (
            "ACTIVE PUBLIC",
            "INACTIVE PRIVATE",
            "state=ACTIVE visibility=PUBLIC",
            "",
        ),
        // An unknown field is not drift.
        ("ACTIVE PUBLIC", "ACTIVE -", "", "visibility NotKnown"),
        (
            "ACTIVE PUBLIC",
            "INACTIVE -",
            "state=ACTIVE",
            "visibility NotKnown",
        ),
        ("ACTIVE -", "PRODUCTION PRIVATE", "", ""),
        ("INACTIVE -", "PRODUCTION PRIVATE", "state=INACTIVE", ""),
        // Unknown words are never corrected.
        ("ACTIVE -", "ODD PRIVATE", "", "state UnknownWord"),
        ("INACTIVE -", "ODD PRIVATE", "", "state UnknownWord"),
        ("ACTIVE -", "active PRIVATE", "", "state UnknownWord"),
        (
            "ACTIVE PUBLIC",
            "ODD PRIVATE",
            "visibility=PUBLIC",
            "state UnknownWord",
        ),
        (
            "INACTIVE PRIVATE",
            "ACTIVE ODD",
            "state=INACTIVE",
            "visibility UnknownWord",
        ),
        (
            "ACTIVE PUBLIC",
            "ODD ODD",
            "",
            "state UnknownWord, visibility UnknownWord",
        ),
        // A visibility that waits for review is not requested again.
        (
            "ACTIVE PUBLIC",
            "ACTIVE PENDING_REVIEW",
            "",
            "visibility WaitsForReview",
        ),
        (
            "ACTIVE PUBLIC",
            "INACTIVE PENDING_REVIEW",
            "state=ACTIVE",
            "visibility WaitsForReview",
        ),
        (
            "ACTIVE PRIVATE",
            "ACTIVE PENDING_REVIEW",
            "visibility=PRIVATE",
            "",
        ),
        (
            "ACTIVE PENDING_REVIEW",
            "ACTIVE PRIVATE",
            "visibility=PENDING_REVIEW",
            "",
        ),
        ("ACTIVE PENDING_REVIEW", "ACTIVE PENDING_REVIEW", "", ""),
    ] {
        let case = format!("{declares} over {has}");
        let plan = scenario()
            .declare([declared_as(declares)])
            .live([live_as(has)])
            .plan();
        let change = plan.at("Form@1");
        if patches.is_empty() {
            assert!(change.is_no_op(), "{case}");
        } else {
            assert_eq!(change.patches(), patches, "{case}");
        }
        let left: Vec<String> = change
            .fields
            .iter()
            .filter(|field| field.decision != Decision::Apply)
            .map(|field| format!("{} {:?}", field.field.as_str(), field.decision))
            .collect();
        assert_eq!(left.join(", "), leaves, "{case}");
        let is_relevant = |note: &&Note| **note != Note::NoSuccessor;
        assert_eq!(
            change.notes.iter().filter(is_relevant).count(),
            left.len(),
            "{case}"
        );
    }
}

#[test]
fn fields_that_are_not_patched_are_noted() {
    use Visibility::{Private, Public};
    let odd = || Note::UnknownWord {
        word: "ODD".to_owned(),
    };
    for (entry, record, note) in [
        (declared("A@1"), live("A@1").state("ODD"), odd()),
        (
            declared("A@1").visible(Private),
            live("A@1").visible("ODD"),
            odd(),
        ),
        (
            declared("A@1").visible(Public),
            live("A@1").visibility_unknown(),
            Note::VisibilityNotKnown,
        ),
        (
            declared("A@1").visible(Public),
            live("A@1").visible("PENDING_REVIEW"),
            Note::WaitsForReview,
        ),
    ] {
        let plan = scenario().declare([entry]).live([record]).expect_nothing();
        assert_eq!(plan.at("A@1").notes, [note]);
    }
}

#[test]
fn tombstones_delete_live_versions() {
    let plan = scenario()
        .declare([declared("Form@1").absent(), declared("Form@2").absent()])
        .live([live("Form@1")])
        .expect(&[("Form@1", Delete, "tombstone")]);
    assert_eq!(plan.at("Form@1").undo(), Undo::Irreversible);
    assert!(plan.at("Form@1").has(&Note::NoSuccessor));
    assert_eq!(plan.at("Form@2").reason, Reason::Tombstone);
    assert_eq!(plan.at("Form@2").action.before(), None);
}

/// Only the record whose contents were compared is replaced.
#[test]
fn a_changed_source_replaces_its_record() {
    let base = || {
        scenario()
            .declare([declared("Form@1"), declared("Other@1")])
            .live([live("Form@1").id("seven"), live("Other@1")])
    };
    let replaced = [("Form@1", ActionKind::Replace, "content-changed")];
    let plan = base().redeploy("Form@1", "seven").expect(&replaced);
    assert!(plan.at("Form@1").has(&Note::OutOfServiceMeanwhile));
    base().redeploy("Form@1", "eight").expect_nothing();
    base().redeploy("Form@2", "seven").expect_nothing();
    let asked = [("Form@1", ActionKind::Replace, "requested")];
    base()
        .redeploy("Form@1", "seven")
        .replace("Form@1")
        .expect(&asked);
    let blocked = base().redeploy("Form@1", "seven").protect("Form@*").plan();
    assert_eq!(blocked.at("Form@1").blocked, [Block::Protected]);
}

#[test]
fn a_path_is_needed_only_for_a_deploy() {
    let pathless = |text| declared(text).pathless();
    let missing = |scenario: &Scenario| -> Vec<String> {
        let errors = scenario.try_plan().err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    };
    let says = |text: &str| {
        vec![format!(
            "`{text}` is not live, and no `path` says what to deploy"
        )]
    };
    let both = || scenario().declare([pathless("Form@1"), pathless("Paystub@1")]);

    assert_eq!(
        missing(&both()),
        [says("Form@1"), says("Paystub@1")].concat(),
        "all at once"
    );
    assert_eq!(missing(&both().converged()), Vec::<String>::new());
    assert_eq!(
        missing(&both().converged().replace("Form@1")),
        says("Form@1")
    );
    assert_eq!(
        missing(&both().target("Form")),
        says("Form@1"),
        "others are not asked for"
    );
    assert_eq!(missing(&both().exclude("Form")), says("Paystub@1"));
    let tombstone = scenario().declare([pathless("Form@1").absent()]);
    assert_eq!(missing(&tombstone), Vec::<String>::new());
    assert_eq!(missing(&both().destroy()), Vec::<String>::new());
}

/// The newest record counts, by time and then by id; the others are noted and not changed.
#[test]
fn the_newest_of_two_records_counts() {
    let old = live("Form@1").id("old").created(1).state("ACTIVE");
    let new = live("Form@1").id("new").created(2).inactive();
    let undated = live("Form@1").id("a").inactive();
    let plan = scenario()
        .declare([declared("Form@1")
            .inactive()
            .superseding(SupersededPolicy::Delete, None)])
        .live([undated, old, new])
        .expect_nothing();
    let change = plan.at("Form@1");
    assert_eq!(change.action.before().unwrap().id.as_str(), "new");
    let ids = ["old", "a"].map(|id| live("Form@1").id(id).id).to_vec();
    assert_eq!(change.notes, [Note::MoreRecords { ids }]);
    assert_eq!(plan.unmanaged, 2);
}

/// A version that is declared absent loses all of its records.
#[test]
fn all_records_of_an_absent_version_are_deleted() {
    let twice = || [live("Form@1").id("b"), live("Form@1").id("a").inactive()];
    let tombstone = scenario()
        .declare([declared("Form@1").absent()])
        .live(twice());
    let plan = tombstone.expect(&[
        ("Form@1#a", Delete, "tombstone"),
        ("Form@1#b", Delete, "tombstone"),
    ]);
    assert!(plan.at("Form@1#a").has(&Note::MoreRecords {
        ids: vec![live("x@1").id("b").id]
    }));
    scenario()
        .declare([declared("Form@1")])
        .live(twice())
        .destroy()
        .expect(&[
            ("Form@1#a", Delete, "requested"),
            ("Form@1#b", Delete, "requested"),
        ]);
}

#[test]
fn a_name_with_a_colon_has_a_unique_address() {
    scenario()
        .manage(&["svc", "me", "me:Form"])
        .declare(["Form@1", "me:Form@1"].map(declared))
        .declare([declared("svc:me:Form@1")])
        .expect(&[
            ("me:Form@1", Create, "declared"),
            ("svc:Form@1", Create, "declared"),
            ("svc:me:Form@1", Create, "declared"),
        ]);
}

#[test]
fn replace_deletes_and_deploys_the_named_versions() {
    let base = || {
        scenario()
            .declare([declared("Form@1"), declared("Form@2").absent()])
            .converged()
    };
    let plan = base()
        .replace("Form@1")
        .expect(&[("Form@1", Replace, "requested")]);
    let change = plan.at("Form@1");
    assert!(change.has(&Note::OutOfServiceMeanwhile) && !change.ends_service());
    assert_eq!(change.undo(), Undo::Irreversible);
    base()
        .replace("svc:Form@1")
        .expect(&[("Form@1", Replace, "requested")]);

    let cases = [
        (
            base().replace("Form@3"),
            DiffError::ReplaceNotDeclared {
                address: address("Form@3"),
            },
        ),
        (
            base().replace("Form@2"),
            DiffError::ReplaceNotDeclared {
                address: address("Form@2"),
            },
        ),
        (
            base().without("Form@1").replace("Form@1"),
            DiffError::ReplaceNotLive {
                address: address("Form@1"),
            },
        ),
        (
            base().live([live("Form@1").id("other")]).replace("Form@1"),
            DiffError::ReplaceManyRecords {
                address: address("Form@1"),
                count: 2,
                other_owner: None,
            },
        ),
        (
            base()
                .manage(&["svc", "me"])
                .declare([declared("me:Form@1")])
                .converged()
                .replace("Form@1"),
            DiffError::ReplaceAmbiguous {
                address: address("Form@1"),
                choices: vec![address("me:Form@1"), address("svc:Form@1")],
            },
        ),
    ];
    for (scenario, error) in cases {
        assert!(
            error.help().ends_with('.') && !error.to_string().ends_with('.'),
            "{error}"
        );
        assert_eq!(scenario.try_plan(), Err(vec![error]));
    }
    base()
        .manage(&["svc", "me"])
        .declare([declared("me:Form@1")])
        .converged()
        .replace("me:Form@1")
        .expect(&[("me:Form@1", Replace, "requested")]);
}

/// A replaced record is deployed again, with any state and visibility that it had before.
#[test]
fn a_replace_includes_each_field() {
    let plan = scenario()
        .declare([declared("Form@1").visible(Visibility::Public)])
        .live([live("Form@1").state("ODD").visible("PENDING_REVIEW")])
        .replace("Form@1")
        .expect(&[("Form@1", Replace, "requested")]);
    let fields = &plan.at("Form@1").fields;
    assert_eq!(fields.len(), 3);
    assert!(fields.iter().all(|field| field.decision == Decision::Apply));
}

#[test]
fn protection_blocks_explicit_deletes() {
    let base = || scenario().protect("Form@*").declare([declared("Form@1")]);
    let blocked = vec![Block::Protected];
    let tombstone = scenario()
        .protect("Form@*")
        .declare([declared("Form@1").absent()]);
    let plan = tombstone
        .live([live("Form@1")])
        .expect(&[("Form@1", Delete, "tombstone")]);
    assert_eq!(plan.at("Form@1").blocked, blocked);
    let plan = base()
        .converged()
        .replace("Form@1")
        .expect(&[("Form@1", Replace, "requested")]);
    assert_eq!(plan.at("Form@1").blocked, blocked);
    let plan = base()
        .converged()
        .destroy()
        .expect(&[("Form@1", Delete, "requested")]);
    assert_eq!(plan.at("Form@1").blocked, blocked);
    // Patches are allowed: protection only prevents deletes.
    let plan = base()
        .live([live("Form@1").inactive()])
        .expect(&[("Form@1", Update, "declared")]);
    assert_eq!(plan.at("Form@1").blocked, Vec::new());
    // A pattern may name the owner.
    let plan = scenario()
        .protect("svc:*")
        .declare([declared("Form@1").absent()])
        .live([live("Form@1")])
        .plan();
    assert_eq!(plan.at("Form@1").blocked, blocked);
}

#[test]
fn destroy_deletes_declared_live_versions() {
    let plan = scenario()
        .manage(&["*"])
        .undeclared(Undeclared::Delete)
        .declare([
            declared("Form@2").superseding(SupersededPolicy::Delete, None),
            declared("Form@1").inactive(),
            declared("Gone@1"),
            declared("Old@1").absent(),
        ])
        .live([
            live("Form@2"),
            live("Form@1").inactive(),
            live("Form@0"),
            live("mallory:Form@2"),
            live("Old@1"),
            live("Other@1"),
        ])
        .destroy()
        .expect(&[
            ("Form@1", Delete, "requested"),
            ("Form@2", Delete, "requested"),
            ("Old@1", Delete, "requested"),
        ]);
    assert_eq!(plan.unmanaged, 3);
    // Destroyed versions have no successors, so that no change waits.
    assert!(
        plan.changes
            .iter()
            .all(|change| change.waits_for.is_empty() && change.successors.is_empty())
    );
}

#[test]
fn selectors_must_match_a_version() {
    let base = || {
        scenario()
            .declare([declared("Form@1")])
            .live([live("Live@1")])
    };
    let nothing = |text: &str, near: &[&str]| DiffError::SelectsNothing {
        selector: text.to_owned(),
        near: near.iter().map(|&text| text.to_owned()).collect(),
    };
    for text in ["Form", "Form@1", "svc:Form@1", "Live", "Live@1"] {
        assert!(base().target(text).try_plan().is_ok(), "{text}");
        assert!(base().exclude(text).try_plan().is_ok(), "{text}");
    }
    for (text, near) in [
        ("form", &["Form"][..]),
        ("Form@2", &["Form@1"]),
        ("me:Form@1", &["Form@1"]),
        ("svc:Form", &[]),
        ("", &[]),
        ("@1", &[]),
        ("Form@", &["Form@1"]),
        ("orm@1", &["Form@1"]),
    ] {
        let planned = base().target(text).try_plan();
        assert_eq!(planned, Err(vec![nothing(text, near)]));
    }
    let both = base().target("A").exclude("B").try_plan();
    assert_eq!(both, Err(vec![nothing("A", &[]), nothing("B", &[])]));
    // The address of one of several records, as the plan shows it.
    let twice = scenario()
        .declare([declared("Form@1").absent()])
        .live([live("Form@1").id("a"), live("Form@1").id("b")]);
    twice
        .target("Form@1#b")
        .expect(&[("Form@1#b", Delete, "tombstone")]);
}

/// With targets, names that were not listed are left out of the plan, although they look absent.
#[test]
fn names_that_were_not_listed_are_left_out() {
    let names = |names: &[&str]| {
        Coverage::Names(
            names
                .iter()
                .map(|name| crate::ident::SolutionName::parse(name).unwrap())
                .collect(),
        )
    };
    let base = || scenario().declare([declared("Form@1"), declared("Paystub@1").pathless()]);
    let plan = base()
        .coverage(names(&["Form"]))
        .target("Form")
        .expect(&[("Form@1", Create, "declared")]);
    assert_eq!(plan.left_out, 1);
    // Without targets the plan has all names, and the guard refuses it.
    assert!(base().coverage(names(&["Form"])).try_plan().is_err());
}

#[test]
fn a_plan_records_an_incomplete_listing() {
    let unproven = Coverage::Unproven(Unproven::Moving { attempts: 3 });
    let plan = scenario()
        .declare([declared("Form@1")])
        .coverage(unproven.clone())
        .expect(&[("Form@1", Create, "declared")]);
    assert_eq!(plan.coverage, unproven);
}

#[test]
fn the_plan_names_its_environment() {
    let plan = scenario().plan();
    assert_eq!(plan.subject.environment, "prod");
    assert_eq!(plan.subject.url, "https://ib.example.com");
    assert_eq!(plan.mode, Mode::Converge);
    assert_eq!(plan.changes, []);
}

/// A successor that waits for review releases nothing, and the plan says so.
#[test]
fn a_version_waits_for_a_successor_in_review() {
    let plan = scenario()
        .declare([declared("Form@2").visible(Visibility::Public)])
        .live([live("Form@1"), live("Form@2").visible("PENDING_REVIEW")])
        .expect(&[("Form@1", Update, "superseded")]);
    assert!(plan.at("Form@1").has(&Note::SuccessorWaitsForReview {
        successors: vec![address("Form@2")]
    }));
    let plan = scenario()
        .declare([declared("Form@2").visible(Visibility::Public)])
        .live([live("Form@1"), live("Form@2").visible("PUBLIC")])
        .plan();
    let waits = |note: &Note| matches!(note, Note::SuccessorWaitsForReview { .. });
    assert!(!plan.at("Form@1").notes.iter().any(waits));
}

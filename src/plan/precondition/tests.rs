use super::super::testing::{declared, live};
use super::super::{AfterImage, LiveImage};
use super::PreconditionResult::{Done, Moved, Ready};
use super::*;
use crate::attribute::{State, Visibility};
use crate::ident::Owner;

fn after(text: &str, state: State, visibility: Option<Visibility>) -> AfterImage {
    AfterImage {
        identity: declared(text).identity,
        state,
        visibility,
        package: None,
        upload: None,
        verification: None,
    }
}

fn target<'a>(after: &'a AfterImage, other_owner: Option<&'a Owner>) -> DeployTarget<'a> {
    DeployTarget { after, other_owner }
}

/// Parses a record of `Form@1`: owner, state, visibility. `-` is an unknown visibility.
fn record(text: &str) -> Option<LiveVersion> {
    let [owner, state, visibility] = text.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let version = LiveVersion {
        id: live("Form@1").id,
        ..live(&format!("{owner}:Form@1")).state(state)
    };
    Some(match visibility {
        "-" => version.visibility_unknown(),
        word => version.visible(word),
    })
}

/// Describes a result.
fn describe(result: &PreconditionResult) -> String {
    let differences = match result {
        Ready => return "ready".to_owned(),
        Done => return "done".to_owned(),
        Moved(differences) => differences,
    };
    let texts: Vec<String> = differences
        .iter()
        .map(|difference| match difference {
            Difference::Gone { id } => format!("{id} is gone"),
            Difference::Appeared { id, state } => format!("{id} is {state}"),
            Difference::OtherOwner { identity } => format!("it is {}'s", identity.owner),
            Difference::Field {
                field,
                planned,
                live,
            } => format!("{}: {planned} is {live}", field.as_str()),
            Difference::OtherIdentity { planned, live } => {
                format!("{} is {}", planned.address(), live.address())
            }
            other => format!("{other:?}"),
        })
        .collect();
    texts.join(", ")
}

/// The plan has an inactive private version; the live record differs in each case.
#[test]
fn an_update_requires_its_planned_record() {
    let before = LiveImage::of(&record("svc INACTIVE PRIVATE").unwrap());
    let state = Patch::new(Some(State::Active), None).unwrap();
    let both = Patch::new(Some(State::Active), Some(Visibility::Public)).unwrap();
    let visibility = Patch::new(None, Some(Visibility::Public)).unwrap();
    let unknown = "visibility: PRIVATE is not known";
    for (patch, now, expected) in [
        (state, "svc INACTIVE PRIVATE", "ready"),
        (state, "svc ACTIVE PRIVATE", "done"),
        (state, "svc PRODUCTION PRIVATE", "done"),
        (state, "", "id-svc:Form@1 is gone"),
        (state, "svc ODD PRIVATE", "state: INACTIVE is ODD"),
        (
            state,
            "svc INACTIVE PUBLIC",
            "visibility: PRIVATE is PUBLIC",
        ),
        (
            state,
            "svc ODD PUBLIC",
            "state: INACTIVE is ODD, visibility: PRIVATE is PUBLIC",
        ),
        // The patch is done, but another field differs from the plan.
        (state, "svc ACTIVE PUBLIC", "visibility: PRIVATE is PUBLIC"),
        (state, "me ACTIVE PRIVATE", "owner: svc is me"),
        // A visibility in the plan must be confirmed again.
        (state, "svc INACTIVE -", unknown),
        (state, "svc ACTIVE -", unknown),
        (both, "svc ACTIVE -", unknown),
        // A part of the patch took effect.
        (both, "svc INACTIVE PRIVATE", "ready"),
        (both, "svc ACTIVE PRIVATE", "ready"),
        (both, "svc INACTIVE PUBLIC", "ready"),
        (both, "svc ACTIVE PUBLIC", "done"),
        (
            both,
            "svc ACTIVE PENDING_REVIEW",
            "visibility: PRIVATE is PENDING_REVIEW",
        ),
        (visibility, "svc INACTIVE PUBLIC", "done"),
        (visibility, "svc ACTIVE PUBLIC", "state: INACTIVE is ACTIVE"),
        // The owner may change with the visibility, and with no other field.
        (visibility, "IB_DEPLOYED INACTIVE PUBLIC", "done"),
        (
            visibility,
            "IB_DEPLOYED INACTIVE PRIVATE",
            "owner: svc is IB_DEPLOYED",
        ),
    ] {
        let result = check_update(&before, patch, record(now).as_ref());
        assert_eq!(describe(&result), expected, "{patch:?} over {now}");
    }
    let renamed = LiveVersion {
        id: before.id.clone(),
        ..live("Form@2")
    };
    let result = check_update(&before, state, Some(&renamed));
    assert!(describe(&result).starts_with("Form@1 is Form@2"));
    // A visibility that is not in the plan is not compared.
    let blind = LiveImage {
        visibility: None,
        ..before
    };
    for now in ["svc INACTIVE -", "svc INACTIVE PUBLIC"] {
        let result = check_update(&blind, state, record(now).as_ref());
        assert_eq!(describe(&result), "ready", "{now}");
    }
}

#[test]
fn a_delete_requires_its_planned_record() {
    let before = LiveImage::of(&record("svc INACTIVE PRIVATE").unwrap());
    for (now, expected) in [
        ("svc INACTIVE PRIVATE", "ready"),
        ("", "done"),
        ("svc INACTIVE -", "visibility: PRIVATE is not known"),
        ("svc ACTIVE PRIVATE", "state: INACTIVE is ACTIVE"),
        ("svc INACTIVE PUBLIC", "visibility: PRIVATE is PUBLIC"),
        ("me INACTIVE PRIVATE", "owner: svc is me"),
    ] {
        let result = check_delete(&before, record(now).as_ref());
        assert_eq!(describe(&result), expected, "{now}");
    }
}

#[test]
fn a_deploy_checks_each_record_of_its_name() {
    use Visibility::Public;
    let active = after("Form@1", State::Active, None);
    let public = after("Form@1", State::Active, Some(Public));
    let unseen = || live("Form@1").visibility_unknown();
    let unmanaged = || live("me:Form@1");
    let appeared = "id-svc:Form@1 is ACTIVE";
    for (after, named, create, redeploy) in [
        (&active, vec![], "ready", "ready"),
        (
            &active,
            vec![live("Form@2"), live("me:Form@3")],
            "ready",
            "ready",
        ),
        (&active, vec![live("Form 1@1")], "ready", "ready"),
        (&active, vec![live("Form@1")], "done", "done"),
        (&active, vec![unmanaged(), live("Form@1")], "done", "done"),
        (&public, vec![live("Form@1")], appeared, appeared),
        (&public, vec![unseen()], appeared, appeared),
        (&active, vec![unmanaged()], "it is me's", "ready"),
    ] {
        assert_eq!(
            describe(&target(after, None).check_create(&named)),
            create,
            "{named:?}"
        );
        assert_eq!(
            describe(&target(after, None).check_redeploy(&named)),
            redeploy,
            "{named:?}, after a delete"
        );
    }
    // A record of the other owner of the pair counts if the user published it.
    let other = Owner::ib_deployed();
    let moved = |author: &str| vec![live("IB_DEPLOYED:Form@1").by(author)];
    for (after, named, create, redeploy) in [
        (&active, moved("svc"), "done", "done"),
        (
            &public,
            moved("svc"),
            "id-IB_DEPLOYED:Form@1 is ACTIVE",
            "id-IB_DEPLOYED:Form@1 is ACTIVE",
        ),
        (&active, moved("bob"), "it is IB_DEPLOYED's", "ready"),
    ] {
        let results = [
            target(after, Some(&other)).check_create(&named),
            target(after, Some(&other)).check_redeploy(&named),
        ];
        assert_eq!(
            results.map(|one| describe(&one)),
            [create, redeploy],
            "{named:?}"
        );
    }
    // The newest record counts, in any order of the list.
    let old = live("Form@1").id("old").created(1);
    let new = live("Form@1").id("new").created(2).inactive();
    for named in [[old.clone(), new.clone()], [new, old]] {
        assert_eq!(
            describe(&target(&active, None).check_create(&named)),
            "new is INACTIVE"
        );
    }
}

#[test]
fn a_successor_must_match_its_full_image() {
    use crate::attribute::Visibility::Public;
    let id = live("Form@2").id;
    let successor = |id: Option<SolutionId>| Successor {
        address: super::super::testing::address("Form@2"),
        after: after("Form@2", State::Active, Some(Public)),
        other_owner: None,
        id,
    };
    let public = || live("Form@2").visible("PUBLIC");
    let owned = |version: LiveVersion| LiveVersion {
        identity: declared("IB_DEPLOYED:Form@2").identity,
        ..version
    };
    for (case, named, by_id, by_identity) in [
        ("in full", vec![live("Form@1"), public()], true, true),
        (
            "in production",
            vec![public().state("PRODUCTION")],
            true,
            true,
        ),
        ("gone", vec![live("Form@1")], false, false),
        ("inactive", vec![public().inactive()], false, false),
        ("unknown state", vec![public().state("ODD")], false, false),
        ("private", vec![live("Form@2")], false, false),
        (
            "waits for review",
            vec![live("Form@2").visible("PENDING_REVIEW")],
            false,
            false,
        ),
        (
            "unknown visibility",
            vec![live("Form@2").visibility_unknown()],
            false,
            false,
        ),
        ("another owner now", vec![owned(public())], true, false),
        ("another record", vec![public().id("other")], false, true),
        (
            "an older record",
            vec![
                public().inactive().created(2),
                public().id("other").created(1),
            ],
            false,
            false,
        ),
    ] {
        assert_eq!(
            successor(Some(id.clone())).is_live_among(&named, None),
            by_id,
            "{case}, by id"
        );
        assert_eq!(
            successor(None).is_live_among(&named, None),
            by_identity,
            "{case}, by identity"
        );
    }
    let other = live("Form@2").id("other").id;
    let named = [owned(public()).id("other")];
    assert!(
        successor(None).is_live_among(&named, Some(&other)),
        "this apply deployed it"
    );
}

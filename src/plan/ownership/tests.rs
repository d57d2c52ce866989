use super::super::testing::{IB, Scenario, declared, live, scenario};
use super::super::{Block, Change, DiffError, Note};
use crate::attribute::Visibility;
use crate::live::LiveVersion;

/// The request for the declared version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// Declared without a change.
    Keep,
    /// Declared with this visibility.
    Visible(Visibility),
    /// Declared `ABSENT`.
    Tombstone,
    /// `destroy`.
    Destroy,
    /// `--replace`.
    Replace,
}

use Ask::{Destroy, Keep, Replace, Tombstone, Visible};
use Visibility::{PendingReview, Private, Public};

/// Parses `owner author visibility` of a live `Form@1`. `-` is a missing author; with a leading
/// `!`, an apply of the store deployed the record.
fn record(text: &str) -> (LiveVersion, bool) {
    let is_deployed = text.starts_with('!');
    let words: Vec<&str> = text.trim_start_matches('!').split(' ').collect();
    let [owner, author, visibility] = words[..] else {
        panic!("not a record: {text}");
    };
    let version = live(&format!("{owner}:Form@1")).visible(visibility);
    let version = match author {
        "-" => LiveVersion {
            author: None,
            ..version
        },
        author => version.by(author),
    };
    (version, is_deployed)
}

fn world(user: &str, owner: &str, ask: Ask, records: &[&str]) -> Scenario {
    let entry = declared(&format!("{owner}:Form@1"));
    let entry = match ask {
        Visible(visibility) => entry.visible(visibility),
        Tombstone => entry.absent(),
        Keep | Destroy | Replace => entry,
    };
    let mut made = scenario().manage(&[owner]).declare([entry]);
    if user != "-" {
        made = made.user(user);
    }
    for text in records {
        let (version, is_deployed) = record(text);
        if is_deployed {
            made = made.deployed(&version);
        }
        made = made.live([version]);
    }
    match ask {
        Destroy => made.destroy(),
        Replace => made.replace("Form@1"),
        Keep | Visible(_) | Tombstone => made,
    }
}

/// Describes a change: its kind, its patch, and its blocks.
fn describe(change: &Change) -> String {
    let mut words = vec![change.action.kind().as_str().to_owned()];
    if change.action.kind() == crate::plan::ActionKind::Update {
        words.push(change.patches());
    }
    words.extend(
        change
            .blocked
            .iter()
            .map(|block| format!("blocked by {}", block.code())),
    );
    words.join(" ")
}

/// Each rule of the owner pair: `user`, declared owner, request, live records, expected changes.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_case_of_the_owner_pair() {
    let moved = "IB_DEPLOYED svc PUBLIC";
    let back = "svc svc PRIVATE";
    let cases: &[(&str, &str, Ask, &[&str], &str)] = &[
        // Nothing is live: a deploy.
        ("svc", "svc", Keep, &[], "create"),
        ("svc", IB, Keep, &[], "create"),
        // Records of the exact owner, with any author.
        ("svc", "svc", Keep, &["svc svc PRIVATE"], "no-op"),
        ("svc", IB, Keep, &["IB_DEPLOYED bob PUBLIC"], "no-op"),
        ("-", IB, Keep, &["IB_DEPLOYED - PUBLIC"], "no-op"),
        // Records of the other owner that `user` published: the same version.
        ("svc", "svc", Keep, &[moved], "no-op"),
        ("svc", IB, Keep, &[back], "no-op"),
        ("svc", "svc", Visible(Public), &[moved], "no-op"),
        ("svc", IB, Visible(Private), &[back], "no-op"),
        // A PATCH across the pair may widen.
        (
            "svc",
            IB,
            Visible(Public),
            &[back],
            "update visibility=PUBLIC",
        ),
        (
            "svc",
            IB,
            Visible(PendingReview),
            &[back],
            "update visibility=PENDING_REVIEW",
        ),
        // It may not narrow.
        (
            "svc",
            "svc",
            Visible(Private),
            &[moved],
            "update visibility=PRIVATE blocked by owner-moved",
        ),
        (
            "svc",
            "svc",
            Visible(PendingReview),
            &[moved],
            "update visibility=PENDING_REVIEW blocked by owner-moved",
        ),
        (
            "svc",
            "svc",
            Visible(Private),
            &["IB_DEPLOYED svc PENDING_REVIEW"],
            "update visibility=PRIVATE blocked by owner-moved",
        ),
        // With the exact owner it may narrow, if this token can still see the record.
        (
            "svc",
            IB,
            Visible(Private),
            &[moved],
            "update visibility=PRIVATE",
        ),
        (
            "svc",
            IB,
            Visible(Private),
            &["IB_DEPLOYED bob PUBLIC"],
            "update visibility=PRIVATE blocked by author-differs",
        ),
        (
            "svc",
            "svc",
            Visible(Private),
            &["svc - PUBLIC"],
            "update visibility=PRIVATE blocked by author-differs",
        ),
        (
            "-",
            IB,
            Visible(Private),
            &["IB_DEPLOYED bob PUBLIC"],
            "update visibility=PRIVATE",
        ),
        (
            "svc",
            IB,
            Visible(PendingReview),
            &["IB_DEPLOYED bob PUBLIC"],
            "update visibility=PENDING_REVIEW",
        ),
        // Records of the other owner, published by another or an unknown user.
        (
            "svc",
            "svc",
            Keep,
            &["IB_DEPLOYED bob PUBLIC"],
            "create blocked by owner-differs",
        ),
        (
            "svc",
            "svc",
            Keep,
            &["IB_DEPLOYED - PUBLIC"],
            "create blocked by owner-differs",
        ),
        (
            "svc",
            IB,
            Keep,
            &["svc bob PRIVATE"],
            "create blocked by owner-differs",
        ),
        // An id from the store matches deletes only.
        (
            "svc",
            "svc",
            Keep,
            &["!IB_DEPLOYED bob PUBLIC"],
            "create blocked by owner-differs",
        ),
        // An owner outside the pair, and an environment without `user`.
        (
            "svc",
            "svc",
            Keep,
            &["bob svc PRIVATE"],
            "create blocked by owner-differs",
        ),
        (
            "-",
            "svc",
            Keep,
            &[moved],
            "create blocked by owner-differs",
        ),
        ("-", IB, Keep, &[back], "create blocked by owner-differs"),
        (
            "bob",
            "svc",
            Keep,
            &[moved],
            "create blocked by owner-differs",
        ),
        // Both owners have a record: only that of the exact owner is changed.
        ("svc", "svc", Keep, &[back, moved], "no-op"),
        (
            "svc",
            IB,
            Visible(Private),
            &[back, moved],
            "update visibility=PRIVATE",
        ),
        // Deletes match the exact owner.
        ("svc", "svc", Tombstone, &[back], "delete"),
        ("svc", IB, Tombstone, &[moved], "delete"),
        ("svc", IB, Tombstone, &["IB_DEPLOYED bob PUBLIC"], "delete"),
        ("-", IB, Destroy, &[moved], "delete"),
        ("svc", "svc", Replace, &[back], "replace"),
        // Deletes also match an id from the store, with or without `user`.
        (
            "svc",
            "svc",
            Tombstone,
            &["!IB_DEPLOYED svc PUBLIC"],
            "delete",
        ),
        (
            "svc",
            "svc",
            Destroy,
            &["!IB_DEPLOYED svc PUBLIC"],
            "delete",
        ),
        (
            "svc",
            "svc",
            Replace,
            &["!IB_DEPLOYED svc PUBLIC"],
            "replace",
        ),
        (
            "-",
            "svc",
            Tombstone,
            &["!IB_DEPLOYED svc PUBLIC"],
            "delete",
        ),
        ("svc", IB, Tombstone, &["!svc svc PRIVATE"], "delete"),
        ("svc", IB, Destroy, &["!svc bob PRIVATE"], "delete"),
        // Other deletes are blocked, and never omitted.
        (
            "svc",
            "svc",
            Tombstone,
            &[moved],
            "delete blocked by owner-moved",
        ),
        (
            "svc",
            "svc",
            Destroy,
            &[moved],
            "delete blocked by owner-moved",
        ),
        (
            "svc",
            "svc",
            Replace,
            &[moved],
            "replace blocked by owner-moved",
        ),
        (
            "svc",
            IB,
            Tombstone,
            &[back],
            "delete blocked by owner-moved",
        ),
        ("svc", IB, Destroy, &[back], "delete blocked by owner-moved"),
        (
            "svc",
            IB,
            Replace,
            &[back],
            "replace blocked by owner-moved",
        ),
        (
            "-",
            "svc",
            Tombstone,
            &[moved],
            "delete blocked by owner-moved",
        ),
        (
            "-",
            "svc",
            Destroy,
            &[moved],
            "delete blocked by owner-moved",
        ),
        (
            "-",
            "svc",
            Replace,
            &[moved],
            "create blocked by owner-differs",
        ),
        ("svc", "svc", Tombstone, &[back, moved], "delete"),
        // A record that another user published is another version.
        (
            "svc",
            "svc",
            Tombstone,
            &["IB_DEPLOYED bob PUBLIC"],
            "no-op",
        ),
        ("svc", "svc", Destroy, &["IB_DEPLOYED bob PUBLIC"], ""),
        ("-", IB, Tombstone, &[back], "no-op"),
        ("svc", "svc", Tombstone, &["bob svc PRIVATE"], "no-op"),
    ];
    for (user, owner, ask, records, expected) in cases {
        let case = format!("user {user}, declared {owner} {ask:?}, live {records:?}");
        let plan = world(user, owner, *ask, records)
            .try_plan()
            .unwrap_or_else(|errors| panic!("{case}: {errors:?}"));
        let changes: Vec<String> = plan.changes.iter().map(describe).collect();
        assert_eq!(changes.join(", "), *expected, "{case}");
    }
}

#[test]
fn a_record_of_the_other_owner_is_noted() {
    let plan = world("svc", "svc", Keep, &["IB_DEPLOYED svc PUBLIC"]).plan();
    let change = plan.at("Form@1");
    assert_eq!(change.action.before().unwrap().identity.owner.as_str(), IB);
    let followed = |note: &Note| matches!(note, Note::FollowedOwner { .. });
    assert!(change.notes.iter().any(followed));
    // Another record of the version is noted and not changed, with either owner of the pair.
    let plan = world(
        "svc",
        "svc",
        Keep,
        &["IB_DEPLOYED svc PUBLIC", "svc svc PRIVATE"],
    )
    .plan();
    let (other, _) = record("IB_DEPLOYED svc PUBLIC");
    assert_eq!(
        plan.at("Form@1").notes,
        [Note::MoreRecords {
            ids: vec![other.id]
        }]
    );
    assert_eq!(plan.unmanaged, 1);
}

/// A tombstone that deletes nothing says which records of its version stay: those that another
/// author published under the other owner of the pair, and that no entry declares.
#[test]
fn a_tombstone_notes_what_stays() {
    let other = "IB_DEPLOYED bob PUBLIC";
    let (record, _) = record(other);
    let stays = [Note::RecordsOfOtherOwner {
        ids: vec![record.id],
    }];
    for (user, ask, records, expected) in [
        ("svc", Tombstone, &[other][..], &stays[..]),
        ("svc", Tombstone, &[], &[]),
        ("-", Tombstone, &[other], &[]),
        ("svc", Tombstone, &["bob svc PRIVATE"], &[]),
    ] {
        let plan = world(user, "svc", ask, records).plan();
        assert_eq!(plan.at("Form@1").notes, expected, "{user} {records:?}");
    }
    let plan = world("svc", "svc", Tombstone, &[other])
        .manage(&["svc", IB])
        .declare([declared("IB_DEPLOYED:Form@1")])
        .plan();
    let notes = plan.changes.iter().map(|change| change.notes.len());
    assert_eq!(notes.sum::<usize>(), 0);
}

#[test]
fn narrowing_is_a_loss() {
    for (ask, records, expected) in [
        (Visible(Private), "IB_DEPLOYED svc PUBLIC", true),
        (Visible(PendingReview), "IB_DEPLOYED svc PUBLIC", true),
        (Visible(Public), "IB_DEPLOYED svc PRIVATE", false),
        (Visible(Public), "IB_DEPLOYED svc PUBLIC", false),
        (Visible(Private), "IB_DEPLOYED svc ODD", false),
    ] {
        let plan = world("svc", IB, ask, &[records]).plan();
        let narrows = plan.at("Form@1").narrows_visibility();
        assert_eq!(narrows, expected, "{ask:?} {records}");
    }
}

/// Records by owner and author, and whether the scope covers them.
#[test]
fn the_scope_covers_the_owner_pair() {
    let base = || scenario().user("svc").manage(&["svc", "team"]);
    let public = || scenario().user("svc").manage(&[IB]);
    let no_user = || scenario().manage(&["svc"]);
    for (scenario, owner, author, expected) in [
        (base(), "svc", Some("bob"), true),
        (base(), "svc", None, true),
        (base(), "team", Some("bob"), true),
        (base(), IB, Some("svc"), true),
        (base(), IB, Some("bob"), false),
        (base(), IB, Some("team"), false),
        (base(), IB, None, false),
        (public(), IB, Some("bob"), true),
        (public(), "svc", Some("svc"), true),
        (public(), "svc", Some("bob"), false),
        (no_user(), IB, Some("svc"), false),
    ] {
        let identity = live(&format!("{owner}:Form@1")).identity;
        let covers = scenario.manifest.covers(&identity, author);
        assert_eq!(covers, expected, "{owner} by {author:?}");
    }
}

/// If the scope lists only the user of an owner pair, it covers the records of `IB_DEPLOYED` that
/// this user published.
#[test]
fn an_owner_covered_only_by_its_pair() {
    for (ask, record_text, expected) in [
        (Keep, "IB_DEPLOYED svc PUBLIC", "no-op"),
        (
            Keep,
            "IB_DEPLOYED bob PUBLIC",
            "create blocked by owner-differs",
        ),
        (Tombstone, "IB_DEPLOYED svc PUBLIC", "delete"),
        (Tombstone, "IB_DEPLOYED bob PUBLIC", "no-op"),
    ] {
        let plan = world("svc", IB, ask, &[record_text])
            .manage(&["svc"])
            .plan();
        let changes: Vec<String> = plan.changes.iter().map(describe).collect();
        assert_eq!(changes.join(", "), expected, "{ask:?} {record_text}");
    }
}

#[test]
fn each_help_names_the_fix() {
    let help = |user: &str, owner: &str, ask, records: &[&str]| {
        let plan = world(user, owner, ask, records).plan();
        match &plan.changes[0].blocked[..] {
            [Block::Owner(conflict)] => format!("{conflict}. {}", conflict.help()),
            other => panic!("{other:?}"),
        }
    };
    let moved = "IB_DEPLOYED svc PUBLIC";
    let suggested = help("-", "svc", Keep, &[moved]);
    assert!(suggested.contains("`user: svc`"), "{suggested}");
    assert!(suggested.contains("`owner: IB_DEPLOYED`"), "{suggested}");
    let suggested = help("-", IB, Keep, &["svc svc PRIVATE"]);
    assert!(suggested.contains("`user: svc`"), "{suggested}");
    for text in [
        help("svc", "svc", Keep, &["IB_DEPLOYED bob PUBLIC"]),
        help("svc", "svc", Tombstone, &[moved]),
        help("svc", "svc", Visible(Private), &[moved]),
    ] {
        assert!(text.contains("`owner: IB_DEPLOYED`"), "{text}");
        assert!(text.contains("`manage.owners`"), "{text}");
        assert!(!text.contains("user:"), "{text}");
    }
    let text = help("svc", IB, Visible(Private), &["IB_DEPLOYED bob PUBLIC"]);
    assert!(text.contains("`user: bob`"), "{text}");
}

/// A selector by either owner selects a change across the pair.
#[test]
fn either_owner_selects_a_change() {
    for selector in ["svc:Form@1", "IB_DEPLOYED:Form@1", "Form@1", "Form"] {
        for ask in [Tombstone, Destroy, Visible(Private), Replace] {
            let made = world("svc", "svc", ask, &["IB_DEPLOYED svc PUBLIC"]);
            assert_eq!(
                made.target(selector).plan().changes.len(),
                1,
                "{selector} {ask:?}"
            );
        }
    }
}

#[test]
fn replace_counts_the_records_of_the_pair() {
    let records = ["IB_DEPLOYED svc PUBLIC", "svc svc PRIVATE"];
    let errors = world("svc", "svc", Replace, &records)
        .try_plan()
        .unwrap_err();
    assert!(matches!(
        errors[..],
        [DiffError::ReplaceManyRecords { count: 2, .. }]
    ));
    let errors = world("svc", "svc", Replace, &[]).try_plan().unwrap_err();
    assert!(matches!(errors[..], [DiffError::ReplaceNotLive { .. }]));
}

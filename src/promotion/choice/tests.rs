use super::*;
use crate::attribute::LiveStateWord;
use crate::ident::{Identity, Owner, SolutionId};
use crate::live::{Coverage, LiveVersion};
use crate::manifest::{Glob, Selection, SourceFile, read};

/// Returns a manifest whose environment has these solutions.
fn manifest(name: &str, solutions: &str) -> Manifest {
    let text = format!(
        "solform: 1\nenvironments: {{ {name}: {{ url: 'emulator:', user: me }} }}\ndefaults: {{ \
         owner: me }}\nmanage: {{ owners: [me] }}\nsolutions: {{ {solutions} }}\n"
    );
    let source = SourceFile::from_bytes("m.yaml", text).unwrap();
    read(&source, &Selection::default(), &|_| None)
        .unwrap()
        .manifest
}

/// Returns a live state of `NAME VERSION OWNER STATE` lines; `me` is the author of all.
fn live(records: &[&str]) -> LiveState {
    let records = records.iter().enumerate().map(|(nth, record)| {
        let words: Vec<&str> = record.split(' ').collect();
        LiveVersion {
            id: SolutionId::parse(&nth.to_string()).unwrap(),
            identity: Identity {
                name: SolutionName::parse(words[0]).unwrap(),
                version: Version::parse(words[1]).unwrap(),
                owner: Owner::parse(words[2]).unwrap(),
            },
            author: Some("me".into()),
            state: LiveStateWord::new(words[3]),
            visibility: None,
            created_at_ms: None,
            updated_at_ms: None,
        }
    });
    LiveState::new(records.collect(), Coverage::Whole)
}

/// Returns the decisions, one word or version a solution.
fn decisions(
    from: &str,
    records: &[&str],
    to: &str,
    names: &[&str],
) -> Result<Vec<String>, Vec<String>> {
    let (from, to) = (manifest("uat", from), manifest("prod", to));
    let live = live(records);
    let side = |manifest, live| Side {
        manifest,
        live,
        history: None,
    };
    let names = names.iter().map(|name| SolutionName::parse(name).unwrap());
    let promotion = promote(
        side(&from, Some(&live)),
        side(&to, None),
        "m.yaml",
        &names.collect(),
        false,
    );
    promotion
        .map(|promotion| {
            let rows = promotion.rows.iter();
            rows.map(|row| match &row.decision {
                Decision::Promote(version, direction) => {
                    format!("{}@{version} {direction}", row.name)
                }
                Decision::Current => format!("{} current", row.name),
                Decision::LeaveOut(reason) => format!("{} {reason}", row.name),
            })
            .collect()
        })
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn versions_of_other_owners_are_not_promoted() {
    let (mut from, to) = (
        manifest("uat", "A: { version: 1 }"),
        manifest("prod", "A: { version: 0 }"),
    );
    from.scope.owners.push(Glob::parse("bob").unwrap());
    let live = live(&["A 1 me ACTIVE", "A 9 bob ACTIVE"]);
    let (from, to) = (
        Side {
            manifest: &from,
            live: Some(&live),
            history: None,
        },
        Side {
            manifest: &to,
            live: None,
            history: None,
        },
    );
    let promotion = promote(from, to, "m.yaml", &BTreeSet::new(), false).unwrap();
    let version = Version::parse("1").unwrap();
    let expected = Decision::Promote(version.clone(), Direction::Upgrade);
    assert_eq!(promotion.rows[0].decision, expected);
    assert_eq!(promotion.rows[0].from, [version]);
}

#[test]
fn what_is_in_service_is_promoted() {
    let two = &["A 1 me ACTIVE", "A 2 me PRODUCTION"][..];
    for (from, records, to, expected) in [
        (
            "A: { version: 2 }",
            &["A 2 me ACTIVE"][..],
            "A: { version: 1 }",
            "A@2 upgrade",
        ),
        (
            "A: { version: 2 }",
            &["A 2 me PRODUCTION"],
            "A: { version: 1 }",
            "A@2 upgrade",
        ),
        // The live version counts, and not the declared one.
        (
            "A: { version: 3 }",
            &["A 1 me ACTIVE"],
            "A: { version: 2 }",
            "A@1 downgrade",
        ),
        (
            "",
            &["A 1.0-a me ACTIVE"],
            "A: { version: 1.0 }",
            "A@1.0-a incomparable",
        ),
        (
            "",
            &["A 1 me ACTIVE"],
            "A: { version: 1, state: INACTIVE }",
            "A current",
        ),
        ("", &["A 1 me INACTIVE"], "A: { version: 2 }", "A not-live"),
        (
            "",
            &["A 1 me DEPRECATED"],
            "A: { version: 2 }",
            "A not-live",
        ),
        (
            "A: { version: 2 }",
            &["A 2 me ACTIVE"],
            "",
            "A not-declared",
        ),
        (
            "",
            &["A 2 me ACTIVE"],
            "A: { version: 1, state: ABSENT }",
            "A absent",
        ),
        (
            "",
            &["A 2 me ACTIVE"],
            "A: { version: 2, state: ABSENT }",
            "A absent",
        ),
        // The owner pair counts, another owner does not.
        (
            "",
            &["A 2 IB_DEPLOYED ACTIVE"],
            "A: { version: 1 }",
            "A@2 upgrade",
        ),
        ("", &["A 2 ann ACTIVE"], "A: { version: 1 }", "A not-live"),
        // Of several versions the declared one is promoted.
        ("A: { version: 1 }", two, "A: { version: 0 }", "A@1 upgrade"),
        ("", two, "A: { version: 0 }", "A several-live"),
        (
            "A: { versions: { 1: , 2: } }",
            two,
            "A: { version: 0 }",
            "A several-live",
        ),
        (
            "A: { versions: { 1: , 2: { state: INACTIVE } } }",
            two,
            "A: { version: 0 }",
            "A@1 upgrade",
        ),
        (
            "",
            &["A 2 me ACTIVE", "A 2 IB_DEPLOYED ACTIVE"],
            "A: { version: 1 }",
            "A@2 upgrade",
        ),
        (
            "",
            &["A 3 me ACTIVE"],
            "A: { versions: { 1: , 2: } }",
            "A several-declared",
        ),
        (
            "",
            &["A 2 me ACTIVE"],
            "A: { versions: { 1: , 2: } }",
            "A current",
        ),
    ] {
        let found = decisions(from, records, to, &[]).unwrap();
        assert_eq!(found, [expected], "{from} {records:?} {to}");
    }
}

#[test]
fn a_named_solution_is_promoted_or_an_error() {
    let records = &[
        "A 2 me ACTIVE",
        "B 1 me ACTIVE",
        "B 2 me ACTIVE",
        "C 1 me ACTIVE",
    ];
    let to = "A: { version: 1 }, C: { version: 1, state: ABSENT }, D: { version: 1 }";
    let decide = |names: &[&str]| decisions("", records, to, names);
    assert_eq!(decide(&["A"]), Ok(vec!["A@2 upgrade".to_owned()]));
    let found = decisions("", records, "", &["A"]).unwrap();
    assert_eq!(found, ["A@2 new"]);
    for (name, expected) in [
        (
            "B",
            "`uat` has several versions of `B` in service: `2`, `1`",
        ),
        (
            "C",
            "the manifest declares `C` for `prod` with the state ABSENT",
        ),
        (
            "D",
            "no version of `D` that `uat` manages is in service there",
        ),
        (
            "E",
            "no version of `E` that `uat` manages is in service there",
        ),
    ] {
        assert_eq!(
            decide(&["A", name]),
            Err(vec![expected.to_owned()]),
            "{name}"
        );
    }
    let several = decisions(
        "",
        &["A 3 me ACTIVE"],
        "A: { versions: { 1: , 2: } }",
        &["A"],
    );
    assert_eq!(
        several.unwrap_err(),
        ["the manifest declares several versions of `A` for `prod` with `versions`: `1`, `2`"]
    );
}

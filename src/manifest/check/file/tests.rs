//! The direct reader and the YAML crate read the same manifest from the same text, and so do the
//! reading of its solutions one by one and all at once.

use proptest::prelude::*;

use super::*;

const PLAIN: &str = "solform: 1\n\
    # What runs where.\n\
    environments:\n  a: { url: \"emulator:\", vars: { d: x/y } }\n  b:\n    url: \
    https://b.example\n    \
    token: { command: [vault, 'it''s'] }\n    solutions:\n      Off: ~\n      On: { state: \
    INACTIVE }\n\
    defaults: { owner: me, retain: 2 }\n\
    protect:\n- \"On@*\"\n\
    solutions:\n  On:\n    versions:\n      1.10: { path: \"${d}/\\u0041-1.10.ibsolution\" \
    }\n      2: {}\n  \
    Off:\n    version: 0x1F\n    path: >-\n      a/b c\n      d.ibsolution\n    visibility: \
    PUBLIC\n";

/// Pieces of YAML, some of which a plain manifest never has.
const PIECES: &[&str] = &[
    "&a ",
    "*a",
    "<<: *a\n",
    "<<: 1\n",
    "!!str ",
    "!x ",
    "~",
    "null",
    "true",
    "1e3",
    "\"",
    "'",
    "# c\n",
    "|\n",
    ">-\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "? ",
    "- ",
    "\n",
    "\r\n",
    "  ",
    "\t",
    "---\n",
    "...\n",
    "\u{feff}",
    "ü",
    "x: y\n",
    "    owner: you\n",
    "  On: ~\n",
    "solutions:\n",
    "environments: {}\n",
    "version",
    "%YAML 1.2\n",
    "\\",
    "\"<<\": 1\n",
];

/// Returns the problems and the manifests of all environments as text.
fn describe(source: &SourceFile, raw: RawManifest) -> String {
    match File::of(source, raw) {
        Err(problems) => format!("{problems:?}"),
        Ok(file) => {
            let tokens = file.tokens();
            let checked = file
                .names()
                .map(|name| file.check(name, &|_| None, &tokens));
            format!("{:?} {:?}", file.problems, checked.collect::<Vec<_>>())
        }
    }
}

fn agree(text: &str) -> bool {
    let source = SourceFile::from_bytes("m.yaml", text).unwrap();
    let Some(directly) = yaml::directly(&source) else {
        return false;
    };
    let by_crate = yaml::by_crate(&source).unwrap_or_else(|error| panic!("{text}\n{error:?}"));
    assert_eq!(
        describe(&source, directly),
        describe(&source, by_crate),
        "{text}"
    );
    true
}

#[test]
fn plain_manifests_are_read_directly() {
    assert!(agree(PLAIN));
    for nothing in ["", "null", "Null", "NULL", "# c"] {
        assert!(agree(&PLAIN.replacen(
            "Off: ~",
            &format!("Off: {nothing}"),
            1
        )));
    }
    for (why, from, to) in [
        ("an anchor", "b:\n", "b: &b\n"),
        ("a tag", "owner: me", "owner: !!str me"),
        ("a merge key", "owner: me", "<<: { owner: me }"),
        (
            "a merge key in a skipped value",
            "protect:",
            "other: { a: { <<: 1 } }\nprotect:",
        ),
        ("no text as a key", "Off:\n", "~:\n"),
        ("no scalar as a key", "Off:\n", "[Off]:\n"),
        ("a wrong type", "owner: me", "owner: [me]"),
        ("two documents", "protect:", "---\nprotect:"),
        ("a fault", "protect:", "protect: ]"),
    ] {
        let text = PLAIN.replacen(from, to, 1);
        assert_ne!(text, PLAIN, "{why}");
        assert!(!agree(&text), "{why}");
    }
    for text in ["", "~", "[]", "a", "# c"] {
        assert!(!agree(text), "{text}");
    }
}

/// Returns whether the solutions of the manifest can be read one by one. If they can, the result
/// must be that of reading all at once.
fn is_read_one_by_one(text: &str) -> bool {
    let source = SourceFile::from_bytes("m.yaml", text).unwrap();
    let Some((above, _)) = text.split_once("\nsolutions:") else {
        return false;
    };
    let head = SourceFile::from_bytes("m.yaml", format!("{above}\n")).unwrap();
    let environments = ["a", "b"].map(|name| {
        let selection = Selection {
            environment: Some(name),
        };
        let checked = read_one_by_one(&source, &head, &selection, &|_| None);
        if let Some(checked) = &checked {
            let whole = File::open(&source)
                .and_then(|file| file.check_chosen(&selection, &|_| None, None))
                .unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
            assert_eq!(
                (Some(&checked.manifest), &checked.warnings),
                (whole.0.as_ref(), &whole.1),
                "{text}"
            );
        }
        checked.is_some()
    });
    environments.contains(&true)
}

#[test]
fn solutions_are_read_one_by_one() {
    for (why, from, to, expected) in [
        ("as it is", "", "", true),
        ("a version that is removed", "2: {}", "2: ~", true),
        ("a comment at the end", "PUBLIC\n", "PUBLIC\n# End.\n", true),
        ("a warning", "owner: me", "owner: IB_DEPLOYED", true),
        ("an anchor in the head", "owner: me", "owner: &o me", false),
        (
            "an added solution",
            "On: {",
            "More: { version: 1 }\n      On: {",
            true,
        ),
        ("an anchor in a solution", "2: {}", "2: &v {}", false),
        ("a key below", "PUBLIC\n", "PUBLIC\nmanage: {}\n", false),
        ("a fault below", "PUBLIC\n", "PUBLIC\n]\n", false),
        ("two documents", "PUBLIC\n", "PUBLIC\n---\n", false),
        (
            "a name twice",
            "PUBLIC\n",
            "PUBLIC\n  On: { version: 3 }\n",
            false,
        ),
        (
            "an unknown key",
            "PUBLIC\n",
            "PUBLIC\n    stat: ACTIVE\n",
            false,
        ),
        ("a wrong word", "PUBLIC\n", "PUBLI\n", false),
        ("no format", "solform: 1", "solform: 2", false),
        (
            "no value",
            "  On:\n    versions:",
            "~:\n  On:\n    versions:",
            false,
        ),
        (
            "solutions twice",
            "protect:",
            "\"solutions\": { On: { version: 7 } }\nprotect:",
            false,
        ),
    ] {
        let text = PLAIN.replacen(from, to, 1);
        assert_eq!(is_read_one_by_one(&text), expected, "{why}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn direct_reader_agrees_with_the_crate(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES)),
            1..5,
        )
    ) {
        let mut text = PLAIN.to_owned();
        for (at, gone, piece) in edits {
            let boundary = |at: usize| (at..=text.len()).find(|at| text.is_char_boundary(*at));
            let start = boundary(at.index(text.len())).unwrap();
            let end = boundary((start + gone).min(text.len())).unwrap();
            text.replace_range(start..end, piece);
        }
        let _ = (agree(&text), is_read_one_by_one(&text));
    }
}

use std::collections::BTreeMap;

use super::super::check::{Selection, read};
use super::super::source::SourceFile;
use super::*;
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, SolutionName, Version};

/// Returns the text after `S` (and other solutions) got these versions in the environment `p`.
fn set(text: &str, versions: &[(&str, &str)]) -> Result<String, EditError> {
    edit(text, versions, true, None)
}

/// Does the same, with the source environment of each package. The version is written if it is new.
fn edit(
    text: &str,
    versions: &[(&str, &str)],
    is_written: bool,
    source: Option<&str>,
) -> Result<String, EditError> {
    let file = SourceFile::from_bytes("m.yaml", text).unwrap();
    let edits = versions.iter().map(|(name, version)| {
        let edit = VersionEdit {
            version: Version::parse(version).unwrap(),
            is_written,
            source: source.map(str::to_owned),
            sha256: None,
        };
        (SolutionName::parse(name).unwrap(), edit)
    });
    set_versions(&file, "p", &edits.collect(), &|_| None)
}

/// A version and a source, written beside each other.
#[test]
fn sources_are_written_beside_the_version() {
    for (is_written, before, after) in [
        (
            true,
            "",
            "    solutions:\n      S: { version: \"2\", source: { environment: u } }\n",
        ),
        (
            true,
            "    solutions:\n      S: { version: 1 } # one\n",
            "    solutions:\n      S: { version: 2, source: { environment: u } } # one\n",
        ),
        (
            true,
            "    solutions:\n      S: {}\n",
            "    solutions:\n      S: { version: \"2\", source: { environment: u } }\n",
        ),
        (
            true,
            "    solutions:\n      S:\n        version: 1 # one\n        # last\n      T: ~\n",
            "    solutions:\n      S:\n        version: 2 # one\n        # last\n        source: { \
             environment: u }\n      T: ~\n",
        ),
        (
            true,
            "    solutions:\n      S:\n        state: INACTIVE # off\n",
            "    solutions:\n      S:\n        version: \"2\"\n        state: INACTIVE # off\n\
             \x20       source: { environment: u }\n",
        ),
        (
            true,
            "    solutions: { S: { source: 'a*.ibsolution', version: 1 } }\n",
            "    solutions: { S: { source: { environment: u }, version: 2 } }\n",
        ),
        (
            true,
            "    solutions: { S: { source: { environment: q }, version: '1' } }\n",
            "    solutions: { S: { source: { environment: u }, version: '2' } }\n",
        ),
        (
            true,
            "    solutions:\n      S:\n        source:\n          # which\n          environment: \
             q # q\n        version: 1\n",
            "    solutions:\n      S:\n        source:\n          # which\n          environment: \
             u # q\n        version: 2\n",
        ),
        (
            true,
            "    solutions: { S: { versions: { 1: } } }\n",
            "    solutions: { S: { versions: { 2: { source: { environment: u } } } } }\n",
        ),
        (
            false,
            "    solutions:\n      S: { state: INACTIVE }\n",
            "    solutions:\n      S: { state: INACTIVE, source: { environment: u } }\n",
        ),
        (
            false,
            "",
            "    solutions:\n      S: { source: { environment: u } }\n",
        ),
    ] {
        // The source declares the version.
        let declared = if is_written { "2" } else { "1" };
        let base = |text: String| {
            text.replace(
                "  u: { url: \"emulator:\" }",
                &format!(
                    "  u: {{ url: \"emulator:\", solutions: {{ S: {{ version: {declared} }} }} }}"
                ),
            )
        };
        let version = if is_written { "2" } else { "1" };
        let text = base(manifest(before));
        for (text, expected) in [
            (text.clone(), base(manifest(after))),
            (
                text.replace('\n', "\r\n"),
                base(manifest(after)).replace('\n', "\r\n"),
            ),
        ] {
            let edited = edit(&text, &[("S", version)], is_written, Some("u"));
            let edited = edited.unwrap_or_else(|error| panic!("{before}: {error}"));
            assert_eq!(edited, expected, "{before}");
            let again = edit(&edited, &[("S", version)], is_written, Some("u"));
            assert_eq!(again.unwrap(), edited);
        }
    }
}

/// The source environment does not have the version.
#[test]
fn a_source_without_the_version_is_refused() {
    let error = edit(&manifest(""), &[("S", "2")], true, Some("u")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest cannot be edited: with the new versions, it would have an error: the \
         environment `u` does not declare `S@2`"
    );
    assert_eq!(
        error.help(),
        "Declare the version with a `path` there too, or name another environment; it declares \
         `1`."
    );
}

/// A local source whose path contains the version is not another change.
#[test]
fn a_source_with_the_version_stays() {
    let text = manifest("    solutions:\n      S: { version: 1 }\n").replace(
        "path: a.ibsolution",
        "path: a.ibsolution, source: 'd/${version}.ibsolution'",
    );
    let edited = set(&text, &[("S", "2")]).unwrap();
    assert_eq!(
        edited,
        text.replace("      S: { version: 1 }", "      S: { version: 2 }")
    );
}

/// Returns a manifest with these lines under the environment `p`.
fn manifest(block: &str) -> String {
    format!(
        "solform: 1 # the format\nenvironments:\n  u: {{ url: \"emulator:\" }}\n  p:\n    url: \
         \"emulator:\"\n{block}  # The last one.\n  q:\n    url: \"emulator:\"\ndefaults: {{ \
         owner: me, path: a.ibsolution }}\nsolutions:\n  S: {{ version: 1 }}\n  T: {{ version: \
         1.10 }}\n"
    )
}

/// Asserts that the lines of the environment become these, with LF, with CRLF and with a byte order
/// mark.
fn assert_blocks(cases: &[(&str, &str)]) {
    for (before, after) in cases {
        let text = manifest(before);
        for (text, expected) in [
            (text.clone(), manifest(after)),
            (
                text.replace('\n', "\r\n"),
                manifest(after).replace('\n', "\r\n"),
            ),
            (
                format!("\u{feff}{text}"),
                format!("\u{feff}{}", manifest(after)),
            ),
        ] {
            let edited = set(&text, &[("S", "2")]);
            let edited = edited.unwrap_or_else(|error| panic!("{before}: {error}"));
            assert_eq!(edited, expected, "{before}");
        }
    }
}

/// An edit moves the lines below it, and a path or a source may contain the version.
#[test]
fn sources_may_contain_the_version() {
    let text = |block: &str| {
        format!(
            "solform: 1\nenvironments:\n  p:\n    url: \"emulator:\"\n{block}  q: {{ url: \
             \"emulator:\" }}\ndefaults: {{ owner: me }}\nsolutions:\n  S:\n    version: 1\n    \
             path: S-${{version}}.ibsolution\n    source: dist/S-${{version}}.ibsolution\n  T:\n\
             \x20   version: 1\n    path: T.ibsolution\n    source: dist/T.ibsolution\n"
        )
    };
    let after = "    solutions:\n      S: { version: \"2\" }\n";
    assert_eq!(set(&text(""), &[("S", "2")]).unwrap(), text(after));
}

#[test]
fn versions_are_added_to_blocks() {
    assert_blocks(&[
        // A new block, behind the last key of the environment.
        ("", "    solutions:\n      S: { version: \"2\" }\n"),
        (
            "    # About u.\n    user: me # me\n    # About x.\n\n",
            "    # About u.\n    user: me # me\n    # About x.\n    solutions:\n      S: { \
             version: \"2\" }\n\n",
        ),
        (
            "    vars:\n      a: |\n        # text\n        b\n",
            "    vars:\n      a: |\n        # text\n        b\n    solutions:\n      S: { version: \
             \"2\" }\n",
        ),
        // Empty values.
        (
            "    solutions:\n",
            "    solutions:\n      S: { version: \"2\" }\n",
        ),
        (
            "    solutions: # none\n    user: me\n",
            "    solutions: # none\n      S: { version: \"2\" }\n    user: me\n",
        ),
        (
            "    solutions: ~\n",
            "    solutions: { S: { version: \"2\" } }\n",
        ),
        (
            "    solutions: {}\n",
            "    solutions: { S: { version: \"2\" } }\n",
        ),
        (
            "    solutions:\n      S: ~ # gone\n",
            "    solutions:\n      S: { version: \"2\" } # gone\n",
        ),
        (
            "    solutions:\n      S:\n      T: ~\n",
            "    solutions:\n      S: { version: \"2\" }\n      T: ~\n",
        ),
        // A new entry.
        (
            "    solutions:\n      T:\n        version: '1' # t\n        # end\n    user: me\n",
            "    solutions:\n      T:\n        version: '1' # t\n        # end\n      S: { \
             version: \"2\" }\n    user: me\n",
        ),
        // A new key of an entry; the comment stays with its key.
        (
            "    solutions:\n      S: # s\n        # why\n        owner: you\n",
            "    solutions:\n      S: # s\n        version: \"2\"\n        # why\n        \
             owner: you\n",
        ),
        (
            "    solutions:\n      S: {}\n",
            "    solutions:\n      S: { version: \"2\" }\n",
        ),
        (
            "    solutions:\n      S: { owner: you }\n",
            "    solutions:\n      S: { version: \"2\", owner: you }\n",
        ),
    ]);
}

#[test]
fn versions_are_replaced_in_blocks() {
    assert_blocks(&[
        // Another value: its quotes stay.
        (
            "    solutions:\n      S: { version: 1.5 } # s\n",
            "    solutions:\n      S: { version: 2 } # s\n",
        ),
        (
            "    solutions:\n      'S':\n        owner: me\n        version:  '1.5'  # s\n",
            "    solutions:\n      'S':\n        owner: me\n        version:  '2'  # s\n",
        ),
        (
            "    solutions:\n      \"S\": {version: \"1.5\"}\n",
            "    solutions:\n      \"S\": {version: \"2\"}\n",
        ),
        (
            "    solutions:\n      S: { version: &v 1.5, owner: me }\n",
            "    solutions:\n      S: { version: &v 2, owner: me }\n",
        ),
        (
            "    vars: { v: &v \"1.5\" }\n    solutions:\n      S: { version: *v }\n",
            "    vars: { v: &v \"1.5\" }\n    solutions:\n      S: { version: \"2\" }\n",
        ),
        (
            "    vars: { v: \"1.5\" }\n    solutions:\n      S: { version: \"${v}\" }\n",
            "    vars: { v: \"1.5\" }\n    solutions:\n      S: { version: \"2\" }\n",
        ),
        // The only entry of `versions` gets another key.
        (
            "    solutions:\n      S:\n        versions:\n          # v\n          1.5: { state: \
             INACTIVE } # s\n",
            "    solutions:\n      S:\n        versions:\n          # v\n          2: { state: \
             INACTIVE } # s\n",
        ),
        (
            "    solutions:\n      S: { versions: { '1.5': } }\n",
            "    solutions:\n      S: { versions: { '2': } }\n",
        ),
        // A merged version has an own one in front.
        (
            "    solutions:\n      S: { <<: { version: 1.5 } }\n",
            "    solutions:\n      S: { version: \"2\", <<: { version: 1.5 } }\n",
        ),
    ]);
}

#[test]
fn versions_are_set_in_flow_mappings() {
    let manifest = |block: &str, end: &str| {
        format!(
            "{{ solform: 1, environments: {{ p: {{ url: 'emulator:'{block} }}, q: {{ url: \
             'emulator:' }} }}, defaults: {{ owner: me }}, solutions: {{ S: {{ version: 1 }}, 'b: \
             c': {{ version: 1 }} }} }}{end}"
        )
    };
    for (before, after) in [
        (
            "",
            ", solutions: { S: { version: 2.0.0 }, \"b: c\": { version: 3.0.0 } }",
        ),
        (
            ",\n  user: me, # me\n ",
            ",\n  user: me, solutions: { S: { version: 2.0.0 }, \"b: c\": { version: 3.0.0 } }, # \
             me\n ",
        ),
        (
            ", solutions: { S: { version: 0.1 }, }",
            ", solutions: { S: { version: 2.0.0 }, \"b: c\": { version: 3.0.0 }, }",
        ),
        (
            ", solutions: {\n S: # s\n {owner: me}\n }",
            ", solutions: {\n S: # s\n {version: 2.0.0, owner: me}, \"b: c\": { version: \
             3.0.0 }\n }",
        ),
        (
            ", solutions: { 'b: c': ~, S: }",
            ", solutions: { 'b: c': { version: 3.0.0 }, S: { version: 2.0.0 } }",
        ),
    ] {
        for end in ["", "\n", "\n# end\n"] {
            let edited = set(&manifest(before, end), &[("S", "2.0.0"), ("b: c", "3.0.0")]);
            let edited = edited.unwrap_or_else(|error| panic!("{before}: {error}"));
            assert_eq!(edited, manifest(after, end), "{before}");
        }
    }
}

#[test]
fn a_file_may_end_with_the_environment() {
    let text = "solform: 1\nsolutions: { S: { version: 1, owner: me } }\nenvironments:\n   p:\n\
        \x20     url: 'emulator:'";
    for end in ["", "\n", "\n      # end", "\n\n\n"] {
        let edited = set(&format!("{text}{end}"), &[("S", "2")]).unwrap();
        let source = SourceFile::from_bytes("m.yaml", edited.clone()).unwrap();
        let checked = read(&source, &Selection::default(), &|_| None).unwrap();
        let version = &checked.manifest.desired[0].identity.version;
        assert_eq!(version.as_str(), "2", "{edited}");
        assert!(
            edited.contains("\n      solutions:\n        S: "),
            "{edited}"
        );
        assert_eq!(
            edited.matches("# end").count(),
            end.matches("# end").count()
        );
    }
}

#[test]
fn odd_versions_are_escaped() {
    for version in [
        "1.10",
        "1e3",
        "0x10",
        "null",
        "~",
        "yes",
        "a: b",
        "a #b",
        "${x}",
        "a'\"b",
        "é\u{202e}",
    ] {
        for old in ["1", "'1'", "\"1\""] {
            let text = manifest(&format!("    solutions: {{ S: {{ version: {old} }} }}\n"));
            let edited = set(&text, &[("S", version)]).unwrap();
            assert_eq!(edited.lines().count(), text.lines().count(), "{edited}");
        }
    }
}

#[test]
fn what_cannot_be_edited_is_refused() {
    for (block, expected) in [
        (
            "    solutions: { S: { versions: { 1: , 3: } } }\n",
            "`environments.p.solutions.S` does not have exactly one entry under `versions`",
        ),
        (
            "    solutions: { S: { versions: { <<: { 1: } } } }\n",
            "with the new versions, it would have an error: unknown field `1` in a version",
        ),
        // The blank lines belong to the value.
        (
            "    vars:\n      a: |+ # a\n        x\n\n\n",
            "`environments.p.solutions` is written in an unusual form",
        ),
        (
            "    solutions:\n      S:\n        version: >-\n          1\n",
            "`environments.p.solutions.S` is written in an unusual form",
        ),
        (
            "    solutions: { S: { state: ABSENT } }\n",
            "the edit would also change something else in the environment `p`",
        ),
        // The new key would hide the merged one.
        (
            "    <<: { solutions: { T: { version: 3 } } }\n",
            "the edit would also change something else in the environment `p`",
        ),
        (
            "    ? solutions\n    : T: { version: 3 }\n",
            "`environments.p.solutions` is written in an unusual form",
        ),
    ] {
        let error = set(&manifest(block), &[("S", "2")]).expect_err(block);
        let text = error.to_string();
        assert_eq!(
            text,
            format!("the manifest cannot be edited: {expected}"),
            "{block}"
        );
        assert_eq!(
            error.help(),
            "Edit it by hand, so that `environments.p.solutions` has `S: { version: \"2\" }`."
        );
    }
}

/// An anchor that another environment uses would change it too.
#[test]
fn a_shared_entry_is_refused() {
    let shared = "solform: 1\nenvironments:\n  p: { url: 'emulator:', solutions: &s { S: { \
        version: 1 } } }\n  q: { url: 'emulator:', solutions: *s }\ndefaults: { owner: me }\n";
    let error = set(shared, &[("S", "2")]).unwrap_err();
    assert!(
        matches!(&error.reason, EditReason::SideEffect(name) if name == "q"),
        "{error}"
    );
    let alias = shared.replace("  p:", "  q1:").replace("  q:", "  p:");
    let error = set(&alias, &[("S", "2")]).unwrap_err();
    assert!(
        matches!(error.reason, EditReason::NotAMapping(_)),
        "{error}"
    );
    // A version that the manifest cannot declare, and several versions of the base.
    let text = manifest("");
    let error = set(&text, &[("S", "1@2")]).unwrap_err();
    assert!(matches!(error.reason, EditReason::Invalid(_)), "{error}");
    let several = text.replace("S: { version: 1 }", "S: { versions: { 1: , 3: } }");
    let error = set(&several, &[("S", "2")]).unwrap_err();
    assert!(matches!(error.reason, EditReason::SideEffect(_)), "{error}");
}

/// An environment with an error, such as an unset variable, does not prevent an edit of another.
#[test]
fn other_environments_may_have_errors() {
    let text = manifest("").replace(
        "q:\n    url: \"emulator:\"",
        "q:\n    url: \"${env:UNSET}\"",
    );
    assert!(set(&text, &[("S", "2")]).is_ok());
}

/// The digest that the source environment declares is written over the old one.
#[test]
fn digests_are_written_beside_the_source() {
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    for (before, after) in [
        (
            format!(
                "    solutions: {{ S: {{ version: 1, source: a.ibsolution, sha256: {old} }} }}\n"
            ),
            format!(
                "    solutions: {{ S: {{ version: 2, source: a.ibsolution, sha256: {new} }} }}\n"
            ),
        ),
        (
            format!(
                "    solutions:\n      S:\n        version: 1\n        source: a.ibsolution\n\
                 \x20       sha256: {old} # of 1\n"
            ),
            format!(
                "    solutions:\n      S:\n        version: 2\n        source: a.ibsolution\n\
                 \x20       sha256: {new} # of 1\n"
            ),
        ),
        (
            "    solutions: { S: { versions: { 1: { source: a.ibsolution } } } }\n".to_owned(),
            format!(
                "    solutions: {{ S: {{ versions: {{ 2: {{ source: a.ibsolution, sha256: {new} }} \
                 }} }} }}\n"
            ),
        ),
    ] {
        let file = SourceFile::from_bytes("m.yaml", manifest(&before)).unwrap();
        let edit = VersionEdit {
            version: Version::parse("2").unwrap(),
            is_written: true,
            source: None,
            sha256: Some(Digest::parse(&new).unwrap()),
        };
        let edits = VersionEdits::from([(SolutionName::parse("S").unwrap(), edit)]);
        let edited = set_versions(&file, "p", &edits, &|_| None);
        let edited = edited.unwrap_or_else(|error| panic!("{before}: {error}"));
        assert_eq!(edited, manifest(&after));
    }
}

/// Sets attributes of versions of `S` in the environment `p`.
fn set_of_s(text: &str, edits: &[(&str, AttributeEdit)]) -> Result<String, EditError> {
    let file = SourceFile::from_bytes("m.yaml", text).unwrap();
    let edits = edits.iter().cloned();
    let edits = edits.map(|(version, edit)| (Version::parse(version).unwrap(), edit));
    let name = SolutionName::parse("S").unwrap();
    let edits: AttributeEdits = BTreeMap::from([(name, edits.collect())]);
    set_attributes(&file, "p", &edits, &|_| None)
}

/// The values are set where they have precedence, and nothing else changes.
#[test]
fn attributes_are_set_in_one_environment() {
    let head = "solform: 1\nenvironments:\n  p: # one\n    url: \"emulator:\"\n";
    let rest = "  q: { url: \"emulator:\" }\ndefaults: { owner: o }\nsolutions:\n";
    let inactive = || AttributeEdit {
        state: Some(State::Inactive),
        ..AttributeEdit::default()
    };
    let other = || AttributeEdit {
        version: Some(Version::parse("1").unwrap()),
        visibility: Some(Visibility::Private),
        ..AttributeEdit::default()
    };
    let single = "  S: { version: 2 } # two\n";
    let tombstone = "  S: { version: 2, state: ABSENT, path: a.ibsolution }\n";
    let several = "  S:\n    versions: { 2: { state: ACTIVE }, 3: ~ }\n";
    let active = || AttributeEdit {
        state: Some(State::Active),
        ..AttributeEdit::default()
    };
    for (edit, before, after, solutions) in [
        (
            inactive(),
            "",
            "    solutions:\n      S: { state: INACTIVE }\n",
            single,
        ),
        (
            other(),
            "    solutions:\n      S: { visibility: PUBLIC } # s\n",
            "    solutions:\n      S: { version: \"1\", visibility: PRIVATE } # s\n",
            single,
        ),
        (
            other(),
            "    solutions:\n      S:\n        # why\n        version: 2 # now\n",
            "    solutions:\n      S:\n        # why\n        version: 1 # now\n        \
             visibility: PRIVATE\n",
            single,
        ),
        (
            active(),
            "",
            "    solutions:\n      S: { state: ACTIVE }\n",
            tombstone,
        ),
        (
            inactive(),
            "",
            "    solutions:\n      S: { versions: { \"2\": { state: INACTIVE } } }\n",
            several,
        ),
        (
            inactive(),
            "    solutions:\n      S:\n        versions:\n          2: { visibility: PUBLIC }\n",
            "    solutions:\n      S:\n        versions:\n          2: { visibility: PUBLIC, \
             state: INACTIVE }\n",
            several,
        ),
    ] {
        let text = |overlay: &str| format!("{head}{overlay}{rest}{solutions}");
        let edited = set_of_s(&text(before), &[("2", edit)]);
        assert_eq!(edited.map_err(|error| error.to_string()), Ok(text(after)));
    }
    // The other version of an alias would change too.
    let overlay = "    solutions: &s\n      S: { state: ACTIVE }\n";
    let text = format!("{head}{overlay}  q: {{ url: \"emulator:\", solutions: *s }}\n")
        + "defaults: { owner: o }\nsolutions:\n"
        + single;
    let error = set_of_s(&text, &[("2", inactive())]).unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
}

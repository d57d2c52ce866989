//! Random manifests and versions: an edit changes the intended entries only, and keeps all
//! comments.

use proptest::prelude::*;
use solform::ident::{SolutionName, Version};
use solform::manifest::{
    Checked, Desired, Manifest, Selection, SourceFile, SourceOrigin, VersionEdit, VersionEdits,
    read, set_versions,
};

/// The names of the solutions.
const NAMES: [&str; 5] = ["A", "Form W-2", "b: c", "yes", "é'\""];

/// Generates the forms of a text as a YAML scalar.
fn quoted(text: &str) -> impl Strategy<Value = String> + use<> {
    let (single, double) = (text.replace('\'', "''"), format!("{text:?}"));
    let is_text = |char: char| char.is_ascii_alphanumeric() || " -.".contains(char);
    // Without quotes, `null` is no text.
    let is_plain = text != "null" && text.chars().all(is_text);
    let plain = if is_plain {
        text.to_owned()
    } else {
        double.clone()
    };
    prop::sample::select(vec![plain, format!("'{single}'"), double])
}

fn version() -> impl Strategy<Value = String> {
    let known = vec![
        "1", "1.10", "0.0.2", "2.0-rc.1", "1e3", "null", "${x}", "a b", "x'y", "ü",
    ];
    prop::sample::select(known).prop_map(str::to_owned)
}

/// Generates a comment at the end of a line, or nothing.
fn comment() -> impl Strategy<Value = String> {
    let text = "[a-z:{}'\"]{0,5}".prop_map(|text| format!(" # {text}"));
    prop_oneof![2 => Just(String::new()), 1 => text]
}

/// Generates lines of comments and blank lines.
fn lines(indent: usize) -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => Just(String::new()),
        1 => Just("\n".to_owned()),
        1 => (0..=indent + 2, "[a-z:-]{0,4}").prop_map(|(at, text)| {
            format!("{}# {text}\n", " ".repeat(at))
        }),
    ];
    prop::collection::vec(line, 0..2).prop_map(|lines| lines.concat())
}

/// Generates an entry of `solutions`, at an indentation. Only a base entry must have a version.
fn solution(name: &'static str, indent: usize, is_base: bool) -> BoxedStrategy<String> {
    let escaped = |version: String| version.replace("${", "$${");
    let parts = (
        quoted(name),
        version()
            .prop_map(escaped)
            .prop_flat_map(|version| quoted(&version)),
        [comment(), comment(), comment()],
        lines(indent + 2),
        0..if is_base { 4 } else { 9 },
    );
    let pad = " ".repeat(indent);
    parts
        .prop_map(
            move |(key, version, [one, two, three], lines, form)| match form {
                0 => format!("{pad}{key}: {{ version: {version} }}{one}\n"),
                1 => format!("{pad}{key}:{one}\n{lines}{pad}  version: {version}{two}\n"),
                2 => format!(
                    "{pad}{key}:{one}\n{lines}{pad}  state: INACTIVE{two}\n{pad}  version: \
                 {version}{three}\n"
                ),
                3 => format!(
                    "{pad}{key}: {{ source: 'd/${{version}}.ibsolution', version: {version} \
                     }}{one}\n"
                ),
                4 => format!("{pad}{key}: ~{one}\n"),
                5 => format!("{pad}{key}: {{ state: INACTIVE }}{one}\n"),
                6 => format!("{pad}{key}: {{ versions: {{ {version}: }} }}{one}\n"),
                7 => format!(
                    "{pad}{key}:{one}\n{pad}  versions:{two}\n{lines}{pad}    {version}: {{ state: \
                     INACTIVE }}{three}\n"
                ),
                _ => format!("{pad}{key}:{one}\n{lines}{pad}  owner: you{two}\n"),
            },
        )
        .boxed()
}

/// Generates the `solutions` of an environment, with their key.
fn overlay() -> BoxedStrategy<String> {
    let entries: Vec<_> = NAMES
        .into_iter()
        .map(|name| prop::option::of((solution(name, 6, false), lines(6))))
        .collect();
    let entries = (entries, comment()).prop_map(|(entries, comment)| {
        let entries = entries
            .into_iter()
            .flatten()
            .map(|(entry, lines)| lines + &entry);
        format!("    solutions:{comment}\n{}", entries.collect::<String>())
    });
    let other = vec!["", "    solutions: {}\n", "    solutions: ~ # none\n"];
    prop_oneof![
        4 => entries,
        1 => prop::sample::select(other).prop_map(str::to_owned),
        1 => Just("    solutions: { A: { version: 7 }, yes: ~ }\n".to_owned()),
    ]
    .boxed()
}

fn manifest() -> impl Strategy<Value = String> {
    let base: Vec<_> = NAMES
        .into_iter()
        .map(|name| solution(name, 2, true))
        .collect();
    let overlays = [overlay(), overlay()];
    let between = [lines(4), lines(2), lines(2), lines(0)];
    (base, overlays, between, any::<[bool; 3]>()).prop_map(
        |(base, [uat, prod], [a, b, c, d], [is_last, is_crlf, is_cut])| {
            let head = format!("solform: 1 # v\n{d}");
            let url = "    url: \"emulator:\" # here\n";
            let environments =
                format!("environments:\n  uat:\n{url}{uat}{b}  prod:\n{url}{a}{prod}{c}");
            let defaults = "defaults: { owner: me, path: \"${name}-${version}.ibsolution\" }\n";
            let solutions = format!("solutions:\n{}", base.concat());
            let text = if is_last {
                format!("{head}{defaults}{solutions}{environments}")
            } else {
                format!("{head}{environments}{defaults}{solutions}")
            };
            let text = if is_cut {
                text.trim_end().to_owned()
            } else {
                text
            };
            if is_crlf {
                text.replace('\n', "\r\n")
            } else {
                text
            }
        },
    )
}

fn checked(text: &str, environment: &str) -> Manifest {
    let source = SourceFile::from_bytes("m.yaml", text).unwrap();
    let selection = Selection {
        environment: Some(environment),
    };
    let checked = read(&source, &selection, &|_| None);
    let Checked { manifest, .. } = checked.unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{problems:#?}\n{text}")
    });
    manifest
}

/// Returns what an entry declares, without its version and its positions.
fn settings(entry: &Desired) -> String {
    let Desired {
        identity,
        state,
        visibility,
        superseded,
        ..
    } = entry;
    format!(
        "{} {} {state} {visibility:?} {superseded:?}",
        identity.name, identity.owner
    )
}

/// Returns the comments, each from its `#` to the end of its line.
fn comments(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter_map(|line| Some(&line[line.find("# ")?..]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn only_the_intended_entries_change(
        text in manifest(),
        versions in prop::collection::btree_map(prop::sample::select(&NAMES[..]), version(), 1..4),
        is_copy in any::<bool>(),
    ) {
        let uat = checked(&text, "uat");
        let is_declared = |name: &str, version: &str| {
            uat.desired.iter().any(|entry| {
                entry.identity.name.as_str() == name && entry.identity.version.as_str() == version
            })
        };
        let has_all = versions.iter().all(|(name, version)| is_declared(name, version));
        let versions: VersionEdits = versions
            .iter()
            .map(|(name, version)| {
                let edit = VersionEdit {
                    version: Version::parse(version).unwrap(),
                    is_written: true,
                    source: is_copy.then(|| "uat".to_owned()),
                    sha256: None,
                };
                (SolutionName::parse(name).unwrap(), edit)
            })
            .collect();
        let source = SourceFile::from_bytes("m.yaml", text.clone()).unwrap();
        let before = checked(&text, "prod");
        let edited = set_versions(&source, "prod", &versions, &|_| None);
        if is_copy && !has_all {
            // The source must declare each version.
            prop_assert!(edited.is_err(), "{}", text);
            return Ok(());
        }
        let edited = edited.unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(comments(&edited), comments(&text), "{}", edited);
        prop_assert_eq!(edited.contains("\r\n"), text.contains("\r\n"));
        prop_assert!(!edited.replace("\r\n", "").contains('\n') || !text.contains("\r\n"));
        let after = checked(&edited, "prod");
        // All lines stay, except for those that are edited and those that are new.
        let count = edited.lines().count();
        prop_assert!(count >= text.lines().count() && count <= text.lines().count() + 7);
        for name in NAMES {
            let of = |manifest: &Manifest| -> Option<Desired> {
                let mut entries = manifest.desired.iter();
                entries.find(|entry| entry.identity.name.as_str() == name).cloned()
            };
            let (before, after) = (of(&before), of(&after));
            if let Some(edit) = versions.get(name) {
                let after = after.unwrap();
                prop_assert_eq!(&after.identity.version, &edit.version);
                let origin = after.source.as_ref().map(|source| &source.origin);
                if is_copy {
                    let is_copied = matches!(
                        origin,
                        Some(SourceOrigin::Environment { name, .. }) if name == "uat"
                    );
                    prop_assert!(is_copied, "{}", edited);
                }
                if let Some(before) = before {
                    prop_assert_eq!(settings(&before), settings(&after));
                    if !is_copy {
                        prop_assert_eq!(before.source.is_some(), after.source.is_some());
                    }
                }
            } else {
                let shown = |entry: Option<Desired>| entry.map(|entry| {
                    let path = entry.path.as_ref().map(|path| path.text.clone());
                    let source = entry.source.as_ref().map(|source| source.origin.clone());
                    (settings(&entry), entry.identity, path, source)
                });
                prop_assert_eq!(shown(before), shown(after));
            }
        }
        prop_assert_eq!(uat.digest, checked(&edited, "uat").digest);
        // A second edit with the same versions changes nothing.
        let again = SourceFile::from_bytes("m.yaml", edited.clone()).unwrap();
        prop_assert_eq!(set_versions(&again, "prod", &versions, &|_| None).unwrap(), edited);
    }
}

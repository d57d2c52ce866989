//! Hostile or broken input: one clear problem, in a short time.

use std::fmt::Write as _;

use solform::manifest::{Code, MAX_BYTES, Problem, Problems, Selection, SourceFile, read};

use crate::support::growth::assert_grows_linearly;

/// Returns the only problem of the bytes, and asserts that its report is short.
fn only_problem(bytes: Vec<u8>) -> Problem {
    let result = SourceFile::from_bytes("solform.yaml", bytes)
        .and_then(|source| read(&source, &Selection::default(), &|_| None));
    let problems: Vec<Problem> = result
        .map_or_else(Problems::into_iter, |_| panic!("accepted"))
        .collect();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = problems.into_iter().next().unwrap();
    let shown = super::problems::render(&problem);
    assert!(
        shown.len() < 3_000,
        "the report is {} bytes long",
        shown.len()
    );
    problem
}

/// Returns texts that are not manifests, with the expected codes.
fn broken() -> Vec<(&'static str, Vec<u8>, Code)> {
    vec![
        ("nothing", b"".to_vec(), Code::EmptyFile),
        ("comments", b"# x\n---\n".to_vec(), Code::EmptyFile),
        ("too large", vec![b'#'; MAX_BYTES + 1], Code::TooLarge),
        (
            "not UTF-8",
            b"solform: 1\nx: \xff\xfe".to_vec(),
            Code::NotUtf8,
        ),
        ("UTF-16", b"\xff\xfes\0o\0".to_vec(), Code::NotUtf8),
        ("NUL", b"solform: 1\nx: a\0b\n".to_vec(), Code::YamlSyntax),
        (
            "bell",
            b"solform: 1\nx: a\x07b\n".to_vec(),
            Code::YamlSyntax,
        ),
        ("escape", b"solform: \"\\q\"\n".to_vec(), Code::YamlSyntax),
        (
            "half a pair",
            b"solform: \"\\ud800\"\n".to_vec(),
            Code::YamlSyntax,
        ),
        (
            "open quote",
            b"solform: \"1\nx: y\n".to_vec(),
            Code::YamlSyntax,
        ),
        (
            "open bracket",
            b"solform: [1\nx: y\n".to_vec(),
            Code::YamlSyntax,
        ),
        ("tab", b"solform:\n\tx: 1\n".to_vec(), Code::YamlSyntax),
        ("tag", b"solform: !run 1\n".to_vec(), Code::YamlSyntax),
        (
            "key without text",
            b"solform: 1\n[a]: b\n".to_vec(),
            Code::YamlSyntax,
        ),
        (
            "unknown alias",
            b"solform: *one\n".to_vec(),
            Code::YamlSyntax,
        ),
        (
            "two documents",
            b"solform: 1\n---\nsolform: 1\n".to_vec(),
            Code::SeveralDocuments,
        ),
        ("a list", b"- solform\n".to_vec(), Code::WrongType),
    ]
}

/// Returns YAML that expands, nests or repeats too much, in 1/`share` of its full length.
fn exploding(share: usize) -> Vec<(&'static str, Vec<u8>, Code)> {
    let million = 1_000_000 / share;
    let indented = (0..2_000).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    let laughs = ('b'..='y').zip('a'..='x').fold(
        "vars:\n  a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |mut text, (this, last)| {
            let alias = format!("*{last}, ");
            let _ = writeln!(text, "  {this}: &{this} [{}]", alias.repeat(9));
            text
        },
    );
    let merges = ('b'..='y').zip('a'..='x').fold(
        "solutions:\n  a: &a { k1: x, k2: x }\n".to_owned(),
        |mut text, (this, last)| {
            let _ = writeln!(
                text,
                "  {this}: &{this} {{ <<: *{last}, x: *{last}, y: *{last}, z: *{last} }}"
            );
            text
        },
    );
    let many = "- x\n".repeat(MAX_BYTES / 4);
    let long_line = format!("solform: 1\nx: [{}", "ab, ".repeat(million / 10));
    vec![
        (
            "many documents",
            "---\nx: 1\n".repeat(million / 10).into_bytes(),
            Code::SeveralDocuments,
        ),
        ("flow depth", vec![b'['; million], Code::YamlTooComplex),
        (
            "map depth",
            "{a: ".repeat(million).into_bytes(),
            Code::YamlTooComplex,
        ),
        (
            "list depth",
            "- ".repeat(million).into_bytes(),
            Code::YamlTooComplex,
        ),
        (
            "key depth",
            "? ".repeat(million).into_bytes(),
            Code::YamlTooComplex,
        ),
        ("block depth", indented.into_bytes(), Code::YamlTooComplex),
        ("billion laughs", laughs.into_bytes(), Code::YamlTooComplex),
        ("merged laughs", merges.into_bytes(), Code::YamlTooComplex),
        (
            "itself",
            b"vars: &a { x: *a }\n".to_vec(),
            Code::YamlTooComplex,
        ),
        ("too many values", many.into_bytes(), Code::YamlTooComplex),
        ("one long line", long_line.into_bytes(), Code::YamlSyntax),
    ]
}

#[test]
fn hostile_input_is_one_problem() {
    for (what, bytes, code) in broken().into_iter().chain(exploding(1)) {
        let problem = only_problem(bytes);
        assert_eq!(problem.code, code, "{what}: {problem}");
        assert!(problem.help.is_some(), "{what} has no help");
    }
}

/// The time for hostile input grows linearly with its length.
#[test]
fn hostile_input_takes_linear_time() {
    let lengths = exploding(8).into_iter().zip(exploding(1));
    for ((what, short, _), (_, long, _)) in
        lengths.filter(|(short, long)| short.1.len() < long.1.len())
    {
        assert_grows_linearly(what, 8, |is_long| {
            only_problem(if is_long { long.clone() } else { short.clone() });
        });
    }
}

/// Returns a manifest with this number of entries, each with three mistakes.
fn mistaken(entries: usize) -> String {
    let mut text =
        "solform: 1\nenvironments: { e: { url: \"emulator:\" } }\nsolutions:\n".to_owned();
    for number in 0..entries {
        let _ = writeln!(
            text,
            "  S{number}: {{ version: 1, path: \"${{drvie}}/x\", stat: ACTIVE }}"
        );
    }
    text
}

/// All mistakes of a large file are found, in time linear in the length of the file.
#[test]
fn ten_thousand_mistakes_are_found() {
    let texts = [1_250, 10_000].map(mistaken);
    assert_grows_linearly("mistakes", 8, |is_long| {
        let problems = super::read_text(&texts[usize::from(is_long)]).unwrap_err();
        assert_eq!(problems.errors(), 3 * if is_long { 10_000 } else { 1_250 });
    });
}

/// Returns a manifest whose owner is the end of a chain of this number of variables.
fn chained(variables: usize) -> String {
    let mut text = "solform: 1\nenvironments: { e: { url: \"emulator:\" } }\ndefaults: { owner: \
        \"${v0}\" }\nsolutions: { S: { version: 1 } }\nvars:\n"
        .to_owned();
    for number in 0..variables {
        let _ = writeln!(text, "  v{number}: ${{v{}}}", number + 1);
    }
    let _ = writeln!(text, "  v{variables}: me");
    text
}

#[test]
fn a_long_chain_of_variables_is_accepted() {
    let texts = [6_250, 50_000].map(chained);
    assert_grows_linearly("variables", 8, |is_long| {
        let checked = super::read_text(&texts[usize::from(is_long)]).unwrap();
        assert_eq!(checked.manifest.desired[0].identity.owner.as_str(), "me");
    });
}

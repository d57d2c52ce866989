//! `explain`: the texts about codes.

use regex::Regex;
use serde_json::Value;

use crate::support::TestEnv;

#[test]
fn a_code_is_explained_offline() {
    let env = TestEnv::new();
    let output = env.solform(&["explain", "not-utf8"]).exits_with(0);
    assert!(output.stderr.is_empty(), "{output}");
    let _ = output
        .says("not-utf8: problem (error)\n\nThe file is not UTF-8.")
        .says("\n    iconv -f UTF-16 -t UTF-8 solform.yaml\n")
        .says("Fix: Save the file as UTF-8.");
    // Two kinds of output have this word, and each has its text.
    let _ = env
        .solform(&["explain", "similar-names"])
        .exits_with(0)
        .says("similar-names: problem (warning)")
        .says("similar-names: note");
}

#[test]
fn an_unknown_code_suggests_near_ones() {
    let env = TestEnv::new();
    let output = env.solform(&["explain", "bad-ulr"]).exits_with(1);
    assert!(output.stdout.is_empty(), "{output}");
    let _ = output
        .warns("Error: unknown code `bad-ulr`")
        .warns("Did you mean `bad-url`");
    let _ = env
        .solform(&["explain", "no such code at all\u{1b}[31m"])
        .exits_with(1)
        .warns("no such code at all\\u{1b}")
        .warns("Run `solform explain` to list all codes.");
}

#[test]
fn all_codes_are_listed() {
    let env = TestEnv::new();
    let listed = env.solform(&["explain"]).exits_with(0);
    let document = env.solform(&["explain", "--json"]).exits_with(0);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    let explanations = document["explanations"].as_array().unwrap();
    assert!(explanations.len() > 120, "{}", explanations.len());
    for explanation in explanations {
        let code = explanation["code"].as_str().unwrap();
        assert!(listed.stdout.contains(&format!("  {code} ")), "{code}");
        let summary = explanation["summary"].as_str().unwrap();
        assert!(summary.ends_with('.'), "{code}: {summary}");
    }
    let _ = listed.says("Other subjects:\n  policies ");
    let schema = env
        .solform(&["schema", "explanations"])
        .exits_with(0)
        .stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&document));
}

/// Returns the words on the right side of the arms of a function.
fn words_of(source: &str, function: &str) -> Vec<String> {
    let (_, body) = source.split_once(function).unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap_or_else(|| {
        let end = body.find("\n}\n").unwrap();
        body.split_at(end)
    });
    let word = Regex::new(r#"=> "([a-z-]+)""#).unwrap();
    word.captures_iter(body)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Each word of a plan or a review has exactly one text of its kind.
#[test]
fn every_code_of_the_source_has_its_text() {
    let notes = words_of(
        include_str!("../../src/render/json/plan.rs"),
        "fn note_word(note: &Note)",
    );
    let mut blocks = words_of(
        include_str!("../../src/plan/guard.rs"),
        "pub fn code(&self)",
    );
    blocks.extend(words_of(
        include_str!("../../src/plan/ownership.rs"),
        "pub fn code(&self)",
    ));
    blocks.push("verification-failed".to_owned());
    let row = Regex::new(r#"= "([a-z-]+)"\s*\("#).unwrap();
    let kinds = include_str!("../../src/review/kind.rs");
    let findings: Vec<String> = row
        .captures_iter(kinds)
        .map(|found| found[1].to_owned())
        .collect();
    let env = TestEnv::new();
    let document = env.solform(&["explain", "--json"]).exits_with(0);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    for (kind, mut expected) in [("note", notes), ("block", blocks), ("finding", findings)] {
        let explanations = document["explanations"].as_array().unwrap().iter();
        let explained = explanations.filter(|explanation| explanation["kind"] == kind);
        let mut explained: Vec<&str> = explained
            .map(|explanation| explanation["code"].as_str().unwrap())
            .collect();
        explained.sort_unstable();
        expected.sort_unstable();
        assert!(expected.len() > 8, "{kind}: {expected:?}");
        assert_eq!(explained, expected, "{kind}");
    }
}

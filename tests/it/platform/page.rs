//! `docs/platform.md` is complete: it has every row and every unknown once, each with existing
//! tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::source_text::sources;

/// A row in the tables of the page.
struct Row {
    key: String,
    tests: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/platform.md")).unwrap();
    text.lines()
        .filter(|line| line.starts_with("| 8.") || line.starts_with("| U"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 4, "{line}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{line}");
            Row {
                key: cells[0].to_owned(),
                tests: cells[3].to_owned(),
            }
        })
        .collect()
}

/// Returns the names in a cell, or an error if it contains anything else.
fn names(cell: &str) -> Result<Vec<&str>, String> {
    cell.split(", ")
        .map(|part| {
            part.strip_prefix('`')
                .and_then(|part| part.strip_suffix('`'))
                .ok_or_else(|| format!("`{part}` is no test"))
        })
        .collect()
}

/// Returns the files that may contain a test of this module.
fn files(module: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for base in ["src", "emulator/src", "tests/it"] {
        let path = module
            .iter()
            .fold(root().join(base), |path, part| path.join(part));
        files.push(path.with_extension("rs"));
        files.push(path.join("mod.rs"));
        // Unit tests are in the file of their module.
        if module.last() == Some(&"tests") {
            files.push(path.with_file_name("").with_extension("rs"));
            files.push(path.with_file_name("mod.rs"));
        }
    }
    files
}

fn is_test(name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    let Some((function, module)) = parts.split_last() else {
        return false;
    };
    let head = format!("fn {function}(");
    files(module).iter().any(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.iter().enumerate().any(|(at, line)| {
            line.trim_start_matches("async ").starts_with(&head)
                && lines[..at]
                    .iter()
                    .rev()
                    .take_while(|line| line.starts_with("#["))
                    .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
        })
    })
}

#[test]
fn every_row_and_every_unknown_exists_once() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows() {
        *found.entry(row.key).or_default() += 1;
    }
    let wanted: BTreeMap<String, usize> = (1..=29)
        .map(|row| format!("8.{row}"))
        .chain((1..=25).map(|unknown| format!("U{unknown}")))
        .map(|key| (key, 1))
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn every_row_is_proven_by_tests_that_exist() {
    let mut errors = Vec::new();
    for row in rows() {
        match names(&row.tests) {
            Ok(names) => errors.extend(
                names
                    .into_iter()
                    .filter(|name| !is_test(name))
                    .map(|name| format!("{}: there is no test `{name}`", row.key)),
            ),
            Err(error) => errors.push(format!("{}: {error}", row.key)),
        }
    }
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_name_without_a_test_is_detected() {
    for (name, expected) in [
        ("platform::page::a_name_without_a_test_is_detected", true),
        ("api::wire::loose::tests::texts_and_numbers", true),
        ("plan::diff::tests::missing_versions_are_created", true),
        ("platform::page::is_test", false),
        ("platform::page::no_such_test", false),
        ("no::such::module", false),
        ("", false),
    ] {
        assert_eq!(is_test(name), expected, "{name}");
    }
    assert!(names("`a::b`, `c::d`").is_ok());
    assert!(names("TODO").is_err());
}

/// Comments refer to rows (`U7`, `8.23`) and sections (`"Jobs"`) of the page.
#[test]
fn references_to_the_page_exist() {
    let page = std::fs::read_to_string(root().join("docs/platform.md")).unwrap();
    let line_break = Regex::new(r"\n\s*//[/!]?\s*").unwrap();
    let reference = Regex::new(
        r#"docs/platform\.md`?, ((?:"[^"]+"|U\d+|8\.\d+)(?:,? (?:and )?(?:"[^"]+"|U\d+|8\.\d+))*)"#,
    )
    .unwrap();
    let name = Regex::new(r#""([^"]+)"|(U\d+|8\.\d+)"#).unwrap();
    let mut count = 0;
    for (path, text) in sources() {
        for list in reference.captures_iter(&line_break.replace_all(&text, " ")) {
            for name in name.captures_iter(&list[1]) {
                let head = match (name.get(1), name.get(2)) {
                    (Some(section), _) => format!("\n## {}\n", section.as_str()),
                    (None, Some(row)) => format!("\n| {} |", row.as_str()),
                    (None, None) => unreachable!(),
                };
                assert!(page.contains(&head), "{}: {head:?}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count}");
}

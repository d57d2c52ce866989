//! `docs/platform.md` is complete and true: every row and every unknown once, each with tests that exist.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One row of the page's tables.
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

/// The names in a cell; nothing else may stand in it.
fn names(cell: &str) -> Result<Vec<&str>, String> {
    cell.split(", ")
        .map(|part| {
            part.strip_prefix('`')
                .and_then(|part| part.strip_suffix('`'))
                .ok_or_else(|| format!("`{part}` is no test"))
        })
        .collect()
}

/// The files that a test of this module may stand in.
fn files(module: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for base in ["src", "tests/it"] {
        let path = module
            .iter()
            .fold(root().join(base), |path, part| path.join(part));
        files.push(path.with_extension("rs"));
        files.push(path.join("mod.rs"));
        // Unit tests stand in their module's own file.
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
fn every_row_and_every_unknown_stands_there_once() {
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
    let mut complaints = Vec::new();
    for row in rows() {
        match names(&row.tests) {
            Ok(names) => complaints.extend(
                names
                    .into_iter()
                    .filter(|name| !is_test(name))
                    .map(|name| format!("{}: there is no test `{name}`", row.key)),
            ),
            Err(complaint) => complaints.push(format!("{}: {complaint}", row.key)),
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_name_that_is_no_test_is_found_out() {
    for (name, expected) in [
        ("platform::page::a_name_that_is_no_test_is_found_out", true),
        ("api::loose::tests::texts_and_numbers", true),
        ("plan::diff::tests::what_is_missing_is_created", true),
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

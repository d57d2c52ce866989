//! Rules for the text of the source files.

use std::path::{Path, PathBuf};

use regex::Regex;

/// The maximum width of a line, in characters.
const WIDTH: usize = 100;

/// Returns every `.rs` file of the repository with its text.
pub(crate) fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = ["src", "emulator/src", "tests", "benches", "fuzz"]
        .map(|folder| root.join(folder))
        .to_vec();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn comments_name_no_outside_document() {
    let elsewhere =
        Regex::new(r"(?i)design \d|api.facts|field.features|style \d|vocabulary \d").unwrap();
    for (path, text) in sources() {
        if path.ends_with(file!()) {
            continue;
        }
        for line in text.lines() {
            assert!(!elsewhere.is_match(line), "{}: {line}", path.display());
        }
    }
}

/// The text of raw strings and snapshots is exempt: an expected output has the width that it has.
#[test]
fn no_line_is_too_wide() {
    let raw = Regex::new(r##"(?s)\br(?:"[^"]*"|#".*?"#)|@"(?:\\.|[^"\\])*""##).unwrap();
    let mut wide = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().enumerate();
        let long = lines.filter(|(_, line)| line.chars().count() > WIDTH);
        let exempt: Vec<std::ops::Range<usize>> =
            raw.find_iter(&text).map(|found| found.range()).collect();
        for (number, line) in long {
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            let is_exempt = |range: &std::ops::Range<usize>| {
                range.start < start + line.len() && start < range.end
            };
            if !exempt.iter().any(is_exempt) {
                wide.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

//! Rules for the text of the source files.

use std::path::{Path, PathBuf};

use regex::Regex;

/// Returns every `.rs` file of the repository with its text.
pub(crate) fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = ["src", "emulator/src", "tests", "benches"]
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

//! The links between the pages, and the files that they name, exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The pages that name files of the code.
const ABOUT_CODE: [&str; 3] = [
    "docs/architecture.md",
    "docs/glossary.md",
    "CONTRIBUTING.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a page without its code blocks.
fn prose(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<&str>>().join("\n")
}

/// Returns every page of the repository.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = ["docs", "examples", "emulator"]
        .map(|folder| root().join(folder))
        .to_vec();
    open.extend(
        [
            "README.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CHANGELOG.md",
        ]
        .map(|page| root().join(page)),
    );
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// Returns the anchors that GitHub gives to the headings of a page.
fn anchors(path: &Path) -> BTreeSet<String> {
    prose(path)
        .lines()
        .filter_map(|line| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            heading
                .to_lowercase()
                .chars()
                .filter(|char| char.is_alphanumeric() || " -_".contains(*char))
                .map(|char| if char == ' ' { '-' } else { char })
                .collect()
        })
        .collect()
}

#[test]
fn links_between_pages_exist() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut count = 0;
    for page in pages() {
        for found in link.captures_iter(&prose(&page)) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            assert!(path.exists(), "{}: {target}", page.display());
            if !anchor.is_empty() {
                assert!(
                    anchors(&path).contains(anchor),
                    "{}: {target}",
                    page.display()
                );
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn files_on_the_pages_exist() {
    let file =
        Regex::new(r"`((?:src|emulator|tests|benches|docs|schema|examples|\.ci)/[^`:*{ ]+)`")
            .unwrap();
    let mut count = 0;
    for page in ABOUT_CODE {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for found in file.captures_iter(&text) {
            assert!(root().join(&found[1]).exists(), "{page}: {}", &found[1]);
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

//! The manifest, from bytes to problems.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read fixtures, and hostile input is timed"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod checks;
mod documents;
mod hostile;
mod key_tables;
mod problems;
mod random;

use solform::manifest::{Checked, Problem, Problems, Selection, SourceFile, read};

/// Returns the environment variables of the tests.
fn env(name: &str) -> Option<String> {
    (name == "IB_PROD_TOKEN").then(|| "the-token".to_owned())
}

/// Reads a text for its only environment.
fn read_text(text: &str) -> Result<Checked, Problems> {
    read_for(text, None)
}

fn read_for(text: &str, environment: Option<&str>) -> Result<Checked, Problems> {
    let source = SourceFile::from_bytes("solform.yaml", text)?;
    read(&source, &Selection { environment }, &env)
}

/// Adds the required keys that an example omits.
fn complete(example: &str) -> String {
    let has = |key: &str| example.lines().any(|line| line.starts_with(key));
    let mut text = String::new();
    if !has("solform:") {
        text.push_str("solform: 1\n");
    }
    if !has("environments:") {
        text.push_str("environments: { local: { url: \"emulator:\" } }\n");
    }
    text + example
}

/// Returns all problems, errors and warnings.
fn found(result: Result<Checked, Problems>) -> Vec<Problem> {
    match result {
        Ok(checked) => checked.warnings,
        Err(problems) => problems.into_iter().collect(),
    }
}

//! Helpers that read event streams strictly.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};

use jsonschema::Validator;
use serde_json::Value;
use solform_emulator::Emulator;

use crate::support::worlds::TOKEN;
use crate::support::{CommandOutput, TestEnv};

/// Returns the validator for the schema of this document.
pub(crate) fn validator(env: &TestEnv, document: &str) -> Validator {
    let schema = env.solform(&["schema", document]).exits_with(0).stdout;
    jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
}

/// Asserts that a document conforms to its schema.
#[track_caller]
pub(crate) fn assert_valid(validator: &Validator, document: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// Parses a stream: each line is one object, the first is the version, none holds the token.
#[track_caller]
pub(super) fn lines_of(stdout: &str) -> Vec<Value> {
    assert!(stdout.is_empty() || stdout.ends_with('\n'), "{stdout}");
    assert!(!stdout.contains(TOKEN), "{stdout}");
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for key in ["@level", "@message", "@module", "@timestamp", "type"] {
            assert!(line[key].is_string(), "no {key} in {line}");
        }
        let at = line["@timestamp"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.contains('T'), "{at}");
    }
    assert_eq!(lines[0]["type"], "version");
    assert_eq!(lines[0]["ui"], "1.3");
    assert_eq!(lines[0]["format_version"], "1.1");
    lines
}

/// Parses the stream of a command, and asserts that each line conforms to the schema.
#[track_caller]
pub(crate) fn stream(env: &TestEnv, output: &CommandOutput) -> Vec<Value> {
    let validator = validator(env, "events");
    let lines = lines_of(&output.stdout);
    for line in &lines {
        assert_valid(&validator, line);
    }
    lines
}

/// Returns the types of the lines.
pub(super) fn types(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect()
}

/// Returns the diagnostic in the last line, which must be an error.
#[track_caller]
pub(super) fn last_error(lines: &[Value]) -> &Value {
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "diagnostic", "{last:#}");
    assert_eq!(last["diagnostic"]["severity"], "error", "{last:#}");
    &last["diagnostic"]
}

/// Returns the summary of the operation. There must be exactly one, followed only by diagnostics.
#[track_caller]
pub(super) fn final_summary<'a>(lines: &'a [Value], operation: &str) -> &'a Value {
    let found: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at]["changes"]["operation"] == operation)
        .collect();
    assert_eq!(found.len(), 1, "{lines:#?}");
    for line in &lines[found[0] + 1..] {
        assert_eq!(line["type"], "diagnostic", "{lines:#?}");
    }
    &lines[found[0]]
}

/// Replaces times, ids, server addresses and durations, so that the value is always the same.
pub(crate) fn steady(value: &Value) -> Value {
    let mut seen = Vec::new();
    let mut value = value.clone();
    steady_within(&mut value, "", &mut seen);
    value
}

fn steady_within(value: &mut Value, key: &str, seen: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                steady_within(entry, key, seen);
            }
        }
        Value::Array(items) => {
            for item in items {
                steady_within(item, key, seen);
            }
        }
        Value::Number(_) if key.ends_with("_seconds") => *value = 0.into(),
        Value::String(text) => {
            if key == "@timestamp" || key.ends_with("ed_at") {
                "2026-01-01T00:00:00Z".clone_into(text);
                return;
            }
            let patterns = [
                (
                    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                    "id",
                ),
                (r"[0-9a-f]{64}", "digest"),
                (r"127\.0\.0\.1:[0-9]+", "server"),
            ];
            for (pattern, what) in patterns {
                let pattern = regex::Regex::new(pattern).unwrap();
                *text = pattern
                    .replace_all(text, |found: &regex::Captures<'_>| {
                        let index = seen.iter().position(|known| *known == found[0]);
                        let index = index.unwrap_or_else(|| {
                            seen.push(found[0].to_owned());
                            seen.len() - 1
                        });
                        format!("{what}-{}", index + 1)
                    })
                    .into_owned();
            }
            let took = regex::Regex::new(r"after [0-9hm.]+[sm]\b").unwrap();
            *text = took.replace_all(text, "after 0.1s").into_owned();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Compares with a committed file; `SOLFORM_BLESS=1` writes it.
#[track_caller]
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/output")
        .join(name);
    if std::env::var("SOLFORM_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == committed,
        "{} differs from the output; read it, and run the test with SOLFORM_BLESS=1 to write \
         it:\n{text}",
        path.display()
    );
}

/// Returns the lines in the form of the golden files.
pub(super) fn golden_lines(lines: &[Value]) -> String {
    let all = steady(&Value::Array(lines.to_vec()));
    // Lines of progress appear only for changes that take longer than 10 s.
    let lines = all.as_array().unwrap().iter();
    let lines = lines.filter(|line| line["type"] != "apply_progress");
    let lines: Vec<String> = lines.map(|line| format!("{line}\n")).collect();
    lines.concat()
}

/// Returns the texts that show that the first job of an apply is running, and that it has received
/// an interrupt.
fn signs(is_json: bool) -> [&'static str; 2] {
    if is_json {
        [r#""event":"job-started""#, r#""event":"draining""#]
    } else {
        [" taken [job=", "Interrupted: nothing new is started"]
    }
}

/// Starts an apply, interrupts it when its first job is running, and ends the jobs when it has
/// received the interrupt. Returns its exit code and its standard output.
pub(super) async fn interrupted(
    emulator: &Emulator,
    env: &TestEnv,
    arguments: &[&str],
) -> (Option<i32>, String) {
    let is_json = arguments.contains(&"--json");
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, out, err) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut out = PipeReader::new(child.stdout.take().unwrap());
        let mut err = PipeReader::new(child.stderr.take().unwrap());
        let signalling = if is_json { &mut out } else { &mut err };
        let [begun, seen] = signs(is_json);
        signalling.read_until(begun);
        let id = child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(killed.success());
        signalling.read_until(seen);
        (child, out, err)
    })
    .await
    .unwrap();
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, None));
    }
    tokio::task::spawn_blocking(move || {
        let text = out.rest();
        let _ = err.rest();
        (child.wait().unwrap().code(), text)
    })
    .await
    .unwrap()
}

/// A pipe, and the text that was read from it.
struct PipeReader {
    pipe: BufReader<Box<dyn Read + Send>>,
    text: String,
}

impl PipeReader {
    fn new(pipe: impl Read + Send + 'static) -> Self {
        Self {
            pipe: BufReader::new(Box::new(pipe)),
            text: String::new(),
        }
    }

    fn read_until(&mut self, text: &str) {
        while !self.text.contains(text) {
            assert!(
                self.pipe.read_line(&mut self.text).unwrap() > 0,
                "{}",
                self.text
            );
        }
    }

    fn rest(mut self) -> String {
        self.pipe.read_to_string(&mut self.text).unwrap();
        self.text
    }
}

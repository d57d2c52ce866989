//! On a terminal: questions, colours and bars, through a pseudo terminal.

use std::io::{Read as _, Write as _};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use regex::Regex;

use crate::support::TestEnv;
use crate::support::worlds::{TOKEN, Version, env_with, manifest, seed, start};

/// Executes `solform` on a pseudo terminal, types `answer` at the prompt, and returns the exit code
/// with the complete output.
fn on_terminal(env: &TestEnv, arguments: &[&str], answer: &str) -> (u32, String) {
    on_terminal_of(100, env, arguments, answer)
}

/// Like `on_terminal`, with this width.
fn on_terminal_of(columns: u16, env: &TestEnv, arguments: &[&str], answer: &str) -> (u32, String) {
    let pair = native_pty_system()
        .openpty(PtySize {
            rows: 40,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_solform"));
    command.args(arguments);
    command.cwd(env.path());
    command.env_clear();
    command.env("TERM", "xterm-256color");
    command.env("TEST_TOKEN", TOKEN);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut writer = pair.master.take_writer().unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut is_answered = false;
    // When the last program on a terminal has ended, a read fails on some systems, and returns
    // the end of the file on others.
    while let Ok(length) = reader.read(&mut buffer) {
        if length == 0 {
            break;
        }
        seen.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&seen);
        if !is_answered && text.contains("Enter a value:") {
            is_answered = true;
            writer.write_all(answer.as_bytes()).unwrap();
        }
    }
    let code = child.wait().unwrap().exit_code();
    (code, String::from_utf8_lossy(&seen).into_owned())
}

async fn answered(
    arguments: &'static [&'static str],
    answer: &'static str,
) -> (u32, String, usize) {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n",
    ));
    let (code, text) = tokio::task::spawn_blocking(move || on_terminal(&env, arguments, answer))
        .await
        .unwrap();
    let writes = emulator
        .requests()
        .iter()
        .filter(|request| request.method != "GET")
        .count();
    (code, text, writes)
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_applies_in_colour() {
    let (code, text, writes) = answered(&["apply"], "yes\n").await;
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("Apply complete! Resources: 0 added, 1 changed, 0 destroyed."),
        "{text}"
    );
    assert!(text.contains("\u{1b}["), "no colour in {text}");
    assert_eq!(writes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_declines() {
    for answer in ["y\n", "no\n", "\n", "YES\n"] {
        let (code, text, writes) = answered(&["apply", "--detailed-exitcode"], answer).await;
        assert_eq!(code, 8, "{text}");
        assert!(text.contains("nothing was changed"), "{text}");
        assert_eq!(writes, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_at_the_question_changes_nothing() {
    let (code, text, writes) = answered(&["apply", "--detailed-exitcode"], "\u{3}").await;
    assert_eq!(code, 8, "{text}");
    assert!(text.contains("interrupted: nothing was changed"), "{text}");
    assert_eq!(writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_color_and_no_input_are_honoured() {
    let (code, text, _) = answered(&["plan", "--no-color"], "").await;
    assert_eq!(code, 0, "{text}");
    // The progress line of a slow read uses sequences that are not colours.
    let colour = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(!colour.is_match(&text), "{text}");
    let (code, text, writes) = answered(&["apply", "--no-input"], "").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--auto-approve"), "{text}");
    assert_eq!(writes, 0);
}

#[test]
fn help_obeys_no_color() {
    let env = TestEnv::new();
    let colour = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let (_, text) = on_terminal(&env, &["--help"], "");
    assert!(colour.is_match(&text), "{text}");
    for arguments in [
        &["--no-color", "--help"][..],
        &["--help", "--no-color"],
        &["--no-color", "plan", "-h"],
        &["plan", "--help", "--no-color"],
        &["--no-color", "plan", "--no-such-option"],
        &["plan", "--no-such-option", "--no-color"],
    ] {
        let (_, text) = on_terminal(&env, arguments, "");
        assert!(!colour.is_match(&text), "{arguments:?}\n{text}");
        assert!(text.contains("solform"), "{arguments:?}\n{text}");
    }
}

/// Only a terminal shows the command that explains an error, once, and as plain text.
#[test]
fn an_error_names_the_command_that_explains_it() {
    let env = TestEnv::new();
    env.write("solform.yaml", "solform: 1\nnothing: 1\nmore: 2\n");
    let (_, text) = on_terminal(&env, &["validate"], "");
    let explain = "More about an error: `solform explain ";
    assert_eq!(text.matches(explain).count(), 1, "{text}");
    assert!(!text.contains("\u{1b}]8"), "{text}");
    let output = env.solform(&["validate"]).exits_with(1);
    assert!(!output.stderr.contains("solform explain"), "{output}");
}

/// Returns the lines of a terminal's output, without styles.
fn lines_of(text: &str) -> Vec<String> {
    let styles = regex::Regex::new("\u{1b}\\[[0-9;?]*[a-zA-Z]").unwrap();
    let text = styles.replace_all(text, "").replace('\r', "");
    text.lines().map(str::to_owned).collect()
}

/// Each command on narrow and wide terminals: only lines with one word are wider than the terminal,
/// so that no id, path or address is broken.
#[tokio::test(flavor = "multi_thread")]
async fn no_word_is_broken_at_any_width() {
    let live = [
        Version::active("A form with quite a long name for a table", "2023.10.17"),
        Version::active("B", "1"),
        Version::active("Old", "1"),
    ];
    let emulator = start(seed(&live, &[Version::active("B", "2")]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A form with quite a long name for a table: { version: 2023.10.17 }
  B: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  Old: { version: 1, state: ABSENT }
",
    ));
    let id = json_id(&env).await;
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let commands: [&[&str]; 13] = [
        &["plan"],
        &["plan", "--concise"],
        &[
            "plan",
            "--target",
            "Nothing like this is declared anywhere in the manifest",
        ],
        &["show", "the.plan"],
        &["list"],
        &["get", &id],
        &["jobs"],
        &["doctor"],
        &["validate"],
        &["validate", "-f", "broken.yaml"],
        &["--help"],
        &["plan", "--help"],
        &["list", "--json"],
    ];
    env.write(
        "broken.yaml",
        "solform: 1\n\
         environments: { e: { url: 'ftp://a.example.com/with/quite/a/long/path/behind/it' } }\n\
         unknown_key_of_the_manifest: 1\n",
    );
    let env = std::sync::Arc::new(env);
    for columns in [40, 60, 80, 100, 200] {
        for arguments in commands {
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let on = std::sync::Arc::clone(&env);
            let (_, text) = tokio::task::spawn_blocking(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                on_terminal_of(columns, &on, &arguments, "")
            })
            .await
            .unwrap();
            check_lines(&text, usize::from(columns));
        }
    }
    let on = |columns: u16, arguments: &[&str]| {
        let env = std::sync::Arc::clone(&env);
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        async move {
            let ran = tokio::task::spawn_blocking(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                on_terminal_of(columns, &env, &arguments, "")
            });
            let (code, text) = ran.await.unwrap();
            assert_eq!(code, 0, "{text}");
            check_lines(&text, usize::from(columns));
        }
    };
    on(80, &["apply", "--auto-approve"]).await;
    let history = env.solform_beside(&["history", "--json"]).await;
    let history: serde_json::Value = serde_json::from_str(&history.stdout).unwrap();
    let run = history["applies"][0]["id"].as_str().unwrap();
    for columns in [40, 60, 80] {
        on(columns, &["history"]).await;
        on(columns, &["history", "show", run]).await;
    }
}

/// The tables of several environments have a line for each cell if the terminal is narrower than
/// they are.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_several_stack_when_narrow() {
    let live = [Version::active("Form W-2", "2023.10.17")];
    let packages = [Version::active("Form W-2", "2023.11.01")];
    let uat = start(seed(&packages, &packages), &[]).await;
    let prod = start(seed(&live, &packages), &[]).await;
    let text = manifest(
        &uat.url(),
        "  Form W-2: { version: 2023.11.01, path: '${drive}/${name}-${version}.ibsolution' }\n",
    );
    let (name, other) = ("test", "production-europe");
    let block = &text[text.find("  test:\n").unwrap()..text.find("defaults:").unwrap()];
    let more = block.replace(name, other).replace(&uat.url(), &prod.url());
    let text = text.replace(block, &format!("{block}{more}"));
    let env = std::sync::Arc::new(env_with(&text));
    let promote = ["promote", "--from", name, "--to", other];
    let plan = ["plan", "-e", name, "-e", other];
    let list = ["list", "--all-environments"];
    for columns in [40, 60, 80, 200] {
        for arguments in [&plan[..], &list, &promote] {
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let env = std::sync::Arc::clone(&env);
            let command = arguments.join(" ");
            let (code, text) = tokio::task::spawn_blocking(move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                on_terminal_of(columns, &env, &arguments, "")
            })
            .await
            .unwrap();
            assert_eq!(code, 0, "{command}: {text}");
            check_lines(&text, usize::from(columns));
            let lines = lines_of(&text);
            let is_table =
                |line: &String| line.starts_with("SOLUTION  ") || line.starts_with("NAME ");
            let is_stacked = lines.iter().any(|line| line == "Form W-2");
            assert_ne!(lines.iter().any(is_table), is_stacked, "{columns}: {text}");
            if columns == 40 {
                assert!(is_stacked, "{text}");
            }
        }
    }
}

async fn json_id(env: &TestEnv) -> String {
    let list = env.solform_beside(&["list", "--json"]).await.exits_with(0);
    let document: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    document["solutions"][0]["id"].as_str().unwrap().to_owned()
}

/// Asserts the width of the lines. Progress lines are cut by the terminal; the lines of a JSON
/// document are never broken.
#[track_caller]
fn check_lines(text: &str, columns: usize) {
    let lines = lines_of(text);
    if lines.first().is_some_and(|line| line == "{") {
        let document: Result<serde_json::Value, _> = serde_json::from_str(&lines.join("\n"));
        assert!(document.is_ok(), "{text}");
        return;
    }
    let is_spinner = |letter: char| ('\u{2800}'..='\u{28ff}').contains(&letter);
    for line in lines.iter().filter(|line| !line.contains(is_spinner)) {
        let is_one_word = !line.trim().contains(' ');
        let is_snippet = line.contains('│') || line.contains('╭') || line.contains('·');
        let is_literal = line.starts_with("  # ");
        assert!(
            line.chars().count() <= columns || is_one_word || is_snippet || is_literal,
            "{columns}: {line:?} in\n{text}"
        );
    }
}

/// `doctor` and the help use the width of the terminal, up to a readable maximum.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_is_as_wide_as_the_terminal() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), "  A: { version: 1 }\n"));
    let piped = env.solform_beside(&["doctor"]).await.stdout;
    assert!(piped.lines().any(|line| line.len() > 100), "{piped}");
    let env = std::sync::Arc::new(env);
    for (columns, expected) in [(60, 50..=60), (80, 61..=80), (200, 81..=100)] {
        let on = std::sync::Arc::clone(&env);
        let doctor = move || on_terminal_of(columns, &on, &["doctor"], "");
        let (_, text) = tokio::task::spawn_blocking(doctor).await.unwrap();
        let widest = lines_of(&text)
            .iter()
            .map(|line| line.chars().count())
            .max();
        assert!(expected.contains(&widest.unwrap_or(0)), "{columns}: {text}");
    }
}

//! On a terminal: questions, colours and bars, through a pseudo terminal.

use std::io::{Read as _, Write as _};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use regex::Regex;

use crate::support::TestEnv;
use crate::support::worlds::{TOKEN, Version, env_with, manifest, seed, start};

/// Runs `solform` on a terminal of its own, types `answer` when it is asked, and returns the exit
/// code with everything that stood on the terminal.
fn on_terminal(env: &TestEnv, arguments: &[&str], answer: &str) -> (u32, String) {
    let pair = native_pty_system()
        .openpty(PtySize {
            rows: 40,
            cols: 100,
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
    // A terminal whose last program left reads as an error on some systems, and as the end on others.
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

async fn asked(arguments: &'static [&'static str], answer: &'static str) -> (u32, String, usize) {
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
    let (code, text, writes) = asked(&["apply"], "yes\n").await;
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
        let (code, text, writes) = asked(&["apply", "--detailed-exitcode"], answer).await;
        assert_eq!(code, 8, "{text}");
        assert!(text.contains("nothing was changed"), "{text}");
        assert_eq!(writes, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_at_the_question_changes_nothing() {
    let (code, text, writes) = asked(&["apply", "--detailed-exitcode"], "\u{3}").await;
    assert_eq!(code, 8, "{text}");
    assert!(text.contains("interrupted: nothing was changed"), "{text}");
    assert_eq!(writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_colour_is_honoured_and_no_input_never_asks() {
    let (code, text, _) = asked(&["plan", "--no-color"], "").await;
    assert_eq!(code, 0, "{text}");
    // The line of a read that takes long is moved by sequences that are no colours.
    let colour = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(!colour.is_match(&text), "{text}");
    let (code, text, writes) = asked(&["apply", "--no-input"], "").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--auto-approve"), "{text}");
    assert_eq!(writes, 0);
}

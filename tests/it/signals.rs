//! Each command handles signals itself. Process 1 of a container must do so: for it the kernel
//! discards signals that have their default disposition.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::support::TestEnv;
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{env_with, manifest};

/// The signals, and the exit codes of commands that they end.
const SIGNALS: [(&str, i32); 2] = [("-INT", 130), ("-TERM", 143)];

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Executes a command against a server that never answers, sends it a signal after its first
/// request, and returns its exit code and standard output. There is no exit code if the default
/// disposition of the signal ended the process.
async fn signalled(arguments: &[&str], signal: &'static str) -> (Option<i32>, String) {
    let asked = Arc::new(Notify::new());
    let notify = Arc::clone(&asked);
    let server = Scripted::start(move |_| {
        notify.notify_one();
        Reply::never()
    })
    .await;
    let env = env_with(&manifest(server.url.as_str(), "  A: { version: 1 }\n"));
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    asked.notified().await;
    tokio::task::spawn_blocking(move || {
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), stdout)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_commands_end_at_the_first_signal() {
    for arguments in [
        &["plan"][..],
        &["list"],
        &["get", "A@1"],
        &["export"],
        &["doctor"],
        &["jobs"],
    ] {
        for (signal, code) in SIGNALS {
            let (ended, stdout) = signalled(arguments, signal).await;
            assert_eq!(ended, Some(code), "{arguments:?} {signal}\n{stdout}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_stream_ends_with_a_whole_line() {
    let (ended, stdout) = signalled(&["plan", "--json"], "-TERM").await;
    assert_eq!(ended, Some(143), "{stdout}");
    let last: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["@level"], "error", "{stdout}");
    assert_eq!(last["@message"], "Error: interrupted", "{stdout}");
}

/// A command that waits for its manifest has started nothing, so that the first signal ends it.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_manifest_ends_at_a_signal() {
    for (arguments, code) in [
        (
            &["apply", "--auto-approve", "--detailed-exitcode"][..],
            [8, 8],
        ),
        (&["apply", "--resume"], [1, 1]),
        (&["destroy", "--auto-approve"], [1, 1]),
        (&["abandon", "A@1", "--apply", "x"], [1, 1]),
        (&["revoke", "A@1"], [1, 1]),
        (&["run", "A@1", "--input-dir", "in"], [1, 1]),
        (&["job", "x"], [1, 1]),
        (&["plan"], [130, 143]),
        (&["validate"], [130, 143]),
        (&["review", "--base", "HEAD"], [130, 143]),
    ] {
        for (index, (signal, _)) in SIGNALS.into_iter().enumerate() {
            let env = TestEnv::new();
            let words = [arguments, &["-f", "-"]].concat();
            let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &words);
            command.stdin(Stdio::piped());
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            let ended = tokio::task::spawn_blocking(move || {
                let mut child = command.spawn().unwrap();
                let mut stdin = child.stdin.take().unwrap();
                // More than the capacity of a pipe: after this write, the command is reading.
                stdin.write_all(&b"# not all yet\n".repeat(20_000)).unwrap();
                send(signal, &child);
                let output = child.wait_with_output().unwrap();
                drop(stdin);
                (
                    output.status.code(),
                    String::from_utf8(output.stderr).unwrap(),
                )
            })
            .await
            .unwrap();
            assert_eq!(
                ended.0,
                Some(code[index]),
                "{arguments:?} {signal}\n{}",
                ended.1
            );
        }
    }
}

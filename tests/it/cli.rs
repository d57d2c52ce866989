//! The command line: help, exit codes, streams.

use crate::support::TestEnv;
use crate::support::worlds::{TOKEN, Version, env_with, manifest, seed, start};

#[test]
fn every_command_shows_an_example() {
    let env = TestEnv::new();
    let help = env.solform(&["--help"]).exits_with(0);
    let commands: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 11, "{help}");
    for command in commands {
        let _ = env
            .solform(&[command, "--help"])
            .exits_with(0)
            .says("Example:\n  solform ");
    }
}

/// Short help groups the options, and `destroy` has no option that only a deploy can use.
#[test]
fn options_are_grouped_under_headings() {
    let env = TestEnv::new();
    let apply = env.solform(&["apply", "-h"]).exits_with(0);
    let headings: Vec<&str> = apply
        .stdout
        .lines()
        .filter(|line| line.ends_with(" options:"))
        .collect();
    let expected = ["Global", "Manifest", "Store", "Planning", "Output"];
    for word in expected {
        let heading = format!("{word} options:");
        let found = headings.iter().filter(|line| **line == heading).count();
        assert_eq!(found, 1, "{heading}\n{apply}");
    }
    assert_eq!(headings.len(), expected.len(), "{apply}");
    for help in ["-h", "--help"] {
        let replace = |command| {
            let output = env.solform(&[command, help]).exits_with(0);
            output.stdout.contains("--replace")
        };
        assert!(replace("apply") && replace("plan"), "{help}");
        assert!(!replace("destroy"), "{help}");
    }
    let _ = env
        .solform(&["destroy", "--replace", "A@1"])
        .exits_with(1)
        .warns("--replace");
}

#[test]
fn init_writes_a_manifest_that_validates_and_plans() {
    let env = TestEnv::new();
    let _ = env.solform(&["init"]).exits_with(0);
    let output = env.solform(&["validate"]).exits_with(0);
    assert!(output.stderr.is_empty(), "{output}");
    let output = env.solform(&["plan"]).exits_with(0);
    assert!(output.stderr.is_empty(), "{output}");
    // An existing manifest is never overwritten.
    env.write("solform.yaml", "mine");
    let _ = env.solform(&["init"]).exits_with(1);
    assert_eq!(env.read("solform.yaml"), "mine");
}

#[test]
fn usage_errors_exit_with_1() {
    let env = TestEnv::new();
    for arguments in [
        &["plan", "--detailed-exitcode", "--no-such-option"][..],
        &["no-such-command"],
        &["plan", "--parallelism", "0"],
        &["plan", "--replace", "no-version"],
        &[],
    ] {
        let output = env.solform(arguments);
        assert_eq!(output.code(), 1, "{arguments:?}\n{output}");
        assert!(output.stdout.is_empty(), "{output}");
        let first = output.stderr.lines().next().unwrap_or_default();
        let is_help = arguments.is_empty();
        assert!(is_help || first.starts_with("Error: "), "{output}");
    }
    let _ = env
        .solform(&["--version"])
        .exits_with(0)
        .says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn completions_are_printed() {
    let env = TestEnv::new();
    for (shell, word) in [
        ("bash", "_solform"),
        ("zsh", "#compdef solform"),
        (
            "fish",
            "complete --keep-order --exclusive --command solform",
        ),
        ("elvish", "set edit:completion:arg-completer[solform]"),
        // The text that is inserted is quoted where it needs quotes.
        (
            "powershell",
            "CompletionResult]::new($text, $cmd, 'ParameterValue', $help)",
        ),
    ] {
        let _ = env
            .solform(&["completions", shell])
            .exits_with(0)
            .says(word);
    }
}

#[test]
fn manual_pages_are_printed() {
    let env = TestEnv::new();
    let _ = env
        .solform(&["man"])
        .exits_with(0)
        .says(".TH solform 1")
        .says("solform\\-apply(1)");
    let _ = env
        .solform(&["man", "apply"])
        .exits_with(0)
        .says(".TH solform-apply 1")
        .says("auto\\-approve");
    let _ = env
        .solform(&["man", "fly"])
        .exits_with(1)
        .warns("there is no command `fly`");
}

#[test]
fn an_environment_must_be_meant() {
    let mut env = TestEnv::new();
    env.write(
        "solform.yaml",
        "solform: 1\nenvironments:\n  one: { url: \"emulator:\" }\n  two: { url: \"emulator:\" \
         }\nsolutions: {}\n",
    );
    let _ = env
        .solform(&["plan"])
        .exits_with(1)
        .warns("one")
        .warns("two")
        .warns("[environment-needed]");
    let _ = env.solform(&["plan", "-e", "two"]).exits_with(0);
    env.set("SOLFORM_ENVIRONMENT", "one");
    let _ = env.solform(&["plan"]).exits_with(0);
    let _ = env
        .solform(&["plan", "-environment=oen"])
        .exits_with(1)
        .warns("one");
}

#[test]
fn the_emulator_prints_its_url_and_ends_on_a_signal() {
    use std::io::{BufRead as _, BufReader};
    let env = TestEnv::new();
    let mut child = env
        .command(env!("CARGO_BIN_EXE_solform"), &["emulator"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_solform");
    let command = format!("'{program}' schema manifest | head -n 1; echo ${{PIPESTATUS[0]}}");
    let output = env.command("bash", &["-c", &command]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().last(), Some("0"), "{printed}");
    assert!(output.stderr.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn list_and_get_show_what_is_live() {
    let emulator = start(
        seed(
            &[
                Version::active("Form W-2", "0.0.1"),
                Version::inactive("Form W-2", "0.0.2").owner("other"),
            ],
            &[],
        ),
        &[],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    let rows: Vec<Vec<&str>> = list
        .stdout
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        rows[0],
        ["NAME", "VERSION", "OWNER", "STATE", "VISIBILITY", "ID"]
    );
    assert_eq!(rows[1][..4], ["Form W-2", "0.0.1", "svc", "ACTIVE"]);
    assert_eq!(rows[2][..4], ["Form W-2", "0.0.2", "other", "INACTIVE"]);
    let id = rows[1][5];
    for wanted in ["Form W-2@0.0.1", "svc:Form W-2@0.0.1", id] {
        let _ = env
            .solform_beside(&["get", wanted])
            .await
            .exits_with(0)
            .says("owner          svc\n")
            .says(id);
    }
    let _ = env
        .solform_beside(&["get", "other:Form W-2@0.0.1"])
        .await
        .exits_with(1)
        .warns("no live version matches `other:Form W-2@0.0.1`")
        .warns("Did you mean `Form W-2@0.0.1` or `Form W-2@0.0.2`?");
}

/// The files select as the options do.
#[tokio::test(flavor = "multi_thread")]
async fn selectors_are_read_from_files() {
    let packages = ["A", "B", "C"].map(|name| Version::active(name, "1"));
    let emulator = start(seed(&[], &packages), &[]).await;
    let solutions = ["A", "B", "C"].map(|name| {
        format!("  {name}: {{ version: 1, path: '${{drive}}/{name}-1.ibsolution' }}\n")
    });
    let env = env_with(&manifest(&emulator.url(), &solutions.concat()));
    env.write("targets.txt", "# the release\r\n\r\n  A@1  \r\nB");
    env.write("excludes.txt", "B@1\n");
    env.write("none.txt", "# nothing\n");
    let plan = |arguments: &[&'static str]| [&["plan"][..], arguments].concat();
    let typed = plan(&["--target", "A@1", "--target", "B", "--exclude", "B@1"]);
    let typed = env.solform_beside(&typed).await.exits_with(0);
    let files = plan(&[
        "--target-file",
        "targets.txt",
        "--exclude-file",
        "excludes.txt",
    ]);
    let read = env.solform_beside(&files).await.exits_with(0);
    assert_eq!(read.stdout, typed.stdout);
    assert!(read.stdout.contains("# A@1 will be created"), "{read}");
    assert!(!read.stdout.contains("# B@1 will"), "{read}");
    let none = plan(&["--exclude-file", "none.txt"]);
    let _ = env
        .solform_beside(&none)
        .await
        .exits_with(0)
        .says("Plan: 3 to add");
    // A saved plan has its own selection.
    let saved = plan(&["--target-file", "targets.txt", "--out", "the.plan"]);
    let _ = env.solform_beside(&saved).await.exits_with(0);
    let _ = env
        .solform_beside(&["apply", "the.plan", "--target-file", "targets.txt"])
        .await
        .exits_with(1)
        .warns("--target-file");
    let _ = env
        .solform_beside(&["apply", "the.plan"])
        .await
        .exits_with(0)
        .says("Resources: 2 added");
    let read = env.solform_reading(&["plan", "--target-file", "-"], "C@1\n# B\n");
    let _ = read.exits_with(0).says("Plan: 1 to add");
    for twice in [
        ["plan", "--target-file", "-", "--exclude-file", "-"],
        ["plan", "--target-file", "-", "--file", "-"],
    ] {
        let read = env.solform_reading(&twice, "A\n").exits_with(1);
        let _ = read.warns("more than one file is standard input");
    }
    env.write("bad.txt", &format!("A\n\n{}\n", "x".repeat(2_000)));
    std::fs::write(env.path().join("binary.txt"), b"A\nB\xff\n").unwrap();
    for (file, message) in [
        ("none.txt", "`none.txt` names no target"),
        ("missing.txt", "failed to read `missing.txt`"),
        (
            "bad.txt",
            "line 3 of `bad.txt` is neither a name nor an address",
        ),
        ("binary.txt", "line 2 of `binary.txt` is not UTF-8"),
        (".", "failed to read `.`"),
    ] {
        let output = env.solform_beside(&["plan", "--target-file", file]).await;
        let _ = output.exits_with(1).warns(message);
    }
}

#[test]
fn settings_of_the_log_are_checked() {
    let env = TestEnv::new();
    for (variable, value, expected) in [
        ("SOLFORM_LOG", "loud", "SOLFORM_LOG is `loud`, which is not"),
        (
            "SOLFORM_LOG_FORMAT",
            "xml",
            "SOLFORM_LOG_FORMAT is `xml`, which is not",
        ),
    ] {
        let mut env = TestEnv::new();
        env.set(variable, value);
        let init = env.solform(&["init"]);
        let init = init.exits_with(1).warns(expected).warns("help: Write");
        assert!(init.stdout.is_empty(), "{init}");
        // These have no log, and are executed by the start files of shells.
        for command in ["completions bash", "explain", "schema manifest"] {
            let words: Vec<&str> = command.split(' ').collect();
            let output = env.solform(&words).exits_with(0);
            assert!(output.stderr.is_empty(), "{output}");
        }
    }
    let mut plain = env;
    plain.set("SOLFORM_LOG_FORMAT", "text");
    for (level, arguments) in [
        ("WARN", &["init"][..]),
        ("off", &["validate"]),
        // The option has precedence.
        ("loud", &["--log", "off", "validate"]),
    ] {
        plain.set("SOLFORM_LOG", level);
        let _ = plain.solform(arguments).exits_with(0);
    }
}

/// Each log message is one JSON object, without the token.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_written_as_json() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let mut env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    env.set("SOLFORM_LOG_FORMAT", "json")
        .set("SOLFORM_LOG", "debug");
    let output = env.solform_beside(&["plan"]).await.exits_with(0);
    assert!(!output.stderr.is_empty());
    for line in output.stderr.lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(message["level"], "DEBUG", "{line}");
        assert!(message["target"].as_str().unwrap().starts_with("solform"));
        assert!(!line.contains(TOKEN), "{line}");
    }
}

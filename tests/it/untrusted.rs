//! Manifests and files that mean harm: what they name is read within bounds, what they hold is
//! escaped, and what they cost is limited.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::raw::{RawServer, answer};
use crate::support::worlds::{TOKEN, env_with, manifest, manifest_with};
use crate::support::{CommandOutput, TestEnv};

const SOLUTIONS: &str = "  A: { version: 1, state: INACTIVE }\n";

/// Paths that cannot be read to their end, and what is said of them.
fn endless(env: &TestEnv) -> Vec<(&'static str, &'static str)> {
    let made = Command::new("mkfifo")
        .arg(env.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::create_dir(env.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", env.path().join("link")).unwrap();
    let large = std::fs::File::create(env.path().join("large")).unwrap();
    large.set_len(10_000_000_000).unwrap();
    vec![
        ("/dev/zero", "it is a device, not a regular file"),
        ("link", "it is a device, not a regular file"),
        ("pipe", "it is a pipe, not a regular file"),
        ("folder", "it is a folder, not a file"),
        ("large", "it has more than"),
    ]
}

#[track_caller]
fn is_refused(output: CommandOutput, why: &str) {
    let output = output.exits_with(1);
    assert!(output.stderr.starts_with("Error: "), "{output}");
    assert!(output.stderr.contains(why), "no `{why}` in\n{output}");
    assert!(output.stderr.contains("help: "), "{output}");
}

/// Every file that a manifest can name.
#[test]
fn manifests_cannot_name_endless_files() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let env = env_with("");
    for (path, why) in endless(&env) {
        for keys in [
            format!("ca_bundle: {path}"),
            format!("client_cert: {path}, client_key: {path}"),
        ] {
            let text = manifest("https://instabase.invalid", SOLUTIONS).replace(
                "token: {",
                &format!("{}\n    token: {{", keys.replace(", ", "\n    ")),
            );
            env.write("solform.yaml", &text);
            is_refused(env.solform(&["plan"]), why);
        }
        let text = manifest(&server.url(), SOLUTIONS)
            .replace("{ env: TEST_TOKEN }", &format!("{{ file: {path} }}"));
        env.write("solform.yaml", &text);
        is_refused(env.solform(&["plan"]), why);
        env.write(
            "solform.yaml",
            &format!(
                "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', emulator: {{ seed: {path} }} }} }}\ndefaults: {{ owner: me }}\nsolutions:\n{SOLUTIONS}"
            ),
        );
        is_refused(env.solform(&["plan"]), why);
    }
    assert!(server.requests().is_empty());
}

/// Every file that a command names.
#[test]
fn commands_do_not_read_endless_files() {
    let env = env_with(&manifest("https://instabase.invalid", SOLUTIONS));
    for (path, why) in endless(&env) {
        for command in [
            &["apply", path, "--auto-approve"][..],
            &["show", path],
            &["run", "A@1", "--input-dir", "x", "--settings", path],
            &["emulator", "--seed", path],
            &["emulator", "--token-file", path],
        ] {
            // A plan may have a gigabyte.
            if path == "large" && command[0] == "show" {
                continue;
            }
            is_refused(env.solform(command), why);
        }
        if path != "large" {
            is_refused(env.solform(&["validate", "-f", path]), why);
            is_refused(env.solform(&["review", "--base", path]), "");
        }
    }
}

#[test]
fn files_in_the_store_are_bounded() {
    let env = TestEnv::new();
    let _ = env.solform(&["init"]).exits_with(0);
    let _ = env.solform(&["apply", "--auto-approve"]).exits_with(0);
    let store = std::fs::read_dir(env.path().join(".solform"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.join("lock").exists())
        .unwrap();
    let journal = std::fs::read_dir(store.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .unwrap();
    for path in [store.join("lock"), journal] {
        std::fs::remove_file(&path).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let output = env.solform(&["apply", "--auto-approve"]);
        is_refused(output, "not a regular file");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
    }
}

#[test]
fn a_token_command_is_bounded() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let env = env_with("");
    for (command, why) in [
        ("yes", "wrote more than 1048576 bytes"),
        ("cat /dev/zero", "wrote more than 1048576 bytes"),
        ("yes | head -c 100000000 >&2; exit 3", "exit status: 3"),
    ] {
        let text = manifest(&server.url(), SOLUTIONS).replace(
            "{ env: TEST_TOKEN }",
            &format!("{{ command: [sh, -c, \"{command}\"] }}"),
        );
        env.write("solform.yaml", &text);
        let output = env.solform(&["plan"]);
        assert!(output.stderr.len() < 3_000, "{output}");
        is_refused(output, why);
    }
    assert!(server.requests().is_empty());
}

/// The link may come with a branch, and the variables hold the secrets of the job.
#[test]
fn files_that_are_no_manifests_are_not_shown() {
    let mut env = TestEnv::new();
    env.set("JOB_SECRET", "hush-hush-hush");
    let manifest = env.path().join("solform.yaml");
    std::os::unix::fs::symlink("/proc/self/environ", &manifest).unwrap();
    for command in [
        &["validate"][..],
        &["plan"],
        &["apply"],
        &["review", "--base", "x"],
    ] {
        let output = env.solform(command).exits_with(1);
        assert!(!output.stderr.contains("hush"), "{output}");
        assert!(!output.stdout.contains("hush"), "{output}");
    }
    std::fs::remove_file(&manifest).unwrap();
    for text in [
        "hush-hush-hush",
        "[default]\nkey = hush-hush-hush\n",
        "- hush-hush-hush",
        "apiVersion: v1\nusers: [{ password: hush-hush-hush }]\n",
        "key: 'hush-hush-hush\n",
        "a: *hush-hush-hush\n",
        "a: !hush-hush-hush b\n",
        "hush-hush-hush: [\n",
        "\"\\qhush-hush-hush\"\n",
        "user:hush-hush-hush:x\n\u{7}\n",
    ] {
        env.write("solform.yaml", text);
        for command in [&["validate"][..], &["plan", "--json"]] {
            let output = env.solform(command).exits_with(1);
            assert!(!output.stderr.contains("hush"), "{text}\n{output}");
            assert!(!output.stdout.contains("hush"), "{text}\n{output}");
        }
    }
    std::fs::write(&manifest, b"hush-hush-hush \xff\n").unwrap();
    let output = env.solform(&["validate"]).exits_with(1);
    assert!(!output.stderr.contains("hush"), "{output}");
    assert!(output.stderr.contains("solform.yaml:1:16"), "{output}");
}

const HIDDEN: &[char] = &[
    '\u{9b}',
    '\u{a0}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200d}',
    '\u{202e}',
    '\u{2028}',
    '\u{2066}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{e0041}',
];

/// Wherever they stand, and whatever says so.
#[test]
fn invisible_characters_are_shown_as_escapes() {
    let env = env_with("");
    for letter in HIDDEN {
        for text in [
            format!("{letter}\nsolform: [\n"),
            format!("solform: 1\n# {letter}\nenvironments: 5\n"),
            format!("solform: 1\n\"k{letter}y\": 5\n"),
            format!("solform: \"x{letter}y\"\n"),
            manifest(
                "emulator:",
                &format!("  \"A{letter}B\": {{ version: 1, state: \"{letter}X\" }}\n"),
            ),
            manifest(
                "emulator:",
                &format!(
                    "  \"A{letter}B\": {{ version: \"1{letter}2\" }}\n  \"A\": {{ version: \"${{{letter}}}\" }}\n"
                ),
            ),
            manifest(
                "emulator:",
                &format!("  A: {{ version: 1, path: \"${{x{letter}y}}\" }}\n"),
            ),
            manifest_with(
                "emulator:",
                &format!("    limits: {{ max_destroy: \"{letter}5\" }}\n"),
                "",
                SOLUTIONS,
            ),
            manifest_with(
                "emulator:",
                &format!("    timeouts: {{ deploy: \"{letter}5\" }}\n"),
                "",
                SOLUTIONS,
            ),
            manifest_with(
                &format!("https://a{letter}b.example/{letter}"),
                "",
                "",
                SOLUTIONS,
            ),
        ] {
            env.write("solform.yaml", &text);
            let named = env.path().join(format!("x{letter}y.yaml"));
            std::fs::write(&named, &text).unwrap();
            for output in [
                env.solform(&["validate"]),
                env.solform(&["validate", "-f", named.to_str().unwrap()]),
                env.solform(&["plan", "-e", &format!("e{letter}")]),
            ] {
                assert!(!output.stderr.contains(*letter), "{letter:?}\n{output:}");
                assert!(!output.stdout.contains(*letter), "{letter:?}\n{output}");
            }
            std::fs::remove_file(&named).unwrap();
        }
    }
}

#[test]
fn invisible_characters_are_warnings() {
    let env = env_with("");
    for (text, says) in [
        ("  \"A\\u200B\": { version: 1, owner: me }\n", "U+200B"),
        ("  A: { version: \"1\\u00A01\", owner: me }\n", "U+00A0"),
        (
            "  A\u{200b}: { version: 1, owner: me } # \u{202e}\u{ad}\n",
            "U+00AD, U+200B, U+202E",
        ),
        (
            "  A: { version: 1, owner: me, path: \"x\\u3164.ibsolution\" }\n",
            "U+3164",
        ),
        ("  # \u{e0041}\n  A: { version: 1, owner: me }\n", "U+E0041"),
    ] {
        let text = format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:' }} }}\nsolutions:\n{text}"
        );
        env.write("solform.yaml", &text);
        let output = env.solform(&["validate"]).exits_with(0);
        let line = format!("{says} [invisible-character]");
        assert_eq!(output.stderr.matches(&line).count(), 1, "{text}\n{output}");
    }
    env.write(
        "solform.yaml",
        &format!("\u{feff}{}", manifest("https://a.example", SOLUTIONS)),
    );
    let output = env.solform(&["validate"]).exits_with(0);
    assert!(!output.stderr.contains("invisible"), "{output}");
}

/// A thousand environments of ten thousand solutions are half a megabyte.
#[test]
fn environments_times_entries_are_bounded() {
    let mut text = "solform: 1\nenvironments:\n".to_owned();
    for number in 0..1_000 {
        let _ = writeln!(text, "  e{number}: {{ url: 'emulator:' }}");
    }
    text.push_str("defaults: { owner: me }\nsolutions:\n");
    for number in 0..10_000 {
        let _ = writeln!(text, "  S{number}: {{ version: 1 }}");
    }
    let env = env_with(&text);
    let output = env.solform(&["validate"]);
    is_refused(output, "10001000 versions and settings");
    let output = env.solform(&["review", "--base", "solform.yaml"]);
    is_refused(output, "[too-many-entries]");
    // One of them is no more than its entries.
    let _ = env.solform(&["validate", "-e", "e7"]).exits_with(0);
}

#[test]
fn many_problems_are_counted() {
    let entries = "x: 1, ".repeat(60_000);
    for (text, total) in [
        (
            format!("solform: 1\nenvironments: {{ {entries} }}\n"),
            "59900 more problems",
        ),
        (
            format!(
                "solform: 1\nenvironments:\n{}",
                "  \"?\": 1\n".repeat(30_000)
            ),
            "29901 more problems",
        ),
    ] {
        let env = env_with(&text);
        for command in [&["validate"][..], &["plan", "--json"]] {
            let output = env.solform(command).exits_with(1);
            assert!(output.stderr.len() < 200_000, "{}", output.stderr.len());
            assert!(output.stdout.len() < 200_000, "{}", output.stdout.len());
            assert!(
                output.stderr.contains("more problems of the manifest"),
                "{output}"
            );
            assert!(output.stderr.contains(total), "no {total} in\n{output}");
        }
    }
}

/// A warning must not hide an error behind the bound.
#[test]
fn errors_are_shown_before_warnings() {
    let comments = "# \u{200b}\n".repeat(500);
    let text = format!(
        "solform: 1\n{comments}environments: {{ e: {{ url: 'emulator:' }} }}\nnonsense: 1\n"
    );
    let env = env_with(&text);
    let output = env.solform(&["validate"]).exits_with(1);
    assert!(output.stderr.contains("[unknown-field]"), "{output}");
}

#[test]
fn long_lines_are_cut() {
    let long = "x".repeat(9_000_000);
    for text in [
        format!("solform: 1\nenvironments: [ # {long}\n"),
        format!("solform: 1\n# {long}\nenvironments: 1\n# {long}\n"),
        format!("solform: 1\n\"{long}\": 1\n"),
        format!("solform: \"{long}\"\n"),
        format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', token: {long} }} }}\nsolutions: {{ \"{long}\": {{ version: 1 }} }}\n"
        ),
    ] {
        let env = env_with(&text);
        for command in [&["validate"][..], &["plan", "--json"]] {
            let output = env.solform(command).exits_with(1);
            assert!(output.stderr.len() < 10_000, "{}", output.stderr.len());
            assert!(output.stdout.len() < 20_000, "{}", output.stdout.len());
        }
    }
}

#[test]
fn patterns_times_names_are_bounded() {
    let mut text = "solform: 1\nenvironments: { e: { url: 'emulator:' } }\ndefaults: { owner: me }\nmanage:\n  names:\n".to_owned();
    for number in 0..30_000 {
        let _ = writeln!(text, "    - \"*a*{number}\"");
    }
    text.push_str("solutions:\n");
    for number in 0..30_000 {
        let _ = writeln!(text, "  {}{number}: {{ version: 1 }}", "a".repeat(20));
    }
    let output = env_with(&text).solform(&["validate"]);
    is_refused(output, "[too-many-patterns]");
}

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let env = TestEnv::new();
    let _ = env.solform(&["init"]).exits_with(0);
    let _ = env.solform(&["plan", "--out", "a.plan"]).exits_with(0);
    let _ = env.solform(&["apply", "--auto-approve"]).exits_with(0);
    assert_eq!(mode(&env.path().join("a.plan")), 0o600);
    let mut open = vec![env.path().join(".solform")];
    let mut files = 0;
    while let Some(folder) = open.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with(".gitignore") {
                files += 1;
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    assert!(files >= 4, "{files}");
    let _ = TOKEN;
}

#[test]
fn the_emulator_listens_on_loopback_only() {
    let env = TestEnv::new();
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", "[::ffff:10.0.0.1]:0"] {
        is_refused(
            env.solform(&["emulator", "--listen", address]),
            "is not a loopback address",
        );
    }
    env.write("empty", " \n");
    is_refused(
        env.solform(&["emulator", "--token-file", "empty"]),
        "the emulator's token is empty",
    );
}

//! Hostile manifests and files: reads are bounded, texts are escaped, and costs are limited.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::raw::{RawServer, answer};
use crate::support::worlds::{TOKEN, env_with, manifest, manifest_with, seed, start};
use crate::support::{CommandOutput, TestEnv, http_client};

const SOLUTIONS: &str = "  A: { version: 1, state: INACTIVE }\n";

/// Creates paths that cannot be read to their end; returns them with the expected errors.
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
    assert!(output.stderr.contains("Error: "), "{output}");
    assert!(output.stderr.contains(why), "no `{why}` in\n{output}");
    assert!(output.stderr.contains("help: "), "{output}");
}

/// Covers each file that a manifest can name.
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
                "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', emulator: {{ seed: {path} }} \
                 }} }}\ndefaults: {{ owner: me }}\nsolutions:\n{SOLUTIONS}"
            ),
        );
        is_refused(env.solform(&["plan"]), why);
    }
    assert!(server.requests().is_empty());
}

/// Covers each file that a command can name.
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
            // Plans may have up to a gigabyte, which takes too long to read here.
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

/// A snippet shows a line that contains the token of an environment.
#[test]
fn snippets_do_not_show_a_token() {
    let mut env = TestEnv::new();
    env.set("FIRST", "tok-abcdef123456")
        .set("SECOND", "tok-uvwxyz987654");
    env.write(
        "solform.yaml",
        "solform: 1\nenvironments:\n  x: { url: https://a.example, token: { env: FIRST } }\n  \
         y: { url: https://b.example, token: { env: SECOND } }\nsolutions:\n  \
         A: { version: 1, owner: me, path: tok-abcdef123456 } # tok-uvwxyz987654\n",
    );
    for command in [
        &["validate"][..],
        &["validate", "-e", "x"],
        &["plan", "-e", "x"],
        &["plan", "-e", "y", "--json"],
        &["review", "--base", "solform.yaml"],
    ] {
        let output = env.solform(command).exits_with(1);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("bad-path"), "{output}");
        assert!(!text.contains("tok-"), "{output}");
        assert!(text.contains("[redacted]"), "{output}");
    }
}

/// A branch under test could add such a link, and the variables hold the secrets of the CI job.
#[test]
fn files_that_are_not_manifests_are_not_shown() {
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

/// Covers each position in a manifest, and each command that prints it.
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
                "\"emulator:\"",
                &format!("  \"A{letter}B\": {{ version: 1, state: \"{letter}X\" }}\n"),
            ),
            manifest(
                "\"emulator:\"",
                &format!(
                    "  \"A{letter}B\": {{ version: \"1{letter}2\" }}\n  \"A\": {{ version: \
                     \"${{{letter}}}\" }}\n"
                ),
            ),
            manifest(
                "\"emulator:\"",
                &format!("  A: {{ version: 1, path: \"${{x{letter}y}}\" }}\n"),
            ),
            manifest_with(
                "\"emulator:\"",
                &format!("    limits: {{ max_destroy: \"{letter}5\" }}\n"),
                "",
                SOLUTIONS,
            ),
            manifest_with(
                "\"emulator:\"",
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
                assert!(!output.stderr.contains(*letter), "{letter:?}\n{output}");
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

/// A manifest of half a megabyte can declare a thousand environments of ten thousand solutions.
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
    // One environment has only its own entries.
    let _ = env.solform(&["validate", "-e", "e7"]).exits_with(0);
}

#[test]
fn many_problems_are_counted() {
    let entries = "x: 1, ".repeat(60_000);
    for (text, total) in [
        (
            format!("solform: 1\nenvironments: {{ {entries} }}\n"),
            "more of the same kind [duplicate-key]",
        ),
        (
            format!(
                "solform: 1\nenvironments:\n{}",
                "  \"?\": 1\n".repeat(30_000)
            ),
            "more of the same kind",
        ),
    ] {
        let env = env_with(&text);
        for command in [&["validate"][..], &["plan", "--json"]] {
            let output = env.solform(command).exits_with(1);
            assert!(output.stderr.len() < 200_000, "{}", output.stderr.len());
            assert!(output.stdout.len() < 200_000, "{}", output.stdout.len());
            assert!(output.stderr.contains(total), "no {total} in\n{output}");
            let rest = "more problems of the manifest not shown";
            let has_rest = output.stdout.contains(rest);
            assert_eq!(has_rest, command.contains(&"--json"), "{output}");
        }
    }
}

/// Warnings must not take the space of errors when the number of problems is bounded.
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
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', token: {long} }} }}\nsolutions: \
             {{ \"{long}\": {{ version: 1 }} }}\n"
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
    let mut text = "solform: 1\nenvironments: { e: { url: 'emulator:' } }\ndefaults: { owner: me \
        }\nmanage:\n  names:\n"
        .to_owned();
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
fn files_are_readable_only_by_their_owner() {
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

#[tokio::test]
async fn the_emulator_reads_its_token_from_each_source() {
    let program = env!("CARGO_BIN_EXE_solform");
    for (arguments, variable) in [
        (&["--token", TOKEN][..], None),
        (&["--token-file", "token"], None),
        (&[], Some(TOKEN)),
    ] {
        let mut env = TestEnv::new();
        env.write("token", &format!("{TOKEN}\n"));
        if let Some(token) = variable {
            env.set("SOLFORM_EMULATOR_TOKEN", token);
        }
        let arguments = [&["emulator"], arguments].concat();
        let mut child = env
            .command(program, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        let url = format!("{}/api/v2/solutions/deployed", url.trim());
        for (token, status) in [(TOKEN, 200), ("tok-another", 401)] {
            let answer = http_client().get(&url).bearer_auth(token).send().await;
            assert_eq!(answer.unwrap().status(), status, "{arguments:?} {token}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_token_in_a_path_is_not_recorded() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let entry = format!("  A: {{ version: 1, path: /drive/{TOKEN}/A.ibsolution }}\n");
    let env = env_with(&manifest(&emulator.url(), &entry));
    for arguments in [
        &["plan", "--out", "a.plan"][..],
        &["apply", "--auto-approve"],
    ] {
        let refused = env.solform_beside(arguments).await.exits_with(1);
        let text = refused.to_string();
        assert!(!text.contains(TOKEN), "{text}");
        let _ = refused.warns("holds a token");
    }
    assert!(!env.path().join("a.plan").exists());
    assert!(
        emulator
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

/// Creates a folder and variables as in a pipeline that restricts what a manifest may access.
fn restricted(hosts: &str, text: &str) -> TestEnv {
    let mut env = env_with(text);
    env.set("SOLFORM_ALLOWED_HOSTS", hosts)
        .set("JOB_SECRET", "hush-hush-hush");
    env
}

fn port_of(server: &RawServer) -> String {
    server.url().replace("http://", "")
}

/// Asserts the error, that the servers received nothing, and that no secret is shown.
#[track_caller]
fn is_denied(output: CommandOutput, why: &str, servers: &[&RawServer]) {
    assert!(!output.stderr.contains("hush"), "{output}");
    assert!(!output.stdout.contains("hush"), "{output}");
    is_refused(output, why);
    for server in servers {
        assert!(server.requests().is_empty(), "{:?}", server.requests());
    }
}

#[test]
fn only_allowed_hosts_get_requests() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let text = manifest(&server.url(), SOLUTIONS);
    for (hosts, why) in [
        ("", "allows no host, because it is empty"),
        (" , ", "allows no host, because it is empty"),
        ("127.0.0.1:1", "`127.0.0.1` is not in SOLFORM_ALLOWED_HOSTS"),
        ("localhost", "`127.0.0.1` is not in SOLFORM_ALLOWED_HOSTS"),
        ("*", "`127.0.0.1` is not in SOLFORM_ALLOWED_HOSTS"),
        ("127.0.0.*", "`127.0.0.1` is not in SOLFORM_ALLOWED_HOSTS"),
    ] {
        let mut env = restricted(hosts, &text);
        env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN");
        for command in [&["plan"][..], &["list"], &["apply", "--auto-approve"]] {
            is_denied(env.solform(command), why, &[&server]);
        }
    }
    let mut env = restricted(&port_of(&server), &text);
    is_denied(
        env.solform(&["plan"]),
        "the token variable `TEST_TOKEN` of environment `test` is not in SOLFORM_ALLOWED_ENV",
        &[&server],
    );
    let _ = env.solform(&["plan", "--env", "TEST_TOKEN"]);
    assert!(!server.requests().is_empty());
    env.set("SOLFORM_ALLOWED_ENV", "X, TEST_TOKEN");
    let before = server.requests().len();
    let _ = env.solform(&["plan"]);
    assert!(server.requests().len() > before);
}

/// The embedded emulator does not count as a host.
#[test]
fn the_embedded_emulator_needs_no_host() {
    let mut env = TestEnv::new();
    let _ = env.solform(&["init"]).exits_with(0);
    env.set("SOLFORM_ALLOWED_HOSTS", "");
    let _ = env.solform(&["plan"]).exits_with(0);
}

/// Covers each variable that sets the endpoint of the bucket or of its credentials.
#[test]
fn only_allowed_hosts_hold_stores() {
    let api = RawServer::saying(&answer("200 OK", "application/json", "{\"solutions\":[]}"));
    let other = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let bucket = RawServer::saying(&answer("404 Not Found", "text/plain", ""));
    let redirecting = RawServer::saying(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/x\r\ncontent-length: 0\r\nconnection: \
         close\r\n\r\n",
        other.url()
    ));
    let keys = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-s3cret"),
    ];
    let other_url = other.url();
    let bucket_url = bucket.url();
    let redirecting_url = redirecting.url();
    let full = format!("{other_url}/creds");
    for variables in [
        vec![("AWS_ENDPOINT", &*other_url)],
        vec![("AWS_ENDPOINT_URL", &*other_url)],
        vec![("AWS_ENDPOINT_URL_S3", &*other_url)],
        vec![
            ("AWS_ENDPOINT_URL", &*bucket_url),
            ("AWS_ENDPOINT_URL_S3", &*other_url),
        ],
        vec![("AWS_ENDPOINT_URL", &*redirecting_url)],
        vec![
            ("AWS_ENDPOINT_URL", &*bucket_url),
            ("AWS_METADATA_ENDPOINT", &*other_url),
            ("no keys", ""),
        ],
        vec![
            ("AWS_ENDPOINT_URL", &*bucket_url),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*full),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token"),
            ("no keys", ""),
        ],
        vec![
            ("AWS_ENDPOINT_URL", &*bucket_url),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
            ("AWS_ENDPOINT_URL_STS", &*other_url),
            ("no keys", ""),
        ],
        vec![("AWS_REGION", "us-east-1")],
    ] {
        let text = manifest_with(&api.url(), "    store: s3://bucket/x\n", "", SOLUTIONS);
        let hosts = [&api, &bucket, &redirecting].map(port_of).join(",");
        let mut env = restricted(&hosts, &text);
        env.write("token", "web-identity-token");
        env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN")
            .set("AWS_ALLOW_HTTP", "true");
        if !variables.iter().any(|(name, _)| *name == "no keys") {
            for (name, value) in keys {
                env.set(name, value);
            }
        }
        for (name, value) in &variables {
            env.set(name, value);
        }
        let output = env.solform(&["apply", "--auto-approve"]).exits_with(1);
        // If the server of the credentials is not allowed, there are no credentials.
        let has_none = output.stderr.contains("no credentials found");
        // Redirects of writes are not followed.
        let is_redirect = variables.contains(&("AWS_ENDPOINT_URL", &*redirecting_url));
        assert!(
            is_redirect || has_none || output.stderr.contains("SOLFORM_ALLOWED_HOSTS"),
            "{variables:?}\n{output}"
        );
        assert!(other.requests().is_empty(), "{variables:?}\n{output}");
    }
}

#[test]
fn a_proxy_that_is_not_allowed_gets_no_request() {
    let proxy = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let text = manifest("https://instabase.example.com", SOLUTIONS);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let mut env = restricted("instabase.example.com", &text);
        env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN")
            .set(name, &proxy.url());
        is_denied(
            env.solform(&["plan"]),
            "through the proxy `127.0.0.1`",
            &[&proxy],
        );
    }
}

#[test]
fn only_allowed_variables_are_read() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{\"solutions\":[]}"));
    let url = server.url();
    for (text, why) in [
        (
            manifest(
                &url,
                "  A: { version: 1, path: \"${env:JOB_SECRET}/a.ibsolution\" }\n",
            ),
            "[env-not-allowed]",
        ),
        (
            manifest_with(
                &url,
                "",
                "vars: { x: \"${env:JOB_SECRET}\" }\n",
                "  A: { version: \"${x}\" }\n",
            ),
            "[env-not-allowed]",
        ),
        (
            manifest(
                &url,
                "  A: { version: 1, path: \"${env:OTHER_TOKEN}/a.ibsolution\" }\n",
            ),
            "[token-in-variable]",
        ),
    ] {
        let mut env = restricted(&port_of(&server), &text);
        env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN,OTHER_TOKEN")
            .set("OTHER_TOKEN", "hush-hush-hush");
        for command in [
            &["validate"][..],
            &["plan"],
            &["apply", "--auto-approve"],
            &["plan", "--json"],
        ] {
            is_denied(env.solform(command), why, &[&server]);
        }
    }
    // In a review, a variable that is not allowed stays as its text.
    let text = manifest(
        &url,
        "  A: { version: 1, path: \"${env:JOB_SECRET}/a.ibsolution\" }\n",
    );
    let env = restricted("", &text);
    env.write("base.yaml", &manifest(&url, SOLUTIONS));
    let output = env
        .solform(&["review", "--base", "base.yaml"])
        .exits_with(0);
    assert!(!output.stdout.contains("hush"), "{output}");
    assert!(!output.stderr.contains("hush"), "{output}");
}

#[test]
fn only_files_of_the_working_tree_are_named() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{\"solutions\":[]}"));
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "hush-hush-hush").unwrap();
    let named = secret.to_str().unwrap();
    let folder = outside.path().join("store");
    let folder = folder.to_str().unwrap();
    let token = |path: &str| {
        manifest(&server.url(), SOLUTIONS)
            .replace("{ env: TEST_TOKEN }", &format!("{{ file: '{path}' }}"))
    };
    let emulated = |keys: &str| {
        format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', {keys} }} }}\ndefaults: {{ \
             owner: me }}\nsolutions:\n{SOLUTIONS}"
        )
    };
    let with = |keys: &str| manifest_with(&server.url(), keys, "", SOLUTIONS);
    for text in [
        token(named),
        token("link"),
        token("../../../../../../../../etc/hostname"),
        token("/proc/self/environ"),
        emulated(&format!("emulator: {{ seed: '{named}' }}")),
        emulated("emulator: { seed: link }"),
        with(&format!("    ca_bundle: '{named}'\n")),
        with(&format!(
            "    client_cert: link\n    client_key: '{named}'\n"
        )),
        with(&format!("    store: '{folder}'\n")),
        with("    store: linked-folder/x\n"),
        emulated(&format!("store: '{folder}'")),
    ] {
        let mut env = restricted(&port_of(&server), &text);
        env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN");
        std::os::unix::fs::symlink(&secret, env.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), env.path().join("linked-folder")).unwrap();
        let output = env.solform(&["apply", "--auto-approve"]);
        is_denied(output, "SOLFORM_ALLOWED_PATHS", &[]);
        assert!(!outside.path().join("store").exists());
        assert!(!outside.path().join("x").exists());
    }
    assert!(server.requests().is_empty());
    // Allowed paths, and paths inside the working tree.
    for (text, paths) in [
        (token(named), outside.path().to_str().unwrap()),
        (token(named), named),
        (token("inside"), ""),
    ] {
        let mut env = restricted(&port_of(&server), &text);
        env.set("SOLFORM_ALLOWED_PATHS", paths);
        env.write("inside", "a-token");
        let before = server.requests().len();
        let output = env.solform(&["plan"]);
        assert!(server.requests().len() > before, "{output}");
    }
    // A store named on the command line is not restricted.
    let mut env = restricted(&port_of(&server), &with(""));
    env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN");
    let output = env.solform(&["plan", "--store", folder]);
    assert!(!output.stderr.contains("SOLFORM_ALLOWED_PATHS"), "{output}");
}

#[test]
fn doctor_shows_what_is_allowed() {
    let mut env = restricted(
        "a.example, b.example:8443",
        &manifest("https://c.example", SOLUTIONS),
    );
    env.set("SOLFORM_ALLOWED_ENV", "DRIVE")
        .set("SOLFORM_ALLOWED_PATHS", "/opt/certs");
    let output = env
        .solform(&["doctor", "--env", "TEST_TOKEN"])
        .exits_with(1);
    for text in ["`a.example`,", "`DRIVE`, `TEST_TOKEN`", "/opt/certs"] {
        assert!(output.stdout.contains(text), "no `{text}` in\n{output}");
    }
}

/// A token whose form differs in each encoding.
const ODD_TOKEN: &str = "tok/en+42=Zx.9_-abcdefgh";

/// Returns the forms of the token that a server can echo in JSON: each is or contains the token,
/// encoded.
fn echoes() -> Vec<String> {
    let each = |encode: &dyn Fn(u32) -> String| -> String {
        ODD_TOKEN
            .chars()
            .map(|letter| encode(u32::from(letter)))
            .collect()
    };
    vec![
        ODD_TOKEN.to_owned(),
        ODD_TOKEN.replace('/', "\\/"),
        ODD_TOKEN.replace('/', "\\u002f").replace('+', "\\u002B"),
        each(&|code| format!("\\u{code:04x}")),
        ODD_TOKEN.replace('/', "&#x2F;").replace('+', "&#43;"),
        ODD_TOKEN
            .replace('/', "%2f")
            .replace('+', "%2B")
            .replace('=', "%3D"),
        ODD_TOKEN
            .replace('/', "%252F")
            .replace('+', "%252b")
            .replace('=', "%253d"),
        each(&|code| format!("{code:02x}")),
        each(&|code| format!("{code:02X}")),
        "dG9rL2VuKzQyPVp4LjlfLWFiY2RlZmdo".to_owned(),
        "eDp0b2svZW4rNDI9WnguOV8tYWJjZGVmZ2g=".to_owned(),
        ODD_TOKEN[..20].to_owned(),
    ]
}

/// Returns the first part of the token, in any encoding, that the text contains.
fn leaked_part(text: &str) -> Option<String> {
    let plain = text.replace("\\/", "/");
    let parts = [
        "tok/en",
        "tok%2",
        "tok&#",
        "\\u0074\\u006f",
        "746f6b2f656e",
        "746F6B2F656E",
        "tok\\u002",
        "dG9rL2VuKzQy",
        "b2svZW4rNDI9",
    ];
    parts
        .into_iter()
        .find(|part| plain.contains(part) || text.contains(part))
        .map(str::to_owned)
}

#[track_caller]
fn assert_no_leak(env: &TestEnv, output: &CommandOutput, echo: &str) {
    for text in [&output.stdout, &output.stderr] {
        assert_eq!(leaked_part(text), None, "{echo}\n{output}");
    }
    let mut open = vec![env.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert_eq!(leaked_part(&text), None, "{echo} in {}", path.display());
            }
        }
    }
}

/// Covers each text of a server that can hold the token, and each command that prints it.
#[test]
fn echoed_tokens_are_redacted() {
    std::thread::scope(|scope| {
        for echo in echoes() {
            scope.spawn(move || check_echo(&echo));
        }
    });
}

/// Asserts that no output and no file holds the token if answers hold this echo of it.
fn check_echo(echo: &str) {
    let record = format!(
        "{{\"id\":\"id-{echo}\",\"name\":\"{echo}\",\"version\":\"{echo}\",\"owner\":\"svc\",\
         \"author\":\"{echo}\",\"state\":\"ACTIVE\",\"solution_path\":\"{echo}\",\
         \"created_at_ms\":1}},\
         {{\"id\":\"2\",\"name\":\"A\",\"version\":\"0.{echo}\",\"owner\":\"svc\",\
         \"state\":\"{echo}\",\"created_at_ms\":1}}"
    );
    let list = format!("{{\"solutions\":[{record}],\"has_more\":false,\"next_offset\":2}}");
    let long = format!("{}{echo}", "-".repeat(195));
    let message = |text: &str| format!("{{\"message\":\"{text}\"}}");
    let page = format!("<html><title>{echo}</title>");
    let with_header = |text: &str| {
        text.replacen(
            "\r\n",
            &format!("\r\nx-request-id: {echo}\r\nlocation: /x/{echo}\r\n"),
            1,
        )
    };
    for server_text in [
        answer("200 OK", "application/json", &list),
        answer("400 Bad Request", "application/json", &message(echo)),
        answer("400 Bad Request", "application/json", &message(&long)),
        answer("403 Forbidden", "text/html", &page),
        answer("302 Found", "text/html", &page),
        answer("200 OK", "application/json", &message(echo)),
        answer(
            "200 OK",
            "application/json",
            &format!("{{\"status\":\"ERROR\",\"msg\":\"{echo}\"}}"),
        ),
    ] {
        let server = RawServer::saying(&with_header(&server_text));
        let text = manifest_with(
            &server.url(),
            "",
            "manage: { names: ['*'], undeclared: deactivate }\n",
            "  A: { version: 1, state: ABSENT }\n",
        );
        let mut env = env_with(&text);
        env.set("TEST_TOKEN", ODD_TOKEN).set("SOLFORM_LOG", "debug");
        let is_list = server_text.contains("has_more");
        for command in [
            &["list"][..],
            &[
                "plan",
                "--out",
                "a.plan",
                "--output",
                "json=a.json",
                "--output",
                "markdown=a.md",
            ],
            &["plan", "--json"],
            &["apply", "--auto-approve"],
        ]
        .into_iter()
        .take(if is_list { 4 } else { 1 })
        {
            let output = env.solform(command);
            assert_no_leak(&env, &output, echo);
        }
    }
}

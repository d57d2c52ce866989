//! The completion of half-typed lines, as shells ask for it.

use crate::support::TestEnv;
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{TOKEN, Version, env_with, manifest, manifest_with, seed, start};

const DECLARED: &str = "  Form W-2: { version: 0.0.2, path: d/r/fs/x/W-2.ibsolution }\n";

/// Runs the program as a shell does, and returns the candidates. Nothing else is printed.
async fn answer(env: &TestEnv, shell: &str, words: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["--"].iter().chain(words).copied().collect();
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    command.env("SOLFORM_COMPLETE", shell);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
    let candidates = text.lines().map(|line| line.split('\t').next().unwrap());
    candidates.map(str::to_owned).collect()
}

/// Returns the candidates for the last of these words, without options.
async fn values(env: &TestEnv, words: &[&str]) -> Vec<String> {
    let mut found = answer(env, "fish", words).await;
    found.retain(|candidate| !candidate.starts_with('-'));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_completed_from_all_sources() {
    let live = [
        Version::active("Form W-2", "0.0.1"),
        Version::active("B", "7"),
    ];
    let emulator = start(seed(&live, &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), DECLARED));
    std::fs::create_dir(env.path().join("sub")).unwrap();
    let all = ["Form W-2@0.0.2", "B@7", "Form W-2@0.0.1"];
    for (words, expected) in [
        (&["plan", "-e", ""][..], &["test"][..]),
        (&["plan", "--environment=t"], &[]),
        (&["promote", "--from", ""], &["test"]),
        (&["plan", "-target", ""], &["Form W-2@0.0.2"]),
        (&["revoke", "Form"], &["Form W-2@0.0.2"]),
        (&["get", "-e", "test", ""], &all),
        (&["get", "B"], &["B@7"]),
        (&["plan", "--replace", "B"], &["B@7"]),
        (&["list", "--name", ""], &["Form W-2", "B"]),
        (&["run", "--name", "B"], &["B"]),
        (&["get", "-f", "no-such.yaml", ""], &[]),
        (&["get", "-e", "no-such", ""], &[]),
        (&["get", "-f", "-", ""], &[]),
        (
            &["--chdir", "sub", "get", "-f", "../solform.yaml", "B"],
            &["B@7"],
        ),
        (&["--chdir", "no-such", "get", ""], &[]),
        (&["explain", "bad-ur"], &["bad-url"]),
        (&["rollback", ""], &[]),
    ] {
        let words: Vec<&str> = ["solform"].iter().chain(words).copied().collect();
        assert_eq!(values(&env, &words).await, expected, "{words:?}");
    }
    let options = answer(&env, "fish", &["solform", "plan", "--environment=t"]).await;
    assert_eq!(options, ["--environment=test"]);
    assert!(!env.path().join(".solform").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn applies_are_completed_from_a_local_store() {
    let packages = [Version::active("Form W-2", "0.0.2")];
    let emulator = start(seed(&[], &packages), &[]).await;
    let solutions =
        "  Form W-2: { version: 0.0.2, path: \"${drive}/Form W-2-0.0.2.ibsolution\" }\n";
    let mut env = env_with(&manifest(&emulator.url(), solutions));
    let _ = env.solform_beside(&["apply", "--auto-approve"]).await;
    let ids = values(&env, &["solform", "rollback", ""]).await;
    assert_eq!(ids.len(), 1, "{ids:?}");
    for words in [&["abandon", "--apply", ""][..], &["history", "show", ""]] {
        let words: Vec<&str> = ["solform"].iter().chain(words).copied().collect();
        assert_eq!(values(&env, &words).await, ids, "{words:?}");
    }
    env.set("SOLFORM_STORE", "s3://bucket/prefix");
    assert_eq!(values(&env, &["solform", "rollback", ""]).await, [""; 0]);
}

/// bash replaces only what is behind the last `@` or `:`, and inserts a candidate as it is.
#[tokio::test(flavor = "multi_thread")]
async fn candidates_for_bash_are_quoted() {
    let env = env_with(&manifest("http://127.0.0.1:1", DECLARED));
    for (line, replaced, expected) in [
        ("solform revoke ", "", r"Form\ W-2@0.0.2"),
        (r"solform revoke Form\ W", r"Form\ W", r"Form\ W-2@0.0.2"),
        (r"solform revoke Form\ W-2@0", "@0", "@0.0.2"),
        (r"solform revoke Form\ W-2@0", "0", "0.0.2"),
        ("solform revoke 'Form W", "Form W", "Form W-2@0.0.2"),
        ("solform revoke \"Form W", "Form W", "Form W-2@0.0.2"),
        ("solform plan --target=F", "F", r"Form\ W-2@0.0.2"),
    ] {
        let mut found = answer(&env, "bash", &[line, replaced]).await;
        found.retain(|candidate| !candidate.starts_with('-'));
        assert_eq!(found, [expected], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_read_as_each_shell_gives_them() {
    let mut env = env_with(&manifest("http://127.0.0.1:1", DECLARED));
    env.set("_CLAP_COMPLETE_INDEX", "2");
    for (shell, typed) in [
        ("zsh", r"Form\ W"),
        ("zsh", "'Form W"),
        ("fish", r"Form\ W"),
        ("fish", "\"Form W"),
        ("elvish", "Form W"),
        ("powershell", "Form W"),
    ] {
        let found = answer(&env, shell, &["solform", "revoke", typed]).await;
        assert_eq!(found, ["Form W-2@0.0.2"], "{shell}: {typed}");
    }
}

/// A prompt must never wait for a server, or show why there is no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_ends_the_completion() {
    let silent = Scripted::start(|_| Reply::never()).await;
    let env = env_with(&manifest(silent.url.as_str(), DECLARED));
    assert_eq!(
        values(&env, &["solform", "get", ""]).await,
        ["Form W-2@0.0.2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_runs_and_no_other_host_is_asked() {
    let emulator = start(seed(&[Version::active("B", "7")], &[]), &[]).await;
    let url = emulator.url();
    let mut env = env_with(&manifest(&url, DECLARED));
    let get = ["solform", "get", ""];
    env.set("SOLFORM_ALLOWED_ENV", "TEST_TOKEN");
    env.set("SOLFORM_ALLOWED_HOSTS", "other.example");
    assert_eq!(values(&env, &get).await, ["Form W-2@0.0.2"]);
    let program = manifest_with(&url, "", "", DECLARED);
    let program = program.replace("{ env: TEST_TOKEN }", "{ command: [touch, ran] }");
    let env = env_with(&program);
    assert_eq!(values(&env, &get).await, ["Form W-2@0.0.2"]);
    assert!(!env.path().join("ran").exists());
    assert!(emulator.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_emulators_stay_as_they_are() {
    let env = TestEnv::new();
    for file in ["solform.yaml", "emulator.yaml"] {
        let text = std::fs::read_to_string(format!("examples/quickstart/{file}")).unwrap();
        env.write(file, &text);
    }
    let get = ["solform", "get", ""];
    assert!(!values(&env, &get).await.is_empty());
    assert!(!env.path().join(".solform").exists());
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let world = env.path().join(".solform/emulator");
    let world = std::fs::read_dir(world)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = || std::fs::read(world.join("world.redb")).unwrap();
    let unchanged = bytes();
    let newer = env.read("solform.yaml").replace("0.0.1", "0.0.2");
    env.write("solform.yaml", &newer);
    let found = values(&env, &get).await;
    assert!(found.contains(&"Form W-2@0.0.1".to_owned()), "{found:?}");
    assert_eq!(bytes(), unchanged);
}

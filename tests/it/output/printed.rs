//! Printed commands: each works as printed, and no command that would fail is printed.

use std::process::Command;

use crate::support::worlds::{TOKEN, Version, manifest, manifest_with, seed, start};
use crate::support::{CommandOutput, TestEnv};

/// Executes a printed command in a shell.
async fn execute(env: &TestEnv, printed: &str) -> CommandOutput {
    let rest = printed.strip_prefix("solform ").expect("a solform command");
    let program = env!("CARGO_BIN_EXE_solform");
    let command = format!("'{program}' {rest}");
    let mut shell: Command = env.command("sh", &["-c", &command]);
    tokio::task::spawn_blocking(move || CommandOutput::new(shell.output().unwrap()))
        .await
        .unwrap()
}

/// Returns the command between the mark and the end of the line.
fn command_after<'t>(text: &'t str, mark: &str) -> &'t str {
    let rest = text.split_once(mark).map(|(_, rest)| rest);
    let rest = rest.unwrap_or_else(|| panic!("no `{mark}` in\n{text}"));
    rest.lines().next().unwrap()
}

/// Returns the solform commands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    let marked = text.split('`').skip(1).step_by(2);
    marked.filter(|text| text.starts_with("solform ")).collect()
}

const SOLUTIONS: &str = "  A: { version: 1, state: INACTIVE }\n";

/// Creates a folder whose manifest is not at the default path.
fn elsewhere(url: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.set("TEST_TOKEN", TOKEN);
    let text = manifest(url, SOLUTIONS);
    // A second environment, so that one must be named.
    let text = text.replace(
        "defaults:",
        "  other: { url: 'http://127.0.0.1:1', token: { env: TEST_TOKEN } }\ndefaults:",
    );
    env.write("a folder/it's one.yaml", &text);
    env
}

const WHERE: [&str; 6] = ["--chdir", "a folder", "-f", "it's one.yaml", "-e", "test"];

async fn solform(env: &TestEnv, words: &[&str]) -> CommandOutput {
    let (verb, rest) = words.split_first().unwrap();
    let mut all = vec![*verb];
    all.extend(WHERE);
    all.extend(rest);
    env.solform_beside(&all).await
}

/// The next command of a saved plan finds the manifest, the environment and the plan.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_command_of_a_plan_works_as_printed() {
    for file in ["the plan", "-o", "it's"] {
        let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
        let env = elsewhere(&emulator.url());
        let out = format!("--out={file}");
        let output = solform(&env, &["plan", &out]).await.exits_with(0);
        let next = command_after(&output.stdout, "Next: ").to_owned();
        let _ = execute(&env, &next)
            .await
            .exits_with(0)
            .says("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.");
    }
}

/// The printed command also works if `SOLFORM_CLI_ARGS` has the same options.
#[tokio::test(flavor = "multi_thread")]
async fn printed_commands_work_with_cli_args() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let mut env = elsewhere(&emulator.url());
    env.set(
        "SOLFORM_CLI_ARGS",
        "--chdir 'a folder' -f \"it's one.yaml\" -e test",
    );
    let output = env
        .solform_beside(&["plan", "--out", "p"])
        .await
        .exits_with(0);
    let next = command_after(&output.stdout, "Next: ").to_owned();
    let _ = execute(&env, &next)
        .await
        .exits_with(0)
        .says("Apply complete!");
}

/// A plan that apply would refuse has no next command, in the text and in the stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_plan_names_no_next_command() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = TestEnv::new();
    let protect = "    protect: ['A@*']\n";
    let mut env = env;
    env.set("TEST_TOKEN", TOKEN);
    env.write(
        "solform.yaml",
        &manifest_with(
            &emulator.url(),
            protect,
            "",
            "  A: { version: 1, state: ABSENT }\n",
        ),
    );
    for arguments in [
        &["plan", "--out", "p", "--detailed-exitcode"][..],
        &["plan", "--out", "p", "--detailed-exitcode", "--json"],
    ] {
        let output = env.solform_beside(arguments).await.exits_with(4);
        assert!(output.stdout.contains("It cannot be applied."), "{output}");
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(!all.contains("solform apply"), "{output}");
        assert!(!all.contains("Next:"), "{output}");
    }
}

/// Commands in the help of errors name the manifest, the environment and the store that the user
/// gave.
#[tokio::test(flavor = "multi_thread")]
async fn commands_in_help_texts_work_as_printed() {
    let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
    let env = elsewhere(&emulator.url());
    for (words, commands) in [
        (&["get", "No such@1"][..], 1),
        (&["history", "--store", "my store", "show", "none"], 1),
        (&["apply", "--store", "my store"], 1),
    ] {
        let output = solform(&env, words).await.exits_with(1);
        let printed = quoted(&output.stderr);
        assert_eq!(printed.len(), commands, "{output}");
        for command in printed {
            for word in ["'a folder'", "-e test"] {
                assert!(command.contains(word), "{command}");
            }
            assert_eq!(
                command.contains("'my store'"),
                words.contains(&"my store") && !command.contains("plan --out FILE --store"),
                "{command}"
            );
            let _ = execute(&env, command).await.exits_with(0);
        }
    }
    // The stream holds such a command too.
    let output = solform(&env, &["apply", "--json"]).await.exits_with(1);
    assert!(
        output
            .stdout
            .contains("solform --chdir 'a folder' plan --file "),
        "{output}"
    );
}

/// The command that saves a plan to approve it makes the plan that was not approved.
#[tokio::test(flavor = "multi_thread")]
async fn the_plan_to_approve_is_the_same_plan() {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let emulator = start(seed(&live, &[]), &[]).await;
    for stream in [&[][..], &["--json"]] {
        let env = elsewhere(&emulator.url());
        let file = "a folder/it's one.yaml";
        let entries = format!("{SOLUTIONS}  B: {{ version: 1 }}\n");
        env.write(file, &env.read(file).replace(SOLUTIONS, &entries));
        let refused = ["destroy", "--target", "A@1", "--allow-destroy", "1"];
        let output = solform(&env, &[&refused[..], stream].concat())
            .await
            .exits_with(1);
        // The stream escapes quotes.
        let all = format!("{}{}", output.stdout, output.stderr).replace("\\\"", "\"");
        let _ = execute(&env, quoted(&all)[0])
            .await
            .exits_with(0)
            .says("Plan: 0 to add, 0 to change, 1 to destroy.");
    }
}

/// The command that clears an orphaned record works as printed, in the text and in Markdown.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_for_an_orphan_works_as_printed() {
    for format in ["text", "markdown", "github", "report", "list"] {
        let emulator = start(seed(&[], &[Version::active("A b", "1")]), &[]).await;
        emulator.add_fault("operation=deploy,times=1,job=leave_record".parse().unwrap());
        let env = elsewhere(&emulator.url());
        let path = "path: '${drive}/${name}-${version}.ibsolution'";
        let file = "a folder/it's one.yaml";
        let entry = format!("  A b: {{ version: 1, {path} }}\n");
        env.write(file, &env.read(file).replace(SOLUTIONS, &entry));
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        let _ = solform(&env, &apply).await.exits_with(5);
        let output = match format {
            "report" => solform(&env, &apply).await.exits_with(5),
            "list" => solform(&env, &["list"]).await.exits_with(0),
            _ => {
                let plan = ["plan", "--detailed-exitcode", "--format", format];
                solform(&env, &plan).await.exits_with(5)
            }
        };
        let all = format!("{}{}", output.stdout, output.stderr);
        let commands = quoted(&all);
        let abandon = commands.iter().find(|text| text.contains(" abandon "));
        let abandon = abandon.unwrap_or_else(|| panic!("{format}: no command in\n{output}"));
        let _ = execute(&env, &format!("{abandon} --auto-approve"))
            .await
            .exits_with(0)
            .says("Abandoned.");
    }
}

/// The command that checks another environment finds the manifest, and keeps that environment.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_a_source_environment_works_as_printed() {
    let emulator = start(seed(&[], &[]), &[]).await;
    for name in ["uat", "it's uat", "-uat"] {
        let env = elsewhere(&emulator.url());
        let path = "a folder/it's one.yaml";
        let source = format!("source: {{ environment: \"{name}\" }}, path: p.ibsolution");
        let other = format!("  \"{name}\": {{ url: 'ftp://x' }}\ndefaults:");
        let text = env.read(path).replace("defaults:", &other);
        env.write(path, &text.replace("state: INACTIVE", &source));
        let output = solform(&env, &["plan"]).await.exits_with(1);
        let output = output.warns("has problems, and cannot be a source");
        let [command] = quoted(&output.stderr)[..] else {
            panic!("{output}");
        };
        let checked = execute(&env, command).await.exits_with(1);
        let _ = checked.warns("ftp://x");
        let json = solform(&env, &["plan", "--json"]).await.exits_with(1);
        let command = serde_json::to_string(command).unwrap();
        assert!(json.stdout.contains(command.trim_matches('"')), "{json}");
    }
}

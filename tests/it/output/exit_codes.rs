//! Exit codes: each command and outcome against the table of the README, with and without
//! `--detailed-exitcode`. With `--json`, standard output must conform to its schema.
//!
//! 7 is for a verification after an apply, which no command does yet. The tests of the terminal
//! cover declined questions, and the tests of the streams cover second signals.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use jsonschema::Validator;
use serde_json::Value;
use solform_emulator::{Emulator, JobPace};

use super::streams::{assert_valid, interrupted, lines_of, stream, validator};
use crate::durable::{at_work, finish_all};
use crate::support::worlds::{DRIVE, Version, env_with, manifest_with, seed, start_with};
use crate::support::{CommandOutput, TestEnv};

/// The environment in which a command is executed. Each manifest has a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    /// No manifest and no server.
    Empty,
    /// Everything is as declared, and there is a saved plan without changes.
    Quiet,
    /// The manifest deploys a version and deactivates another, and there is a saved plan for it.
    Change,
    /// `Change`, with a manifest that changed after the plan.
    Stale,
    /// `Change`, and the version that the plan deactivates was deleted after the plan.
    Moved,
    /// The version that the manifest deletes is protected.
    Blocked,
    /// Every job fails.
    Failing,
    /// No job ends.
    Stuck,
    /// No version of the manifest is live.
    Bare,
    /// The token is wrong.
    WrongToken,
    /// The manifest has a problem.
    Problem,
}

const DOUBTFUL: &str =
    "  Twin: { versions: { '1.0': { state: ABSENT }, '1.0.0': { state: ABSENT } } }\n";
const NEXT: &str = "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n";
const SAME: &str = "  A: { version: 1 }\n";

async fn build(world: World, has_plan: bool) -> (Option<Emulator>, TestEnv) {
    if world == World::Empty {
        return (None, TestEnv::new());
    }
    let live = Version::active("A", "1");
    let live: &[Version<'_>] = if world == World::Bare { &[] } else { &[live] };
    let pace = match world {
        World::Stuck => JobPace::Never,
        _ => JobPace::Polls(1),
    };
    let packages = [Version::active("A", "2")];
    let knobs = ["run_missing_input=accepted"];
    let emulator = start_with(seed(live, &packages), &knobs, pace).await;
    let (environment, solutions) = match world {
        World::Quiet => ("", SAME),
        World::Blocked => (
            "    protect: [\"A@*\"]\n",
            "  A: { version: 1, state: ABSENT }\n",
        ),
        World::Bare => ("", "  A: { version: 1, state: ABSENT }\n"),
        _ => ("", NEXT),
    };
    let text = manifest_with(
        &emulator.url(),
        environment,
        "",
        &format!("{solutions}{DOUBTFUL}"),
    );
    let text = match world {
        World::Stuck => text.replace("deploy: 20s", "deploy: 1s"),
        _ => text,
    };
    let mut env = env_with(&text);
    if has_plan {
        let plan = ["plan", "--out", "the.plan"];
        let _ = env.solform_beside(&plan).await.exits_with(0);
    }
    match world {
        World::Stale => {
            env.write("solform.yaml", &text.replace(NEXT, SAME));
        }
        World::Moved => {
            let away = text.replace(NEXT, "  A: { version: 1, state: ABSENT }\n");
            let other = env_with(&away);
            let _ = other
                .solform_beside(&["apply", "--auto-approve"])
                .await
                .exits_with(0);
        }
        World::Failing => {
            emulator.add_fault("operation=deploy,job=fail".parse().unwrap());
            emulator.add_fault("operation=run_solution,job=fail".parse().unwrap());
        }
        World::WrongToken => {
            env.set("TEST_TOKEN", "a-wrong-token-that-nobody-sees");
        }
        World::Problem => {
            env.write("solform.yaml", &text.replace("solutions:", "solution:"));
        }
        _ => {}
    }
    env.write("base.yaml", &text.replace(NEXT, SAME));
    env.write("damaged.plan", "{ \"format_version\": \"1.0\" }");
    (Some(emulator), env)
}

/// The content of standard output with `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Json {
    /// The command has no such option.
    No,
    /// An event stream: one object per line.
    Stream,
    /// A document of this schema; empty if the command failed.
    Document(&'static str),
}

struct Row {
    world: World,
    arguments: Vec<&'static str>,
    /// The code with `--detailed-exitcode`, if the command has that option.
    code: i32,
    json: Json,
}

const DETAILED: [&str; 9] = [
    "plan", "apply", "destroy", "rollback", "show", "review", "run", "job", "promote",
];

impl Row {
    fn command(&self) -> &'static str {
        self.arguments[0]
    }

    fn has_details(&self) -> bool {
        DETAILED.contains(&self.command())
    }

    /// Returns the code without `--detailed-exitcode`.
    fn plain_code(&self) -> i32 {
        i32::from(![0, 2].contains(&self.code))
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn rows() -> Vec<Row> {
    use World::{
        Bare, Blocked, Change, Empty, Failing, Moved, Problem, Quiet, Stale, Stuck, WrongToken,
    };
    let mut rows = Vec::new();
    let mut add = |json: Json, arguments: &'static str, codes: &[(World, i32)]| {
        for (world, code) in codes {
            let words = shlex::split(arguments).unwrap().into_iter();
            // The words are leaked to outlive this function; the table is built once.
            let words = words.map(|word| &*word.replace("DRIVE", DRIVE).leak());
            rows.push(Row {
                world: *world,
                arguments: words.collect(),
                code: *code,
                json,
            });
        }
    };
    let document = Json::Document;
    add(Json::No, "init", &[(Empty, 0), (Quiet, 1)]);
    add(
        Json::No,
        "explain bad-url",
        &[(Quiet, 0), (Problem, 0), (Empty, 0)],
    );
    add(
        Json::No,
        "fmt --check",
        &[(Change, 0), (Problem, 0), (Empty, 1)],
    );
    add(
        Json::No,
        "validate",
        &[
            (Quiet, 0),
            (Change, 0),
            (WrongToken, 0),
            (Problem, 1),
            (Empty, 1),
        ],
    );
    add(
        Json::Stream,
        "plan",
        &[
            (Quiet, 0),
            (Change, 2),
            (Stuck, 2),
            (Blocked, 4),
            (WrongToken, 1),
            (Problem, 1),
            (Empty, 1),
        ],
    );
    add(Json::Stream, "plan --target Nobody", &[(Change, 1)]);
    add(Json::Stream, "plan --out no-folder/p", &[(Change, 1)]);
    add(
        Json::Stream,
        "apply --auto-approve",
        &[
            (Quiet, 0),
            (Change, 2),
            (Blocked, 4),
            (Failing, 5),
            (Stuck, 6),
            (WrongToken, 1),
            (Problem, 1),
            (Empty, 1),
        ],
    );
    add(Json::Stream, "apply", &[(Change, 1)]);
    add(
        Json::Stream,
        "apply the.plan",
        &[
            (Quiet, 0),
            (Change, 2),
            (Stale, 3),
            (Moved, 3),
            (Failing, 5),
        ],
    );
    add(Json::Stream, "apply damaged.plan", &[(Change, 3)]);
    add(Json::Stream, "apply no.plan", &[(Change, 1)]);
    add(Json::Stream, "apply --resume", &[(Change, 0)]);
    add(
        Json::Stream,
        "destroy --auto-approve",
        &[
            (Quiet, 2),
            (Bare, 0),
            (Blocked, 4),
            (WrongToken, 1),
            (Empty, 1),
        ],
    );
    add(Json::Stream, "destroy", &[(Quiet, 1)]);
    add(Json::Stream, "watch", &[(Problem, 1), (Empty, 1)]);
    // Nothing was applied yet.
    add(
        Json::Stream,
        "rollback --auto-approve",
        &[(Quiet, 1), (Problem, 1), (Empty, 1)],
    );
    add(Json::Stream, "rollback --plan-only", &[(Quiet, 1)]);
    add(Json::Stream, "rollback", &[(Quiet, 1)]);
    add(Json::Stream, "rollback the.plan", &[(Change, 3)]);
    add(Json::Stream, "rollback damaged.plan", &[(Change, 3)]);
    add(Json::Stream, "rollback no.plan", &[(Change, 1)]);
    add(
        document("plan"),
        "show the.plan",
        &[(Quiet, 0), (Change, 2)],
    );
    add(document("plan"), "show damaged.plan", &[(Change, 3)]);
    add(document("plan"), "show no.plan", &[(Change, 1)]);
    add(
        document("review"),
        "review --base base.yaml",
        &[(Quiet, 0), (Change, 2), (WrongToken, 2), (Problem, 1)],
    );
    add(
        document("review"),
        "review --base no-base.yaml",
        &[(Quiet, 1)],
    );
    // Each manifest has one environment.
    add(
        document("promotion"),
        "promote --from test --to prod",
        &[(Quiet, 1), (Empty, 1)],
    );
    add(
        document("promotion"),
        "promote --from test --to test",
        &[(Quiet, 1)],
    );
    add(
        Json::No,
        "export",
        &[(Quiet, 0), (Bare, 0), (WrongToken, 1), (Problem, 1)],
    );
    add(
        document("doctor"),
        "doctor",
        &[
            (Quiet, 0),
            (Change, 0),
            (WrongToken, 1),
            (Problem, 1),
            (Empty, 1),
        ],
    );
    add(
        document("solutions"),
        "list",
        &[(Quiet, 0), (Bare, 0), (WrongToken, 1), (Problem, 1)],
    );
    add(
        document("solutions"),
        "get A@1",
        &[(Quiet, 0), (Bare, 1), (WrongToken, 1)],
    );
    add(
        document("job"),
        "run A@1 --job-id r --input-dir 'DRIVE/in'",
        &[(Quiet, 0), (Bare, 1), (WrongToken, 1)],
    );
    add(
        document("job"),
        "run A@1 --job-id r --input-dir 'DRIVE/in' --wait",
        &[(Quiet, 0), (Failing, 5)],
    );
    add(
        document("job"),
        "run A@1 --job-id r --input-dir 'DRIVE/in' --wait --timeout 300ms",
        &[(Stuck, 6)],
    );
    add(document("runs"), "jobs", &[(Quiet, 0), (WrongToken, 1)]);
    add(
        document("job"),
        "job unknown",
        &[(Quiet, 6), (WrongToken, 1)],
    );
    add(
        document("history"),
        "history",
        &[(Quiet, 0), (Problem, 1), (Empty, 1)],
    );
    add(
        document("apply-history"),
        "history show unknown",
        &[(Quiet, 1)],
    );
    add(
        document("abandon"),
        "abandon A@1 --apply unknown",
        &[(Quiet, 1), (WrongToken, 1)],
    );
    add(
        document("revoke"),
        "revoke A@1 --auto-approve",
        &[(Quiet, 1)],
    );
    add(
        document("package"),
        "package build none --out a.ibsolution",
        &[(Empty, 1)],
    );
    add(
        document("package"),
        "package inspect none.ibsolution",
        &[(Empty, 1)],
    );
    add(
        document("package-diff"),
        "package diff none.ibsolution none.ibsolution",
        &[(Empty, 1)],
    );
    add(
        document("package"),
        "package inspect -e test 'DRIVE/A-2.ibsolution'",
        &[(Quiet, 0), (WrongToken, 1), (Problem, 1), (Empty, 1)],
    );
    add(Json::No, "force-unlock unknown", &[(Quiet, 1), (Empty, 1)]);
    add(Json::No, "schema plan", &[(Empty, 0)]);
    add(Json::No, "schema nonsense", &[(Empty, 1)]);
    add(Json::No, "emulator --openapi", &[(Empty, 0)]);
    add(Json::No, "emulator --knob nonsense", &[(Empty, 1)]);
    add(Json::No, "completions bash", &[(Empty, 0)]);
    add(Json::No, "completions nonsense", &[(Empty, 1)]);
    add(Json::No, "man", &[(Empty, 0)]);
    add(Json::No, "man apply", &[(Empty, 0)]);
    add(Json::No, "man nonsense", &[(Empty, 1)]);
    for usage in ["plan --nonsense", "apply --lock=perhaps", "nonsense"] {
        add(Json::No, usage, &[(Empty, 1)]);
    }
    rows
}

/// Asserts that standard output has the content that the row declares for `--json`.
fn assert_json(validators: &BTreeMap<&str, Validator>, row: &Row, output: &CommandOutput) {
    match row.json {
        Json::No => {}
        Json::Stream => {
            let lines = lines_of(&output.stdout);
            for line in &lines {
                assert_valid(&validators["events"], line);
            }
            let kind = |line: &&Value| line["diagnostic"]["severity"] == "error";
            // An error that ends the command is the last line.
            if output.stderr.contains("Error: ") {
                assert!(lines.last().iter().all(kind), "{output}");
            } else {
                assert!(!lines.iter().any(|line| kind(&line)), "{output}");
            }
        }
        Json::Document(schema) => {
            if output.stdout.is_empty() {
                assert_ne!(output.code(), 0, "{output}");
                return;
            }
            let document: Value = serde_json::from_str(&output.stdout).unwrap();
            assert_valid(&validators[schema], &document);
        }
    }
}

/// Executes a command in a fresh environment, and asserts the expectations of its row.
async fn assert_row(
    row: &Row,
    is_json: bool,
    is_detailed: bool,
    validators: &BTreeMap<&str, Validator>,
) {
    let (_emulator, env) = build(row.world, row.arguments.contains(&"the.plan")).await;
    let mut arguments = row.arguments.clone();
    if is_json {
        arguments.push("--json");
    }
    if is_detailed {
        arguments.push("--detailed-exitcode");
    }
    let output = env.solform_beside(&arguments).await;
    let expected = if is_detailed {
        row.code
    } else {
        row.plain_code()
    };
    let world = row.world;
    assert_eq!(
        output.code(),
        expected,
        "{world:?}: {arguments:?}\n{output}"
    );
    if is_json {
        assert_json(validators, row, &output);
    }
    if row.code == 1 {
        assert!(output.stderr.contains("Error: "), "{arguments:?}\n{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_and_outcome_has_its_exit_code() {
    let rows = rows();
    let schemas = TestEnv::new();
    let validators: BTreeMap<&str, Validator> = rows
        .iter()
        .filter_map(|row| match row.json {
            Json::No => None,
            Json::Stream => Some("events"),
            Json::Document(schema) => Some(schema),
        })
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .map(|schema| (schema, validator(&schemas, schema)))
        .collect();
    let runs = rows.iter().flat_map(|row| {
        let json = [false, true].into_iter();
        let json = json.filter(|is_json| !is_json || row.json != Json::No);
        let details = |is_json| {
            let details = [false, true].into_iter();
            let details = details.filter(|is_detailed| !is_detailed || row.has_details());
            details.map(move |is_detailed| (row, is_json, is_detailed))
        };
        json.flat_map(details).collect::<Vec<_>>()
    });
    // The commands spend most of their time waiting.
    futures_util::stream::iter(runs)
        .map(|(row, is_json, is_detailed)| assert_row(row, is_json, is_detailed, &validators))
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
    // The commands come from the help of the program, so that a new one needs a row.
    let help = TestEnv::new().solform(&["--help"]).exits_with(0).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: BTreeSet<&str> = commands
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    let covered: BTreeSet<&str> = rows.iter().map(Row::command).collect();
    let missing: Vec<&&str> = commands.difference(&covered).collect();
    assert!(missing.is_empty(), "no rows for {missing:?}");
    // Each possible code is in the table or in the tests below.
    let codes: BTreeSet<i32> = rows.iter().map(|row| row.code).collect();
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3, 4, 5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_lock_exits_with_9() {
    let world = seed(&[Version::active("A", "1")], &[Version::active("A", "2")]);
    let emulator = start_with(world, &[], JobPace::Manual).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "",
        "",
        &format!("{NEXT}{DOUBTFUL}"),
    ));
    let holder = env.command(env!("CARGO_BIN_EXE_solform"), &["apply", "--auto-approve"]);
    let mut holder = at_work(holder, 1).await;
    for command in ["apply", "destroy"] {
        for json in [&[][..], &["--json"]] {
            let plain = [&[command, "--auto-approve"], json].concat();
            let _ = env.solform_beside(&plain).await.exits_with(1);
            let detailed = [&plain[..], &["--detailed-exitcode"]].concat();
            let output = env.solform_beside(&detailed).await.exits_with(9);
            if !json.is_empty() {
                assert!(!stream(&env, &output).is_empty());
            }
        }
    }
    // Other commands take no lock, and report jobs that are in flight.
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(6);
    let output = env.solform_beside(&["apply", "--auto-approve"]).await;
    let (_, rest) = output.stderr.split_once("solform force-unlock ").unwrap();
    let id = rest.split_whitespace().next().unwrap();
    let _ = env
        .solform_beside(&["force-unlock", id])
        .await
        .exits_with(0);
    finish_all(&emulator);
    let ended = tokio::task::spawn_blocking(move || holder.wait().unwrap());
    let _ = ended.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_apply_exits_with_8() {
    for (more, code) in [
        (&[][..], 1),
        (&["--detailed-exitcode"], 8),
        (&["--json", "--detailed-exitcode"], 8),
    ] {
        let world = seed(&[], &[Version::active("A", "2")]);
        let emulator = start_with(world, &[], JobPace::Manual).await;
        let env = env_with(&manifest_with(
            &emulator.url(),
            "",
            "",
            &format!("{NEXT}{DOUBTFUL}"),
        ));
        let arguments = [&["apply", "--auto-approve"], more].concat();
        let (ended, text) = interrupted(&emulator, &env, &arguments).await;
        assert_eq!(ended, Some(code), "{text}");
        if more.contains(&"--json") {
            assert!(!lines_of(&text).is_empty());
        }
    }
}

//! The apply of several environments: in the order of the manifest, one after another, with one
//! approval, and stopped by the first failure.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::Value;
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, JobPace, Operation, Seed};

use crate::durable::{at_work, finish_all};
use crate::output::streams::{assert_valid, stream, validator};
use crate::support::plan_file::PlanFile;
use crate::support::worlds::{
    DRIVE, Version, count, env_with, options, patch, seed, start, start_with,
};
use crate::support::{CommandOutput, TestEnv};

const NAMES: [&str; 3] = ["dev", "uat", "prod"];
const UPGRADE: &str = "  Form: { version: 2, path: '${drive}/Form-2.ibsolution' }\n";
const ALL: [&str; 4] = [
    "apply",
    "--all-environments",
    "--auto-approve",
    "--detailed-exitcode",
];

/// Returns a world in which `Form@1` is live, and `Form@2` can be deployed.
fn world() -> Seed {
    let packages = [Version::active("Form", "2")];
    seed(&[Version::active("Form", "1")], &packages)
}

/// Three environments with a server each.
struct Fleet {
    servers: Vec<Emulator>,
    env: TestEnv,
}

impl Fleet {
    async fn new() -> Self {
        Self::with(|_| "", UPGRADE).await
    }

    /// Starts servers; `more` returns more keys of an environment.
    async fn with(more: impl Fn(&str) -> &'static str, solutions: &str) -> Self {
        let mut servers = Vec::new();
        for _ in NAMES {
            servers.push(start(world(), &[]).await);
        }
        Self::of(servers, more, solutions)
    }

    fn of(servers: Vec<Emulator>, more: impl Fn(&str) -> &'static str, solutions: &str) -> Self {
        let text = manifest(&servers, more, solutions);
        Self {
            env: env_with(&text),
            servers,
        }
    }

    /// Returns the number of deploys of each server.
    fn deploys(&self) -> [usize; 3] {
        [0, 1, 2].map(|index: usize| count(&self.servers[index], Operation::Deploy))
    }

    /// Returns the number of requests of each server that may change something.
    fn writes(&self) -> usize {
        let requests = self.servers.iter().flat_map(Emulator::requests);
        requests.filter(|request| request.method != "GET").count()
    }

    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.env.solform_beside(arguments).await
    }

    /// Runs the command that the last line names.
    async fn run_next(&self, output: &CommandOutput, more: &[&str]) -> CommandOutput {
        let next = next_of(output);
        let words = shlex::split(&next).unwrap();
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        self.run(&[&words[..], more].concat()).await
    }
}

/// Returns the command in the last line.
fn next_of(output: &CommandOutput) -> String {
    let last = output.stdout.lines().last().unwrap_or_default();
    let next = last.strip_prefix("To go on, run: ");
    next.unwrap_or_else(|| panic!("no next command: {output}"))
        .to_owned()
}

fn manifest(servers: &[Emulator], more: impl Fn(&str) -> &'static str, solutions: &str) -> String {
    let mut text = String::from("solform: 1\nenvironments:\n");
    for (name, server) in NAMES.into_iter().zip(servers) {
        let (url, more) = (server.url(), more(name));
        let token = if more.contains("token:") {
            ""
        } else {
            "token: { env: TEST_TOKEN }, "
        };
        writeln!(
            text,
            "  {name}:\n    <<: {{ url: '{url}', user: svc, {token}{more} }}\n    \
             timeouts: {{ deploy: 20s, delete: 20s, propagation: 1s }}"
        )
        .unwrap();
    }
    write!(
        text,
        "vars: {{ drive: \"{DRIVE}\" }}\ndefaults: {{ owner: svc }}\nsolutions:\n{solutions}"
    )
    .unwrap();
    text
}

/// Returns the results of the environments in a document.
fn results(document: &Value) -> Vec<&str> {
    let environments = document["environments"].as_array().unwrap();
    let results = environments
        .iter()
        .map(|one| one["result"].as_str().unwrap());
    results.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_are_applied_in_order() {
    let fleet = Fleet::new().await;
    let arguments = [
        &ALL[..],
        &["--output=json=r.json", "--output=markdown=r.md"],
    ]
    .concat();
    let arguments = [&arguments[..], &["--output=text=r.txt"]].concat();
    let applied = fleet.run(&arguments).await.exits_with(2);
    assert_eq!(fleet.deploys(), [1, 1, 1]);
    let mut position = 0;
    for part in [
        "SOLUTION  dev",
        "Plan: 1 to add, 1 to change, 0 to destroy.",
        "3 environments: 3 with changes.\n",
        "\nEnvironment \"dev\" at ",
        "Apply complete! Resources: 1 added, 1 changed, 0 destroyed.\n",
        "\nEnvironment \"uat\" at ",
        "\nEnvironment \"prod\" at ",
        "\ndev: Apply complete! Resources: 1 added, 1 changed, 0 destroyed.\nuat: Apply complete! ",
        "\n3 environments: 3 complete; 3 added, 3 changed, 0 destroyed.\n",
    ] {
        let found = applied.stdout[position..].find(part);
        position += found.unwrap_or_else(|| panic!("no `{part}` after {position}: {applied}"));
    }
    // What was shown for approval is not shown again.
    assert_eq!(
        applied.stdout.matches("# Form@2 will be created").count(),
        3,
        "{applied}"
    );
    assert!(!applied.stdout.contains("To go on"), "{applied}");

    let document: Value = serde_json::from_str(&fleet.env.read("r.json")).unwrap();
    assert_valid(&validator(&fleet.env, "report-matrix"), &document);
    assert_eq!(document["result"], "complete");
    assert_eq!(results(&document), ["complete"; 3]);
    assert_eq!(document["resume_command"], Value::Null);
    assert_eq!(
        document["environments"][1]["document"]["environment"],
        "uat"
    );
    assert_eq!(
        document["environments"][1]["document"]["totals"]["added"],
        1
    );
    assert_eq!(
        document["solutions"][0]["cells"][2]["versions"][1]["change"],
        "create"
    );
    let markdown = fleet.env.read("r.md");
    for part in [
        "<!-- solform report environments=dev_uat_prod id=",
        "**3 environments: 3 complete; 3 added, 3 changed, 0 destroyed.**",
        "\n| solution | `dev` | `uat` | `prod` |\n",
        "\n- `uat`: **Apply complete! Resources: 1 added, 1 changed, 0 destroyed.** Apply `",
        "\n| `uat` | `create` | `Form@2` | done |",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
    let text = fleet.env.read("r.txt");
    assert!(text.contains("\nEnvironment \"prod\" at "), "{text}");
    assert!(text.contains("done        + Form@2"), "{text}");

    // Nothing is left.
    let again = fleet.run(&ALL).await.exits_with(0);
    let _ = again
        .says("3 environments: 3 without changes.")
        .says("3 complete; 0 added");
    assert_eq!(fleet.deploys(), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stops_the_environments_after_it() {
    let fleet = Fleet::new().await;
    let refuse = "operation=deploy,status=400";
    fleet.servers[1].add_fault(refuse.parse().unwrap());
    let arguments = [&ALL[..], &["--output=json=r.json"]].concat();
    let applied = fleet.run(&arguments).await.exits_with(5);
    assert_eq!(fleet.deploys(), [1, 1, 0]);
    let applied = applied.says("\nuat: Not complete: ").says(
        "\nprod: Not begun.\n3 environments: 1 complete, 1 not complete, 1 not begun; 1 added",
    );
    assert_eq!(
        next_of(&applied),
        "solform apply --file solform.yaml -e uat -e prod"
    );
    let document: Value = serde_json::from_str(&fleet.env.read("r.json")).unwrap();
    assert_valid(&validator(&fleet.env, "report-matrix"), &document);
    assert_eq!(document["result"], "incomplete");
    assert_eq!(results(&document), ["complete", "incomplete", "not-begun"]);
    assert_eq!(document["environments"][2]["document"], Value::Null);
    assert_eq!(document["resume_command"], next_of(&applied));

    // The printed command goes on.
    fleet.servers[1].clear_faults();
    let rest = fleet
        .run_next(&applied, &["--auto-approve"])
        .await
        .exits_with(0);
    let _ = rest.says("2 environments: 2 complete; 2 added, 2 changed, 0 destroyed.");
    assert_eq!(fleet.deploys(), [1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_going_applies_the_others() {
    let fleet = Fleet::new().await;
    fleet.servers[0].add_fault("operation=deploy,status=400".parse().unwrap());
    let arguments = [&ALL[..], &["--keep-going", "--json"]].concat();
    let applied = fleet.run(&arguments).await.exits_with(5);
    assert_eq!(fleet.deploys(), [1, 1, 1]);
    let lines = stream(&fleet.env, &applied);
    // Each line of an apply names its environment; the last line is about all of them.
    let of_apply = |line: &&Value| {
        let kind = line["type"].as_str().unwrap();
        kind.starts_with("apply_") || kind == "planned_change"
    };
    for line in lines.iter().filter(of_apply) {
        let name = line["x_solution"]["environment"]
            .as_str()
            .unwrap_or_default();
        assert!(NAMES.contains(&name), "{line:#}");
        let message = line["@message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{name}: ")), "{line:#}");
    }
    let summaries = lines
        .iter()
        .filter(|line| line["changes"]["operation"] == "apply");
    let named: Vec<&Value> = summaries
        .map(|line| &line["x_solution"]["environment"])
        .collect();
    assert_eq!(
        named,
        [&"dev".into(), &"uat".into(), &"prod".into(), &Value::Null]
    );
    let last = lines.last().unwrap();
    assert_eq!(last["changes"]["add"], 2, "{last:#}");
    assert_eq!(
        last["x_solution"]["environments"][0]["result"],
        "incomplete"
    );
    let next = last["x_solution"]["resume_command"].as_str().unwrap();
    assert_eq!(next, "solform apply --file solform.yaml -e dev");
}

/// Nothing is sent to any environment if the plan of one of them is blocked or cannot be made.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_environment_refuses_all() {
    let protected = |name: &str| {
        if name == "prod" {
            "protect: ['Form@1']"
        } else {
            ""
        }
    };
    let fleet = Fleet::with(protected, "  Form: { version: 1, state: ABSENT }\n").await;
    let arguments = [&ALL[..], &["--output=json=r.json", "--output=github=r.txt"]].concat();
    let applied = fleet.run(&arguments).await.exits_with(4);
    let _ = applied
        .says("Not applied: nothing was changed.\n")
        .warns("The plan of environment `prod` cannot be applied:\nError: ");
    assert_eq!(fleet.writes(), 0);
    let document: Value = serde_json::from_str(&fleet.env.read("r.json")).unwrap();
    assert_valid(&validator(&fleet.env, "report-matrix"), &document);
    assert_eq!(document["result"], "not-applied");
    assert_eq!(results(&document), ["not-begun"; 3]);
    assert_eq!(document["environments"][0]["errors"], serde_json::json!([]));
    assert_eq!(
        document["environments"][2]["errors"][0]["address"],
        "Form@1"
    );
    assert!(fleet.env.read("r.txt").contains("title=prod%3A Form@1"));

    // The same with an environment that cannot be read.
    let fleet = Fleet::new().await;
    fleet.servers[2].add_fault("operation=list_solutions,status=403".parse().unwrap());
    let outputs = ["--output=markdown=r.md", "--output=text=r.txt"];
    let applied = fleet.run(&[&ALL[..], &outputs].concat()).await;
    let _ = applied
        .exits_with(1)
        .warns("environment `prod` cannot be planned");
    assert_eq!(fleet.writes(), 0);
    // Both documents have the causes and the verdict.
    let causes = "environment `prod` cannot be planned: failed to read the live state";
    let text = fleet.env.read("r.txt");
    for part in [
        format!("\nError: {causes}"),
        "\nprod: Not begun: environment `prod` cannot be planned.\n".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    let markdown = fleet.env.read("r.md");
    for part in [
        format!("> **Error:** `` prod: {causes}"),
        "\n- `prod`: **Not begun**: ``environment `prod` cannot be planned.``\n".to_owned(),
    ] {
        assert!(markdown.contains(&part), "{part}: {markdown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_holds_the_plans_of_all() {
    let fleet = Fleet::new().await;
    let plan = ["plan", "--all-environments", "--out", "all.plan"];
    let planned = fleet.run(&plan).await.exits_with(0);
    let next = "solform apply --file solform.yaml -e dev -e uat -e prod all.plan";
    let planned = planned.says(&format!(
        "\nThe plans are saved in `all.plan`. Next: {next}\n"
    ));
    let shown = fleet
        .env
        .solform(&["show", "all.plan", "--detailed-exitcode"])
        .exits_with(2);
    assert!(
        planned.stdout.starts_with(&shown.stdout),
        "{planned}{shown}"
    );
    let json = |arguments: &[&str]| {
        let shown = fleet.env.solform(arguments).exits_with(0);
        serde_json::from_str::<Value>(&shown.stdout).unwrap()
    };
    let document = json(&["show", "all.plan", "--json"]);
    assert_valid(&validator(&fleet.env, "plan-matrix"), &document);
    let live = fleet
        .run(&["plan", "--all-environments", "--format=json"])
        .await;
    assert_eq!(
        document,
        serde_json::from_str::<Value>(&live.stdout).unwrap()
    );
    let counts = json(&["show", "all.plan", "--format", "gitlab"]);
    assert_eq!(counts["create"], 3);
    let _ = fleet
        .env
        .solform(&["show", "all.plan", "--format=markdown"])
        .says("| `Form` |");

    // The manifest may not change, in any environment; options and commands are as for one.
    for (arguments, message) in [
        (
            &["destroy", "all.plan"][..],
            "`solform destroy` does not execute it",
        ),
        (
            &["apply", "all.plan", "-e", "test"],
            "it has no plan for environment `test`",
        ),
        (
            &["apply", "all.plan", "--allow-destroy", "1"],
            "the plan was made with none of --replace, --allow-destroy, --allow-change",
        ),
        (
            &["apply", "all.plan", "--target", "Form"],
            "cannot be combined with a saved plan",
        ),
        (
            &["apply", "all.plan", "--all-environments"],
            "cannot be combined with a saved plan",
        ),
    ] {
        let _ = fleet.run(arguments).await.exits_with(1).warns(message);
    }
    let text = fleet.env.read("solform.yaml");
    fleet.env.write(
        "solform.yaml",
        &text.replace(
            "solutions:\n",
            "solutions:\n  More: { version: 1, state: ABSENT }\n",
        ),
    );
    let stale = fleet
        .run(&["apply", "all.plan", "--detailed-exitcode"])
        .await;
    let _ = stale
        .exits_with(3)
        .warns("the manifest has changed since the plan was made");
    fleet.env.write("solform.yaml", &text);
    assert_eq!(fleet.writes(), 0);

    // A part of it, then the rest.
    let part = fleet
        .run(&["apply", "-e", "uat", "all.plan", "--detailed-exitcode"])
        .await;
    let _ = part.exits_with(2);
    assert_eq!(fleet.deploys(), [0, 1, 0]);
    let words = shlex::split(next).unwrap();
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let rest = fleet.run(&words).await.exits_with(0);
    let _ = rest.says("3 environments: 3 complete; 2 added, 2 changed, 0 destroyed.");
    assert_eq!(fleet.deploys(), [1, 1, 1]);
}

/// The second environment changed after the review: its change is refused, and the third is not
/// begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_environment_is_refused() {
    let solutions = "  Form: { version: 1, state: ABSENT }\n";
    let fleet = Fleet::with(|_| "", solutions).await;
    let plan = ["plan", "--all-environments", "--out", "all.plan"];
    let _ = fleet.run(&plan).await.exits_with(0);
    patch(&fleet.servers[1], "Form", "ACTIVE", "state=INACTIVE").await;
    fleet.servers[1].clear_requests();
    let applied = fleet
        .run(&["apply", "all.plan", "--detailed-exitcode"])
        .await
        .exits_with(3);
    let applied = applied
        .says("\nuat: Not complete: 0 done, 0 failed, 0 skipped, 1 refused")
        .says("\nprod: Not begun.\n");
    // The rest needs a new plan.
    assert_eq!(
        next_of(&applied),
        "solform plan --file solform.yaml -e uat -e prod"
    );
    let deletes = |server: &Emulator| count(server, Operation::DeleteSolution);
    let deletes: Vec<usize> = fleet.servers.iter().map(deletes).collect();
    assert_eq!(deletes, [1, 0, 0]);
    let _ = fleet
        .run_next(&applied, &["--detailed-exitcode"])
        .await
        .exits_with(2);
}

/// No content of the file causes a write that the fresh plan of its environment does not contain.
#[tokio::test(flavor = "multi_thread")]
async fn plans_of_several_cannot_be_forged() {
    let fleet = Fleet::new().await;
    let plan = ["plan", "--all-environments", "--out", "all.plan"];
    let _ = fleet.run(&plan).await.exits_with(0);
    let original = PlanFile::read(&fleet.env.read("all.plan"));
    let forge = |edit: &dyn Fn(&mut Vec<PlanFile>)| {
        let mut forged = original.clone();
        let plans = forged.at("plans").as_array().unwrap();
        let mut plans: Vec<PlanFile> = plans
            .iter()
            .map(|plan| PlanFile::read(&plan.to_string()))
            .collect();
        edit(&mut plans);
        let sealed = plans
            .iter()
            .map(|plan| serde_json::from_str(&plan.sealed()).unwrap());
        *forged.at("plans") = sealed.collect::<Vec<Value>>().into();
        fleet.env.write("all.plan", &forged.sealed());
    };
    let apply = ["apply", "all.plan", "--detailed-exitcode"];
    // The plan of one environment for another one.
    forge(&|plans| {
        let dev = plans[0].at("plan")["subject"].clone();
        plans.truncate(2);
        let name = plans[1].at("plan")["subject"]["environment"].clone();
        plans[1].at("plan")["subject"] = dev;
        plans[1].at("plan")["subject"]["environment"] = name;
    });
    let _ = fleet
        .run(&apply)
        .await
        .exits_with(3)
        .warns("the plan was made against");
    // A loss that no manifest declares.
    forge(&|plans| {
        let before = plans[1].change("Form@1")["action"]["before"].clone();
        plans[1].change("Form@1")["action"] =
            serde_json::json!({ "kind": "delete", "before": before });
        plans.swap(0, 1);
        plans.truncate(1);
    });
    let _ = fleet
        .env
        .solform(&["show", "all.plan"])
        .says("# Form@1 will be destroyed");
    let _ = fleet.run(&apply).await.exits_with(3).says("1 refused");
    assert_eq!(count(&fleet.servers[1], Operation::DeleteSolution), 0);
    assert_eq!(fleet.deploys(), [0, 1, 0]);
    // Two plans for one environment.
    forge(&|plans| plans[1] = plans[0].clone());
    let _ = fleet.run(&apply).await.exits_with(3).warns("damaged");
    // A plan of another command.
    forge(&|plans| *plans[2].at("kind") = "destroy".into());
    let _ = fleet
        .run(&apply)
        .await
        .exits_with(3)
        .warns("does not execute it");
    assert_eq!(fleet.deploys(), [0, 1, 0]);
}

/// Sends a signal when the server of `uat` has started its job, and returns the code and stdout.
async fn interrupted(fleet: &Fleet, arguments: &[&str]) -> CommandOutput {
    let mut command = fleet.env.command(env!("CARGO_BIN_EXE_solform"), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, mut lines) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let begin = "Applying environment `uat` (2 of 3).";
        assert!(lines.any(|line| line.unwrap() == begin));
        assert!(lines.any(|line| line.unwrap().contains("PENDING")));
        let id = child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.unwrap().success());
        assert!(lines.any(|line| line.unwrap().contains("Interrupted: ")));
        (child, lines)
    })
    .await
    .unwrap();
    for job in fleet.servers[1].pending_jobs() {
        assert!(fleet.servers[1].finish_job(&job, None));
    }
    tokio::task::spawn_blocking(move || {
        lines.by_ref().for_each(drop);
        let mut stdout = Vec::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut stdout)
            .unwrap();
        CommandOutput::new(std::process::Output {
            status: child.wait().unwrap(),
            stdout,
            stderr: Vec::new(),
        })
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_in_the_second_ends_the_apply() {
    let fleet = || async {
        let servers = vec![
            start(world(), &[]).await,
            start_with(world(), &[], JobPace::Manual).await,
            start(world(), &[]).await,
        ];
        Fleet::of(servers, |_| "", UPGRADE)
    };
    let first = fleet().await;
    let ended = interrupted(&first, &ALL).await.exits_with(8);
    assert_eq!(first.deploys(), [1, 1, 0]);
    let ended = ended.says("\nprod: Not begun.\n");
    assert_eq!(
        next_of(&ended),
        "solform apply --file solform.yaml -e uat -e prod"
    );
    let rest = first
        .run_next(&ended, &["--auto-approve"])
        .await
        .exits_with(0);
    let _ = rest.says("2 environments: 2 complete; ");
    assert_eq!(first.deploys(), [1, 1, 1]);

    // A saved plan goes on with its own file, even with --keep-going.
    let second = fleet().await;
    let plan = ["plan", "--all-environments", "--out", "all.plan"];
    let _ = second.run(&plan).await.exits_with(0);
    let arguments = ["apply", "all.plan", "--detailed-exitcode", "--keep-going"];
    let ended = interrupted(&second, &arguments).await.exits_with(8);
    assert_eq!(second.deploys(), [1, 1, 0]);
    let next = "solform apply --file solform.yaml -e uat -e prod all.plan";
    assert_eq!(next_of(&ended), next);
    let rest = second.run_next(&ended, &[]).await.exits_with(0);
    let _ = rest.says("2 environments: 2 complete; ");
    assert_eq!(second.deploys(), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_goes_to_its_own_server() {
    let mut servers = Vec::new();
    for name in NAMES {
        let options = EmulatorOptions {
            token: Some(format!("tok-of-{name}").into()),
            ..options(world(), &[])
        };
        servers.push(emulator::start(options).await.unwrap());
    }
    let token = |name: &str| match name {
        "dev" => "token: { env: TOKEN_OF_DEV }",
        "uat" => "token: { env: TOKEN_OF_UAT }",
        _ => "token: { env: TOKEN_OF_PROD }",
    };
    let mut fleet = Fleet::of(servers, token, UPGRADE);
    for name in NAMES {
        let variable = format!("TOKEN_OF_{}", name.to_uppercase());
        fleet.env.set(&variable, &format!("tok-of-{name}"));
    }
    let applied = fleet.run(&ALL).await.exits_with(2);
    assert!(!applied.to_string().contains("tok-of-"), "{applied}");
    for server in &fleet.servers {
        let requests = server.requests();
        assert!(requests.iter().all(|request| request.status != Some(401)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_lock_stops_the_environments_after_it() {
    let servers = vec![
        start(world(), &[]).await,
        start_with(world(), &[], JobPace::Manual).await,
        start(world(), &[]).await,
    ];
    let fleet = Fleet::of(servers, |_| "", UPGRADE);
    let arguments = ["apply", "-e", "uat", "--auto-approve"];
    let command = fleet.env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    let mut first = at_work(command, 1).await;
    let second = fleet.run(&ALL).await.exits_with(9);
    let second = second
        .warns("Error: environment `uat` was not applied\n  because the lock of environment `uat`")
        .says("\nuat: Not applied: nothing was changed.\nprod: Not begun.\n");
    assert_eq!(fleet.deploys(), [1, 1, 0]);
    finish_all(&fleet.servers[1]);
    let ended = tokio::task::spawn_blocking(move || first.wait().unwrap());
    assert!(ended.await.unwrap().success());
    let rest = fleet.run_next(&second, &["--auto-approve"]).await;
    let _ = rest
        .exits_with(0)
        .says("2 environments: 2 complete; 1 added");
    assert_eq!(fleet.deploys(), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_and_approval_are_checked_first() {
    let fleet = Fleet::new().await;
    // A selector that nothing matches, an option for one environment, and no approval.
    for (more, message) in [
        (
            &["--target", "Frm"][..],
            "`Frm` selects nothing that is declared or live",
        ),
        (
            &["--resume"],
            "--resume is for one environment, and several are given",
        ),
    ] {
        let _ = fleet
            .run(&[&ALL[..], more].concat())
            .await
            .exits_with(1)
            .warns(message);
    }
    let several = ["apply", "-e", "dev", "-e", "prod"];
    let saving = "solform plan --file solform.yaml -e dev -e prod --out FILE";
    let _ = fleet.run(&several).await.exits_with(1).warns(saving);
    let json = [&several[..], &["--json"]].concat();
    let json = fleet.run(&json).await.exits_with(1);
    assert!(
        json.stdout
            .contains("solform plan -e dev -e prod --out FILE"),
        "{json}"
    );
    assert_eq!(fleet.writes(), 0);

    // The order is that of the manifest, and the others are left alone.
    let some = ["apply", "-e", "prod", "-e", "dev", "--auto-approve"];
    let some = fleet.run(&some).await.exits_with(0);
    let _ = some
        .says("\ndev: Apply complete! ")
        .says("\nprod: Apply complete! ");
    assert_eq!(fleet.deploys(), [1, 0, 1]);
}

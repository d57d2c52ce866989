//! The packages of several environments: what is uploaded to each, and content drift.

use std::fmt::Write as _;

use serde_json::Value;
use solform_emulator::Emulator;

use super::uploads::{package, put};
use crate::output::streams::{assert_valid, validator};
use crate::support::TestEnv;
use crate::support::worlds::{DRIVE, env_with, path_of, seed, start};

const PLAN: [&str; 3] = ["plan", "--all-environments", "--detailed-exitcode"];
const APPLY: [&str; 4] = [
    "apply",
    "--all-environments",
    "--auto-approve",
    "--detailed-exitcode",
];

/// Two environments: `dev` uploads a file of this machine, and `prod` the same file or another
/// source.
struct World {
    dev: Emulator,
    _prod: Emulator,
    env: TestEnv,
}

impl World {
    async fn new(source_of_prod: Option<&str>, bytes: &[u8]) -> Self {
        let dev = start(seed(&[], &[]), &[]).await;
        let prod = start(seed(&[], &[]), &[]).await;
        let mut text = String::from("solform: 1\nenvironments:\n");
        for (name, server, source) in [("dev", &dev, None), ("prod", &prod, source_of_prod)] {
            let own =
                source.map(|source| format!("    solutions: {{ Form: {{ source: {source} }} }}\n"));
            write!(
                text,
                "  {name}:
    url: {}
    token: {{ env: TEST_TOKEN }}
    <<: {{ user: svc, timeouts: {{ deploy: 20s, delete: 20s, propagation: 1s }} }}
{}",
                server.url(),
                own.unwrap_or_default()
            )
            .unwrap();
        }
        write!(
            text,
            "vars: {{ drive: \"{DRIVE}\" }}
defaults: {{ owner: svc }}
solutions:
  Form:
    version: 1
    path: '${{drive}}/${{name}}-${{version}}.ibsolution'
    source: dist/Form-1.ibsolution
    overwrite: true
"
        )
        .unwrap();
        let world = Self {
            dev,
            _prod: prod,
            env: env_with(&text),
        };
        std::fs::create_dir(world.env.path().join("dist")).unwrap();
        world.write(bytes);
        world
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.env.path().join("dist/Form-1.ibsolution"), bytes).unwrap();
    }

    async fn run(&self, arguments: &[&str], more: &[&str]) -> crate::support::CommandOutput {
        let arguments = [arguments, more].concat();
        self.env.solform_beside(&arguments).await
    }
}

/// A plan of several environments shows the same facts about an upload as a plan of one.
#[tokio::test(flavor = "multi_thread")]
async fn the_uploads_of_several_are_shown() {
    let bytes = package("Form", "1", b"flow");
    let world = World::new(Some("{ environment: dev }"), &bytes).await;
    put(&world.dev, &path_of("Form", "1"), bytes).await;
    let markdown = ["--output=markdown=plan.md"];
    let plan = world.run(&PLAN, &markdown).await.exits_with(2);
    let markdown = world.env.read("plan.md");
    for name in ["dev", "prod"] {
        let alone = ["plan", "-e", name, "--output=json=one.json"];
        let alone = world.env.solform_beside(&alone).await.exits_with(0);
        let of_upload = |line: &&str| {
            let line = line.trim_start().strip_prefix("+ ").unwrap_or_default();
            let names = [
                "path",
                "source",
                "size",
                "sha256",
                "fingerprint",
                "overwrite",
            ];
            names.iter().any(|name| line.starts_with(name))
        };
        let lines: Vec<&str> = alone.stdout.lines().filter(of_upload).collect();
        assert_eq!(lines.len(), 5, "{alone}");
        for line in lines {
            assert!(plan.stdout.contains(&format!("{line}\n")), "{line}: {plan}");
        }
        let document: Value = serde_json::from_str(&world.env.read("one.json")).unwrap();
        let fields = document["resource_changes"][0]["x_solution"]["fields"].clone();
        let fields = fields.as_array().unwrap().iter().filter_map(|field| {
            let (name, value) = (field["field"].as_str()?, field["after"].as_str()?);
            let is_shown = !["owner", "state", "visibility"].contains(&name);
            is_shown.then(|| format!("{name} `{value}`"))
        });
        let row = fields.collect::<Vec<_>>().join("<br>");
        let row = format!("\n| `{name}` | `Form@1` | {row} |\n");
        assert!(markdown.contains(&row), "{row}: {markdown}");
    }
    let fingerprint = plan
        .stdout
        .lines()
        .filter(|line| line.contains("+ fingerprint = \""));
    assert_eq!(
        fingerprint.count(),
        1,
        "only of a package that comes from `dev`: {plan}"
    );

    let report = ["--output=markdown=report.md"];
    let apply = world.run(&APPLY, &report).await.exits_with(2);
    let _ = apply.says("+ fingerprint = \"");
    assert!(world.env.read("report.md").contains("<br>fingerprint `"));
}

/// A source that is not what was deployed is a note of the plan in every format, and one warning.
#[tokio::test(flavor = "multi_thread")]
async fn a_content_drift_of_several_is_a_note() {
    let world = World::new(None, &package("Form", "1", b"old")).await;
    let _ = world.run(&APPLY, &[]).await.exits_with(2);
    world.write(&package("Form", "1", b"newer"));
    let outputs = [
        "--output=markdown=plan.md",
        "--output=json=plan.json",
        "--output=github=plan.txt",
        "--out=all.plan",
    ];
    let sentence = "`dist/Form-1.ibsolution` is not what was deployed";
    let line = format!("Note: Form@1: {sentence}: 0 members added, 0 removed, 1 changed\n");
    let plan = world.run(&PLAN, &outputs).await.exits_with(0);
    assert_eq!(plan.stdout.matches(&line).count(), 2, "{plan}");
    assert_eq!(plan.stderr.matches("[content-drift]").count(), 1, "{plan}");
    let shown = world.env.solform(&["show", "all.plan"]).exits_with(0);
    assert_eq!(shown.stdout.matches(&line).count(), 2, "{shown}");
    let document: Value = serde_json::from_str(&world.env.read("plan.json")).unwrap();
    assert_valid(&validator(&world.env, "plan-matrix"), &document);
    for environment in document["environments"].as_array().unwrap() {
        let change = &environment["document"]["resource_changes"][0];
        let extension = &change["x_solution"];
        assert_eq!(extension["reason"], "declared", "{change:#}");
        assert_eq!(extension["notes"], serde_json::json!(["content-drift"]));
        assert_eq!(extension["content_drift"]["changed"], 1, "{change:#}");
    }
    let markdown = world.env.read("plan.md");
    for name in ["dev", "prod"] {
        let line = format!("\n- `{name}`: `Form@1`: `` {sentence}: ");
        assert!(markdown.contains(&line), "{markdown}");
    }
    let annotations = world.env.read("plan.txt");
    assert!(
        annotations.contains("title=prod%3A Form@1"),
        "{annotations}"
    );

    // An apply warns once: its plan of each environment says the same again.
    let apply = world.run(&APPLY, &[]).await.exits_with(0);
    assert_eq!(
        apply.stderr.matches("[content-drift]").count(),
        1,
        "{apply}"
    );

    // Two declarations are two warnings, each of them once.
    let apart = World::new(Some("dist/*.ibsolution"), &package("Form", "1", b"old")).await;
    let _ = apart.run(&APPLY, &[]).await.exits_with(2);
    apart.write(&package("Form", "1", b"newer"));
    for arguments in [&PLAN[..], &APPLY] {
        let output = apart.run(arguments, &[]).await.exits_with(0);
        let warnings = output.stderr.matches("[content-drift]").count();
        assert_eq!(warnings, 2, "{output}");
    }

    let alone = ["plan", "-e", "dev", "--format=markdown"];
    let alone = world.env.solform_beside(&alone).await.exits_with(0);
    let _ = alone.says(&format!("\n- `Form@1`: `` {sentence}: "));
}

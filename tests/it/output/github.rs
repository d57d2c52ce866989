//! Annotations and step summaries; text from outside never becomes one.

use crate::support::worlds::{Version, env_with, manifest, manifest_with, seed, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_annotations_and_a_step_summary() {
    let live = ["Up", "Old", "Safe"].map(|name| Version::active(name, "1"));
    let emulator = start(seed(&live, &[Version::active("Up", "2")]), &[]).await;
    let text = manifest_with(
        &emulator.url(),
        "    protect: [\"Safe@*\"]\n",
        "",
        "  Up: { version: 2, path: '${drive}/Up-2.ibsolution', visibility: PUBLIC }\n  Old: { \
         version: 1, state: ABSENT }\n  Safe: { version: 1, state: ABSENT }\n",
    );
    let mut env = env_with(&text);
    let summary = env.write("summary.md", "what another step wrote\n");
    let plan = ["plan", "--format", "github", "--out", "the.plan"];
    let unset = env.solform_beside(&plan).await.exits_with(1);
    assert_eq!(env.read("summary.md"), "what another step wrote\n");
    env.set("GITHUB_STEP_SUMMARY", &summary.display().to_string());
    let output = env.solform_beside(&plan).await.exits_with(1);
    assert_eq!(output.stdout, unset.stdout);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let expected = [
        "::error file=solform.yaml,line=13,col=20,title=Safe@1::`Safe@1` is protected",
        "::warning file=solform.yaml,line=12,col=19,title=Old@1::It will be destroyed",
        "::warning file=solform.yaml,line=13,col=20,title=Safe@1::It will be destroyed",
        "::warning file=solform.yaml,line=11,col=18,title=Up@2::It becomes PUBLIC.",
        "::notice title=solform plan%3A test::Plan: 1 to add, 1 to change, 2 to destroy. It cannot",
    ];
    assert_eq!(lines.len(), expected.len(), "{output}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    let written = env.read("summary.md");
    assert!(
        written.starts_with("what another step wrote\n<!-- solform environment=test id="),
        "{written}"
    );
    // A saved plan shows the same, and a file holds the commands for a later step.
    let _ = env
        .solform(&["show", "the.plan", "--output", "github=plan.cmd"])
        .exits_with(1)
        .says("Plan: 1 to add");
    assert_eq!(env.read("plan.cmd"), output.stdout);
    assert_eq!(env.read("summary.md").matches("<!-- solform").count(), 2);
    // Other formats add nothing.
    let _ = env.solform_beside(&["plan"]).await.exits_with(1);
    assert_eq!(env.read("summary.md").matches("<!-- solform").count(), 2);
    // An apply adds its report, even if it did not start.
    let _ = env
        .solform_beside(&["apply", "--auto-approve", "--format", "github"])
        .await
        .exits_with(1)
        .says("::error file=solform.yaml,line=13,col=20,title=Safe@1::")
        .says("::notice title=solform apply%3A test::Not applied: nothing was changed.");
    assert!(env.read("summary.md").contains("<!-- solform report "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_step_summary_is_not_written() {
    let emulator = start(seed(&[], &[]), &[]).await;
    let mut env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let full = "x".repeat(1024 * 1024 - 100);
    let summary = env.write("summary.md", &full);
    env.set("GITHUB_STEP_SUMMARY", &summary.display().to_string());
    let _ = env
        .solform_beside(&["plan", "--format", "github"])
        .await
        .exits_with(0)
        .warns("Warning: the step's summary is full");
    assert_eq!(env.read("summary.md").len(), full.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_of_the_manifest_are_annotated() {
    let env = env_with(
        "solform: 1\nenvironments:\n  a: { url: 'emulator:', colour: red }\nsolutions: {}\n",
    );
    let output = env
        .solform_beside(&["plan", "--format", "github"])
        .await
        .exits_with(1);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(
        lines[0].starts_with("::error file=solform.yaml,line=3,col="),
        "{output}"
    );
    assert!(lines[0].contains("title=unknown-field::"), "{output}");
    assert_eq!(
        lines.last(),
        Some(&"::notice title=solform::There is no plan.")
    );
    let missing = ["show", "no.plan", "--format", "github"];
    let output = env.solform(&missing).exits_with(1);
    assert!(
        output.stdout.starts_with("::error title=solform::"),
        "{output}"
    );
}

/// GitHub reads file names relative to the root of the repository, not to the working directory.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_named_from_the_root_of_the_repository() {
    let mut env = crate::support::TestEnv::new();
    env.write("releases/eu/solform.yaml", "solform: 1\nsolution: {}\n");
    let begins = |output: crate::support::CommandOutput, file: &str| {
        let line = format!("::error file={file},line=2,");
        let output = output.exits_with(1);
        assert!(output.stdout.contains(&line), "no {line} in {output}");
    };
    let there = ["plan", "--format=github", "--chdir", "releases/eu"];
    begins(env.solform(&there), "releases/eu/solform.yaml");
    let named = [
        "plan",
        "--format=github",
        "--file",
        "./releases/eu/solform.yaml",
    ];
    begins(env.solform(&named), "releases/eu/solform.yaml");
    let root = env.path().join("releases").display().to_string();
    env.set("GITHUB_WORKSPACE", &root);
    begins(env.solform(&there), "eu/solform.yaml");
}

/// The runner would read such a line as a command: a name could mask words or fail the job.
#[tokio::test(flavor = "multi_thread")]
async fn names_from_outside_never_begin_a_command() {
    let names = ["::error title=a::b", "::add-mask::secret", "x ##[error]y"];
    let live = names.map(|name| Version::active(name, "1"));
    let emulator = start(seed(&live, &[]), &[]).await;
    let entries = names.map(|name| format!("  '{name}': {{ version: 1, state: ABSENT }}\n"));
    let env = env_with(&manifest(&emulator.url(), &entries.concat()));
    for arguments in [
        &["plan"][..],
        &["plan", "--format", "markdown"],
        &["plan", "--format", "json", "--out", "the.plan"],
        &["plan", "--json"],
        &["show", "the.plan", "--output", "text=plan.txt"],
        &["list"],
        &["list", "--json"],
        &["get", "svc:::add-mask::secret@1"],
        &["apply", "--auto-approve", "--output", "text=report.txt"],
        &["history"],
        &["history", "show", ""],
    ] {
        let output = env.solform_beside(arguments).await;
        let output = if arguments[0] == "get" {
            output
        } else {
            output.exits_with(0)
        };
        let files = ["plan.txt", "report.txt"]
            .iter()
            .filter(|name| env.path().join(name).exists());
        let files: Vec<String> = files.map(|name| env.read(name)).collect();
        for text in [&output.stdout, &output.stderr].into_iter().chain(&files) {
            for line in text.lines() {
                assert!(
                    !line.trim_start().starts_with("::"),
                    "{arguments:?}: {line}"
                );
                assert!(!line.contains("##["), "{arguments:?}: {line}");
            }
        }
    }
    // The commands of solform hold none from names.
    let _ = env.solform_beside(&["plan", "--format", "github"]).await;
}

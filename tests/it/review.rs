//! `review`: the change of a manifest, against a real git repository and against files.

use std::net::TcpListener;

use serde_json::Value;
use solform::manifest::MAX_BYTES;

use crate::support::{CommandOutput, TestEnv};

/// Returns a manifest with an environment `prod` and these solutions.
fn manifest(solutions: &str) -> String {
    format!(
        "solform: 1\nenvironments:\n  prod: {{ url: https://ib.example.com, token: {{ env: TOKEN \
         }} }}\ndefaults: {{ owner: svc, path: \"${{name}}-${{version}}.ibsolution\" \
         }}\nsolutions: {{ {solutions} }}\n"
    )
}

fn git(env: &TestEnv, arguments: &[&str]) {
    let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com"];
    let output = env
        .command("git", &[&identity, arguments].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn commit(env: &TestEnv, name: &str, text: &str) {
    env.write(name, text);
    git(env, &["add", "--all"]);
    git(env, &["commit", "--quiet", "--message", "a change"]);
}

/// Creates a repository in which this manifest is committed.
fn repository(name: &str, text: &str) -> TestEnv {
    let env = TestEnv::new();
    git(&env, &["init", "--quiet", "--initial-branch", "main"]);
    commit(&env, name, text);
    env
}

fn json(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

/// Returns the kinds of the findings, in order.
fn kinds(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn a_revision_is_compared_from_each_folder() {
    let env = repository("releases/solform.yaml", &manifest("A: { version: 1 }"));
    env.write("releases/solform.yaml", &manifest("A: { version: 2 }"));
    for arguments in [
        &[
            "review",
            "--base",
            "main",
            "--file",
            "releases/solform.yaml",
        ][..],
        &["review", "--base", "main", "--chdir", "releases"],
        &[
            "review",
            "--base=HEAD",
            "--chdir=releases",
            "--file=./solform.yaml",
        ],
        &[
            "review",
            "-base=main@{0}",
            "--chdir",
            "releases",
            "-e",
            "prod",
        ],
    ] {
        let output = env
            .solform(arguments)
            .exits_with(0)
            .says("Environment \"prod\": 1 finding.\n  ~ A@2: version upgraded (")
            .says(
                "      version = \"1\" -> \"2\"\n      if A@1 is live, it will be taken out of \
                service\n",
            )
            .says(
                "Review: 0 added, 0 removed, 0 retired, 1 upgraded, 0 downgraded, 0 other \
                changes.\n",
            );
        assert_eq!(output.stderr, "");
        let detailed = [arguments, &["--detailed-exitcode"]].concat();
        let _ = env.solform(&detailed).exits_with(2);
    }
    // Git sets variables for the repository when it calls a hook.
    let mut env = env;
    env.set("GIT_DIR", ".git")
        .set("GIT_INDEX_FILE", ".git/index");
    let _ = env
        .solform(&[
            "review",
            "--base",
            "main",
            "--file",
            "releases/solform.yaml",
        ])
        .exits_with(0)
        .says("1 upgraded");
    assert_no_findings(&env);
}

/// Asserts that an unchanged manifest has no findings.
fn assert_no_findings(env: &TestEnv) {
    env.write("releases/solform.yaml", &manifest("A: { version: '1' } "));
    let _ = env
        .solform(&[
            "review",
            "--base",
            "main",
            "--file",
            "releases/solform.yaml",
            "--detailed-exitcode",
        ])
        .exits_with(0)
        .says("Environment \"prod\": no changes.")
        .says("No changes. Both manifests mean the same.");
}

#[test]
fn a_file_takes_precedence_over_a_revision() {
    let env = repository("solform.yaml", &manifest("A: { version: 1 }"));
    // A file with the name of the branch.
    env.write("main", &manifest("A: { version: 3 }"));
    let output = env
        .solform(&["review", "--base", "main", "--json", "--detailed-exitcode"])
        .exits_with(2);
    let document = json(&output);
    assert_eq!(kinds(&document), ["downgraded"]);
    assert_eq!(document["base"]["name"], "main");
    let finding = &document["findings"][0];
    assert_eq!(finding["before"], "3");
    assert_eq!(finding["effect"]["fate"], "taken-out-of-service");
    assert_eq!(finding["risks"], serde_json::json!(["version-goes-down"]));
    assert_eq!(finding["position"]["side"], "head");
    assert_eq!(finding["position"]["line"], 5);
    // Comparing with a file needs no repository.
    let env = TestEnv::new();
    env.write("old.yaml", &manifest(""));
    env.write("solform.yaml", &manifest("A: { version: 1 }"));
    let _ = env
        .solform(&["review", "--base", "old.yaml"])
        .exits_with(0)
        .says("  + A@1: added (solform.yaml:5:");
}

#[test]
fn without_a_base_manifest_everything_is_new() {
    let env = repository("old.yaml", &manifest("A: { version: 1 }"));
    env.write("solform.yaml", &manifest("A: { version: 1 }"));
    let output = env
        .solform(&["review", "--base", "main", "--json", "--detailed-exitcode"])
        .exits_with(2);
    let document = json(&output);
    assert_eq!(document["base"]["is_present"], false);
    assert_eq!(kinds(&document), ["environment-added", "added"]);
    let _ = env
        .solform(&["review", "--base", "main"])
        .exits_with(0)
        .says("The base has no manifest: everything is new.");
    // Names that git could read as a pattern, a path or an option are plain names.
    for name in ["*.yaml", ":(top)old.yaml", "-f.yaml"] {
        env.write(name, &manifest("A: { version: 1 }"));
        let file = format!("--file={name}");
        let output = env.solform(&["review", "--base", "main", &file, "--json"]);
        assert_eq!(json(&output.exits_with(0))["base"]["is_present"], false);
    }
}

#[test]
fn an_unreadable_base_is_an_error() {
    let env = repository("solform.yaml", &manifest("A: { version: 1 }"));
    for (base, message) in [
        ("--base=nope", "git does not know the revision"),
        ("--base=main..main", "git does not know the revision"),
        ("--base=main:solform.yaml", "git does not know the revision"),
        ("--base=", "git does not know the revision"),
        ("--base=$(touch ran)", "git does not know the revision"),
        ("--base=; touch ran", "git does not know the revision"),
        ("--base=--output=ran", "it begins with `-`"),
        ("--base=-h", "it begins with `-`"),
    ] {
        let output = env
            .solform(&["review", base, "--detailed-exitcode"])
            .exits_with(1)
            .warns("Error: failed to read the base")
            .warns(message)
            .warns("  help: ");
        assert_eq!(output.stdout, "");
    }
    assert!(!env.path().join("ran").exists());
    let _ = env.solform(&["review"]).exits_with(1).warns("--base");
    let _ = env
        .solform(&["review", "--base", "main", "--file", "none.yaml"])
        .exits_with(1)
        .warns("there is no manifest `none.yaml`");

    let mut bare = TestEnv::new();
    bare.write("solform.yaml", &manifest(""));
    let _ = bare
        .solform(&["review", "--base", "main"])
        .exits_with(1)
        .warns("is in no git repository");
    bare.set("PATH", "/nowhere");
    let _ = bare
        .solform(&["review", "--base", "main"])
        .exits_with(1)
        .warns("git is not installed");
}

#[test]
fn problems_of_base_and_head_are_distinguished() {
    let broken = manifest("A: { version: 1, state: ACTVE }, B: { version: 1, paht: x }");
    let env = repository("solform.yaml", &broken);
    env.write("solform.yaml", &manifest("A: { version: 1 }"));
    let output = env
        .solform(&["review", "--base", "main", "--detailed-exitcode"])
        .exits_with(1)
        .warns("Error: the base manifest `main:solform.yaml` has problems")
        .warns("[unknown-word]")
        .warns("[unknown-field]")
        .warns("main:solform.yaml:5:");
    assert_eq!(output.stdout, "");
    // Problems of the manifest under review are reported, even if the base has the same ones.
    env.write("solform.yaml", &broken);
    let output = env
        .solform(&["review", "--base", "main"])
        .exits_with(1)
        .warns("Error: the manifest `solform.yaml` has problems")
        .warns("[unknown-word]")
        .warns("[unknown-field]");
    assert!(!output.stderr.contains("base manifest"), "{output}");

    let env = repository("solform.yaml", &"#".repeat(MAX_BYTES + 1));
    env.write("solform.yaml", &manifest("A: { version: 1 }"));
    let _ = env
        .solform(&["review", "--base", "main"])
        .exits_with(1)
        .warns("the base manifest `main:solform.yaml` has problems")
        .warns("[too-large]");
}

#[test]
fn environment_variables_are_compared_by_name() {
    let text = |drive: &str| {
        format!(
            "solform: 1\nenvironments:\n  prod: {{ url: \"${{env:IB_URL}}\", token: {{ env: TOKEN \
             }}, context: \"${{env:ACCOUNT}}\" }}\nsolutions: {{ A: {{ version: 1, owner: me, \
             path: \"${{env:{drive}}}/a.ibsolution\" }} }}\n"
        )
    };
    let mut env = TestEnv::new();
    env.write("old.yaml", &text("DRIVE"));
    env.write("solform.yaml", &text("DISK"));
    let arguments = ["review", "--base", "old.yaml"];
    let unset = env
        .solform(&arguments)
        .exits_with(0)
        .says("path = \"${env:DRIVE}/a.ibsolution\" -> \"${env:DISK}/a.ibsolution\"");
    env.set("DRIVE", "hush")
        .set("DISK", "hush")
        .set("IB_URL", "nonsense");
    let set = env.solform(&arguments).exits_with(0);
    assert_eq!(unset.stdout, set.stdout);
    // Variables named by `--env` are read.
    let _ = env
        .solform(&[&arguments[..], &["--env", "DRIVE", "--env", "DISK"]].concat())
        .exits_with(0)
        .says("No changes.");
    let _ = env
        .solform(&[&arguments[..], &["--env", "ACCOUNT"]].concat())
        .exits_with(1)
        .warns("[missing-env-variable]");
    // A variable where a number is required must be named.
    let limited = text("DRIVE").replace(
        "context:",
        "limits: { max_destroy: \"${env:MAX}\" }, context:",
    );
    env.write("solform.yaml", &limited);
    env.set("MAX", "3");
    let _ = env
        .solform(&arguments)
        .exits_with(1)
        .warns("[bad-limit]")
        .warns("--env MAX");
    let _ = env
        .solform(&[&arguments[..], &["--env=MAX"]].concat())
        .exits_with(0)
        .says("limits.max_destroy = (none) -> \"3\"");
}

#[test]
fn review_sends_nothing_and_executes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let text = |version: u32| {
        format!(
            "solform: 1\nenvironments:\n  prod: {{ url: \"https://{address}\", token: {{ command: \
             [touch, ran] }}, store: s3://bucket/prefix }}\n  local: {{ url: \"emulator:\" \
             }}\nsolutions: {{ A: {{ version: {version}, owner: me, path: a.ibsolution }} }}\n"
        )
    };
    let mut env = repository("solform.yaml", &text(1));
    env.write("solform.yaml", &text(2));
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "AWS_ENDPOINT_URL"] {
        env.set(name, &format!("http://{address}"));
    }
    // `TOKEN` is not set either.
    let output = env
        .solform(&["review", "--base", "main", "--detailed-exitcode", "--json"])
        .exits_with(2);
    assert_eq!(kinds(&json(&output)), ["upgraded"]);
    assert!(!env.path().join("ran").exists());
    assert!(!env.path().join(".solform").exists());
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn one_environment_may_be_chosen() {
    let text = |environments: &str| {
        format!(
            "solform: 1\nenvironments: {{ {environments} }}\nsolutions: {{ A: {{ version: 1, \
             owner: me, path: a.ibsolution }} }}\n"
        )
    };
    let emulator = |name: &str| format!("{name}: {{ url: \"emulator:\" }}");
    let mut env = TestEnv::new();
    env.write(
        "old.yaml",
        &text(&format!("{}, {}", emulator("gone"), emulator("same"))),
    );
    env.write(
        "solform.yaml",
        &text(&format!("{}, {}", emulator("same"), emulator("new"))),
    );
    for (environment, expected) in [
        ("gone", &["environment-removed"][..]),
        ("same", &[]),
        ("new", &["environment-added", "added"]),
    ] {
        let output = env
            .solform(&["review", "--base", "old.yaml", "--json", "-e", environment])
            .exits_with(0);
        let document = json(&output);
        assert_eq!(kinds(&document), expected, "{environment}");
        assert_eq!(document["only"], environment);
        assert_eq!(document["environments"].as_array().unwrap().len(), 1);
    }
    let output = env
        .solform(&["review", "--base", "old.yaml", "--json"])
        .exits_with(0);
    assert_eq!(json(&output)["environments"].as_array().unwrap().len(), 3);
    let _ = env
        .solform(&["review", "--base", "old.yaml", "-e", "sam"])
        .exits_with(1)
        .warns("neither manifest declares an environment `sam`")
        .warns("Declared are: same, new, gone.");
    env.set("SOLFORM_ENVIRONMENT", "same");
    let _ = env
        .solform(&["review", "--base", "old.yaml", "--detailed-exitcode"])
        .exits_with(0)
        .says("No changes.");
}

#[test]
fn each_format_escapes_hostile_text() {
    let hostile = [
        "a|b`<img src=x onerror=alert(1)>",
        "</details>@team",
        "\u{202e}gnp.exe",
        "[x](https://evil.example)",
        "--> <!-- solform",
    ];
    let solutions: Vec<String> = hostile
        .iter()
        .map(|name| {
            let name = serde_json::to_string(name).unwrap();
            format!("{name}: {{ version: 1, path: p.ibsolution, state: ABSENT }}")
        })
        .collect();
    let env = TestEnv::new();
    let name = "old -->`|x.yaml";
    env.write(name, &manifest(""));
    env.write("solform.yaml", &manifest(&solutions.join(", ")));
    let arguments = ["review", "--base", name, "--detailed-exitcode"];
    let text = env
        .solform(
            &[
                &arguments[..],
                &[
                    "--output",
                    "markdown=review.md",
                    "--output=json=review.json",
                ],
            ]
            .concat(),
        )
        .exits_with(2)
        .says("Review: 0 added, 0 removed, 5 retired, 0 upgraded, 0 downgraded, 0 other changes.")
        .says("Risks: 5 deleted, 5 irreversible.");
    assert!(!text.stdout.contains('\u{202e}'), "{text}");
    let markdown = env.read("review.md");
    let printed = env.solform(&[&arguments[..], &["--format", "markdown"]].concat());
    assert_eq!(printed.exits_with(2).stdout, markdown);
    let printed = env.solform(&[&arguments[..], &["--json"]].concat());
    assert_eq!(printed.exits_with(2).stdout, env.read("review.json"));

    let first = markdown.lines().next().unwrap();
    assert!(
        first.starts_with("<!-- solform review manifest=solform.yaml id="),
        "{first}"
    );
    assert_eq!(
        markdown.matches("<!--").count() - markdown.matches("`--> <!--").count(),
        1
    );
    let rows: Vec<&str> = markdown
        .lines()
        .filter(|line| line.contains(" `-` "))
        .collect();
    assert_eq!(rows.len(), 5, "{markdown}");
    for row in rows {
        let bare = row.replace("\\|", "");
        assert_eq!(bare.matches('|').count(), 6, "{row}");
    }
    assert!(!markdown.contains('\u{202e}'), "{markdown}");
    assert!(markdown.contains(
        "**Review: 0 added, 0 removed, 5 retired, 0 upgraded, 0 downgraded, 0 other changes.** \
         **Risks:** 5 deleted, 5 irreversible."
    ));

    let schema = env.solform(&["schema", "review"]).exits_with(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&env.read("review.json")).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(document["summary"]["retired"], 5);
    assert_eq!(document["summary"]["risks"]["deleted"], 5);
    assert_eq!(document["findings"][0]["has_high_risk"], true);

    for (output, message) in [
        ("xml=x", "--output"),
        ("json=no/such/folder", "failed to write"),
    ] {
        let output = [&arguments[..], &["--output", output]].concat();
        let _ = env.solform(&output).exits_with(1).warns(message);
    }
}

fn head_of(env: &TestEnv, revision: &str) -> String {
    let output = env
        .command("git", &["rev-parse", revision])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits that were merged into the base after the branch are not findings.
#[test]
fn a_branch_is_compared_with_its_merge_base() {
    let env = repository("solform.yaml", &manifest("A: { version: 1 }"));
    let fork = head_of(&env, "HEAD");
    git(&env, &["checkout", "--quiet", "-b", "change"]);
    commit(&env, "solform.yaml", &manifest("A: { version: 2 }"));
    git(&env, &["checkout", "--quiet", "main"]);
    let merged = manifest("A: { version: 1 }, B: { version: 1 }");
    commit(&env, "solform.yaml", &merged);
    let tip = head_of(&env, "main");
    git(&env, &["checkout", "--quiet", "change"]);
    let output = env
        .solform(&["review", "--base", "main", "--json"])
        .exits_with(0);
    let document = json(&output);
    assert_eq!(kinds(&document), ["upgraded"]);
    assert_eq!(document["base"]["commit"], fork);
    assert_eq!(document["base"]["is_merge_base"], true);
    let _ = env
        .solform(&["review", "--base", "main"])
        .exits_with(0)
        .says(&format!("at {}, the merge base with HEAD", &fork[..12]));
    let exact = env
        .solform(&["review", "--base", "main", "--base-exact", "--json"])
        .exits_with(0);
    let document = json(&exact);
    assert_eq!(kinds(&document), ["upgraded", "removed"]);
    assert_eq!(document["base"]["commit"], tip);
    // Without a common commit there is no merge base.
    git(&env, &["checkout", "--quiet", "--orphan", "other"]);
    git(&env, &["commit", "--quiet", "--message", "apart"]);
    let _ = env
        .solform(&["review", "--base", "main"])
        .exits_with(1)
        .warns("no commit in common with HEAD")
        .warns("--base-exact");
}

/// A symbolic link in the repository is followed in the base as on disk.
#[cfg(unix)]
#[test]
fn a_linked_manifest_is_followed() {
    let link = |env: &TestEnv, target: &str, name: &str| {
        std::os::unix::fs::symlink(target, env.path().join(name)).unwrap();
    };
    let env = repository("releases/prod.yaml", &manifest("A: { version: 1 }"));
    link(&env, "releases", "current");
    link(&env, "current/prod.yaml", "solform.yaml");
    link(&env, "../outside.yaml", "out.yaml");
    commit(&env, "note", "links");
    env.write("releases/prod.yaml", &manifest("A: { version: 2 }"));
    let output = env
        .solform(&["review", "--base", "main", "--json"])
        .exits_with(0);
    assert_eq!(kinds(&json(&output)), ["upgraded"]);
    std::fs::remove_file(env.path().join("out.yaml")).unwrap();
    env.write("out.yaml", &manifest("A: { version: 2 }"));
    let _ = env
        .solform(&["review", "--base", "main", "--file", "out.yaml"])
        .exits_with(1)
        .warns("a link that leads out of the repository");
}

const THREE: &str = "solform: 1
environments:
  uat: { url: \"emulator:\" }
  dev: { url: \"emulator:\" }
  prod:
    url: \"emulator:\"
    protect: [\"Y@*\"]
    limits: { max_destroy: 1 }
defaults:
  owner: svc
  path: a.ibsolution
  superseded: keep
solutions:
  A: { version: 1 }
";

/// An upgrade in three environments is one finding, the environments keep the manifest's order,
/// and a finding points at the key that changes.
#[test]
fn a_shared_finding_is_shown_once() {
    let env = TestEnv::new();
    env.write("old.yaml", THREE);
    let head = THREE
        .replace("version: 1", "version: 2")
        .replace("superseded: keep", "superseded: delete")
        .replace("[\"Y@*\"]", "[\"Y@*\", \"Z@*\"]")
        .replace("max_destroy: 1", "max_destroy: 2");
    env.write("solform.yaml", &head);
    let output = env
        .solform(&["review", "--base", "old.yaml", "--json"])
        .exits_with(0);
    let document = json(&output);
    let environments = serde_json::json!(["uat", "dev", "prod"]);
    assert_eq!(document["environments"], environments);
    let found = |key: &str, word: &str| {
        let findings = document["findings"].as_array().unwrap();
        let mut found = findings.iter().filter(|finding| finding[key] == word);
        let first = found
            .next()
            .unwrap_or_else(|| panic!("{word} {document:#}"));
        assert!(found.next().is_none(), "{word} {document:#}");
        let position = &first["position"];
        (
            first["environments"].clone(),
            position["line"].as_u64().unwrap(),
            position["column"].as_u64().unwrap(),
        )
    };
    let prod = serde_json::json!(["prod"]);
    assert_eq!(found("kind", "upgraded").0, environments);
    assert_eq!(found("field", "superseded"), (environments, 12, 3));
    assert_eq!(found("field", "protect"), (prod.clone(), 7, 5));
    assert_eq!(found("field", "limits.max_destroy"), (prod, 8, 15));
    let _ = env
        .solform(&["review", "--base", "old.yaml"])
        .exits_with(0)
        .says("Environments \"uat\", \"dev\", \"prod\": ")
        .says("Environment \"prod\": 2 findings.");
    let github = env
        .solform(&["review", "--base", "old.yaml", "--format", "github"])
        .exits_with(0);
    assert!(
        github
            .stdout
            .contains("::warning file=solform.yaml,line=12,col=3,"),
        "{github}"
    );
    assert!(
        github
            .stdout
            .contains("::notice title=solform review since old.yaml::"),
        "{github}"
    );
}

/// The package of a new version is shown, and the permission to replace different bytes.
#[test]
fn uploads_are_reviewed() {
    let text = |entry: &str| {
        format!(
            "solform: 1\nenvironments:
  dev: {{ url: https://dev.example.com, token: {{ env: TOKEN }} }}
  prod: {{ url: https://prod.example.com, token: {{ env: TOKEN }} }}
defaults: {{ owner: svc, path: x.ibsolution }}
solutions:
  Form: {{ {entry} }}
"
        )
    };
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let source = format!("source: dist/f.ibsolution, sha256: {sha256}");
    let env = TestEnv::new();
    env.write("base.yaml", &text(&format!("version: 1, {source}")));
    let head = text(&format!("version: 2, {source}, overwrite: true"));
    env.write("solform.yaml", &head);
    let review = ["review", "--base", "base.yaml"];
    let _ = env
        .solform(&review)
        .exits_with(0)
        .says(&format!(
            "\n      its package is uploaded from dist/f.ibsolution, SHA-256 {sha256}\n"
        ))
        .says("\n  ~ Form@2: upload may replace different bytes at its path (")
        .says("\n      overwrite = \"false\" -> \"true\"\n      ! may replace different bytes\n");
    let markdown = [&review[..], &["--format=markdown"]].concat();
    let _ = env
        .solform(&markdown)
        .exits_with(0)
        .says("its package is uploaded from `dist/f.ibsolution`, SHA-256 `9f86d081")
        .says("`~` upload may replace different bytes at its path<br>overwrite `false` → `true`");
    let document = [&review[..], &["--json"]].concat();
    let document = json(&env.solform(&document).exits_with(0));
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings[0]["upload"]["sha256"], sha256, "{document:#}");
    assert_eq!(findings[1]["kind"], "overwrite-allowed", "{document:#}");
    assert_eq!(findings[1]["risks"], serde_json::json!(["replaces-bytes"]));
}

/// A review of several environments begins with the matrix of what changes, in every format.
#[test]
fn several_environments_are_one_matrix() {
    let text = |version: &str, own: &str| {
        let environment = |name: &str, more: &str| {
            format!(
                "  {name}: {{ url: https://{name}.example.com, token: {{ env: TOKEN }}{more} }}\n"
            )
        };
        format!(
            "solform: 1\nenvironments:\n{}{}{}defaults: {{ owner: svc, path: x.ibsolution \
             }}\nsolutions:\n  Same: {{ version: 1 }}\n  Form: {{ version: {version} }}\n",
            environment("dev", ""),
            environment("uat", own),
            environment("prod", ", solutions: { Form: { version: 1 } }"),
        )
    };
    let mut env = TestEnv::new();
    env.write("base.yaml", &text("1", ""));
    env.write(
        "solform.yaml",
        &text("2", ", solutions: { Form: { state: INACTIVE } }"),
    );
    let base = ["review", "--base", "base.yaml"];
    let all = env.solform(&base).exits_with(0);
    let expected = [
        "SOLUTION  dev           uat             prod",
        "Form        - 1 ACTIVE    - 1 ACTIVE        1 ACTIVE",
        "            + 2 ACTIVE    + 2 INACTIVE",
        "Symbols: - removed, + added.",
    ];
    let expected = &format!("\n{}\n\n", expected.join("\n"));
    assert!(all.stdout.contains(expected), "{all}");
    // The selection, and the variable that selects one environment.
    env.set("SOLFORM_ENVIRONMENT", "prod");
    let one = env.solform(&base).exits_with(0);
    assert!(!one.stdout.contains("SOLUTION"), "{one}");
    let every = env.solform(&[&base[..], &["--all-environments"]].concat());
    assert_eq!(every.exits_with(0).stdout, all.stdout);
    let two = [
        &base[..],
        &["-e", "prod", "-e", "dev", "--output=markdown=r.md"],
    ]
    .concat();
    let two = env.solform(&[&two[..], &["--json"]].concat()).exits_with(0);
    let document = json(&two);
    assert_eq!(document["environments"], serde_json::json!(["dev", "prod"]));
    assert_eq!(document["only"], Value::Null);
    let rows = document["solutions"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["cells"][0]["versions"][1]["change"], "added");
    assert_eq!(rows[0]["cells"][1]["versions"][0]["change"], "none");
    let markdown = env.read("r.md");
    let row = "| `Form` | `-` `1` `ACTIVE`<br>`+` `2` `ACTIVE` | `1` `ACTIVE` |";
    assert!(
        markdown.contains("\n| solution | `dev` | `prod` |\n"),
        "{markdown}"
    );
    assert!(markdown.contains(row), "{markdown}");
    let legend = "\n<sub>Symbols: `-` removed, `+` added.</sub>\n";
    assert!(markdown.contains(legend), "{markdown}");
    // The order of the options does not change the review, nor the line that identifies it.
    let ordered = ["-e", "dev", "-e", "prod", "--format=markdown"];
    let ordered = env.solform(&[&base[..], &ordered].concat()).exits_with(0);
    assert_eq!(ordered.stdout, markdown);
    for (more, message) in [
        (
            &["-e", "dev", "-e", "test"][..],
            "neither manifest declares an environment `test`",
        ),
        (&["-e", "dev", "--all-environments"], "cannot be used with"),
    ] {
        let _ = env
            .solform(&[&base[..], more].concat())
            .exits_with(1)
            .warns(message);
    }
}

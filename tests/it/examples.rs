//! Each example and each snippet of the READMEs is executed, and prints the output on the page.
//!
//! A block of kind `console` is a session: lines that begin with `$ ` are commands, the lines below
//! them are their output in order, and `...` stands for any number of lines. Durations and ids
//! differ each time, so that pages show `...` for lines that have them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::TestEnv;
use crate::support::worlds::{Version, env_with, manifest, seed, start};

/// A command of a page, and its output on the page.
struct Snippet {
    command: String,
    expected: Vec<String>,
}

fn snippets(page: &str) -> Vec<Snippet> {
    let mut found: Vec<Snippet> = Vec::new();
    let mut is_session = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_session = line == "```console";
        } else if is_session {
            if let Some(command) = line.strip_prefix("$ ") {
                found.push(Snippet {
                    command: command.to_owned(),
                    expected: Vec::new(),
                });
            } else if let Some(last) = found.last_mut() {
                last.expected.push(line.trim_end().to_owned());
            }
        }
    }
    found
}

/// Returns true if the printed lines are the expected ones; `...` matches any number of lines.
fn matches(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| first.trim_end() == line && matches(rest, others)),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name == ".solform" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// The line that separates the outputs of the commands of a session.
const NEXT: &str = "--- next command ---";

/// Executes the commands of a page in one shell, in the root of a clone, and compares the output.
fn run_page(page: &str, clone: &TestEnv) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(page)).unwrap();
    let snippets = snippets(&text);
    assert!(!snippets.is_empty(), "{page} has no session");
    // On a page, `cargo run -- X` builds and runs what this test has built already.
    let program = env!("CARGO_BIN_EXE_solform");
    let mut session = format!(
        "solform() {{ '{program}' \"$@\"; }}\n\
         cargo() {{ while [ \"$1\" != -- ]; do shift; done; shift; solform \"$@\"; }}\n"
    );
    for Snippet { command, .. } in &snippets {
        writeln!(session, "{command} || exit\necho '{NEXT}'").unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let mut shell = clone.command("bash", &["-c", &session]);
    let output = shell.env("TMPDIR", elsewhere.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let end = format!("{NEXT}\n");
    let mut outputs = printed.split(&end);
    for Snippet { command, expected } in snippets {
        let printed = outputs.next().unwrap_or_default();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            matches(&expected, &lines),
            "{page}: `{command}` must print\n{}\nbut printed\n{printed}\n{stderr}",
            expected.join("\n")
        );
    }
    assert!(output.status.success(), "{page}: {stderr}");
}

/// Creates a folder with the files of a clone that the pages use.
fn clone() -> TestEnv {
    let env = TestEnv::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    copy(&examples, &env.path().join("examples"));
    env
}

/// Returns each file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// A reader follows all pages twice: each page works with the state that the earlier ones left, and
/// changes no file in git.
#[test]
fn pages_work_in_sequence_and_change_no_example() {
    let clone = clone();
    let before = files(&clone.path().join("examples"));
    for _ in 0..2 {
        run_page("README.md", &clone);
        for folder in examples() {
            let name = folder.file_name().unwrap().to_str().unwrap();
            run_page(&format!("examples/{name}/README.md"), &clone);
        }
    }
    assert_eq!(files(&clone.path().join("examples")), before);
    let ignored = Path::new(env!("CARGO_MANIFEST_DIR")).join(".gitignore");
    let ignored = std::fs::read_to_string(ignored).unwrap();
    for entry in std::fs::read_dir(clone.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_ignored = ignored.lines().any(|line| line == format!("/{name}"));
        assert!(
            name == "examples" || is_ignored,
            "{name} is not ignored by git"
        );
    }
}

/// Each page also works in a fresh clone.
#[test]
fn each_example_works_in_a_fresh_clone() {
    for folder in examples() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        run_page(&format!("examples/{name}/README.md"), &clone());
    }
}

/// Returns the folders that hold a manifest; `.ci/examples` tests the other ones.
fn examples() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders: Vec<PathBuf> = std::fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("solform.yaml").exists())
        .collect();
    assert!(!folders.is_empty());
    folders
}

/// Returns the code blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    text.split(&format!("```{language}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_manifest_of_the_readme_validates() {
    let manifests = blocks("README.md", "yaml");
    assert!(!manifests.is_empty());
    let env = TestEnv::new();
    for manifest in manifests {
        env.write("solform.yaml", &manifest);
        let output = env.solform(&["validate"]).exits_with(0);
        assert!(output.stderr.is_empty(), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_of_the_pages_run() {
    let live = [
        Version::active("A", "1"),
        Version::active("Form W-2", "0.0.2").owner("IB_DEPLOYED"),
    ];
    // The input folders of the page do not exist.
    let emulator = start(seed(&live, &[]), &["run_missing_input=accepted"]).await;
    let text = manifest(&emulator.url(), "  A: { version: 1, state: INACTIVE }\n");
    let uat = format!(
        "environments:\n  uat:\n    url: {}\n    token: {{ env: TEST_TOKEN }}\n    solutions: {{ \
         Form W-2: {{ version: 0.0.2, owner: IB_DEPLOYED, path: a/W-2.ibsolution }} }}\n",
        emulator.url()
    );
    let text = text.replace("environments:\n", &uat);
    let mut env = env_with(&text.replace("  test:", "  prod:"));
    env.set("SOLFORM_ENVIRONMENT", "prod");
    let scripts: Vec<String> = ["README.md", "docs/commands.md"]
        .into_iter()
        .flat_map(|page| blocks(page, "sh"))
        .filter(|block| block.contains("solform "))
        .collect();
    assert!(scripts.len() >= 3);
    for script in scripts {
        let program = env!("CARGO_BIN_EXE_solform");
        let script = format!("set -e\nsolform() {{ '{program}' \"$@\"; }}\n{script}");
        let mut command = env.command("bash", &["-c", &script]);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{script}\n{stdout}\n{stderr}");
        let applies = script.contains("solform apply");
        assert_eq!(stdout.contains("Apply complete!"), applies, "{stdout}");
    }
}

#[test]
fn example_manifests_conform_to_the_schema() {
    let validator = jsonschema::validator_for(&solform::manifest::schema()).unwrap();
    let mut manifests = blocks("README.md", "yaml");
    for folder in examples() {
        manifests.push(std::fs::read_to_string(folder.join("solform.yaml")).unwrap());
    }
    manifests.push(solform::manifest::template().to_owned());
    assert!(manifests.len() >= 3);
    for text in manifests {
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?} in\n{text}");
    }
}

#[test]
fn wrong_output_in_a_session_is_noticed() {
    let page = "```console\n$ echo a; echo b\na\n...\nc\n```\n";
    let [Snippet { command, expected }] = &snippets(page)[..] else {
        panic!("one snippet is expected");
    };
    assert_eq!(command, "echo a; echo b");
    assert!(!matches(expected, &["a", "b"]));
    assert!(matches(expected, &["a", "b", "c"]));
    assert!(matches(expected, &["a", "c"]));
}

//! `fmt`: the layout of the manifest.

use crate::support::TestEnv;

const UGLY: &str = "# keep\nsolform:   1\nenvironments:\n    a: {url: 'emulator:'}   # local\n";
const NEAT: &str = "# keep\nsolform: 1\nenvironments:\n  a: {url: 'emulator:'}   # local\n";

#[test]
fn a_manifest_is_laid_out() {
    let env = TestEnv::new();
    env.write("solform.yaml", UGLY);
    let output = env.solform(&["fmt", "--check", "--diff"]).exits_with(1);
    assert!(output.stderr.is_empty(), "{output}");
    let _ = output
        .says("solform.yaml\n--- solform.yaml\n+++ solform.yaml\n@@ ")
        .says("\n-solform:   1\n")
        .says("\n+solform: 1\n")
        .says("\n # keep\n");
    assert_eq!(env.read("solform.yaml"), UGLY);
    let output = env.solform(&["fmt"]).exits_with(0);
    assert_eq!(output.stdout, "solform.yaml\n");
    assert_eq!(env.read("solform.yaml"), NEAT);
    for arguments in [&["fmt", "--check"][..], &["fmt"]] {
        let output = env.solform(arguments).exits_with(0);
        assert_eq!(
            (output.stdout, output.stderr),
            (String::new(), String::new())
        );
    }
}

#[test]
fn standard_input_is_written_to_standard_output() {
    let env = TestEnv::new();
    let output = env.solform_reading(&["fmt", "-"], UGLY).exits_with(0);
    assert_eq!(output.stdout, NEAT);
    let output = env.solform_reading(&["fmt", "--check", "-"], UGLY);
    assert_eq!(output.exits_with(1).stdout, "standard input\n");
    let output = env.solform_reading(&["fmt", "--check", "-"], NEAT);
    assert_eq!(output.exits_with(0).stdout, "");
    let output = env.solform_reading(&["fmt", "-", "-"], UGLY).exits_with(1);
    assert!(output.stdout.is_empty(), "{output}");
    let _ = output.warns("more than one file is standard input");
    for arguments in [&["fmt", "-"][..], &["validate", "--file", "-"]] {
        let output = env.solform_reading(arguments, "").exits_with(1);
        let output = output.warns("help: Write a manifest to standard input");
        assert!(!output.stderr.contains("init"), "{output}");
    }
}

#[test]
fn what_is_not_a_manifest_is_left_as_it_is() {
    let env = TestEnv::new();
    for text in ["environments: [\n", "environments:\n\ta: 1\n", "", "- 1\n"] {
        env.write("solform.yaml", text);
        let output = env.solform(&["fmt"]).exits_with(1);
        assert!(output.stdout.is_empty(), "{output}");
        assert!(output.stderr.starts_with("Error: "), "{output}");
        assert_eq!(env.read("solform.yaml"), text);
    }
    let _ = env
        .solform(&["fmt", "missing.yaml"])
        .exits_with(1)
        .warns("there is no manifest `missing.yaml`");
}

/// The diff does not show a token, and the file keeps it.
#[test]
fn a_token_is_not_shown() {
    let mut env = TestEnv::new();
    env.set("T", "the-secret-of-t");
    let text = [
        "solform: 1\nenvironments:\n    a:\n        url: https://a.example\n",
        "        token: live-0a1b2c3d\n    b:\n        url: https://b.example\n",
        "        token: {env: T}\n        context: the-secret-of-t\n",
    ];
    let text = &text.concat();
    env.write("solform.yaml", text);
    let output = env.solform(&["fmt", "--diff"]).exits_with(0);
    assert!(!output.stdout.contains("live-0a1b2c3d"), "{output}");
    assert!(!output.stdout.contains("the-secret-of-t"), "{output}");
    assert!(
        env.read("solform.yaml")
            .contains("\n    token: live-0a1b2c3d\n")
    );
    let output = env.solform_reading(&["fmt", "-"], text).exits_with(0);
    assert_eq!(output.stdout, env.read("solform.yaml"));
}

#[cfg(unix)]
#[test]
fn the_mode_and_a_link_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let env = TestEnv::new();
    let target = env.write("real.yaml", UGLY);
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.yaml", env.path().join("solform.yaml")).unwrap();
    let _ = env.solform(&["fmt"]).exits_with(0);
    assert_eq!(env.read("real.yaml"), NEAT);
    assert!(env.path().join("solform.yaml").is_symlink());
    let mode = target.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    std::fs::write(&target, UGLY).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o440)).unwrap();
    let _ = env.solform(&["fmt"]).exits_with(1);
    assert_eq!(env.read("real.yaml"), UGLY);
    assert_eq!(std::fs::read_dir(env.path()).unwrap().count(), 2);
}

/// The manifests of the repository have this layout.
#[test]
fn the_examples_are_laid_out() {
    let env = TestEnv::new();
    let root = env!("CARGO_MANIFEST_DIR");
    let mut open = vec![std::path::Path::new(root).join("examples")];
    let mut count = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.ends_with("solform.yaml") {
            let _ = env
                .solform(&["fmt", "--check", path.to_str().unwrap()])
                .exits_with(0);
            count += 1;
        }
    }
    assert!(count > 0);
}

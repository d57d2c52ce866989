//! A manifest from standard input or another descriptor: `-f -`, `-f /dev/stdin`, `-f <(...)`.

use std::path::Path;

use crate::support::TestEnv;

const MANIFEST: &str = "
solform: 1
environments:
  local: { url: 'emulator:', emulator: { seed: seed.yaml } }
defaults: { owner: svc }
solutions:
  A: { version: 1, state: INACTIVE }
";
const SEED: &str = "solutions:\n  - { name: A, version: '1', owner: svc }\n";
const STDIN: [&str; 3] = ["-", "/dev/stdin", "/proc/self/fd/0"];

fn env() -> TestEnv {
    let env = TestEnv::new();
    env.write("seed.yaml", SEED);
    env
}

/// Paths of seed, store and emulator in a piped manifest are relative to the working directory.
#[test]
fn paths_of_a_piped_manifest_start_here() {
    for file in STDIN {
        let env = env();
        let _ = env
            .solform_reading(&["plan", "-f", file], MANIFEST)
            .exits_with(0)
            .says("Plan: 0 to add, 1 to change, 0 to destroy.");
        let _ = env
            .solform_reading(&["apply", "-f", file, "--auto-approve"], MANIFEST)
            .exits_with(0)
            .says("Apply complete!");
        assert!(env.path().join(".solform/emulator").is_dir(), "{file}");
        let _ = env
            .solform_reading(&["plan", "-f", file, "--detailed-exitcode"], MANIFEST)
            .exits_with(0)
            .says("No changes.");
    }
    for folder in ["/dev/.solform", "/proc/self/fd/.solform"] {
        assert!(!Path::new(folder).exists(), "{folder}");
    }
}

#[test]
fn every_command_reads_a_piped_manifest() {
    for file in STDIN {
        for arguments in [
            &["validate"][..],
            &["list"],
            &["get", "A@1"],
            &["export"],
            &["doctor"],
            &["jobs"],
            &["history"],
            &["destroy", "--auto-approve"],
        ] {
            let env = env();
            let mut words = arguments.to_vec();
            words.extend(["-f", file]);
            let _ = env.solform_reading(&words, MANIFEST).exits_with(0);
        }
        // The lock is free; `force-unlock` must still look for it in the right store.
        let _ = env()
            .solform_reading(&["force-unlock", "x", "-f", file], MANIFEST)
            .exits_with(1)
            .warns("No command holds it.");
    }
}

#[test]
fn problems_of_a_piped_manifest_name_it() {
    let env = env();
    let _ = env
        .solform_reading(&["validate", "-f", "-"], "solform: 1\nodd: 2\n")
        .exits_with(1)
        .warns("standard input:2");
    let _ = env
        .solform_reading(&["validate", "-f", "-"], "")
        .exits_with(1);
}

#[test]
fn review_reads_a_piped_manifest_beside_a_file() {
    let env = env();
    env.write("base.yaml", &MANIFEST.replace("INACTIVE", "ACTIVE"));
    let _ = env
        .solform_reading(&["review", "--base", "base.yaml", "-f", "-"], MANIFEST)
        .exits_with(0)
        .says("standard input");
    let _ = env
        .solform_reading(&["review", "--base", "main", "-f", "-"], MANIFEST)
        .exits_with(1)
        .warns("the manifest is not a file that a revision could contain");
}

/// A printed command for the next step has no path that is only valid in this process.
#[test]
fn printed_commands_name_standard_input() {
    for file in STDIN {
        let env = env();
        let fault = "faults:\n  - { operation: patch_solution, status: 400 }\n";
        env.write("seed.yaml", &format!("{fault}{SEED}"));
        let _ = env
            .solform_reading(
                &["apply", "-f", file, "--auto-approve", "--detailed-exitcode"],
                MANIFEST,
            )
            .exits_with(5)
            .says("solform apply --file - -e local");
    }
}

#[test]
fn init_prints_for_a_dash() {
    let env = TestEnv::new();
    let printed = env.solform(&["init", "-f", "-"]).exits_with(0);
    assert!(printed.stdout.contains("solform: 1"), "{printed}");
    assert_eq!(std::fs::read_dir(env.path()).unwrap().count(), 0);
}

/// Standard input without an end is read only up to the limit.
#[test]
fn an_endless_manifest_is_refused() {
    let env = TestEnv::new();
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &["validate", "-f", "-"]);
    let output = command
        .stdin(std::fs::File::open("/dev/zero").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}

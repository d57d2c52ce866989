//! The environment `emulator:`, whose data folder can be used by one process at a time.

use crate::durable::at_work;
use crate::support::TestEnv;

const MANIFEST: &str = "
solform: 1
environments:
  local:
    url: 'emulator:'
    emulator: { seed: seed.yaml }
    timeouts: { deploy: 1h }
defaults: { owner: svc }
solutions:
  A: { version: 1, path: d/r/fs/x/A-1.ibsolution }
";
const PACKAGE: &str =
    "packages:\n  - { path: d/r/fs/x/A-1.ibsolution, name: A, version: '1', owner: svc }\n";

fn env(seed: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write("solform.yaml", MANIFEST);
    env.write("seed.yaml", seed);
    env
}

/// The error must not advise to delete the folder: the other command is using it.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_names_its_user() {
    let never = "faults:\n  - { operation: deploy, pace: never }\n";
    let mut env = env(&format!("{never}{PACKAGE}"));
    env.set("USER", "ann").set("HOSTNAME", "desk");
    let program = env!("CARGO_BIN_EXE_solform");
    let mut child = at_work(env.command(program, &["apply", "--auto-approve"]), 1).await;
    let process = format!("in use by ann@desk (process {})", child.id());
    for arguments in [
        &["plan"][..],
        &["list"],
        &["get", "A@1"],
        &["export"],
        &["jobs"],
        &["apply", "--auto-approve"],
        &["emulator", "--data", ".solform/emulator/local"],
    ] {
        let output = env.solform_beside(arguments).await.exits_with(1);
        assert!(output.stderr.contains(&process), "{output}");
        assert!(
            output.stderr.contains("by `solform apply --auto-approve`"),
            "{output}"
        );
        assert!(
            output.stderr.contains("Wait until that command has ended"),
            "{output}"
        );
        assert!(!output.stderr.contains("delete"), "{output}");
    }
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(9);
    let doctor = env.solform_beside(&["doctor"]).await.exits_with(1);
    assert!(doctor.stdout.contains("in use by ann@desk"), "{doctor}");
    // The folder is free again when the process has died.
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = env.solform_beside(&["list"]).await.exits_with(0);
    assert!(
        !env.path()
            .join(".solform/emulator/local/holder.json")
            .exists()
    );
}

/// A manifest may promote from one embedded emulator to another one.
#[test]
fn each_environment_has_a_world_of_its_own() {
    let env = TestEnv::new();
    let second = "  other: { url: 'emulator:' }\ndefaults:";
    env.write("solform.yaml", &MANIFEST.replace("defaults:", second));
    env.write("seed.yaml", PACKAGE);
    let _ = env
        .solform(&["apply", "-e", "local", "--auto-approve"])
        .exits_with(0);
    let output = env.solform(&["list", "-e", "local", "-e", "other"]);
    let output = output.exits_with(0);
    let row = output.stdout.lines().find(|line| line.starts_with('A'));
    let cells: Vec<&str> = row.unwrap_or_default().split_whitespace().collect();
    assert_eq!(cells, ["A", "1", "ACTIVE", "PRIVATE", "(none)"], "{output}");
}

#[test]
fn a_port_in_use_has_its_own_help() {
    let env = TestEnv::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = env
        .solform(&["emulator", "--listen", &address, "--data", "world"])
        .exits_with(1)
        .warns(&format!("failed to listen on {address}"))
        .warns("choose another port");
    assert!(!output.stderr.contains("delete"), "{output}");
    env.write("file", "");
    let _ = env
        .solform(&["emulator", "--data", "file"])
        .exits_with(1)
        .warns("failed to open the data folder `file`")
        .warns("Check the folder");
}

#[test]
fn an_edited_seed_causes_a_warning() {
    let env = env(PACKAGE);
    let quiet = |env: &TestEnv| {
        let output = env.solform(&["plan"]).exits_with(0);
        assert!(output.stderr.is_empty(), "{output}");
    };
    quiet(&env);
    // Comments, users, knobs and faults are not part of the persistent state.
    env.write(
        "seed.yaml",
        &format!("# mine\nknobs: {{ over_limit: refused }}\n{PACKAGE}"),
    );
    quiet(&env);
    env.write(
        "seed.yaml",
        &format!("solutions:\n  - {{ name: B, version: '1', owner: svc }}\n{PACKAGE}"),
    );
    for arguments in [&["plan"][..], &["list"], &["apply", "--auto-approve"]] {
        let _ = env
            .solform(arguments)
            .exits_with(0)
            .warns(
                "Warning: the seed `./seed.yaml` has changed since the emulator's world began, \
                and is not loaded.",
            )
            .warns("move `./.solform/emulator/local` away");
    }
    let _ = env
        .solform(&["plan", "--json"])
        .exits_with(0)
        .says("has changed since the emulator's world began");
    std::fs::rename(
        env.path().join(".solform/emulator/local"),
        env.path().join("old"),
    )
    .unwrap();
    let output = env.solform(&["list"]).exits_with(0).says("B");
    assert!(output.stderr.is_empty(), "{output}");
}

#[test]
fn git_ignores_the_folder_after_a_bare_plan() {
    let env = env(PACKAGE);
    let _ = env.solform(&["plan"]).exits_with(0);
    assert_eq!(env.read(".solform/.gitignore"), "*\n");
}

/// An environment is read and is the source of another one in the same command: both use one
/// emulator, which holds its data folder.
#[test]
fn an_embedded_environment_is_a_source() {
    let env = TestEnv::new();
    env.write(
        "uat.yaml",
        "solutions: [{ name: A, version: '1', owner: svc }]\npackages: [{ path: \
         acme/uat/fs/d/A-1.ibsolution, name: A, version: '1', owner: svc }]\n",
    );
    env.write(
        "solform.yaml",
        "solform: 1\nenvironments:\n  uat: { url: 'emulator:', emulator: { seed: uat.yaml } }\n  \
         prod:\n    url: 'emulator:'\n    solutions: { A: { source: { environment: uat } } }\n\
         defaults: { owner: svc, path: 'acme/${environment}/fs/d/A-1.ibsolution' }\nsolutions: { \
         A: { version: 1 } }\n",
    );
    for (environments, expected) in [
        (&["-e", "prod", "-e", "uat"][..], "1 ACTIVE    + 1 ACTIVE\n"),
        (&["-e", "prod"], "(from environment uat)"),
    ] {
        let plan = [&["plan", "--detailed-exitcode"], environments].concat();
        let _ = env.solform(&plan).exits_with(2).says(expected);
    }
    let apply = ["apply", "-e", "prod", "--auto-approve"];
    let _ = env.solform(&apply).exits_with(0).says(" uploaded\n");
}

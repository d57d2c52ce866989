//! The manifest as a file: it is replaced as a whole, or it stays.

use std::os::unix::fs::PermissionsExt as _;

use super::{ARGUMENTS, usual};
use crate::support::CommandOutput;

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_and_a_link_stay() {
    let world = usual().await;
    let path = world.env.path().join("solform.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("solform.yaml", world.env.path().join("link.yaml")).unwrap();
    let arguments = [&ARGUMENTS[..], &["-f", "link.yaml"]].concat();
    let _ = world.env.solform_beside(&arguments).await.exits_with(0);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(world.text().contains("Form W-2: { version: 0.0.3 } # one"));
    assert!(
        std::fs::symlink_metadata(world.env.path().join("link.yaml"))
            .unwrap()
            .is_symlink()
    );
}

/// The folder can be written, so that a rename alone would replace the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_manifest_stays() {
    let world = usual().await;
    let before = world.text();
    let path = world.env.path().join("solform.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(1)
        .warns("Error: failed to write `solform.yaml`\n  because permission denied\n");
    assert_eq!(world.text(), before);
    // Nothing is read for a promotion that cannot be written.
    assert!(world.uat.requests().is_empty() && world.prod.requests().is_empty());
    let check = [&ARGUMENTS[..], &["--check"]].concat();
    let _ = world.env.solform_beside(&check).await.exits_with(0);
}

/// The token command runs between the read of the manifest and the write.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_changes_meanwhile_stays() {
    let world = usual().await;
    let text = world.text().replace(
        "token: { env: UAT_TOKEN }",
        "token: { command: [sh, -c, 'echo \"# mine\" >> solform.yaml; echo \"$UAT_TOKEN\"'] }",
    );
    world.env.write("solform.yaml", &text);
    let output = world.env.solform_beside(&ARGUMENTS).await.exits_with(1);
    assert_eq!(output.stdout, "");
    let _ = output.warns(
        "Error: `solform.yaml` has changed since it was read\n  help: Run the command again.\n",
    );
    assert_eq!(world.text(), format!("{text}# mine\n"));
}

/// The system ends the process in the middle of the first write to a file.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_write_leaves_the_old_file() {
    let world = usual().await;
    let before = world.text();
    let program = env!("CARGO_BIN_EXE_solform");
    let script = format!("ulimit -f 0; exec '{program}' {}", ARGUMENTS.join(" "));
    let mut command = world.env.command("bash", &["-c", &script]);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = CommandOutput::new(output.await.unwrap().unwrap());
    assert_ne!(output.code(), 0, "{output}");
    assert!(!world.uat.requests().is_empty());
    assert_eq!(world.text(), before);
}

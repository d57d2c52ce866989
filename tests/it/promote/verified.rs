//! `require_verified`: only versions that passed their verification in the source are promoted.

use super::{OTHER, World};
use crate::support::worlds::{DRIVE, TOKEN, Version, options, seed};
use crate::support::{CommandOutput, TestEnv};
use serde_json::Value;
use solform_emulator::{self as emulator, EmulatorOptions};

fn document(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

const PROMOTE: [&str; 5] = ["promote", "--from", "uat", "--to", "prod"];

/// Two environments: the source gets version 2, and must verify it.
async fn world() -> World {
    let live = [Version::active("Form", "1")];
    let next = [Version::active("Form", "2")];
    let uat = emulator::start(options(seed(&live, &next), &[]))
        .await
        .unwrap();
    let prod = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(&live, &next), &[])
    });
    let prod = prod.await.unwrap();
    let mut env = TestEnv::new();
    env.set("UAT_TOKEN", TOKEN).set("PROD_TOKEN", OTHER);
    env.write(
        "solform.yaml",
        &format!(
            "solform: 1\nenvironments:\n  uat:\n    url: {}\n    token: {{ env: UAT_TOKEN }}\n  \
             prod:\n    url: {}\n    token: {{ env: PROD_TOKEN }}\n    require_verified: true\n    \
             solutions:\n      Form: {{ version: 1 }}\ndefaults: {{ owner: svc, path: \
             '{DRIVE}/${{name}}-${{version}}.ibsolution' }}\nsolutions:\n  Form:\n    version: \
             2\n    \
             verify: [{{ name: smoke, input_dir: '{DRIVE}/smoke/in' }}]\n",
            uat.url(),
            prod.url()
        ),
    );
    crate::apply::uploads::put(&uat, &format!("{DRIVE}/smoke/in/a.pdf"), b"a".to_vec()).await;
    World { uat, prod, env }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_verified_version_is_promoted() {
    let world = world().await;
    let before = world.text();
    let env = &world.env;
    let deployed = ["apply", "-e", "uat", "--auto-approve"];
    let _ = env.solform_beside(&deployed).await.exits_with(0);
    // The record counts, and not the state: without it, nothing is promoted.
    let revoked = ["revoke", "-e", "uat", "Form@2", "--auto-approve", "--json"];
    let revoked = env.solform_beside(&revoked).await.exits_with(0);
    assert_eq!(
        document(&revoked)["verification"]["verdict"],
        "passed",
        "{revoked}"
    );
    let again = ["revoke", "-e", "uat", "Form@2", "--auto-approve"];
    let _ = env
        .solform_beside(&again)
        .await
        .exits_with(1)
        .warns("no verification record of `Form@2` counts");
    let history = env
        .solform_beside(&["history", "-e", "uat", "--json"])
        .await;
    let id = document(&history)["applies"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let _ = env
        .solform_beside(&["history", "-e", "uat", "show", &id])
        .await
        .exits_with(0)
        .says("verification with smoke passed")
        .says("verification record revoked by ");
    let _ = env
        .solform_beside(&PROMOTE)
        .await
        .exits_with(0)
        .says("has not passed its verification in the source")
        .says("Nothing to promote")
        .warns("`Form` is left out");
    let _ = env
        .solform_beside(&[&PROMOTE[..], &["Form"]].concat())
        .await
        .exits_with(1)
        .warns("the version of `Form` in service in `uat` has not passed its verification there")
        .warns("apply there with `--reverify`");
    assert_eq!(world.text(), before);
    let reverify = [&deployed[..], &["--reverify", "Form@2"]].concat();
    let _ = env.solform_beside(&reverify).await.exits_with(0);
    let _ = env
        .solform_beside(&[&PROMOTE[..], &["Form"]].concat())
        .await
        .exits_with(0)
        .says("1 to promote");
    assert_eq!(world.text(), before.replace("version: 1 }", "version: 2 }"));
}

/// A pass of other runs says nothing about the declared ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_of_other_runs_does_not_count() {
    let world = world().await;
    let deployed = ["apply", "-e", "uat", "--auto-approve"];
    let _ = world.env.solform_beside(&deployed).await.exits_with(0);
    let text = world
        .text()
        .replace("/smoke/in'", "/smoke/in', attempts: 2");
    world.env.write("solform.yaml", &text);
    let _ = world
        .env
        .solform_beside(&PROMOTE)
        .await
        .exits_with(0)
        .says("has not passed its verification in the source");
}

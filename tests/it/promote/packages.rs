//! A promotion with the packages: the manifest declares them as sources, and the next apply
//! transfers them.

use solform_emulator::{self as emulator, EmulatorOptions};

use super::{ARGUMENTS, OTHER, World};
use crate::apply::uploads::get;
use crate::support::TestEnv;
use crate::support::worlds::{DRIVE, TOKEN, Version, options, path_of, seed};

/// Two platforms: `uat` has three versions in service with their packages, `prod` an older one. The
/// token of `prod` is that of the other tests.
async fn world() -> World {
    let live = [
        Version::active("Form W-2", "0.0.3"),
        Version::active("Paystub", "2.1.0"),
        Version::active("Shared", "1"),
    ];
    let old = [
        Version::active("Form W-2", "0.0.1"),
        Version::active("Shared", "1"),
    ];
    let uat = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(&live, &live), &[])
    });
    let uat = uat.await.unwrap();
    let prod = emulator::start(options(seed(&old, &[]), &[]))
        .await
        .unwrap();
    let mut env = TestEnv::new();
    env.set("UAT_TOKEN", OTHER).set("PROD_TOKEN", TOKEN);
    let text = format!(
        "solform: 1
environments:
  uat:
    url: {}
    token: {{ env: UAT_TOKEN }}
  prod: # the real one
    url: {}
    token: {{ env: PROD_TOKEN }}
    user: svc
    solutions:
      Form W-2: {{ version: 0.0.1, source: dist/old.ibsolution }} # one
vars: {{ drive: '{DRIVE}' }}
defaults: {{ owner: svc, path: '${{drive}}/${{name}}-${{version}}.ibsolution' }}
solutions:
  Form W-2: {{ version: 0.0.3 }} # two
  Paystub: {{ version: 2.1.0 }}
  Shared: {{ version: 1 }}
",
        uat.url(),
        prod.url()
    );
    env.write("solform.yaml", &text);
    World { uat, prod, env }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_promoted_with_their_versions() {
    let world = world().await;
    let before = world.text();
    let promote = [&ARGUMENTS[..], &["--copy-packages", "--detailed-exitcode"]].concat();
    let check = [&promote[..], &["--check", "--json"]].concat();
    let document = world.env.solform_beside(&check).await.exits_with(2).stdout;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let copies = document["solutions"].as_array().unwrap().iter();
    let copies: Vec<bool> = copies.map(|it| it["copies_package"] == true).collect();
    assert_eq!(copies, [true, true, false], "{document:#}");
    assert_eq!(document["summary"]["copied"], 2);
    let _ = world
        .env
        .solform_beside(&promote)
        .await
        .exits_with(2)
        .says("upgrade, package copied")
        .says("already declared, package copied")
        .says("Promotion: 1 to promote, 2 already declared, 0 left out. 2 packages to copy.");
    let old = "{ version: 0.0.1, source: dist/old.ibsolution } # one\n";
    let new = "{ version: 0.0.3, source: { environment: uat } } # one\n      Paystub: { source: { \
        environment: uat } }\n";
    assert_eq!(world.text(), before.replace(old, new));
    let _ = world.env.solform(&["validate"]).exits_with(0);
    let reads = world.prod.requests().len();
    let apply = [
        "apply",
        "-e",
        "prod",
        "--auto-approve",
        "--detailed-exitcode",
    ];
    let _ = world
        .env
        .solform_beside(&apply)
        .await
        .exits_with(2)
        .says("(from environment uat)\"");
    assert!(world.prod.requests().len() > reads);
    for (name, version) in [("Form W-2", "0.0.3"), ("Paystub", "2.1.0")] {
        assert!(
            get(&world.prod, &path_of(name, version)).await.is_some(),
            "{name}"
        );
    }
    let _ = world
        .env
        .solform_beside(&promote)
        .await
        .exits_with(0)
        .says("Nothing to promote: 3 already declared, 0 left out.\n");
    for emulator in [&world.uat, &world.prod] {
        assert!(emulator.requests().iter().all(|it| it.status != Some(401)));
    }
    assert!(world.uat.requests().iter().all(|it| it.method == "GET"));
}

/// What is in service in the source, but not declared there with a path, cannot be a source.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_not_declared_is_refused() {
    let world = world().await;
    let text = world.text().replace(
        "    token: { env: UAT_TOKEN }\n",
        "    token: { env: UAT_TOKEN }\n    solutions: { Form W-2: { version: 0.0.2 } }\n",
    );
    world.env.write("solform.yaml", &text);
    let promote = [&ARGUMENTS[..], &["--copy-packages", "Form W-2"]].concat();
    let _ = world
        .env
        .solform_beside(&promote)
        .await
        .exits_with(1)
        .warns("the environment `uat` does not declare `Form W-2@0.0.3`")
        .warns("help: Declare the version with a `path` there too");
    assert_eq!(world.text(), text);
}

/// The target pins the bytes of its package. The pin becomes the one that the source declares for
/// the promoted version; if it declares none, the warning says that the old one is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_declared_digest_is_promoted_too() {
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    for source in [Some(&new), None] {
        let world = world().await;
        let declared = source.map_or_else(String::new, |digest| format!(", sha256: {digest}"));
        let of_uat = format!(
            "    token: {{ env: UAT_TOKEN }}\n    solutions: {{ Form W-2: {{ version: 0.0.3, \
             source: dist/old.ibsolution{declared} }} }}\n"
        );
        let of_prod = "{ version: 0.0.1, source: dist/old.ibsolution";
        let text = world
            .text()
            .replace("    token: { env: UAT_TOKEN }\n", &of_uat)
            .replace(of_prod, &format!("{of_prod}, sha256: {old}"));
        world.env.write("solform.yaml", &text);
        let promote = [&ARGUMENTS[..], &["Form W-2"]].concat();
        let output = world.env.solform_beside(&promote).await.exits_with(0);
        let written = world.text();
        let promoted = of_prod.replace("0.0.1", "0.0.3");
        let digest = source.unwrap_or(&old);
        assert!(
            written.contains(&format!("{promoted}, sha256: {digest} }} # one")),
            "{written}"
        );
        let warning = "with the `sha256` of the old package";
        assert_eq!(
            output.stderr.contains(warning),
            source.is_none(),
            "{output}"
        );
    }
}

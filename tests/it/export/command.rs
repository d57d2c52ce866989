//! The command `export`: its manifest, its warnings, and its refusals.

use solform_emulator::Emulator;

use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{TOKEN, Version, env_with, manifest, manifest_with, seed, start};

async fn small_world() -> Emulator {
    let live = [
        Version::active("Form W-2", "0.0.1"),
        Version::active("Form W-2", "0.0.2"),
        Version::inactive("Paystub", "1.10"),
        Version {
            visibility: "PUBLIC",
            ..Version::active("Paystub", "1.9").owner("IB_DEPLOYED")
        },
        Version::active("Lone", "1.0.0"),
        Version {
            state: "PRODUCTION",
            ..Version::active("Lone", "2.0.0").owner("ann")
        },
        Version::active("Twice", "1.0.0"),
        Version::active("Twice", "1.0.0").owner("ann"),
        Version::active("Twice", "2.0.0").owner("ann"),
        Version {
            state: "DEPRECATED",
            ..Version::active("Odd", "1.0.0")
        },
        Version::inactive("yes", "1.0.0"),
    ];
    start(seed(&live, &[]), &["visibility_in_records=true"]).await
}

#[tokio::test]
async fn the_exported_manifest_is_readable() {
    let emulator = small_world().await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    context: acme\n    store: state\n",
        "manage: { owners: [svc, ann, IB_DEPLOYED] }\n",
        "  {}\n",
    ));
    let output = env.solform_beside(&["export"]).await.exits_with(0);
    let text = output.stdout.replace(&emulator.url(), "http://HOST");
    let (head, left) = text.split_once("\n# Live as well").unwrap();
    let expected = env.stretched(
        r#"# The live versions in the environment `test`, as `solform export` found them.
# No solution has a `path`, because the package of a live version is not known. Add a `path`
# to every version that solform must deploy.
solform: 1

environments:
  test:
    url: http://HOST
    token: { env: TEST_TOKEN }
    user: svc
    context: acme
    store: state
    timeouts: { deploy: 20s, delete: 20s, propagation: 1s }

defaults:
  owner: svc
  visibility: PRIVATE

manage:
  owners:
    - svc
    - ann
    - IB_DEPLOYED

solutions:
  Form W-2:
    versions:
      0.0.1: {}
      0.0.2: {}
  Lone:
    versions:
      1.0.0: {}
      2.0.0: { owner: ann } # live: PRODUCTION
  Paystub:
    versions:
      "1.9": { owner: IB_DEPLOYED, visibility: PUBLIC }
      "1.10": { state: INACTIVE }
  Twice:
    owner: ann
    superseded: keep # Not all of its live versions are declared: see the end.
    versions:
      1.0.0: {}
      2.0.0: {}
  "yes":
    version: 1.0.0
    state: INACTIVE
"#,
    );
    // `stretched` formats the timeouts with fewer spaces.
    let expected = expected
        .replace("{deploy", "{ deploy")
        .replace(",delete", ", delete")
        .replace(",propagation", ", propagation")
        .replace("s}", "s }");
    assert_eq!(head, expected);
    assert!(left.contains("# - svc:Odd@1.0.0, id "), "{left}");
    assert!(
        left.contains(": its state is `DEPRECATED`, which no manifest can declare\n"),
        "{left}"
    );
    assert!(left.contains("# - svc:Twice@1.0.0, id "), "{left}");
    let output = output
        .warns("Warning: 2 live records are not declared")
        .warns("Warning: \"svc:Twice@1.0.0\" is left out: the version of `ann` is declared");
    assert!(!format!("{output}").contains(TOKEN), "{output}");
}

#[tokio::test]
async fn an_existing_file_is_replaced_only_by_force() {
    let emulator = small_world().await;
    let env = env_with(&manifest(&emulator.url(), "  {}\n"));
    let _ = env
        .solform_beside(&["export", "--all", "--out", "solform.yaml"])
        .await
        .exits_with(1)
        .warns("Error: `solform.yaml` already exists")
        .warns("--force");
    let output = env
        .solform_beside(&["export", "--all", "--out", "solform.yaml", "--force"])
        .await
        .exits_with(0)
        .warns("Wrote `solform.yaml` with 9 versions.");
    assert_eq!(output.stdout, "");
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("No changes.");
    std::fs::create_dir(env.path().join("sub")).unwrap();
    env.write(
        "solform.yaml",
        &manifest_with(&emulator.url(), "    store: state\n", "", "  {}\n"),
    );
    let _ = env
        .solform_beside(&["export", "--all", "--out", "sub/other.yaml"])
        .await
        .exits_with(0)
        .warns("lies in another folder");
    // Without owners `manage` covers no version.
    let _ = env
        .solform_beside(&["export"])
        .await
        .exits_with(0)
        .says("\nsolutions: {}\n")
        .warns("`manage` covers none of the 11 versions that are live");
}

#[tokio::test]
async fn an_unproven_list_writes_no_manifest() {
    let server = Scripted::start(|asked| {
        let offset = asked.query.get("offset").map_or("0", String::as_str);
        // A list that changes with each request.
        Reply::json(&serde_json::json!({
            "solutions": [{
                "id": format!("id-{offset}-{}", asked.nth),
                "name": "N", "version": "1", "owner": "svc",
                "state": "ACTIVE", "visibility": "PRIVATE",
            }],
            "has_more": [offset == "0"],
            "next_offset": [if offset == "0" { 1 } else { -1 }],
        }))
    })
    .await;
    let env = env_with(&manifest(server.url.as_str(), "  {}\n"));
    let output = env
        .solform_beside(&["export", "--all", "--out", "new.yaml"])
        .await
        .exits_with(1)
        .warns("the listing proves nothing");
    assert_eq!(output.stdout, "");
    assert!(!env.path().join("new.yaml").exists());
}

#[tokio::test]
async fn a_name_that_holds_the_token_is_not_written() {
    let live = [Version::active(TOKEN, "1.0.0")];
    let emulator = start(seed(&live, &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), "  {}\n"));
    let output = env
        .solform_beside(&["export", "--all", "--out", "new.yaml"])
        .await
        .exits_with(1);
    assert!(!format!("{output}").contains(TOKEN), "{output}");
    assert!(!env.path().join("new.yaml").exists());
}

#[tokio::test]
async fn undeclarable_versions_become_comments() {
    let live = [
        Version::active("two\nlines", "1.0.0"),
        Version::active("N", "1@2"),
        Version::active("N", "2.0.0"),
    ];
    let emulator = start(seed(&live, &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), "  N: { version: 2.0.0 }\n"));
    let output = env
        .solform_beside(&["export", "--out", "new.yaml"])
        .await
        .exits_with(0)
        .warns("Warning: 2 live records are not declared");
    assert_eq!(output.stdout, "");
    let text = env.read("new.yaml");
    assert!(
        text.contains("  \"N\":\n    version: 2.0.0\n    superseded: keep"),
        "{text}"
    );
    assert!(text.contains("# - svc:N@1@2, id "), "{text}");
    let comment = text.lines().find(|line| line.contains("two"));
    assert!(
        comment.is_some_and(|line| line.contains("control characters")),
        "{text}"
    );
    let _ = env
        .solform_beside(&["plan", "-f", "new.yaml", "--detailed-exitcode"])
        .await
        .exits_with(0)
        .says("No changes.");
}

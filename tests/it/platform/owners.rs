//! The owner pair over the socket: a package of `svc` that becomes PUBLIC, under either owner.

use serde_json::{Value, json};
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, Operation, Profile, Seed};

use crate::support::worlds::{
    DRIVE, TOKEN, Version, count, env_with, manifest, manifest_with, options, path_of, seed, start,
};
use crate::support::{TestEnv, http_client};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];
const DESTROY: [&str; 3] = ["destroy", "--auto-approve", "--detailed-exitcode"];
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];
const OWNERS: [&str; 2] = ["IB_DEPLOYED", "svc"];

async fn start_in(profile: Profile, seed: Seed) -> Emulator {
    emulator::start(EmulatorOptions {
        profile,
        knobs: None,
        ..options(seed, &[])
    })
    .await
    .unwrap()
}

/// Returns a manifest of `A` with these versions, written as YAML.
fn release(url: &str, owner: &str, versions: &str) -> String {
    manifest(
        url,
        &format!(
            "  A:\n    owner: {owner}\n    visibility: PUBLIC\n\
             \x20   path: '${{drive}}/${{name}}-${{version}}.ibsolution'\n\
             \x20   versions: {{ {versions} }}\n"
        ),
    )
}

/// Returns `version owner STATE` of every live version, sorted by version.
async fn listed(env: &TestEnv) -> Vec<String> {
    let output = env.solform_beside(&["list", "--json"]).await.exits_with(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let text = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
    let mut rows: Vec<String> = document["solutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            let words = ["version", "owner", "state"].map(|key| text(record, key));
            words.join(" ")
        })
        .collect();
    rows.sort();
    rows
}

/// The most common sequence: deploy, upgrade, roll back, tombstone, destroy. After each step the
/// plan is empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_package_becomes_public() {
    for profile in Profile::ALL {
        for owner in OWNERS {
            let case = format!("{profile} {owner}");
            let packages = [Version::active("A", "1"), Version::active("A", "2")];
            let emulator = start_in(profile, seed(&[], &packages)).await;
            let url = emulator.url();
            let filed = match profile {
                Profile::Docs => "IB_DEPLOYED",
                _ => "svc",
            };
            let env = env_with(&release(&url, owner, "1: {}"));
            let planned = env.solform_beside(&PLAN).await.exits_with(2);
            assert!(!planned.stderr.contains("Warning"), "{case}\n{planned}");
            for (versions, expected) in [
                ("1: {}", vec![format!("1 {filed} ACTIVE")]),
                (
                    "2: {}",
                    vec![format!("1 {filed} INACTIVE"), format!("2 {filed} ACTIVE")],
                ),
                (
                    "1: {}",
                    vec![format!("1 {filed} ACTIVE"), format!("2 {filed} INACTIVE")],
                ),
                (
                    "1: {}, 2: { state: ABSENT }",
                    vec![format!("1 {filed} ACTIVE")],
                ),
            ] {
                env.write("solform.yaml", &release(&url, owner, versions));
                let applied = env.solform_beside(&APPLY).await;
                assert_eq!(applied.code(), 2, "{case}, {versions}\n{applied}");
                let again = env.solform_beside(&PLAN).await;
                assert_eq!(again.code(), 0, "{case}, {versions}\n{again}");
                let _ = again.says("No changes.");
                assert_eq!(listed(&env).await, expected, "{case}, {versions}");
            }
            assert_eq!(count(&emulator, Operation::Deploy), 2, "{case}");
            let _ = env.solform_beside(&DESTROY).await.exits_with(2);
            assert!(listed(&env).await.is_empty(), "{case}");
        }
    }
}

/// Without the ids in the store, a delete needs the exact owner; every format reports this.
#[tokio::test(flavor = "multi_thread")]
async fn a_delete_across_owners_needs_the_store() {
    let public = Version {
        visibility: "PUBLIC",
        ..Version::active("A", "1")
    };
    let world = || seed(&[], std::slice::from_ref(&public));
    let emulator = start(world(), &[]).await;
    let url = emulator.url();
    let env = env_with(&release(&url, "svc", "1: {}"));
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert_eq!(listed(&env).await, ["1 IB_DEPLOYED ACTIVE"]);
    std::fs::remove_dir_all(env.path().join(".solform")).unwrap();

    env.write(
        "solform.yaml",
        &release(&url, "svc", "1: { state: ABSENT }"),
    );
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("# A@1 will be destroyed")
        .says("Plan: 0 to add, 0 to change, 1 to destroy.")
        .says("1 blocked")
        .says("a delete needs the exact owner")
        .warns("(owner-moved)")
        .warns("Write `owner: IB_DEPLOYED`");
    let _ = env.solform_beside(&["plan"]).await.exits_with(1);
    for format in ["markdown", "github"] {
        let output = env
            .solform_beside(&["plan", "--detailed-exitcode", "--format", format])
            .await
            .exits_with(4);
        assert!(output.stdout.contains("owner-moved"), "{format}\n{output}");
    }
    let output = env
        .solform_beside(&["plan", "--detailed-exitcode", "--format", "json"])
        .await
        .exits_with(4);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let change = &document["resource_changes"][0];
    assert_eq!(change["x_solution"]["blocked"], true);
    assert_eq!(change["x_solution"]["blocked_by"][0], "owner-moved");
    assert_eq!(document["applyable"], false);
    for command in [&APPLY[..], &DESTROY[..]] {
        let _ = env
            .solform_beside(command)
            .await
            .exits_with(4)
            .warns("Write `owner: IB_DEPLOYED`");
    }
    env.write("solform.yaml", &release(&url, "svc", "1: {}"));
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode", "--replace", "A@1"])
        .await
        .exits_with(4)
        .says("# A@1 must be replaced")
        .warns("(owner-moved)");
    assert_eq!(listed(&env).await, ["1 IB_DEPLOYED ACTIVE"]);

    env.write(
        "solform.yaml",
        &release(&url, "IB_DEPLOYED", "1: { state: ABSENT }"),
    );
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert!(listed(&env).await.is_empty());
}

/// A record of another author is not adopted: the plan and the write are blocked.
#[tokio::test(flavor = "multi_thread")]
async fn another_authors_version_blocks_the_create() {
    let text = "solutions:\n  - { name: A, version: 1, owner: IB_DEPLOYED, author: bob, \
        visibility: PUBLIC }\n";
    let live = || Seed::parse(text).unwrap();
    let emulator = start(live(), &[]).await;
    let env = env_with(&release(&emulator.url(), "svc", "1: {}"));
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("live under the owner `IB_DEPLOYED` by the author `bob`")
        .warns("(owner-differs)")
        .warns("Declare `owner: IB_DEPLOYED` to take the record over");
    let _ = env.solform_beside(&APPLY).await.exits_with(4);
    assert_eq!(count(&emulator, Operation::Deploy), 0);
    // With this owner the version is as declared, but setting it PRIVATE is blocked.
    env.write(
        "solform.yaml",
        &release(&emulator.url(), "IB_DEPLOYED", "1: {}"),
    );
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
    env.write(
        "solform.yaml",
        &release(&emulator.url(), "IB_DEPLOYED", "1: { visibility: PRIVATE }"),
    );
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .warns("(author-differs)");
}

/// A narrower visibility needs the exact owner, is shown as a loss, and moves the owner back.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_becomes_private_by_its_exact_owner() {
    let public = Version {
        visibility: "PUBLIC",
        ..Version::active("A", "1")
    };
    let emulator = start(seed(&[], &[public]), &[]).await;
    let url = emulator.url();
    let env = env_with(&release(&url, "svc", "1: {}"));
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    let private = "1: { visibility: PRIVATE }";
    env.write("solform.yaml", &release(&url, "svc", private));
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("1 becoming less visible")
        .warns("a narrower visibility needs the exact owner");
    env.write("solform.yaml", &release(&url, "IB_DEPLOYED", private));
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert_eq!(listed(&env).await, ["1 svc ACTIVE"]);
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
}

/// A public package is deployed and made private by one change, also if its patch fails at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_package_becomes_private() {
    for owner in OWNERS {
        let public = Version {
            visibility: "PUBLIC",
            ..Version::active("A", "1")
        };
        let emulator = start(seed(&[], &[public]), &[]).await;
        let env = env_with(&release(
            &emulator.url(),
            owner,
            "1: { visibility: PRIVATE }",
        ));
        let rule = "operation=patch_solution,times=1,status=403";
        emulator.add_fault(rule.parse().unwrap());
        let _ = env.solform_beside(&APPLY).await.exits_with(5);
        assert_eq!(listed(&env).await, ["1 IB_DEPLOYED ACTIVE"]);
        let _ = env
            .solform_beside(&APPLY)
            .await
            .exits_with(2)
            .says("becoming less visible");
        assert_eq!(listed(&env).await, ["1 svc ACTIVE"], "{owner}");
        let _ = env.solform_beside(&PLAN).await.exits_with(0);
    }
}

/// Both owners have a record of one version: a delete concerns the exact owner's record only.
#[tokio::test(flavor = "multi_thread")]
async fn a_delete_leaves_the_other_owners_record() {
    let world = || {
        let text = "solutions:\n  - { name: A, version: 1, owner: svc, author: svc }\n  - { name: \
            A, version: 1, owner: IB_DEPLOYED, author: svc, visibility: PUBLIC }\n";
        Seed::parse(text).unwrap()
    };
    for (owner, left) in [
        ("svc", "1 IB_DEPLOYED ACTIVE"),
        ("IB_DEPLOYED", "1 svc ACTIVE"),
    ] {
        let emulator = start(world(), &[]).await;
        let absent = release(&emulator.url(), owner, "1: { state: ABSENT }");
        let env = env_with(&absent);
        let _ = env.solform_beside(&PLAN).await.exits_with(2).says(
            "1 more record of this version is live under the other owner, and is left alone: ",
        );
        let applied = env.solform_beside(&APPLY).await.exits_with(2);
        assert!(!applied.stdout.contains("converge"), "{applied}");
        assert_eq!(listed(&env).await, [left], "{owner}");

        let emulator = start(world(), &[]).await;
        let declared =
            release(&emulator.url(), owner, "1: {}").replace("    visibility: PUBLIC\n", "");
        let env = env_with(&declared);
        let replace = ["plan", "--detailed-exitcode", "--replace", "A@1"];
        let other = if owner == "svc" { "IB_DEPLOYED" } else { "svc" };
        let _ = env
            .solform_beside(&replace)
            .await
            .exits_with(1)
            .warns(&format!(
                "Declare it `owner: {other}` and `state: ABSENT` for one apply"
            ));
        let _ = env.solform_beside(&DESTROY).await.exits_with(2);
        assert_eq!(listed(&env).await, [left], "{owner}");
    }
}

/// A package whose owner is not one of the pair does not match.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_of_another_owner_is_a_mismatch() {
    let package = || [Version::active("A", "1").owner("bob")];
    let emulator = start(seed(&[], &package()), &[]).await;
    let with_user = release(&emulator.url(), "IB_DEPLOYED", "1: {}");
    let env = env_with(&with_user);
    let planned = env.solform_beside(&["plan"]).await.exits_with(1);
    assert!(planned.stderr.contains("package-mismatch"), "{planned}");
    assert!(!planned.stderr.contains("user: bob"), "{planned}");
    // Without `user` the help names it as possibly missing.
    env.write("solform.yaml", &with_user.replace("user: svc, ", ""));
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("package-mismatch")
        .warns("Write `user: bob` in the environment");
}

/// A protected version is deactivated by an upgrade, also where the policy says delete.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_deactivates_a_protected_version() {
    for policy in ["deactivate", "delete"] {
        let live = [Version::active("A", "1")];
        let emulator = start(seed(&live, &[Version::active("A", "2")]), &[]).await;
        let env = env_with(&manifest_with(
            &emulator.url(),
            "    protect: ['A@*']\n",
            "",
            &format!(
                "  A: {{ version: 2, superseded: {policy}, path: \
                 '${{drive}}/${{name}}-${{version}}.ibsolution' }}\n"
            ),
        ));
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
        assert_eq!(listed(&env).await, ["1 svc INACTIVE", "2 svc ACTIVE"]);
        let _ = env.solform_beside(&PLAN).await.exits_with(0);
    }
}

/// The read before a deploy finds a record of another owner that the plan did not contain.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_before_a_deploy_compares_the_owner() {
    let text = format!(
        "packages:\n\
         \x20 - {{ path: \"{0}\", name: A, version: 1, owner: svc }}\n\
         \x20 - {{ path: \"{DRIVE}/bob.ibsolution\", name: A, version: 1, owner: bob }}\n",
        path_of("A", "1")
    );
    let emulator = start(Seed::parse(&text).unwrap(), &[]).await;
    let env = env_with(&release(&emulator.url(), "svc", "1: {}"));
    let _ = env
        .solform_beside(&["plan", "--detailed-exitcode", "--out", "plan.json"])
        .await
        .exits_with(2);
    let deployed = http_client()
        .post(format!("{}/api/v2/solutions/deployed", emulator.url()))
        .bearer_auth(TOKEN)
        .json(&json!({ "solution_path": format!("{DRIVE}/bob.ibsolution") }))
        .send()
        .await
        .unwrap();
    assert!(deployed.status().is_success());
    let _ = env
        .solform_beside(&["apply", "--detailed-exitcode", "plan.json"])
        .await
        .exits_with(3)
        .says("refused");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

/// A version in an unknown state is not as declared, and not changed either.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_state_is_not_as_declared() {
    let live = [Version {
        state: "ARCHIVED",
        ..Version::active("A", "1")
    }];
    let emulator = start(seed(&live, &[]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), "  A: { version: 1 }\n"));
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("action is needed: 1 declared version in an unknown state or visibility")
        .says("Versions: 0 as declared, 1 unknown.");
    let _ = env.solform_beside(&PLAN).await.exits_with(5);
    let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
    let applied = env.solform_beside(&apply).await.exits_with(5);
    assert!(!applied.stdout.contains("Apply complete!"), "{applied}");
    let output = env.solform_beside(&["plan", "--format", "json"]).await;
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["x_solution"]["summary"]["unknown"], 1);
    assert_eq!(document["x_solution"]["summary"]["no_op"], 0);
    let emulator = start(
        seed(
            &[Version {
                state: "PRODUCTION",
                ..Version::active("A", "1")
            }],
            &[],
        ),
        &[],
    )
    .await;
    env.write(
        "solform.yaml",
        &manifest(&emulator.url(), "  A: { version: 1 }\n"),
    );
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(0)
        .says("Versions: 1 as declared.");
}

/// A live name that resembles a declared one is reported before its version is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn similar_names_are_reported_before_a_delete() {
    for (live, shown) in [
        ("Cafe\u{301} Form", "Cafe\\u{301} Form"),
        ("caf\u{e9} form", "caf\\u{e9} form"),
        ("Caf\u{e9}\u{a0}Form", "Caf\\u{e9}\\u{a0}Form"),
        ("Caf\u{e9}  Form", "Caf\\u{e9} \\u{20}Form"),
        ("Caf\u{e9} Form ", "Caf\\u{e9} Form\\u{20}"),
    ] {
        let text = format!("solutions:\n  - {{ name: {live:?}, version: 1, owner: svc }}\n")
            .replace("\\u{301}", "\u{301}")
            .replace("\\u{a0}", "\u{a0}");
        let emulator = start(Seed::parse(&text).unwrap(), &[]).await;
        let env = env_with(&manifest_with(
            &emulator.url(),
            "",
            "manage: { undeclared: delete }\n",
            "  Caf\u{e9} Form: { version: 2, path: x.ibsolution }\n",
        ));
        let planned = env.solform_beside(&["plan"]).await;
        assert!(
            planned.stderr.contains("similar-names"),
            "{live:?}\n{planned}"
        );
        assert!(planned.stderr.contains(shown), "{live:?}\n{planned}");
        assert!(planned.stderr.contains("Caf\\u{e9} Form"), "{planned}");
        // A reviewer sees it beside the create and the delete, in each format that shows changes.
        // A live name that is not valid cannot be managed, so it has no change.
        let changes = if live.ends_with(' ') { 1 } else { 2 };
        let notes = planned
            .stdout
            .matches("! has a name that looks like another one: `");
        assert_eq!(notes.count(), changes, "{planned}");
        for (format, words) in [
            ("markdown", "similar name"),
            ("json", "\"similar-names\""),
            ("github", "it has a name that looks like another one"),
        ] {
            let output = env.solform_beside(&["plan", "--format", format]).await;
            let found = output.stdout.to_lowercase().matches(words).count();
            assert_eq!(found, changes, "{format}\n{output}");
        }
    }
}

/// The record of a failed deploy is replaced by the printed command, under either owner.
#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_record_of_the_pair_is_replaced() {
    for owner in OWNERS {
        let package = [Version::active("A", "1")];
        let emulator = start(seed(&[], &package), &[]).await;
        let env = env_with(&release(&emulator.url(), owner, "1: {}"));
        let rule = "operation=deploy,times=1,job=leave_record";
        emulator.add_fault(rule.parse().unwrap());
        let failed = env.solform_beside(&APPLY).await.exits_with(5);
        let replace = "solform apply --file solform.yaml -e test --replace A@1";
        assert!(failed.stdout.contains(&format!("{replace}\n")), "{failed}");
        // The apply that leaves the record alone names the same command.
        let again = env.solform_beside(&APPLY).await.exits_with(5);
        assert!(again.stdout.contains(replace), "{again}");
        let planned = env
            .solform_beside(&["plan"])
            .await
            .says("failed and left it");
        assert!(
            planned.stdout.contains("solform abandon A@1 --apply "),
            "{planned}"
        );
        // A version that is not declared any more cannot be replaced.
        let declared = env.read("solform.yaml");
        let other = release(&emulator.url(), owner, "2: { state: ABSENT }");
        env.write("solform.yaml", &other);
        let left = env.solform_beside(&APPLY).await.exits_with(5);
        assert!(!left.stdout.contains("--replace A@1"), "{left}");
        env.write("solform.yaml", &declared);
        let words = [&APPLY[..], &["--replace", "A@1"]].concat();
        let _ = env.solform_beside(&words).await.exits_with(2);
        let _ = env.solform_beside(&PLAN).await.exits_with(0);
        assert_eq!(count(&emulator, Operation::Deploy), 2, "{owner}");
    }
}

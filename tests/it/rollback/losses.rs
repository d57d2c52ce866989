//! What a roll-back does not restore: it is named first, in every format.

use serde_json::Value;
use solform_emulator::Operation;

use super::World;
use crate::apply::uploads::{package, put};
use crate::support::http_client;
use crate::support::worlds::{TOKEN, Version, patch, path_of};

/// A version that others changed is left alone, and its successor stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_since_is_left_alone() {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let new = [Version::active("A", "2")];
    let solutions = "  A: { version: 2 }\n  B: { version: 1, state: INACTIVE }\n";
    let world = World::new(&live, &new, solutions).await;
    let _ = world.apply().await;
    patch(&world.emulator, "A", "INACTIVE", "visibility=PUBLIC").await;
    world.emulator.clear_requests();
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(5)
        .says("  A@1 changed since the apply, and is left alone: its visibility was left PRIVATE")
        .says("  A@2 stays in service, because A@1 does not come back into service")
        .says("Not restored: A@2 stays in service")
        .says("1 done");
    let left = [
        "A@1 INACTIVE PUBLIC",
        "A@2 ACTIVE PRIVATE",
        "B@1 ACTIVE PRIVATE",
    ];
    assert_eq!(world.live().await, left);
    assert_eq!(world.writes(), [Operation::PatchSolution]);
}

/// Without its package, a deleted version does not come back, and its successor stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_package_is_named() {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let new = [Version::active("A", "2")];
    let solutions = "  A: { version: 2, superseded: delete }\n  B: { version: 1, state: ABSENT }\n";
    let world = World::new(&live, &new, solutions).await;
    let _ = world.apply().await;
    let path = path_of("B", "1");
    let url = format!("{}/api/v2/files/{path}", world.emulator.url());
    let answer = http_client().delete(url).bearer_auth(TOKEN).send().await;
    assert!(answer.unwrap().status().is_success());
    world.declare("  A: { version: 2 }\n  B: { version: 1 }\n");
    let arguments = ["rollback", "--plan-only", "--format", "json"];
    let planned = world.run(&arguments).await.exits_with(5);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    let unrestored = plan["x_solution"]["unrestored"].as_array().unwrap();
    let facts = unrestored
        .iter()
        .map(|loss| (loss["address"].clone(), loss["reason"].clone()));
    let facts: Vec<String> = facts
        .map(|(address, reason)| format!("{address} {reason}"))
        .collect();
    assert_eq!(
        facts,
        [
            r#""A@1" "no-package""#,
            r#""A@2" "kept""#,
            r#""B@1" "package""#
        ],
        "{planned}"
    );
    assert_eq!(plan["x_solution"]["summary"]["unrestored"], 3);
    assert_eq!(plan["applyable"], false);
    // Without detailed exit codes, it is an error too.
    let _ = world
        .env
        .solform_beside(&["rollback", "--auto-approve"])
        .await
        .exits_with(1)
        .says("B@1 was deleted, and its package cannot be deployed again: ");
}

/// Another package at the same path is not the version that was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_exchanged_package_is_not_deployed() {
    let packages = [Version::active("A", "1")];
    let world = World::new(&[], &packages, "  A: { version: 1 }\n").await;
    let _ = world.apply().await;
    world.declare("  A: { version: 1, state: ABSENT }\n");
    let _ = world.apply().await;
    put(
        &world.emulator,
        &path_of("A", "1"),
        package("A", "1", b"other"),
    )
    .await;
    world.emulator.clear_requests();
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(5)
        .says("is another package now")
        .says("Nothing to change, but action is needed: 1 version not restored.");
    assert_eq!(world.writes(), []);
}

/// Every format names the losses before the changes.
#[tokio::test(flavor = "multi_thread")]
async fn every_format_names_the_losses_first() {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let solutions = "  A: { version: 1, state: INACTIVE }\n  B: { version: 1, state: ABSENT }\n";
    let world = World::new(&live, &[], solutions).await;
    let _ = world.apply().await;
    world.declare("  A: { version: 1 }\n  B: { version: 1 }\n");
    let loss = "does not get its old id back";
    for (format, change) in [
        ("text", "# A@1 will be updated in-place"),
        ("markdown", "| `A@1` |"),
        ("html", "will be updated in-place"),
        ("github", "::"),
        ("json", "\"unrestored\""),
    ] {
        let arguments = ["rollback", "--plan-only", "--format", format];
        let output = world.run(&arguments).await.exits_with(5);
        let found = output
            .stdout
            .find(loss)
            .unwrap_or_else(|| panic!("{output}"));
        let change = output
            .stdout
            .rfind(change)
            .unwrap_or_else(|| panic!("{output}"));
        // The keys of a JSON object have no order.
        assert!(
            found < change || format == "json" || format == "github",
            "{output}"
        );
    }
    let events = world.run(&["rollback", "--plan-only", "--json"]).await;
    let events = events.exits_with(5);
    let loss = events.stdout.find(loss).unwrap();
    assert!(
        loss < events.stdout.find("planned_change").unwrap(),
        "{events}"
    );

    let files = ["markdown", "html", "json", "github"];
    let outputs: Vec<String> = files
        .iter()
        .map(|it| format!("--output={it}=report.{it}"))
        .collect();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let _ = world.roll_back(&outputs).await.exits_with(5);
    for format in files {
        let report = world.env.read(&format!("report.{format}"));
        assert!(report.contains("does not get its old id back"), "{report}");
        assert!(report.contains("rollback"), "{report}");
    }
}

/// An apply of another environment is not rolled back, nor one that is not known.
#[tokio::test(flavor = "multi_thread")]
async fn the_apply_must_be_known() {
    let live = [Version::active("A", "1")];
    let world = World::new(&live, &[], "  A: { version: 1, state: INACTIVE }\n").await;
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(1)
        .warns("no apply of environment `test` has changed anything");
    let _ = world.apply().await;
    world.declare("  A: { version: 1 }\n");
    let _ = world.apply().await;
    let applies = world.applies().await;
    let _ = world
        .roll_back(&["abc"])
        .await
        .exits_with(1)
        .warns("the store has no apply `abc`");
    let common = &applies[0][..8];
    if applies[1].starts_with(common) {
        let _ = world
            .roll_back(&[common])
            .await
            .exits_with(1)
            .warns(&format!("the ids of 2 applies begin with `{common}`"));
    }
    let text = world.env.read("solform.yaml");
    let (head, rest) = text.split_once("  test:\n").unwrap();
    let url = world.emulator.url();
    let other =
        format!("  other: {{ url: {url}, token: {{ env: TEST_TOKEN }}, vars: {{ drive: x }} }}\n");
    world
        .env
        .write("solform.yaml", &format!("{head}{other}  test:\n{rest}"));
    let output = world.roll_back(&["-e", "other", &applies[0]]).await;
    let _ = output
        .exits_with(1)
        .warns("changed the environment `test`, not `other`");
    let replace = world.roll_back(&["-e", "test", "--replace", "A@1"]).await;
    let _ = replace
        .exits_with(1)
        .warns("--replace cannot be combined with a roll-back");
}

/// A journal of an early version of solform does not record the actions.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_journal_is_refused() {
    let live = [Version::active("A", "1")];
    let world = World::new(&live, &[], "  A: { version: 1, state: INACTIVE }\n").await;
    let _ = world.apply().await;
    for environment in std::fs::read_dir(world.env.path().join(".solform")).unwrap() {
        let Ok(runs) = std::fs::read_dir(environment.unwrap().path().join("runs")) else {
            continue;
        };
        for file in runs.map(|file| file.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            let old = text.lines().filter(|line| !line.contains("\"intent\""));
            let old: Vec<String> = old.map(|line| format!("{line}\n")).collect();
            std::fs::write(&file, old.concat()).unwrap();
        }
    }
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(1)
        .warns("which does not record what the apply changed");
}

//! A roll-back whose command is repeated, and the gate of the versions that come back.

use super::World;
use crate::apply::uploads::put;
use crate::support::worlds::{DRIVE, Version};

/// An apply that changed nothing does not hide the release before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_apply_is_passed_over() {
    let live = [Version::active("A", "1")];
    let new = [Version::active("A", "2"), Version::active("A", "3")];
    let world = World::new(&live, &new, "  A: { version: 2 }\n").await;
    let before = world.live().await;
    let _ = world.apply().await;
    let fault = "operation=deploy,request=*A-3*,job=fail";
    world.emulator.add_fault(fault.parse().unwrap());
    world.declare("  A: { version: 3 }\n");
    let failed = world.run(&["apply", "--auto-approve"]).await;
    let _ = failed.exits_with(5);
    let _ = world.roll_back(&[]).await.exits_with(2);
    let mut expected = before;
    expected.push("A@2 INACTIVE PRIVATE".to_owned());
    assert_eq!(world.live().await, expected);
}

/// Without an id, an incomplete roll-back goes on, and a complete one is not taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_finishes_the_roll_back() {
    let live = [Version::active("A", "1")];
    let new = [Version::active("A", "2")];
    let world = World::new(&live, &new, "  A: { version: 2 }\n").await;
    let _ = world.apply().await;
    let fault = "operation=patch_solution,times=1,status=403";
    world.emulator.add_fault(fault.parse().unwrap());
    let _ = world.roll_back(&[]).await.exits_with(5);
    let restored = ["A@1 ACTIVE PRIVATE", "A@2 INACTIVE PRIVATE"];
    for code in [2, 1, 1] {
        let _ = world.roll_back(&[]).await.exits_with(code);
        assert_eq!(world.live().await, restored);
    }
}

/// A destroy that is rolled back stays so, although the ids of its records are lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_does_not_empty_the_service() {
    let live = [Version::active("A", "1")];
    let world = World::new(&live, &[], "  A: { version: 1 }\n").await;
    let destroyed = world.run(&["destroy", "--auto-approve"]).await;
    let _ = destroyed.exits_with(2);
    let _ = world.roll_back(&[]).await.exits_with(5);
    for _ in 0..2 {
        let _ = world.roll_back(&[]).await.exits_with(1);
        assert_eq!(world.live().await, ["A@1 ACTIVE PRIVATE"]);
    }
}

/// A version that does not pass does not come back, however often that is tried, and the other one
/// stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_comes_back_passes_the_gate() {
    for policy in ["deactivate", "delete"] {
        let packages = [Version::active("A", "1"), Version::active("A", "2")];
        let world = World::new(&[], &packages, "").await;
        let input = format!("{DRIVE}/smoke/in/a.pdf");
        put(&world.emulator, &input, b"a".to_vec()).await;
        let declare = |version: u8, outputs: &str| {
            let path = "path: '${drive}/${name}-${version}.ibsolution'";
            let run = format!("name: smoke, input_dir: '${{drive}}/smoke/in'{outputs}");
            let entry = format!(
                "  A: {{ version: {version}, {path}, superseded: {policy}, verify: [{{ {run} }}] \
                 }}\n"
            );
            let url = world.emulator.url();
            let text = crate::support::worlds::manifest(&url, &entry);
            world.env.write("solform.yaml", &text);
        };
        for version in [1, 2] {
            declare(version, "");
            let _ = world.apply().await;
        }
        let id = world.applies().await.pop().unwrap();
        declare(2, ", expect: { outputs: [{ path: none.json }] }");
        let failed = world.roll_back(&[&id]).await.exits_with(7);
        let failed = failed.says("it wrote no `none.json`");
        assert!(!failed.stdout.contains("run apply again"), "{failed}");
        for _ in 0..2 {
            let again = world.roll_back(&[&id]).await;
            assert!([4, 5].contains(&again.code()), "{policy}: {again}");
            let live = world.live().await;
            let expected = ["A@1 INACTIVE PRIVATE", "A@2 ACTIVE PRIVATE"];
            assert_eq!(live, expected, "{policy}: {again}");
        }
    }
}

/// The written manifest declares what is live, the visibility too, and no plan deletes the version
/// that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn the_written_manifest_changes_nothing() {
    let live = [Version::active("A", "1")];
    let new = [Version::active("A", "2")];
    let solutions = "  A: { version: 2, visibility: PUBLIC }\n";
    let world = World::new(&live, &new, solutions).await;
    let _ = world.apply().await;
    let _ = world.roll_back(&["--write"]).await.exits_with(2);
    let written = world.env.read("solform.yaml");
    assert!(written.contains("visibility: PRIVATE"), "{written}");
    let _ = world.run(&["plan"]).await.exits_with(0).says("No changes.");

    let world = World::new(&live, &new, "  A: { version: 1 }\n").await;
    world.declare("  A: { version: 2, superseded: delete }\n");
    let _ = world.apply().await;
    let _ = world.roll_back(&["--write"]).await;
    let planned = world.run(&["plan"]).await;
    assert!(
        planned.stdout.contains(" 0 to destroy") || planned.code() == 0,
        "{planned}"
    );
}

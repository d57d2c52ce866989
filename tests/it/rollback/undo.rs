//! What a roll-back restores.

use solform_emulator::Operation;

use super::World;
use crate::apply::uploads::{package, put};
use crate::support::worlds::{DRIVE, Version};

/// The old version is in service again before the new one is out of service.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_rolled_back() {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let new = [Version::active("A", "2")];
    let world = World::new(&live, &new, "  A: { version: 2 }\n").await;
    let _ = world.apply().await;
    let applied = world.applies().await.pop().unwrap();
    let upgraded = [
        "A@1 INACTIVE PRIVATE",
        "A@2 ACTIVE PRIVATE",
        "B@1 ACTIVE PRIVATE",
    ];
    assert_eq!(world.live().await, upgraded);

    world.emulator.clear_requests();
    let _ = world
        .run(&["rollback", "--plan-only"])
        .await
        .exits_with(2)
        .says(&format!("Rolls back the apply {applied}."))
        .says("# A@1 will be updated in-place")
        .says("rolled back")
        .says("Plan: 0 to add, 2 to change, 0 to destroy.");
    assert_eq!(world.writes(), []);

    let _ = world
        .roll_back(&[])
        .await
        .exits_with(2)
        .says("Rollback complete! Resources: 0 added, 2 changed, 0 destroyed.")
        .says("Manifest: A@2 in solform.yaml:")
        .says("declare `version: 1`");
    let restored = [
        "A@1 ACTIVE PRIVATE",
        "A@2 INACTIVE PRIVATE",
        "B@1 ACTIVE PRIVATE",
    ];
    assert_eq!(world.live().await, restored);
    let requests = world.emulator.requests();
    let patches = requests
        .iter()
        .filter(|it| it.operation == Some(Operation::PatchSolution));
    let patches: Vec<&str> = patches.map(|it| it.query.as_str()).collect();
    assert_eq!(patches, ["state=ACTIVE", "state=INACTIVE"]);

    // The record says what it is, and a roll-back can be rolled back.
    let show = world.applies().await.pop().unwrap();
    let shown = world.env.solform(&["history", "show", &show]).exits_with(0);
    let is_meant = |line: &str| line.starts_with("rolls back ") && line.ends_with(&applied);
    assert!(shown.stdout.lines().any(is_meant), "{shown}");
    let _ = world.env.solform(&["history"]).says("complete (roll-back)");
    // A command that is repeated does not take it back; its id does.
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(1)
        .warns("is rolled back already");
    assert_eq!(world.live().await, restored);
    let _ = world.roll_back(&[""]).await.exits_with(1).warns("is empty");
    let _ = world.roll_back(&[&show]).await.exits_with(2);
    assert_eq!(world.live().await, upgraded);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_and_visibility_are_restored() {
    let live = [Version::active("A", "1"), Version::inactive("B", "1")];
    let solutions = "  A: { version: 1, state: INACTIVE, visibility: PUBLIC }\n  \
                     B: { version: 1, visibility: PRIVATE }\n";
    let world = World::new(&live, &[], solutions).await;
    let before = world.live().await;
    let _ = world.apply().await;
    assert_eq!(
        world.live().await,
        ["A@1 INACTIVE PUBLIC", "B@1 ACTIVE PRIVATE"]
    );
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(2)
        .says("declare `state: ACTIVE`")
        .says("declare `visibility: PRIVATE`")
        .says("declare `state: INACTIVE`");
    assert_eq!(world.live().await, before);
    // Nothing is left of the same apply; the newest one is the roll-back.
    let applied = world.applies().await.remove(0);
    let _ = world
        .roll_back(&[&applied])
        .await
        .exits_with(0)
        .says("No changes. Everything is as it was before the apply.");
}

/// The journal knows the path of a package that solform deployed, the manifest that of others. The
/// old id is lost, which is named first.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_version_is_deployed_again() {
    let live = [Version::inactive("B", "1")];
    let new = [Version::active("A", "1")];
    let world = World::new(&live, &new, "  A: { version: 1 }\n").await;
    let _ = world.apply().await;
    let before = world.live().await;
    // The tombstones name other paths.
    world.declare("  A: { version: 1, state: ABSENT }\n  B: { version: 1, state: ABSENT }\n");
    let _ = world.apply().await;
    assert!(world.live().await.is_empty());

    world.declare("  A: { version: 1 }\n  B: { version: 1 }\n");
    let planned = world
        .run(&["rollback", "--plan-only"])
        .await
        .exits_with(5)
        .says("# A@1 will be created")
        .says("# B@1 will be created");
    let (first, _) = planned.stdout.split_once("# A@1").unwrap();
    for address in ["A@1", "B@1"] {
        let loss = format!("{address} does not get its old id back");
        assert!(first.contains(&loss), "{planned}");
    }
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(5)
        .says("Not restored: A@1 does not get its old id back")
        .says("Not complete: 2 done");
    assert_eq!(world.live().await, before);
}

/// The path of the old package comes from the apply that deployed it.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_version_gets_its_package_back() {
    let packages = [Version::active("A", "1")];
    let world = World::new(&[], &packages, "  A: { version: 1 }\n").await;
    let _ = world.apply().await;
    let copy = format!("{DRIVE}/copy.ibsolution");
    put(&world.emulator, &copy, package("A", "1", b"other")).await;
    let text = world.env.read("solform.yaml");
    let text = text.replace("${name}-${version}", "copy");
    world.env.write("solform.yaml", &text);
    let replace = ["apply", "--auto-approve", "--replace", "A@1"];
    let _ = world.run(&replace).await.exits_with(2);
    world.emulator.clear_requests();
    let _ = world
        .roll_back(&[])
        .await
        .exits_with(5)
        .says("must be replaced")
        .says("A-1.ibsolution")
        .says("Not restored: A@1 does not get its old id back");
    let writes = [Operation::DeleteSolution, Operation::Deploy];
    assert_eq!(world.writes(), writes);
    assert_eq!(world.live().await, ["A@1 ACTIVE PRIVATE"]);
}

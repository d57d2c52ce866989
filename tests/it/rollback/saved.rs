//! A saved plan of a roll-back.

use super::World;
use crate::support::worlds::{Version, patch};

async fn upgraded() -> World {
    let live = [Version::active("A", "1"), Version::active("B", "1")];
    let new = [Version::active("A", "2"), Version::active("B", "2")];
    let world = World::new(&live, &new, "  A: { version: 2 }\n  B: { version: 2 }\n").await;
    let _ = world.apply().await;
    let saved = world.run(&["rollback", "--out", "undo.plan"]).await;
    let _ = saved
        .exits_with(2)
        .says("The plan is saved in `undo.plan`. Next: solform rollback")
        .says("undo.plan");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_roll_back_is_shown_and_executed() {
    let world = upgraded().await;
    let shown = world.env.solform(&["show", "undo.plan"]).exits_with(0);
    let _ = shown.says("Rolls back the apply").says("4 to change");
    let _ = world
        .run(&["rollback", "undo.plan"])
        .await
        .exits_with(2)
        .says("Rollback complete! Resources: 0 added, 4 changed, 0 destroyed.");
    let restored = [
        "A@1 ACTIVE PRIVATE",
        "A@2 INACTIVE PRIVATE",
        "B@1 ACTIVE PRIVATE",
        "B@2 INACTIVE PRIVATE",
    ];
    assert_eq!(world.live().await, restored);
    // It is used up.
    let _ = world
        .run(&["rollback", "undo.plan"])
        .await
        .exits_with(0)
        .says("already up to date");
}

/// Only the reviewed changes are executed, and only as they were reviewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_roll_back_only_narrows() {
    let world = upgraded().await;
    patch(&world.emulator, "B", "INACTIVE", "visibility=PUBLIC").await;
    let _ = world
        .run(&["rollback", "undo.plan"])
        .await
        .exits_with(5)
        .says("B@1 changed since the apply")
        .says("refused");
    let left = [
        "A@1 ACTIVE PRIVATE",
        "A@2 INACTIVE PRIVATE",
        "B@1 INACTIVE PUBLIC",
        "B@2 ACTIVE PRIVATE",
    ];
    assert_eq!(world.live().await, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_command_executes_it() {
    let world = upgraded().await;
    for command in ["apply", "destroy"] {
        let _ = world
            .run(&[command, "undo.plan"])
            .await
            .exits_with(3)
            .warns("the plan is a plan for `solform rollback`");
    }
    let _ = world.run(&["plan", "--out", "apply.plan"]).await;
    let _ = world
        .run(&["rollback", "apply.plan"])
        .await
        .exits_with(3)
        .warns("the plan is a plan for `solform apply`");
    let _ = world
        .run(&["rollback", "undo.plan", "--plan-only"])
        .await
        .exits_with(1)
        .warns("`--plan-only` cannot be combined with a saved plan");
}

//! The edits of the manifest after a roll-back.

use super::World;
use crate::support::worlds::Version;

/// After the edits, the manifest declares what is live; comments and order stay.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_is_written() {
    let live = [
        Version::active("A", "1"),
        Version::active("B", "1"),
        Version::active("C", "1"),
        Version::active("C", "2"),
    ];
    let new = [Version::active("A", "2")];
    let world = World::new(&live, &new, "").await;
    let text = world.env.read("solform.yaml");
    let solutions = "  # the first\n  A: { version: 2, path: '${drive}/A-${version}.ibsolution' \
                     } # new\n  B: { version: 1, state: INACTIVE, visibility: PUBLIC }\n  C:\n    \
                     versions: # two\n      1: { state: ACTIVE }\n      2: { state: INACTIVE \
                     }\n  # the end\n";
    let text = text + solutions;
    world.env.write("solform.yaml", &text);
    let _ = world.apply().await;
    let _ = world
        .roll_back(&["--write"])
        .await
        .exits_with(2)
        .says("Manifest: A@2 is declared with `version: 1` now.")
        .says("Manifest: C@2 is declared with `state: ACTIVE` now.");
    let written = world.env.read("solform.yaml");
    assert!(written.ends_with(solutions), "{written}");
    assert_ne!(written, text);
    let _ = world.run(&["plan"]).await.exits_with(0).says("No changes.");
}

/// A version that the manifest does not declare is named; only people know its place.
#[tokio::test(flavor = "multi_thread")]
async fn an_undeclared_version_is_not_written() {
    let live = [Version::active("A", "1"), Version::active("A", "2")];
    let world = World::new(&live, &[], "  A: { version: 2 }\n").await;
    let _ = world.apply().await;
    let text = world.env.read("solform.yaml");
    let _ = world
        .roll_back(&["--write"])
        .await
        .exits_with(1)
        .says("Manifest: A@1 in solform.yaml:")
        .says("declare `versions: { 1: { state: ACTIVE } }`")
        .warns("`A@1` is in service, and is not declared");
    assert_eq!(world.env.read("solform.yaml"), text);
    let live = ["A@1 ACTIVE PRIVATE", "A@2 ACTIVE PRIVATE"];
    assert_eq!(world.live().await, live);
}

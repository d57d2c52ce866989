//! The fields of records: undocumented states, review, lists that prove nothing, and the documented
//! example.

use solform_emulator::Operation;

use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{
    Version, count, env_with, manifest, manifest_with, seed, start, start_capped,
};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

fn production<'a>(name: &'a str, version: &'a str) -> Version<'a> {
    Version {
        state: "PRODUCTION",
        ..Version::active(name, version)
    }
}

/// 8.23: a PRODUCTION version is in service. A declared INACTIVE ends that, a policy does not.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_declared_state_ends_production() {
    let emulator = start(
        seed(
            &[
                production("Stays", "1"),
                production("Ends", "1"),
                production("Old", "1"),
                Version::active("Old", "2"),
            ],
            &[],
        ),
        &[],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  Stays: { version: 1, state: ACTIVE }\n  Ends: { version: 1, state: INACTIVE }\n  Old: { \
         version: 2 }\n",
    ));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("\"PRODUCTION\" -> \"INACTIVE\"")
        .says("0 added, 1 changed, 0 destroyed.");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
}

/// U11, 8.8: a package that is deployed as PUBLIC waits for review from the start. The old version
/// stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_in_review_is_not_patched() {
    let public = |version| Version {
        visibility: "PUBLIC",
        ..Version::active("A", version)
    };
    let emulator = start(
        seed(&[public("1")], &[public("2")]),
        &[
            "package_visibility=pending_review",
            "publish=pending_review",
        ],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution', visibility: PUBLIC }\n",
    ));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("waits for review before it becomes PUBLIC")
        .says("because A@2 is not done");
    let patches = count(&emulator, Operation::PatchSolution);
    assert!(patches <= 1, "{patches}");
    // A later apply does not patch it either, until it is approved.
    let _ = env.solform_beside(&APPLY).await.exits_with(5);
    assert_eq!(count(&emulator, Operation::PatchSolution), patches);
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    assert_eq!(list.stdout.matches(" ACTIVE ").count(), 2, "{list}");
}

/// U12: the order of a list with several pages changes at each read. A version that it does not
/// show is not reported as missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_list_proves_nothing_missing() {
    // Enough names that a random order never shows each of them once.
    let names = [
        "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P",
    ];
    let live = names.map(|name| Version::active(name, "1"));
    let emulator = start_capped(seed(&live, &[]), &["list_order=shuffled"], 1).await;
    // The policy needs the whole list, which cannot be read.
    let declared = names.map(|name| format!("  {name}: {{ version: 1 }}\n"));
    let whole = manifest_with(
        &emulator.url(),
        "",
        "manage: { undeclared: deactivate }\n",
        &declared.concat(),
    );
    let env = env_with(&whole);
    for command in [PLAN.as_slice(), APPLY.as_slice()] {
        let output = env.solform_beside(command).await.exits_with(1);
        assert!(!output.stderr.contains("path-needed"), "{output}");
        assert!(
            output.stderr.contains("the listing proves nothing"),
            "{output}"
        );
    }
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
    // Without the policy, lists by name are enough.
    env.write(
        "solform.yaml",
        &manifest(&emulator.url(), "  A: { version: 1, state: INACTIVE }\n"),
    );
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
}

/// 8.5: the examples of the documentation are not valid JSON. The error quotes the answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_example_is_an_error() {
    let example = "{\n\"solution\": {\n\"id\": \"example-uuid-1\",\n\"metadata\" \
        \"{\\\"authors\\\": [\\\"user1\\\"]}\"\n},\n}";
    let server = Scripted::start(move |_| Reply::text(200, example)).await;
    let env = env_with(&manifest(server.url.as_str(), "  A: { version: 1 }\n"));
    let _ = env
        .solform_beside(&["get", "example-uuid-1"])
        .await
        .exits_with(1)
        .warns("example-uuid-1");
}

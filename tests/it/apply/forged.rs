//! A saved plan is an approval, not a program: for any content of the file, no write is sent that a
//! fresh plan would not send.

use solform_emulator::{Emulator, Seed};

use crate::support::plan_file::PlanFile;
use crate::support::worlds::{Version, env_with, manifest_with, seed, start};

fn world() -> Seed {
    seed(
        &[
            Version::active("A", "1"),
            Version::active("Safe", "1"),
            Version::active("Foreign", "1").owner("me"),
            Version::active("Private", "1"),
        ],
        &[Version::active("New", "1"), Version::active("Evil", "1")],
    )
}

const REVIEWED: &str = "  A: { version: 1, state: INACTIVE }\n  New: { version: 1, path: \
    '${drive}/New-1.ibsolution' }\n";

fn reviewed(url: &str) -> String {
    manifest_with(url, "    protect: [\"Safe@*\"]\n", "", REVIEWED)
}

/// Returns the requests that may change something.
fn writes(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    let writes = requests.iter().filter(|request| request.method != "GET");
    writes
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

/// Each file contains a change that the manifest does not allow, with a valid fingerprint. Only the
/// reviewed change is executed.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_change_is_shown_and_refused() {
    for (solutions, address, shown) in [
        // A protected version would be deleted.
        (
            "  Safe: { version: 1, state: ABSENT }\n",
            "Safe@1",
            "# Safe@1 will be destroyed",
        ),
        // A version outside `manage`.
        (
            "  Foreign: { version: 1, owner: me, state: ABSENT }\n",
            "Foreign@1",
            "# Foreign@1 will be destroyed",
        ),
        // An undeclared version would be published.
        (
            "  Private: { version: 1, visibility: PUBLIC }\n",
            "Private@1",
            "# Private@1 will be updated in-place",
        ),
        // Another solution would be deployed.
        (
            "  Evil: { version: 1, path: '${drive}/Evil-1.ibsolution' }\n",
            "Evil@1",
            "# Evil@1 will be created",
        ),
        // The declared version would be deleted.
        (
            "  A: { version: 1, state: ABSENT }\n",
            "A@1",
            "# A@1 will be destroyed",
        ),
    ] {
        let emulator = start(world(), &["visibility_in_records=true"]).await;
        let env = env_with(&reviewed(&emulator.url()));
        let plan = ["plan", "--out", "the.plan"];
        let _ = env.solform_beside(&plan).await.exits_with(0);
        // The same environment by another manifest.
        let other = env_with(&manifest_with(&emulator.url(), "", "", solutions));
        let _ = other.solform_beside(&plan).await.exits_with(0);
        let mut forged = PlanFile::read(&env.read("the.plan"));
        let foreign = PlanFile::read(&other.read("the.plan"))
            .change(address)
            .clone();
        for is_alone in [false, true] {
            if is_alone {
                forged.changes().clear();
            }
            forged
                .changes()
                .retain(|change| change["address"] != address);
            forged.changes().push(foreign.clone());
            env.write("the.plan", &forged.sealed());
            let _ = env
                .solform(&["show", "the.plan", "--detailed-exitcode"])
                .exits_with(2)
                .says(shown);
            emulator.clear_requests();
            let applied = env
                .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
                .await
                .exits_with(3)
                .says("1 refused");
            let sent = writes(&emulator);
            let expected = usize::from(!is_alone && address != "A@1") + usize::from(!is_alone);
            assert_eq!(sent.len(), expected, "{address}: {sent:?}\n{applied}");
            assert!(
                !sent.iter().any(|write| write.starts_with("DELETE")),
                "{sent:?}"
            );
        }
    }
}

/// A change cannot display one action and execute another.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_was_edited_is_shown_as_it_is() {
    type Edit = fn(&mut serde_json::Value);
    let emulator = start(world(), &["visibility_in_records=true"]).await;
    let env = env_with(&reviewed(&emulator.url()));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    let original = PlanFile::read(&env.read("the.plan"));
    let edits: [(&str, Edit, Result<&str, &str>); 6] = [
        (
            "A@1",
            |change| {
                change["action"] = serde_json::json!({
                    "kind": "delete", "before": change["action"]["before"],
                });
            },
            Ok("# A@1 will be destroyed"),
        ),
        (
            "New@1",
            |change| change["action"]["path"] = "acme/evil.ibsolution".into(),
            Ok("acme/evil.ibsolution"),
        ),
        (
            "New@1",
            |change| change["action"]["after"]["visibility"] = "PUBLIC".into(),
            Ok("visibility = \"PUBLIC\""),
        ),
        (
            "A@1",
            |change| change["action"]["patch"]["visibility"] = "PUBLIC".into(),
            Err("its patch is not the difference that it shows"),
        ),
        (
            "A@1",
            |change| change["action"]["before"]["identity"]["name"] = "Safe".into(),
            Err("it takes one version for another"),
        ),
        (
            "A@1",
            |change| change["address"] = "Harmless@1".into(),
            Err("its address is the address of another version"),
        ),
    ];
    for (address, edit, shown) in edits {
        let mut forged = original.clone();
        edit(forged.change(address));
        let other = if address == "A@1" { "New@1" } else { "A@1" };
        forged.changes().retain(|change| change["address"] != other);
        env.write("the.plan", &forged.sealed());
        let show = env.solform(&["show", "the.plan"]);
        emulator.clear_requests();
        let apply = env
            .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
            .await
            .exits_with(3);
        match shown {
            Ok(text) => {
                let _ = show.exits_with(0).says(text);
                let _ = apply.says("1 refused");
            }
            Err(text) => {
                let _ = show.exits_with(1).warns(text);
                let _ = apply.warns(text).warns("Make a new plan");
            }
        }
        assert_eq!(writes(&emulator), Vec::<String>::new(), "{address}");
    }
}

/// The options of the file allow nothing that the command line does not allow.
#[tokio::test(flavor = "multi_thread")]
async fn options_cannot_be_forged() {
    let emulator = start(world(), &[]).await;
    let solutions = format!("{REVIEWED}  Private: {{ version: 1, state: ABSENT }}\n");
    let limits = "    limits: { max_destroy: 0 }\n";
    let env = env_with(&manifest_with(&emulator.url(), limits, "", &solutions));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(4)
        .says("It cannot be applied.");
    let original = PlanFile::read(&env.read("the.plan"));
    let mut forged = original.clone();
    forged.at("options")["allow"]["destroy"] = 1.into();
    *forged.at("refusals") = serde_json::json!([]);
    env.write("the.plan", &forged.sealed());
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3)
        .warns("the plan was made with `--allow-destroy 1`, and they were not given again");
    let mut forged = original;
    *forged.at("refusals") = serde_json::json!([]);
    forged.at("plan")["live_in_scope"] = 1_000.into();
    env.write("the.plan", &forged.sealed());
    let _ = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(4)
        .warns("would be destroyed, and `max_destroy` allows 0");
    assert_eq!(writes(&emulator), Vec::<String>::new());
}

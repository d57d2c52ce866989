//! Servers with plausible, undocumented behaviour, mostly without the emulator.

use serde_json::json;

use solform_emulator::{Fault, JobPace, Operation};

use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{Version, count, env_with, manifest, seed, start, start_with};

/// A list that changes while it is read is the error; no package is reported as missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_list_reports_no_missing_packages() {
    // Each read of the list has another record at its front.
    let server = Scripted::start(|asked| {
        if asked.path != "/api/v2/solutions/deployed" {
            return Reply::text(404, r#"{"message":"no such file"}"#);
        }
        let offset = asked.query.get("offset").map_or("0", String::as_str);
        let id = format!("{}-{offset}", if offset == "0" { asked.nth } else { 0 });
        let more = offset == "0";
        Reply::json(&json!({
            "has_more": [more], "next_offset": [if more { 1 } else { -1 }],
            "solutions": [
                {"id": id, "name": "B", "version": "1", "owner": "svc", "state": "ACTIVE"}
            ],
        }))
    })
    .await;
    let env = env_with(&manifest(
        server.url.as_str(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
    ));
    let output = env
        .solform_beside(&["plan"])
        .await
        .exits_with(1)
        .warns("the list changed while it was read");
    assert!(!output.stderr.contains("package-missing"), "{output}");
}

/// A token without the permission to delete does not take the version out of service either.
#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_delete_deactivates_nothing() {
    for status in [401, 403, 405] {
        let emulator = start(seed(&[Version::active("A", "1")], &[]), &[]).await;
        let rule = format!("operation=delete_solution,status={status}");
        emulator.add_fault(rule.parse::<Fault>().unwrap());
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 1, state: ABSENT }\n",
        ));
        let _ = env
            .solform_beside(&["apply", "--auto-approve"])
            .await
            .exits_with(1)
            .says("the server refused the delete")
            .says(if status == 401 {
                "the token lacks the permission"
            } else {
                "help: "
            });
        assert_eq!(count(&emulator, Operation::PatchSolution), 0, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_about_a_job_is_reported() {
    let world = seed(&[Version::active("A", "1")], &[]);
    let emulator = start_with(world, &[], JobPace::Polls(3)).await;
    let rule = "operation=job_status,skip=1,status=404";
    emulator.add_fault(rule.parse::<Fault>().unwrap());
    let solutions = "  A: { version: 1, state: ABSENT }\n";
    let short = manifest(&emulator.url(), solutions).replace("delete: 20s", "delete: 1s");
    let _ = env_with(&short)
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await
        .exits_with(6)
        .says("was still in progress")
        .says("it last answered: the server does not know the job");
}

/// A second record of one identity is reported, with what the plan does to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_what_happens_to_duplicates() {
    let twice = [Version::active("A", "1"), Version::active("A", "1")];
    let emulator = start(seed(&twice, &[]), &[]).await;
    for (state, says) in [
        ("INACTIVE", "1 more record of this version is left alone: "),
        ("ABSENT", "1 more record of this version is deleted too: "),
    ] {
        let solutions = format!("  A: {{ version: 1, state: {state} }}\n");
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let _ = env.solform_beside(&["plan"]).await.exits_with(0).says(says);
    }
}

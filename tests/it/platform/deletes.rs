//! Deletes of versions that are already deleted or being deleted.

use solform_emulator::{Emulator, JobPace, Operation};

use crate::support::http_client;
use crate::support::worlds::{TOKEN, Version, count, env_with, manifest, seed, start, start_with};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];
const GONE: &str = "  A: { version: 1, state: ABSENT }\n";

/// Deletes everything, as another user.
async fn delete_all(emulator: &Emulator) {
    let client = http_client();
    let url = format!("{}/api/v2/solutions/deployed", emulator.url());
    let page = client.get(&url).bearer_auth(TOKEN).send().await.unwrap();
    let page: serde_json::Value = serde_json::from_str(&page.text().await.unwrap()).unwrap();
    for record in page["solutions"].as_array().unwrap() {
        let one = format!("{url}/{}", record["id"].as_str().unwrap());
        let answer = client.delete(one).bearer_auth(TOKEN).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    emulator.clear_requests();
}

/// U5: reads still show the deleted version, so the delete is sent for a missing id. It counts as
/// done for every answer of the server.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_missing_version_succeeds() {
    for branch in ["not_found", "job_done", "job_error"] {
        let knob = format!("delete_missing={branch}");
        let emulator = start_with(
            seed(&[Version::active("A", "1"), Version::active("B", "1")], &[]),
            &[
                &knob,
                "list_lag=6",
                "read_lag=2",
                "visibility_in_records=true",
            ],
            JobPace::Immediate,
        )
        .await;
        let env = env_with(&manifest(&emulator.url(), GONE));
        delete_all(&emulator).await;
        let applied = env.solform_beside(&APPLY).await;
        assert_eq!(applied.code(), 2, "{branch}\n{applied}");
        let _ = applied.says("1 destroyed");
        assert_eq!(count(&emulator, Operation::DeleteSolution), 1, "{branch}");
    }
}

/// U5: another user's delete is in progress and does not end.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_gone_only_after_its_delete_ended() {
    for (branch, code, says) in [
        ("not_found", 5, "the version is still live"),
        ("job_done", 2, "1 destroyed"),
        ("job_error", 5, "the delete job"),
    ] {
        let knob = format!("delete_repeated={branch}");
        let emulator = start(seed(&[Version::inactive("A", "1")], &[]), &[&knob]).await;
        let env = env_with(&manifest(&emulator.url(), GONE));
        delete_all(&emulator).await;
        let applied = env.solform_beside(&APPLY).await;
        assert_eq!(applied.code(), code, "{branch}\n{applied}");
        let _ = applied.says(says);
        for job in emulator.pending_jobs() {
            emulator.finish_job(&job, None);
        }
        let _ = env
            .solform_beside(&["plan", "--detailed-exitcode"])
            .await
            .exits_with(0);
    }
}

//! After an apply the plan is empty, for every form of the platform's answers.

use solform_emulator::{EmulatorOptions, JobPace, Operation};

use crate::support::worlds::{self, Version, count, env_with, manifest, seed, start};

/// The declarations of an upgrade, a patch, a new version, a tombstone and a change of visibility.
const SOLUTIONS: &str = "
  Upgrade: { version: 2.0.0, path: '${drive}/${name}-${version}.ibsolution', visibility: PRIVATE }
  Patched: { version: 1.0.0, state: INACTIVE }
  Shown: { version: 1.0.0, visibility: PUBLIC }
  New: { version: 1.10, path: '${drive}/${name}-${version}.ibsolution', visibility: PUBLIC }
  Gone: { version: 1.0.0, state: ABSENT }
";

fn world() -> solform_emulator::Seed {
    seed(
        &[
            Version::active("Upgrade", "1.0.0"),
            Version::active("Patched", "1.0.0"),
            Version::active("Shown", "1.0.0"),
            Version::active("Gone", "1.0.0"),
            Version::inactive("Stranger", "1.0.0").owner("somebody"),
        ],
        &[
            Version::active("Upgrade", "2.0.0"),
            Version::active("New", "1.10"),
        ],
    )
}

async fn converges(knobs: &[&str], page_cap: usize) {
    let emulator = solform_emulator::start(EmulatorOptions {
        job_pace: JobPace::Polls(2),
        page_cap,
        ..worlds::options(world(), knobs)
    })
    .await
    .unwrap();
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let planned = env
        .solform_beside(&["plan", "--detailed-exitcode"])
        .await
        .exits_with(2)
        .says("Plan: 2 to add, 3 to change, 1 to destroy.");
    assert!(!planned.stderr.contains("package-"), "{knobs:?}\n{planned}");
    let applied = env
        .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
        .await;
    assert_eq!(applied.code(), 2, "{knobs:?}\n{applied}");
    let applied = applied.says("Apply complete! Resources: 2 added, 3 changed, 1 destroyed.");
    assert!(!applied.stderr.contains(worlds::TOKEN), "{applied}");
    let again = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    assert_eq!(again.code(), 0, "{knobs:?}\n{again}");
    let _ = again.says("No changes.");
    assert_eq!(count(&emulator, Operation::Deploy), 2, "{knobs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_documented_form() {
    converges(&[], 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_form_of_paging() {
    for paging in ["bare", "strings", "missing"] {
        converges(&[&format!("paging={paging}")], 2).await;
    }
    converges(&["list_order=oldest_first"], 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_kind_of_list_filter() {
    for knob in [
        "state_filter=required",
        "state_filter=active_only",
        "name_filter=prefix",
        "name_filter=ignored",
        "name_filter=ignore_case",
        "over_limit=refused",
        "unknown_filter_word=refused",
    ] {
        converges(&[knob], 100).await;
    }
    // Pages of two records, and offsets that count by the requested limit.
    converges(&["over_limit=clamped_announced"], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_visibility_in_records_or_only_by_filters() {
    converges(&["visibility_in_records=true", "times=string"], 100).await;
    converges(&["visibility_in_records=false"], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_both_forms_of_patch() {
    converges(&["patch_style=body"], 100).await;
    converges(&["patch_style=both"], 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_package_sets_another_visibility() {
    for visibility in ["private", "public"] {
        converges(&[&format!("package_visibility={visibility}")], 100).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_lists_lag_behind() {
    converges(&["list_lag=3"], 100).await;
    converges(&["list_lag=2", "visibility_in_records=true"], 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_reads_by_id_lag_behind() {
    for deploy_result in ["solution_id", "nothing"] {
        for visibility in ["private", "public"] {
            let knobs = [
                "read_lag=3",
                &format!("deploy_result={deploy_result}"),
                &format!("package_visibility={visibility}"),
            ];
            converges(&knobs, 100).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_result_that_a_job_names() {
    for knob in [
        "deploy_result=solution_id",
        "deploy_result=id",
        "deploy_result=nothing",
        "record_during_job=hidden",
        "job_done_word=complete",
    ] {
        converges(&[knob], 100).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_way_to_delete() {
    for knob in [
        "delete_active=refused",
        "delete_active=job_error",
        "delete_answer=empty_object",
        "delete_answer=no_content",
    ] {
        converges(&[knob], 100).await;
    }
    // A missing record is answered by an error inside a success.
    converges(&["error_status=ok", "error_body=status_msg"], 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_only_reads() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let _ = env.solform_beside(&["plan"]).await.exits_with(0);
    let requests = emulator.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.method, "GET", "{request:?}");
        assert!(
            request.operation.is_some(),
            "an unhandled route: {request:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_apply_sends_no_write() {
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0)
        .says("No changes.")
        .says("Apply complete! Resources: 0 added, 0 changed, 0 destroyed.");
    assert!(
        emulator
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_deploys_nothing() {
    let solutions = |version: &str| {
        format!(
            "  Upgrade: {{ version: {version}, path: '${{drive}}/Upgrade-${{version}}.ibsolution' \
             }}\n"
        )
    };
    let emulator = start(world(), &[]).await;
    let env = env_with(&manifest(&emulator.url(), &solutions("2.0.0")));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0)
        .says("1 added, 1 changed, 0 destroyed.");
    env.write(
        "solform.yaml",
        &manifest(&emulator.url(), &solutions("1.0.0")),
    );
    emulator.clear_requests();
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0)
        .says("0 added, 2 changed, 0 destroyed.");
    assert_eq!(count(&emulator, Operation::Deploy), 0);
    assert_eq!(count(&emulator, Operation::PatchSolution), 2);
}

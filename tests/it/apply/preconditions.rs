//! Every write checks what the plan showed of its version: identity, owner, state and visibility.

use solform_emulator::{Emulator, JobPace, Operation};

use crate::support::worlds::{Version, count, env_with, manifest, patch, seed, start, start_with};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];

/// Waits for the first job, runs `act`, and ends every job from then on.
async fn interfere(emulator: &Emulator, failure: Option<&str>, act: impl Future<Output = ()>) {
    while emulator.pending_jobs().is_empty() {
        tokio::task::yield_now().await;
    }
    act.await;
    loop {
        for job in emulator.pending_jobs() {
            emulator.finish_job(&job, failure);
        }
        tokio::task::yield_now().await;
    }
}

/// The records of the API page have no visibility: it is read from filtered lists.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_activates_no_published_version() {
    let private = [Version::inactive("A", "1"), Version::inactive("B", "1")];
    let emulator = start(seed(&private, &[]), &[]).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1 }\n  B: { version: 1 }\n",
    ));
    let _ = env
        .solform_beside(&["plan", "--out", "the.plan"])
        .await
        .exits_with(0);
    patch(&emulator, "A", "INACTIVE", "visibility=PUBLIC").await;
    emulator.clear_requests();
    let applied = env
        .solform_beside(&["apply", "the.plan", "--detailed-exitcode"])
        .await
        .exits_with(3);
    assert!(applied.stdout.contains("PUBLIC"), "{applied}");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1, "{applied}");
}

/// The change waits for a deploy, and its version is published meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_published_during_the_apply_is_left() {
    for policy in ["deactivate", "delete"] {
        for (knobs, is_public) in [
            (&[][..], "is \"PUBLIC\""),
            (&["visibility_in_records=true"], "is \"PUBLIC\""),
            (&["filters_combined=any"], "is \"PUBLIC\""),
            (&["filters_combined=first"], "is \"PUBLIC\""),
        ] {
            let emulator = start_with(
                seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
                knobs,
                JobPace::Manual,
            )
            .await;
            let env = env_with(&manifest(
                &emulator.url(),
                &format!(
                    "  A: {{ version: 2, path: '${{drive}}/A-2.ibsolution', superseded: {policy} \
                     }}\n"
                ),
            ));
            let publish = patch(&emulator, "A", "ACTIVE", "visibility=PUBLIC");
            // The new record may be listed first; only the old one is published.
            emulator.change_knobs(|knobs| knobs.assign("record_during_job=hidden").unwrap());
            let applied = tokio::select! {
                applied = env.solform_beside(&APPLY) => applied,
                () = interfere(&emulator, None, publish) => unreachable!(),
            };
            let applied = applied.exits_with(3).says("refused");
            assert!(
                applied.stdout.contains("+ visibility = \"PUBLIC\"")
                    || applied.stdout.contains(is_public),
                "{policy} {knobs:?}\n{applied}"
            );
            assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
            // The other user sent the only patch.
            assert_eq!(
                count(&emulator, Operation::PatchSolution),
                1,
                "{policy} {knobs:?}"
            );
        }
    }
}

/// If the visibility cannot be read before the write, it may differ from the plan: nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_visibility_unknown_at_the_write_refuses_it() {
    let emulator = start_with(
        seed(&[Version::active("A", "1")], &[Version::active("A", "2")]),
        &["record_during_job=hidden"],
        JobPace::Manual,
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 2, path: '${drive}/A-2.ibsolution' }\n",
    ));
    let hide = async {
        emulator.change_knobs(|knobs| knobs.assign("visibility_filter=ignored").unwrap());
    };
    let applied = tokio::select! {
        applied = env.solform_beside(&APPLY) => applied,
        () = interfere(&emulator, None, hide) => unreachable!(),
    };
    let _ = applied.exits_with(3).says("not known");
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_visibility_is_noted_and_not_checked() {
    let emulator = start(
        seed(&[Version::active("A", "1"), Version::active("B", "1")], &[]),
        &["visibility_filter=ignored"],
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: INACTIVE }\n  B: { version: 1, state: ABSENT }\n",
    ));
    let plan = env.solform_beside(&["plan"]).await.exits_with(0);
    let note = "the live visibility is not known, so no write checks it";
    assert_eq!(plan.stdout.matches(note).count(), 2, "{plan}");
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
}

/// A delete that fails late: a version that another user changed meanwhile stays in service.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_published_during_its_delete_is_left() {
    let emulator = start_with(
        seed(&[Version::active("A", "1")], &[]),
        &["delete_active=job_error"],
        JobPace::Manual,
    )
    .await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, state: ABSENT }\n",
    ));
    let publish = patch(&emulator, "A", "ACTIVE", "visibility=PUBLIC");
    let applied = tokio::select! {
        applied = env.solform_beside(&APPLY) => applied,
        () = interfere(&emulator, None, publish) => unreachable!(),
    };
    let _ = applied.exits_with(3).says("PUBLIC");
    assert_eq!(count(&emulator, Operation::PatchSolution), 1);
}

/// The check costs one list for each write if the filters can be combined, and otherwise one read
/// of everything for all writes.
#[tokio::test(flavor = "multi_thread")]
async fn checking_the_visibility_is_cheap() {
    let names: Vec<String> = (0..12).map(|index| format!("N{index}")).collect();
    let live: Vec<Version<'_>> = names
        .iter()
        .map(|name| Version::active(name, "1"))
        .collect();
    for (knob, most) in [
        ("filters_combined=all", 3 + 12 + 2 * 5),
        ("filters_combined=first", 40),
    ] {
        let emulator = start(seed(&live, &[]), &[knob]).await;
        let solutions: Vec<String> = names
            .iter()
            .map(|name| format!("  {name}: {{ version: 1, state: INACTIVE }}\n"))
            .collect();
        let solutions = solutions.concat();
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let _ = env.solform_beside(&APPLY).await.exits_with(2);
        let asked = emulator
            .requests()
            .iter()
            .filter(|request| request.query.contains("visibility="))
            .filter(|request| request.operation == Some(Operation::ListSolutions))
            .count();
        assert!(asked <= most, "{knob}: {asked}");
    }
}

//! Errors in each form of their body, through the whole program (docs/platform.md, U14, U15).

use crate::support::worlds::{Version, env_with, manifest, seed, start};

const ONE: &str = "  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_quoted_in_every_form_of_its_body() {
    for (form, says) in [
        ("message", "the shelf is full"),
        ("msg", "the shelf is full"),
        ("error", "the shelf is full"),
        ("status_msg", "the shelf is full"),
        ("html", "<title>409 Conflict</title>"),
        ("empty", "answered 409 Conflict"),
    ] {
        let emulator = start(seed(&[], &[Version::active("A", "1")]), &[]).await;
        let rule = format!("operation=deploy,status=409,body={form},text=the shelf is full");
        emulator.add_fault(rule.parse().unwrap());
        let env = env_with(&manifest(&emulator.url(), ONE));
        let applied = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await;
        assert_eq!(applied.code(), 5, "{form}\n{applied}");
        let _ = applied.says("answered 409 Conflict").says(says);
    }
}

/// A deploy that is answered by an error inside a success is not done (U15).
#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_success_is_no_success() {
    for form in ["status_msg", "message", "msg", "error"] {
        let emulator = start(seed(&[], &[Version::active("A", "1")]), &[]).await;
        let rule = format!("operation=deploy,status=200,body={form},text=the shelf is full");
        emulator.add_fault(rule.parse().unwrap());
        let env = env_with(&manifest(&emulator.url(), ONE));
        let applied = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await;
        assert_eq!(applied.code(), 5, "{form}\n{applied}");
        if ["status_msg", "error"].contains(&form) {
            let _ = applied.says("the shelf is full");
        } else {
            let _ = applied.says("the version is not live");
        }
    }
}

/// A write without a job is not reported with the job of an earlier write of the same change.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_job_names_no_job() {
    let one = [Version::active("A", "1")];
    let emulator = start(seed(&one, &one), &[]).await;
    let rule = "operation=deploy,status=200,body=message,text=the shelf is full";
    emulator.add_fault(rule.parse().unwrap());
    let env = env_with(&manifest(&emulator.url(), ONE));
    let applied = env
        .solform_beside(&["apply", "--auto-approve", "--replace", "A@1"])
        .await
        .exits_with(1)
        .says("the server named no job for the deploy, and the version is not live")
        .says("Look at the version on the platform");
    assert!(!applied.stdout.contains("Look at the job"), "{applied}");
}

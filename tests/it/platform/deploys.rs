//! Deploys: the same version twice, owners and visibilities that the server changes or refuses, and
//! names that differ by case.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use solform_emulator::{JobPace, Operation};

use crate::support::worlds::{Version, count, env_with, manifest, seed, start, start_with};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--detailed-exitcode"];
const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

const ONE: &str = "  A: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }\n";

/// U1: the server accepts a deploy and answers 429, so that the same deploy is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_deploy_makes_one_version_or_reports() {
    for (branch, code, says, records) in [
        ("job_error", 5, "is deployed already", 1),
        ("conflict", 5, "answered 409 Conflict", 1),
        ("bad_request", 5, "answered 400 Bad Request", 1),
        ("second_record", 2, "Apply complete!", 2),
        ("replace_same_id", 2, "Apply complete!", 1),
        ("replace_new_id", 2, "Apply complete!", 1),
    ] {
        let knob = format!("duplicate_deploy={branch}");
        let emulator = start(seed(&[], &[Version::active("A", "1")]), &[&knob]).await;
        let rule = "operation=deploy,when=after,times=1,status=429,retry_after=0";
        emulator.add_fault(rule.parse().unwrap());
        let env = env_with(&manifest(&emulator.url(), ONE));
        let applied = env.solform_beside(&APPLY).await;
        assert_eq!(applied.code(), code, "{branch}\n{applied}");
        let _ = applied.says(says);
        // The live version counts as deployed: there is no third deploy, for any result of the
        // second one.
        let again = env.solform_beside(&PLAN).await;
        // A failed job stays failed even if the version is listed: the record is orphaned.
        let is_orphaned = branch == "job_error";
        let code = if is_orphaned { 5 } else { 0 };
        assert_eq!(again.code(), code, "{branch}\n{again}");
        assert_eq!(again.stdout.contains("Orphaned: A@1"), is_orphaned);
        assert_eq!(
            again.stdout.contains("more record of this version"),
            records == 2,
            "{again}"
        );
        let list = env.solform_beside(&["list"]).await.exits_with(0);
        assert_eq!(list.stdout.lines().count(), 1 + records, "{branch}\n{list}");
        assert_eq!(count(&emulator, Operation::Deploy), 2, "{branch}");
    }
}

/// U11: the caller may not choose the package's owner or visibility.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_package_quotes_the_server() {
    for (knob, owner, says) in [
        (
            "package_owner=caller_only",
            "other",
            "`svc` may not deploy for the owner `other`",
        ),
        (
            "owner_mismatch=job_error",
            "IB_DEPLOYED",
            "`IB_DEPLOYED` and the visibility PRIVATE do not match",
        ),
    ] {
        let package = Version::active("A", "1").owner(owner);
        let emulator = start(seed(&[], &[package]), &[knob]).await;
        let solutions = ONE.replace("version: 1,", &format!("version: 1, owner: {owner},"));
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let _ = env.solform_beside(&APPLY).await.exits_with(5).says(says);
        assert_eq!(count(&emulator, Operation::Deploy), 1, "{knob}");
    }
}

/// U7: the owner changes with the visibility, and the manifest does not name the user of the token.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_owner_is_named_and_not_redeployed() {
    let emulator = start(
        seed(&[], &[Version::active("A", "1")]),
        &["owner_after_visibility=ib_deployed"],
    )
    .await;
    let solutions = ONE.replace("version: 1,", "version: 1, visibility: PUBLIC,");
    let with_user = manifest(&emulator.url(), &solutions);
    let env = env_with(&with_user.replace("user: svc, ", ""));
    let _ = env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("To go on, run: solform plan --file solform.yaml -e test\n")
        .says("Did not converge: A@1 is planned again");
    let _ = env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .says("Plan: 1 to add, 0 to change, 0 to destroy.")
        .says("blocked: it is live under the owner `IB_DEPLOYED` by the author `svc`")
        .warns("Write `user: svc` in the environment");
    let _ = env.solform_beside(&APPLY).await.exits_with(4);
    assert_eq!(count(&emulator, Operation::Deploy), 1);

    // With `user` it is the same version.
    env.write("solform.yaml", &with_user);
    let _ = env.solform_beside(&PLAN).await.exits_with(0);
}

/// U21: a server may treat `form` and `Form` as one name; its refusal is then quoted.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_by_case_are_two_names() {
    for knob in ["name_filter=exact", "name_filter=ignore_case"] {
        let world = || {
            seed(
                &[Version::active("form", "1")],
                &[Version::active("Form", "1")],
            )
        };
        let solutions = ONE.replace("  A:", "  Form:");
        let emulator = start(world(), &[knob]).await;
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let _ = env
            .solform_beside(&APPLY)
            .await
            .exits_with(2)
            .says("1 added");
        let _ = env.solform_beside(&PLAN).await.exits_with(0);

        let emulator = start(world(), &[knob, "identity_case=insensitive"]).await;
        let env = env_with(&manifest(&emulator.url(), &solutions));
        let _ = env
            .solform_beside(&APPLY)
            .await
            .exits_with(5)
            .says("`Form` 1 of svc is deployed already");
    }
}

/// U24: no request that cancels a job is known, so the job continues and its id is in the journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_leaves_the_job_and_journals_its_id() {
    let emulator = start_with(
        seed(&[], &[Version::active("A", "1")]),
        &[],
        JobPace::Manual,
    )
    .await;
    let env = env_with(&manifest(&emulator.url(), ONE));
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &APPLY);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let code = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let interrupt = |id: u32| {
            let id = id.to_string();
            let sent = Command::new("kill").args(["-INT", &id]).status();
            assert!(sent.unwrap().success());
        };
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        lines.find(|line| line.as_ref().unwrap().contains("says \"PENDING\""));
        interrupt(child.id());
        lines.find(|line| line.as_ref().unwrap().starts_with("Interrupted: "));
        interrupt(child.id());
        child.wait().unwrap().code()
    })
    .await
    .unwrap();
    assert_eq!(code, Some(130));
    let job = emulator.pending_jobs().pop().unwrap();
    let journal = std::fs::read_dir(env.path().join(".solform"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("runs"))
        .filter(|runs| runs.is_dir())
        .flat_map(|runs| std::fs::read_dir(runs).unwrap())
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect::<String>();
    assert!(journal.contains(&job), "{journal}");
    let writes = emulator.requests();
    let writes = writes.iter().filter(|request| request.method != "GET");
    assert_eq!(writes.count(), 1);
}

//! An interrupt during an apply: running jobs end, and the report is complete.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};

use solform_emulator::{JobPace, Operation};

use crate::support::bucket::variables_of;
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{Version, count, env_with, manifest, seed, start, start_with};

/// A job that ends after the interrupt counts as done, and its change is not reported as drift.
#[tokio::test(flavor = "multi_thread")]
async fn work_finished_after_an_interrupt_is_done() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let emulator = start_with(world, &[], JobPace::Manual).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
    ));
    let arguments = ["apply", "--auto-approve", "--detailed-exitcode"];
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, mut lines) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("deploy taken")));
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        assert!(lines.any(|line| {
            line.unwrap()
                .contains("Interrupted: nothing new is started")
        }));
        (child, lines)
    })
    .await
    .unwrap();
    // The job ends only after the program has seen the interrupt.
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, None));
    }
    let (code, stdout) = tokio::task::spawn_blocking(move || {
        lines.by_ref().for_each(drop);
        let mut stdout = String::new();
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_to_string(&mut stdout).unwrap();
        (child.wait().unwrap().code(), stdout)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(8), "{stdout}");
    assert!(stdout.contains("done        + A@1"), "{stdout}");
    assert!(
        stdout.contains("The check after the apply was cut short"),
        "{stdout}"
    );
    assert!(
        stdout.contains(
            "All changes are done: 1 added, 0 changed, 0 destroyed.\nTo check, run: solform plan "
        ),
        "{stdout}"
    );
    // No change is left to do.
    assert!(!stdout.contains("Not complete"), "{stdout}");
    assert!(!stdout.contains("Did not converge"), "{stdout}");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

/// A second signal ends the program at once, after one line that names the command to continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_names_the_next_command() {
    let world = || {
        let live = [Version::active("Old", "1")];
        seed(&live, &[Version::active("A", "1")])
    };
    let create = "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n";
    for (arguments, solutions, signal, code) in [
        (&["apply", "--auto-approve"][..], create, "-INT", 130),
        (&["apply", "the.plan"], create, "-TERM", 143),
        (&["apply", "--auto-approve", "--json"], create, "-INT", 130),
        (
            &["destroy", "--auto-approve"],
            "  Old: { version: 1 }\n",
            "-INT",
            130,
        ),
    ] {
        let emulator = start_with(world(), &[], JobPace::Manual).await;
        let env = env_with(&manifest(&emulator.url(), solutions));
        let plan = env.solform_beside(&["plan", "--out", "the.plan"]).await;
        let _ = plan.exits_with(0);
        let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
        // With --json the messages go to standard output instead of standard error.
        let is_stream = arguments.contains(&"--json");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (ended, output) = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let pipe: Box<dyn Read> = if is_stream {
                Box::new(child.stdout.take().unwrap())
            } else {
                Box::new(child.stderr.take().unwrap())
            };
            let mut lines = BufReader::new(pipe).lines();
            let send = || {
                let killed = Command::new("kill")
                    .args([signal, &child.id().to_string()])
                    .status()
                    .unwrap();
                assert!(killed.success());
            };
            // The job never ends: the apply waits for it after the first signal.
            assert!(lines.any(|line| line.unwrap().contains("PENDING")));
            send();
            assert!(lines.any(|line| line.unwrap().contains("Interrupted: ")));
            send();
            let output: Vec<String> = lines.map_while(Result::ok).collect();
            (child.wait().unwrap().code(), output.join("\n"))
        })
        .await
        .unwrap();
        assert_eq!(ended, Some(code), "{arguments:?}\n{output}");
        let next = "solform apply --file solform.yaml -e test --resume";
        let line = format!(
            "Error: interrupted a second time: left at once, and the journal says what was sent; \
             to go on, run: {next}"
        );
        assert!(output.contains(&line), "{arguments:?}\n{output}");
        // The named command continues with the write that was sent.
        for job in emulator.pending_jobs() {
            assert!(emulator.finish_job(&job, None));
        }
        let words = shlex::split(next).unwrap();
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let _ = env
            .solform_beside(&words)
            .await
            .exits_with(0)
            .says(" complete! Resources: 1 ");
        assert_eq!(
            count(&emulator, Operation::Deploy) + count(&emulator, Operation::DeleteSolution),
            1
        );
    }
}

/// Before anything is sent, the command to continue is the same one, with every option that shapes
/// its plan.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_before_a_write_names_the_same_command() {
    let emulator = start(seed(&[Version::active("Old", "1")], &[]), &[]).await;
    let kept = ["plan", "--out", "the.plan", "--allow-change", "2"];
    for (arguments, next) in [
        (
            &[
                "apply",
                "--target",
                "Old",
                "--exclude",
                "A b",
                "--auto-approve",
            ][..],
            "apply --file solform.yaml -e test --store s3://bkt/p --target Old --exclude 'A b'",
        ),
        (
            &[
                "apply",
                "--replace",
                "Old@1",
                "--allow-destroy=1",
                "--allow-change=2",
            ],
            "apply --file solform.yaml -e test --store s3://bkt/p --replace Old@1 \
             --allow-destroy 1 --allow-change 2",
        ),
        (
            &["destroy", "--target=Old@1"],
            "destroy --file solform.yaml -e test --store s3://bkt/p --target Old@1",
        ),
        (
            &["apply", "the.plan", "--allow-change=2"],
            "apply --file solform.yaml -e test --store s3://bkt/p --allow-change 2 the.plan",
        ),
        (
            &["apply", "--resume"],
            "apply --file solform.yaml -e test --store s3://bkt/p --resume",
        ),
    ] {
        let mut env = env_with(&manifest(&emulator.url(), "  Old: { version: 1 }\n"));
        let _ = env.solform_beside(&kept).await.exits_with(0);
        // The apply waits for its store until it has to go.
        let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
        let store = Scripted::start(move |_| {
            let _ = asked.send(());
            Reply::never()
        })
        .await;
        for (name, value) in variables_of(store.url.as_str().trim_end_matches('/')) {
            env.set(&name, &value);
        }
        let arguments = [arguments, &["--store", "s3://bkt/p"]].concat();
        let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        was_asked.recv().await.unwrap();
        for signal in ["-INT", "-TERM"] {
            let killed = Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap();
            assert!(killed.success());
        }
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let stderr = String::from_utf8(ended.await.unwrap().stderr).unwrap();
        let line = format!("to go on, run: solform {next}\n");
        assert!(stderr.contains(&line), "{arguments:?}\n{stderr}");
    }
}

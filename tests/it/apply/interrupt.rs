//! An interrupt during an apply: what is at work ends, and everything is told.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use solform::emulator::{JobPace, Operation};

use crate::support::worlds::{Version, count, env_with, manifest, seed, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn work_that_ends_after_an_interrupt_is_done_and_not_called_drift() {
    let world = seed(&[], &[Version::active("A", "1")]);
    let emulator = start_with(world, &[], JobPace::Manual, 100).await;
    let env = env_with(&manifest(
        &emulator.url(),
        "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n",
    ));
    let arguments = ["apply", "--auto-approve", "--detailed-exitcode"];
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, mut told) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(told.any(|line| line.unwrap().contains("deploy taken")));
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        assert!(told.any(|line| {
            line.unwrap()
                .contains("Interrupted: nothing new is started")
        }));
        (child, told)
    })
    .await
    .unwrap();
    // The interrupt is seen, and only then does the job end.
    for job in emulator.pending_jobs() {
        assert!(emulator.finish_job(&job, None));
    }
    let (code, stdout) = tokio::task::spawn_blocking(move || {
        told.by_ref().for_each(drop);
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
    // Nothing is left.
    assert!(!stdout.contains("Not complete"), "{stdout}");
    assert!(!stdout.contains("Did not converge"), "{stdout}");
    assert_eq!(count(&emulator, Operation::Deploy), 1);
}

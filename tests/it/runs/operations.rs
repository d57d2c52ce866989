//! Every operation of the API page is used by a command.

use std::collections::BTreeSet;

use solform_emulator::{JobPace, Operation};

use super::{input, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn all_nine_operations_of_the_page_are_used() {
    let (emulator, env) = start_with(&[], JobPace::Immediate).await;
    let input = input();
    let declares = |state: &str| {
        let manifest = env.read("solform.yaml");
        let (head, _) = manifest.split_once("solutions:\n").unwrap();
        env.write(
            "solform.yaml",
            &format!(
                "{head}solutions:\n  New: {{ version: 1.0.0, path: \
                 '${{drive}}/${{name}}-${{version}}.ibsolution', state: {state} }}\n"
            ),
        );
    };
    for (command, operations) in [
        (
            &["apply", "--auto-approve"][..],
            &[Operation::Deploy, Operation::ListSolutions][..],
        ),
        (&["get", "New@1.0.0"], &[Operation::ListSolutions]),
        (
            &["run", "New@1.0.0", "--input-dir", &input, "--wait"],
            &[Operation::RunSolution],
        ),
        (
            &[
                "run",
                "--name",
                "New",
                "--owner",
                "svc",
                "--input-dir",
                &input,
                "--wait",
            ],
            &[Operation::RunByName],
        ),
        (&["jobs", "New@1.0.0"], &[Operation::ListSolutionRuns]),
        (&["jobs"], &[Operation::ListRuns]),
    ] {
        check_uses(&emulator, &env, command, operations).await;
    }
    declares("INACTIVE");
    let patch = [Operation::PatchSolution, Operation::GetSolution];
    check_uses(&emulator, &env, &["apply", "--auto-approve"], &patch).await;
    declares("ABSENT");
    let delete = [Operation::DeleteSolution];
    check_uses(&emulator, &env, &["apply", "--auto-approve"], &delete).await;
}

async fn check_uses(
    emulator: &solform_emulator::Emulator,
    env: &crate::support::TestEnv,
    command: &[&str],
    operations: &[Operation],
) {
    emulator.clear_requests();
    let _ = env.solform_beside(command).await.exits_with(0);
    let requests = emulator.requests();
    let used: BTreeSet<String> = requests
        .iter()
        .filter_map(|request| request.operation)
        .map(|operation| format!("{operation:?}"))
        .collect();
    for operation in operations {
        assert!(
            used.contains(&format!("{operation:?}")),
            "{command:?} used {used:?}"
        );
    }
    let unhandled: Vec<_> = requests
        .iter()
        .filter(|one| one.operation.is_none())
        .collect();
    assert!(unhandled.is_empty(), "{command:?}: {unhandled:?}");
}

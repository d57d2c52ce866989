//! One list confirms the deploys that finish together; a record that it does not show is read by
//! its id.

use std::fmt::Write as _;

use solform_emulator::{JobPace, Operation};

use crate::durable::finish_all;
use crate::support::worlds::{Version, count, env_with, manifest, seed, start_with};

/// More than the number of deploys from which on lists are used.
const NUMBER: usize = 30;

/// Deploys all versions at once, and returns the number of records that were read by their id. With
/// a `refusal`, the first list after all deploys is answered with this status.
async fn deploy(refusal: Option<u16>) -> usize {
    let names: Vec<String> = (0..NUMBER).map(|nth| format!("Form {nth}")).collect();
    let packages: Vec<Version<'_>> = names
        .iter()
        .map(|name| Version::active(name, "1"))
        .collect();
    let emulator = start_with(seed(&[], &packages), &[], JobPace::Manual).await;
    let mut solutions = String::new();
    for name in &names {
        let path = format!("${{drive}}/{name}-1.ibsolution");
        writeln!(solutions, "  {name}: {{ version: 1, path: '{path}' }}").unwrap();
    }
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let arguments = ["apply", "--auto-approve", "--parallelism=30"];
    let deployed = async {
        while emulator.pending_jobs().len() < NUMBER {
            tokio::task::yield_now().await;
        }
        if let Some(status) = refusal {
            let fault = format!("operation=list_solutions,times=1,status={status}");
            emulator.add_fault(fault.parse().unwrap());
        }
        finish_all(&emulator);
    };
    let (output, ()) = tokio::join!(env.solform_beside(&arguments), deployed);
    let _ = output.exits_with(0).says("Resources: 30 added");
    count(&emulator, Operation::GetSolution)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_confirms_many_deploys() {
    let reads = deploy(None).await;
    assert!(reads < NUMBER, "{reads} records were read by their id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_no_list_shows_is_read_by_its_id() {
    assert!(deploy(Some(400)).await > 1);
}

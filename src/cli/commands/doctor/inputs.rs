//! Checks that the input folders of runs of `verify` exist.

use tokio::time::{Instant, timeout_at};

use super::checks::Checks;
use crate::cli::environment::session::Session;
use crate::cli::workflow::verify_inputs;
use crate::diagnosis::{Check, CheckName, Finding, Verdict};
use crate::render::words;

/// Adds the check.
pub(super) async fn look(session: &Session, checks: &mut Checks) {
    let folders = verify_inputs::folders(session.manifest().desired.iter());
    if folders.is_empty() {
        let text = "The manifest declares no `verify`.";
        checks.push(Check::of_findings(CheckName::Inputs, text, "", Vec::new()));
        return;
    }
    let total = folders.len();
    let deadline = Instant::now() + checks.limit;
    let looking = verify_inputs::look(session, folders);
    let Ok(found) = timeout_at(deadline, looking).await else {
        let text = "There was no time for the input folders; give it longer with --timeout.";
        checks.push(Check::skipped(CheckName::Inputs, text));
        return;
    };
    let findings: Vec<Finding> = found
        .into_iter()
        .map(|(folder, entry, found)| {
            let address = entry.identity.address();
            let (verdict, text) = match found {
                Ok(true) => (Verdict::Ok, "It is there.".to_owned()),
                Ok(false) => (
                    Verdict::Fail,
                    format!("There is no such folder. `{address}` could not be verified."),
                ),
                Err(error) => (Verdict::Warn, format!("It could not be read: {error}.")),
            };
            Finding {
                subject: folder.to_owned(),
                verdict,
                text,
            }
        })
        .collect();
    let there = findings.iter().filter(|one| one.verdict == Verdict::Ok);
    let total = words::count(total, "input folder");
    let text = format!("{} of {total} found.", there.count());
    checks.push(Check::of_findings(
        CheckName::Inputs,
        text,
        "Create the folder with the input files, or correct `input_dir`.",
        findings,
    ));
}

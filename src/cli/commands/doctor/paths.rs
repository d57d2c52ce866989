//! Checks that the declared packages exist and match their declaration.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::checks::Checks;
use crate::apply::inspect_package;
use crate::cli::environment::session::Session;
use crate::diagnosis::{Check, CheckName, Finding, Verdict};
use crate::ident::Owner;
use crate::live::LiveState;
use crate::manifest::{Desired, SolutionPath};
use crate::plan::{Inspection, live_record};
use crate::render::words;

pub(super) async fn look(session: &Session, live: Option<&LiveState>, checks: &mut Checks) {
    let manifest = session.manifest();
    let entries: Vec<(&Desired, &SolutionPath)> = manifest
        .desired
        .iter()
        .filter_map(|entry| Some((entry, entry.path.as_ref()?)))
        .collect();
    if entries.is_empty() {
        let names = CheckName::Paths..=CheckName::Packages;
        checks.skip(names, "The manifest declares no `path`.");
        return;
    }
    let total = entries.len();
    let files = session.files();
    let mut reading = futures_util::stream::iter(entries)
        .map(|(entry, path)| {
            let files = &files;
            async move { (entry, path, inspect_package(files, &path.text).await) }
        })
        .buffered(files.reads_at_once());
    let deadline = Instant::now() + checks.limit;
    let (mut paths, mut packages) = (Vec::new(), Vec::new());
    while let Ok(Some((entry, path, inspection))) = timeout_at(deadline, reading.next()).await {
        // A live version no longer needs its package.
        let is_needed = live.is_none_or(|live| live_record(manifest, live, entry).is_none());
        let other_owner = manifest.other_owner(&entry.identity.owner);
        let (of_path, of_package) =
            findings(entry, path, inspection, other_owner.as_ref(), is_needed);
        paths.push(of_path);
        packages.extend(of_package);
    }
    checks.push(check_paths(paths, total, checks.limit));
    checks.push(check_packages(packages));
}

/// Returns the finding about a path, and the finding about its package if it can be read.
fn findings(
    entry: &Desired,
    path: &SolutionPath,
    inspection: Inspection,
    other_owner: Option<&Owner>,
    is_needed: bool,
) -> (Finding, Option<Finding>) {
    let (bad, use_of_it) = if is_needed {
        (Verdict::Fail, "It would be deployed.")
    } else {
        let text = "The version is live, so that it is not needed now.";
        (Verdict::Warn, text)
    };
    let (verdict, text) = match &inspection {
        Inspection::Missing if entry.source.is_some() => {
            let text = "It is not there. Apply uploads it before the deploy.";
            (Verdict::Ok, text.to_owned())
        }
        Inspection::Missing => (bad, format!("There is no such package. {use_of_it}")),
        Inspection::Unreadable { why } => {
            let text = format!("The package could not be inspected: {why}. {use_of_it}");
            (Verdict::Warn, text)
        }
        Inspection::Inspected(_) => (Verdict::Ok, format!("It is there. {use_of_it}")),
    };
    let of_path = Finding {
        subject: path.text.clone(),
        verdict,
        text,
    };
    let Inspection::Inspected(info) = inspection else {
        return (of_path, None);
    };
    let problems = info.problems(&entry.identity, other_owner);
    let wrong: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let (verdict, text) = if wrong.is_empty() {
        (Verdict::Ok, "The package is what is declared.".to_owned())
    } else {
        (bad, format!("In `{}`, {}.", path.text, wrong.join("; ")))
    };
    let of_package = Finding {
        subject: entry.identity.address().as_str().to_owned(),
        verdict,
        text,
    };
    (of_path, Some(of_package))
}

/// Returns the number of findings without a problem.
fn good(findings: &[Finding]) -> usize {
    let good = findings.iter().filter(|one| one.verdict == Verdict::Ok);
    good.count()
}

fn check_paths(mut paths: Vec<Finding>, total: usize, limit: Duration) -> Check {
    let mut text = format!(
        "{} of {} can be read.",
        good(&paths),
        words::count(total, "package")
    );
    let late = total - paths.len();
    if late > 0 {
        let limit = words::duration(limit);
        text = format!("{text} {late} were not looked at within {limit}.");
        paths.push(Finding {
            subject: format!("{late} more"),
            verdict: Verdict::Warn,
            text: "There was no time for them; give it longer with --timeout.".to_owned(),
        });
    }
    Check::of_findings(
        CheckName::Paths,
        text,
        "Upload what is missing, or correct `path` and its variables. The token's user must be \
         allowed to read it.",
        paths,
    )
}

fn check_packages(packages: Vec<Finding>) -> Check {
    let matching = good(&packages);
    let text = match packages.len() {
        0 => return Check::skipped(CheckName::Packages, "No package could be read."),
        1 => format!("{matching} of 1 package is what is declared."),
        count => format!("{matching} of {count} packages are what is declared."),
    };
    Check::of_findings(
        CheckName::Packages,
        text,
        "Correct the declared name, version or owner, or the path, or build the package again: its \
         `package.json` must hold name, version, owner and solution_type.",
        packages,
    )
}

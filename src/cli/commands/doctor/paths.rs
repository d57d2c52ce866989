//! Checks that the declared packages exist and match their declaration.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::answer::skip;
use crate::apply::inspect_package;
use crate::cli::environment::session::Session;
use crate::diagnosis::{Check, CheckName, Finding, Verdict};
use crate::ident::Owner;
use crate::live::LiveState;
use crate::manifest::{Desired, SolutionPath};
use crate::plan::{Inspection, live_record};
use crate::render::words;

pub(super) async fn look(
    session: &Session,
    live: Option<&LiveState>,
    limit: Duration,
    checks: &mut Vec<Check>,
) {
    let manifest = session.manifest();
    let entries: Vec<(&Desired, &SolutionPath)> = manifest
        .desired
        .iter()
        .filter_map(|entry| Some((entry, entry.path.as_ref()?)))
        .collect();
    if entries.is_empty() {
        let names = [CheckName::Paths, CheckName::Packages];
        skip(checks, &names, "The manifest declares no `path`.");
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
    let deadline = Instant::now() + limit;
    let mut found = Found::default();
    while let Ok(Some((entry, path, result))) = timeout_at(deadline, reading.next()).await {
        // A live version no longer needs its package.
        let is_needed = live.is_none_or(|live| live_record(manifest, live, entry).is_none());
        let other_owner = manifest.other_owner(&entry.identity.owner);
        found.take(entry, path, result, other_owner.as_ref(), is_needed);
    }
    checks.extend(found.checks(total, limit));
}

#[derive(Default)]
struct Found {
    paths: Vec<Finding>,
    packages: Vec<Finding>,
}

impl Found {
    fn take(
        &mut self,
        entry: &Desired,
        path: &SolutionPath,
        inspection: Inspection,
        other_owner: Option<&Owner>,
        is_needed: bool,
    ) {
        let bad = if is_needed {
            Verdict::Fail
        } else {
            Verdict::Warn
        };
        let use_of_it = if is_needed {
            "It would be deployed."
        } else {
            "The version is live, so that it is not needed now."
        };
        let of_path = |verdict, text: String| Finding {
            subject: path.text.clone(),
            verdict,
            text,
        };
        let info = match inspection {
            Inspection::Missing => {
                let text = format!("There is no such package. {use_of_it}");
                self.paths.push(of_path(bad, text));
                return;
            }
            Inspection::Unreadable { why } => {
                let text = format!("The package could not be inspected: {why}. {use_of_it}");
                self.paths.push(of_path(Verdict::Warn, text));
                return;
            }
            Inspection::Inspected(info) => info,
        };
        self.paths
            .push(of_path(Verdict::Ok, format!("It is there. {use_of_it}")));
        let problems = info.problems(&entry.identity, other_owner);
        let wrong: Vec<String> = problems.iter().map(ToString::to_string).collect();
        self.packages.push(Finding {
            subject: entry.identity.address().as_str().to_owned(),
            verdict: if wrong.is_empty() { Verdict::Ok } else { bad },
            text: if wrong.is_empty() {
                "The package is what is declared.".to_owned()
            } else {
                format!("In `{}`, {}.", path.text, wrong.join("; "))
            },
        });
    }

    fn checks(self, total: usize, limit: Duration) -> [Check; 2] {
        let read = self.paths.len();
        let good = |findings: &[Finding]| {
            let good = findings.iter().filter(|one| one.verdict == Verdict::Ok);
            good.count()
        };
        let readable = good(&self.paths);
        let mut text = format!(
            "{readable} of {} can be read.",
            words::count(total, "package")
        );
        let mut paths = self.paths;
        if read < total {
            let late = total - read;
            text = format!(
                "{text} {late} were not looked at within {}.",
                words::duration(limit)
            );
            paths.push(Finding {
                subject: format!("{late} more"),
                verdict: Verdict::Warn,
                text: "There was no time for them; give it longer with --timeout.".to_owned(),
            });
        }
        let paths = Check::of_findings(
            CheckName::Paths,
            text,
            "Upload what is missing, or correct `path` and its variables. The token's user must be \
             allowed to read it.",
            paths,
        );
        let matching = good(&self.packages);
        let packages = if self.packages.is_empty() {
            Check::skipped(CheckName::Packages, "No package could be read.")
        } else {
            Check::of_findings(
                CheckName::Packages,
                match self.packages.len() {
                    1 => format!("{matching} of 1 package is what is declared."),
                    count => format!("{matching} of {count} packages are what is declared."),
                },
                "Correct the declared name, version or owner, or the path, or build the package \
                 again: its `package.json` must hold name, version, owner and solution_type.",
                self.packages,
            )
        };
        [paths, packages]
    }
}

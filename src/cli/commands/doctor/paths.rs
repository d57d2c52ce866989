//! Checks that the declared packages exist, or that their sources do, and match their declaration.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::checks::{Checks, hasten};
use crate::apply::inspect_package;
use crate::cli::environment::session::Session;
use crate::cli::io::Io;
use crate::cli::workflow::sources;
use crate::diagnosis::{Check, CheckName, Finding, Verdict};
use crate::ident::Owner;
use crate::live::LiveState;
use crate::manifest::{Desired, SolutionPath};
use crate::plan::{Inspection, PackageInfo, PackageProblem, SourcePackage, live_record};
use crate::render::words;

pub(super) async fn look(
    session: &Session,
    live: Option<&LiveState>,
    checks: &mut Checks,
    io: &mut Io,
) {
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
    let mut inspected = Vec::with_capacity(total);
    while let Ok(Some(package)) = timeout_at(deadline, reading.next()).await {
        inspected.push(package);
    }
    let missing = inspected.iter();
    let missing = missing.filter(|(_, _, found)| matches!(found, Inspection::Missing));
    let missing = missing.map(|(entry, ..)| *entry);
    let limit = checks.limit;
    let looking = sources::inspect(
        session,
        missing,
        |_| {},
        io,
        |settings| hasten(settings, limit),
    );
    let sources = timeout_at(deadline, looking).await.ok();
    let sources = sources.and_then(Result::ok).unwrap_or_default();
    let (mut paths, mut packages) = (Vec::new(), Vec::new());
    for (entry, path, inspection) in inspected {
        // A live version no longer needs its package.
        let is_needed = live.is_none_or(|live| live_record(manifest, live, entry).is_none());
        let other_owner = manifest.other_owner(&entry.identity.owner);
        let place = Place {
            entry,
            path,
            other_owner: other_owner.as_ref(),
            is_needed,
        };
        let (of_path, of_package) = place.findings(inspection, sources.get(&entry.identity));
        paths.push(of_path);
        packages.extend(of_package);
    }
    checks.push(check_paths(paths, total, checks.limit));
    checks.push(check_packages(packages));
}

/// The place of a declared package.
struct Place<'a> {
    entry: &'a Desired,
    path: &'a SolutionPath,
    other_owner: Option<&'a Owner>,
    /// True if the version is not live.
    is_needed: bool,
}

impl Place<'_> {
    /// Returns the verdict on a package that cannot be deployed, and the use of the package.
    fn need(&self) -> (Verdict, &'static str) {
        if self.is_needed {
            (Verdict::Fail, "It would be deployed.")
        } else {
            let text = "The version is live, so that it is not needed now.";
            (Verdict::Warn, text)
        }
    }

    /// Returns the finding about a path, and the finding about its package if it can be read.
    fn findings(
        &self,
        inspection: Inspection,
        source: Option<&Result<SourcePackage, PackageProblem>>,
    ) -> (Finding, Option<Finding>) {
        let (bad, use_of_it) = self.need();
        let path = &self.path.text;
        let (verdict, text) = match (&inspection, source) {
            (Inspection::Missing, Some(Ok(package))) => {
                let source = package.upload.source.quoted();
                let text = format!("It is not there. Apply uploads {source} before the deploy.");
                (Verdict::Ok, text)
            }
            (Inspection::Missing, Some(Err(problem))) => {
                (bad, format!("It is not there, and {problem}. {use_of_it}"))
            }
            (Inspection::Missing, None) if self.entry.source.is_some() => {
                let text = "It is not there, and there was no time for its source.";
                (Verdict::Warn, text.to_owned())
            }
            (Inspection::Missing, None) => (bad, format!("There is no such package. {use_of_it}")),
            (Inspection::Unreadable { why }, _) => {
                let text = format!("The package could not be inspected: {why}. {use_of_it}");
                (Verdict::Warn, text)
            }
            (Inspection::Inspected(_), _) => (Verdict::Ok, format!("It is there. {use_of_it}")),
        };
        let of_path = Finding {
            subject: path.to_string(),
            verdict,
            text,
        };
        let of_package = match (inspection, source) {
            (Inspection::Inspected(info), _) => Some(self.compared(&format!("`{path}`"), &info)),
            (Inspection::Missing, Some(Ok(package))) => {
                Some(self.compared(&package.upload.source.quoted(), &package.info))
            }
            _ => None,
        };
        (of_path, of_package)
    }

    /// Returns the finding about the content of a package.
    fn compared(&self, package: &str, info: &PackageInfo) -> Finding {
        let problems = info.problems(&self.entry.identity, self.other_owner);
        let wrong: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let (verdict, text) = if wrong.is_empty() {
            (Verdict::Ok, "The package is what is declared.".to_owned())
        } else {
            (
                self.need().0,
                format!("In {package}, {}.", wrong.join("; ")),
            )
        };
        Finding {
            subject: self.entry.identity.address().as_str().to_owned(),
            verdict,
            text,
        }
    }
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
        "Upload what is missing, or correct `path`, `source` and their variables. The token's user \
         must be allowed to read it.",
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

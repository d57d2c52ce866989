//! Looks into the packages that a plan would deploy, before anything is deployed.

use std::ops::Range;

use futures_util::StreamExt as _;

use crate::api::Files;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::cli::session::Session;
use crate::ident::{Identity, Owner};
use crate::manifest::{self, Desired, Problem, Problems, Severity, SolutionPath};
use crate::package::{self, PackageError, PackageInfo, Part, RangeSource, SourceError};
use crate::plan::{Action, Plan};

/// Reads `package.json` out of every package that the plan deploys. One that is missing, or that
/// is another solution, is an error at the manifest's line; one that cannot be read is a warning.
pub(super) async fn check(session: &Session, plan: &Plan, io: &mut Io) -> Result<(), CommandError> {
    let manifest = session.manifest();
    let deployed: Vec<(&Desired, &SolutionPath)> = plan
        .changes
        .iter()
        .filter(|change| {
            matches!(
                change.action,
                Action::Create { .. } | Action::Replace { .. }
            )
        })
        .filter_map(|change| {
            let index = manifest
                .desired
                .binary_search_by(|entry| entry.identity.cmp(&change.identity))
                .ok()?;
            let entry = &manifest.desired[index];
            Some((entry, entry.path.as_ref()?))
        })
        .collect();
    let files = session.files();
    let read: Vec<(&Desired, &SolutionPath, Result<PackageInfo, PackageError>)> =
        futures_util::stream::iter(deployed)
            .map(|(entry, path)| {
                let files = &files;
                async move { (entry, path, look_into(files, &path.text).await) }
            })
            .buffered(files.reads_at_once())
            .collect()
            .await;
    let mut problems: Vec<Problem> = Vec::new();
    for (entry, path, result) in read {
        problems.extend(judge(session, entry, path, result));
    }
    let (errors, warnings): (Vec<Problem>, Vec<Problem>) = problems
        .into_iter()
        .partition(|problem| problem.severity() == Severity::Error);
    for warning in &warnings {
        io.problem(warning)?;
    }
    match Problems::from_errors(errors) {
        Some(problems) => Err(CommandError::Manifest(problems)),
        None => Ok(()),
    }
}

/// Reads `package.json` out of one package.
pub(super) async fn look_into(files: &Files, path: &str) -> Result<PackageInfo, PackageError> {
    package::inspect(&File { files, path }).await
}

/// Where a package is another solution than declared: the key, what is declared, what is there.
pub(super) fn mismatches<'a>(
    identity: &'a Identity,
    info: &'a PackageInfo,
) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
    let rows = [
        ("name", identity.name.as_str(), Some(info.name.as_str())),
        (
            "version",
            identity.version.as_str(),
            Some(info.version.as_str()),
        ),
        (
            "owner",
            identity.owner.as_str(),
            info.owner.as_ref().map(Owner::as_str),
        ),
    ];
    rows.into_iter().filter_map(|(key, declared, found)| {
        let found = found.filter(|found| *found != declared)?;
        Some((key, declared, found))
    })
}

/// One package on the platform's file system.
struct File<'a> {
    files: &'a Files,
    path: &'a str,
}

impl RangeSource for File<'_> {
    async fn read(&self, range: Range<u64>) -> Result<Part, SourceError> {
        match self.files.read(self.path, range).await {
            Ok(Some(part)) => Ok(Part {
                start: part.start,
                bytes: part.bytes,
                total: part.total,
            }),
            Ok(None) => Err(SourceError::Missing),
            Err(error) => Err(SourceError::Failed(Box::new(error))),
        }
    }
}

/// What stands against deploying this package.
fn judge(
    session: &Session,
    entry: &Desired,
    path: &SolutionPath,
    result: Result<PackageInfo, PackageError>,
) -> Vec<Problem> {
    let source = &session.place.loaded.source;
    let position = &path.position;
    let info = match result {
        Ok(info) => info,
        Err(PackageError::Missing) => {
            return vec![manifest::package_missing(source, position, &path.text)];
        }
        Err(error) => {
            let mut why = Vec::new();
            let mut cause = std::error::Error::source(&error);
            while let Some(reason) = cause {
                why.push(reason.to_string());
                cause = reason.source();
            }
            let why = why.join(": ");
            return vec![manifest::package_unreadable(
                source, position, &path.text, &why,
            )];
        }
    };
    mismatches(&entry.identity, &info)
        .map(|(key, declared, found)| {
            manifest::package_mismatch(source, position, key, declared, found)
        })
        .collect()
}

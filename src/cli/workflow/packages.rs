//! The inspection of the packages of a plan, before anything is deployed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::{sources, verify_inputs};
use crate::apply::{ContentsRecorder, inspect_contents};
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::live::Coverage;
use crate::manifest::{Code, Problem};
use crate::plan::{Inspection, Inspections, Mode, PackageContents, Plan, Refusal, entry_of};

/// Packages on the platform, by path.
pub(super) type Packages = BTreeMap<String, Inspection>;

/// Reads every package that the plan deploys. Those in `known` are not read again.
pub(super) async fn read(
    session: &Session,
    contents: Option<&ContentsRecorder>,
    plan: &Plan,
    known: Packages,
) -> Packages {
    // If the list is unproven, the plan says nothing about packages.
    if matches!(plan.coverage, Coverage::Unproven(_)) {
        return known;
    }
    // Changes with the same package share its inspection.
    let paths: BTreeSet<String> = plan
        .changes
        .iter()
        .filter_map(|change| change.package_path().map(str::to_owned))
        .filter(|path| !known.contains_key(path))
        .collect();
    let files = session.files();
    let mut packages: Packages = futures_util::stream::iter(paths)
        .map(|path| {
            let files = &files;
            async move {
                let keep = |read: &PackageContents| keep(contents, read);
                let inspection = inspect_contents(files, &path, keep).await;
                (path, inspection)
            }
        })
        .buffer_unordered(files.reads_at_once())
        .collect()
        .await;
    packages.extend(known);
    packages
}

/// Inspects every package that the plan deploys, and attaches the results to the plan. A package
/// that could not be inspected is a warning. The contents are kept for the records of an apply.
/// `known` contains packages that were read already.
pub(in crate::cli) async fn inspect(
    session: &Session,
    contents: Option<&ContentsRecorder>,
    plan: Plan,
    known: Packages,
    io: &mut Io,
) -> Result<Plan, CommandError> {
    if matches!(plan.coverage, Coverage::Unproven(_)) {
        return Ok(plan);
    }
    let mut inspections = Inspections {
        packages: read(session, contents, &plan, known).await,
        sources: BTreeMap::new(),
    };
    let deploys = plan.changes.iter();
    // A roll-back deploys what is on the platform.
    let deploys =
        deploys.filter(|change| change.package_path().is_some() && plan.mode != Mode::Rollback);
    let entries = deploys.filter_map(|change| entry_of(session.manifest(), &change.identity));
    let keep = |read: &PackageContents| keep(contents, read);
    inspections.sources = sources::inspect(session, entries, keep, io, |_| {}).await?;
    io.warn_of(&warnings(session, &plan, &inspections))?;
    io.warn_of(&verify_inputs::warnings(session, &plan).await)?;
    Ok(plan.with_inspections(session.manifest(), &inspections))
}

fn keep(contents: Option<&ContentsRecorder>, read: &PackageContents) {
    if let Some(contents) = contents {
        contents.keep(read);
    }
}

/// Returns the problem of the manifest that caused a refusal, if it is about a package or a policy.
pub(in crate::cli) fn problem_of(session: &Session, refusal: &Refusal) -> Option<Problem> {
    let manifest = session.manifest();
    let (position, code) = match refusal {
        Refusal::Package {
            identity, problem, ..
        } => {
            let entry = entry_of(manifest, identity)?;
            (problem.position(entry)?, problem.code())
        }
        Refusal::Policy(violation) => {
            let mut policies = manifest.policies.list.iter();
            let policy = policies.find(|policy| policy.name == violation.policy)?;
            (&policy.position, Code::PolicyDenied)
        }
        _ => return None,
    };
    let source = &session.context.source;
    Some(Problem::remote(source, position, code, refusal.to_string()).help(refusal.help()))
}

/// Returns the warnings about packages that do not block a change, in the order of the plan.
fn warnings(session: &Session, plan: &Plan, inspections: &Inspections) -> Vec<Problem> {
    let source = &session.context.source;
    let warn = |change: &crate::plan::Change| {
        let path = change.package_path()?;
        let entry = entry_of(session.manifest(), &change.identity)?;
        let declared = entry.path.as_ref()?;
        let (position, code, message) = match (
            inspections.sources.get(&change.identity),
            inspections.packages.get(path),
        ) {
            (Some(Ok(local)), _) => {
                let position = &entry.source.as_ref()?.position;
                (position, Code::PackageType, local.info.type_warning()?)
            }
            (None, Some(Inspection::Unreadable { why })) => (
                &declared.position,
                Code::PackageUnreadable,
                format!(
                    "the package `{}` could not be inspected: {why}",
                    declared.text
                ),
            ),
            (None, Some(Inspection::Inspected(info))) => {
                (&declared.position, Code::PackageType, info.type_warning()?)
            }
            (Some(Err(_)), _) | (None, Some(Inspection::Missing) | None) => return None,
        };
        Some(Problem::remote(source, position, code, message))
    };
    plan.changes.iter().filter_map(warn).collect()
}

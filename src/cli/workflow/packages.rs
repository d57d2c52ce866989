//! The inspection of the packages of a plan, before anything is deployed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use crate::apply::inspect_package;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::live::Coverage;
use crate::manifest::{Code, Problem};
use crate::plan::{Inspection, Plan, Refusal, path_of};

/// Inspects every package that the plan deploys, and attaches the results to the plan. A package
/// that could not be inspected is a warning.
pub(in crate::cli) async fn inspect(
    session: &Session,
    plan: Plan,
    io: &mut Io,
) -> Result<Plan, CommandError> {
    // If the list is unconfirmed, the plan says nothing about packages.
    if matches!(plan.coverage, Coverage::Unproven(_)) {
        return Ok(plan);
    }
    // Changes with the same package share its inspection.
    let paths: BTreeSet<String> = plan
        .changes
        .iter()
        .filter_map(|change| change.package_path().map(str::to_owned))
        .collect();
    let files = session.files();
    let inspections: BTreeMap<String, Inspection> = futures_util::stream::iter(paths)
        .map(|path| {
            let files = &files;
            async move {
                let inspection = inspect_package(files, &path).await;
                (path, inspection)
            }
        })
        .buffer_unordered(files.reads_at_once())
        .collect()
        .await;
    io.warn_of(&warnings(session, &plan, &inspections))?;
    Ok(plan.with_inspections(session.manifest(), &inspections))
}

/// Returns the problem of the manifest that caused a refusal, if it is about a package.
pub(in crate::cli) fn problem_of(session: &Session, refusal: &Refusal) -> Option<Problem> {
    let Refusal::Package {
        identity, problem, ..
    } = refusal
    else {
        return None;
    };
    let path = path_of(session.manifest(), identity)?;
    let source = &session.context.source;
    Some(
        Problem::remote(source, &path.position, problem.code(), refusal.to_string())
            .help(problem.help()),
    )
}

/// Returns the warnings about packages that do not block a change, in the order of the plan.
fn warnings(
    session: &Session,
    plan: &Plan,
    inspections: &BTreeMap<String, Inspection>,
) -> Vec<Problem> {
    let source = &session.context.source;
    let warn = |change: &crate::plan::Change| {
        let inspection = inspections.get(change.package_path()?)?;
        let path = path_of(session.manifest(), &change.identity)?;
        let (code, message) = match inspection {
            Inspection::Unreadable { why } => (
                Code::PackageUnreadable,
                format!("the package `{}` could not be inspected: {why}", path.text),
            ),
            Inspection::Inspected(info) => (Code::PackageType, info.type_warning()?),
            Inspection::Missing => return None,
        };
        Some(Problem::remote(source, &path.position, code, message))
    };
    plan.changes.iter().filter_map(warn).collect()
}

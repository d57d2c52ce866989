//! The input folders of runs of `verify`, which must be on the platform.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;

use crate::api::ApiError;
use crate::cli::environment::session::Session;
use crate::manifest::{Code, Desired, Problem};
use crate::plan::{Plan, entry_of};

/// The input folders of declared versions, each with the first version that names it.
pub(in crate::cli) type InputFolders<'a> = BTreeMap<&'a str, &'a Desired>;

/// Returns the input folders of these versions.
pub(in crate::cli) fn folders<'a>(entries: impl Iterator<Item = &'a Desired>) -> InputFolders<'a> {
    let mut folders = InputFolders::new();
    for entry in entries {
        for run in entry.verification.iter().flat_map(|all| &all.runs) {
            folders.entry(run.input_dir.as_str()).or_insert(entry);
        }
    }
    folders
}

/// Looks for folders on the platform.
pub(in crate::cli) async fn look<'a>(
    session: &Session,
    folders: InputFolders<'a>,
) -> Vec<(&'a str, &'a Desired, Result<bool, ApiError>)> {
    let files = session.files();
    futures_util::stream::iter(folders)
        .map(|(folder, entry)| {
            let files = &files;
            async move { (folder, entry, files.is_folder(folder).await) }
        })
        .buffered(files.reads_at_once())
        .collect()
        .await
}

/// Returns the warnings about folders that are missing for the changes of a plan. A folder that
/// cannot be read is none: its run may still start.
pub(super) async fn warnings(session: &Session, plan: &Plan) -> Vec<Problem> {
    let changes = plan.changes.iter();
    let verified = changes.filter(|change| change.action.is_verified());
    let entries = verified.filter_map(|change| entry_of(session.manifest(), &change.identity));
    let found = look(session, folders(entries)).await;
    let missing = found
        .into_iter()
        .filter(|(.., found)| matches!(found, Ok(false)));
    let warnings = missing.map(|(folder, entry, _)| {
        let source = &session.context.source;
        let message = format!("the input folder `{folder}` is not on the platform");
        Problem::remote(source, &entry.position, Code::VerifyInput, message)
    });
    warnings.collect()
}

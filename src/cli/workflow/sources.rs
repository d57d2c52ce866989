//! The packages on this machine that the manifest declares as sources of uploads.

use std::path::{Path, PathBuf};

use crate::api::chain;
use crate::cli::environment::session::Session;
use crate::manifest::{Glob, Source};
use crate::package::{self, LocalPackage, PackageError};
use crate::plan::{LocalSource, PackageProblem, Upload};

/// Finds the file of a source, and reads it.
pub(super) async fn inspect(
    session: &Session,
    source: &Source,
) -> Result<LocalSource, PackageProblem> {
    let problem = |why: String| PackageProblem::Source {
        source_path: source.text.clone(),
        why,
    };
    let context = &session.context;
    let found = find(&context.folder, &source.text).map_err(problem)?;
    let settings = &context.settings;
    let path = settings
        .manifest_path(&context.folder, &found)
        .map_err(|error| problem(format!("may not be read: {error}")))?;
    let unreadable = |error: &dyn std::fmt::Display| problem(format!("cannot be read: {error}"));
    let file = LocalPackage::open(&path).map_err(|error| unreadable(&error))?;
    let read = async {
        let contents = package::read_contents(&file).await?;
        let sha256 = package::digest(&file, contents.size).await?;
        Ok((contents, sha256))
    };
    let (contents, sha256) = read.await.map_err(|error| match error {
        PackageError::Missing => unreadable(&"it is gone"),
        PackageError::Unreadable(reason) => problem(format!("is no package: {}", chain(&reason))),
    })?;
    let source_path = found.display().to_string();
    if let Some(declared) = source.sha256.clone().filter(|declared| *declared != sha256) {
        return Err(PackageProblem::OtherDigest {
            source_path,
            declared,
            found: sha256,
        });
    }
    Ok(LocalSource {
        upload: Upload {
            source: source_path,
            size: contents.size,
            sha256,
            overwrite: source.overwrite,
        },
        info: contents.info,
    })
}

/// Returns the only file that matches a path of patterns, relative to the folder. The error is the
/// rest of a sentence about the path.
fn find(folder: &Path, pattern: &str) -> Result<PathBuf, String> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') {
        "/"
    } else {
        ""
    })];
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        let glob = Glob::parse(segment).map_err(|error| error.to_string())?;
        let mut next = Vec::new();
        for parent in found {
            if let Some(literal) = glob.as_literal() {
                next.push(parent.join(literal));
                continue;
            }
            let Ok(entries) = std::fs::read_dir(folder.join(&parent)) else {
                continue;
            };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            next.extend(
                names
                    .filter(|name| glob.matches(name))
                    .map(|name| parent.join(name)),
            );
        }
        found = next;
    }
    found.retain(|path| folder.join(path).exists());
    found.sort();
    match &found[..] {
        [] => Err("matches no file".to_owned()),
        [only] => Ok(only.clone()),
        [first, second, ..] => Err(format!(
            "matches {} files, such as `{}` and `{}`",
            found.len(),
            first.display(),
            second.display()
        )),
    }
}

//! The packages on this machine that the manifest declares as sources of uploads.

use std::path::{Path, PathBuf};

use crate::api::chain;
use crate::cli::environment::session::Session;
use crate::ident::Digest;
use crate::manifest::{Glob, Source};
use crate::package::{self, LocalPackage, PackageError};
use crate::plan::{LocalSource, PackageContents, PackageProblem, Upload};

/// The file of a source.
pub(super) struct LocalFile {
    file: LocalPackage,
    /// The path, relative to the manifest.
    pub(super) path: String,
    pub(super) contents: PackageContents,
}

impl LocalFile {
    /// Finds the file of a source, and reads its contents.
    pub(super) async fn open(session: &Session, source: &Source) -> Result<Self, PackageProblem> {
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
        let file = LocalPackage::open(&path)
            .map_err(|error| problem(format!("cannot be read: {error}")))?;
        let contents = package::read_contents(&file).await;
        Ok(Self {
            contents: contents.map_err(|error| unreadable(source, error))?,
            path: found.display().to_string(),
            file,
        })
    }

    /// Reads the whole file.
    pub(super) async fn sha256(&self, source: &Source) -> Result<Digest, PackageProblem> {
        let digest = package::digest(&self.file, self.contents.size).await;
        digest.map_err(|error| unreadable(source, error))
    }
}

fn unreadable(source: &Source, error: PackageError) -> PackageProblem {
    PackageProblem::Source {
        source_path: source.text.clone(),
        why: match error {
            PackageError::Missing => "cannot be read: it is gone".to_owned(),
            PackageError::Unreadable(reason) => format!("is no package: {}", chain(&reason)),
        },
    }
}

/// Finds the file of a source, and reads it. `keep` receives its contents.
pub(super) async fn inspect(
    session: &Session,
    source: &Source,
    keep: impl FnOnce(&PackageContents),
) -> Result<LocalSource, PackageProblem> {
    let file = LocalFile::open(session, source).await?;
    let sha256 = file.sha256(source).await?;
    let LocalFile { path, contents, .. } = file;
    if let Some(declared) = source.sha256.clone().filter(|declared| *declared != sha256) {
        return Err(PackageProblem::OtherDigest {
            source_path: path,
            declared,
            found: sha256,
        });
    }
    keep(&contents);
    Ok(LocalSource {
        upload: Upload {
            source: path,
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

//! The packages that the manifest declares as sources of uploads: files on this machine, and
//! packages of other environments.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use futures_util::StreamExt as _;

use crate::api::{ClientSettings, chain};
use crate::apply::SourceReaders;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::ident::{Digest, Identity};
use crate::manifest::{Desired, Glob, Source, SourceOrigin};
use crate::package::{self, LocalPackage, PackageError, Unreadable};
use crate::plan::{PackageContents, PackageProblem, SourcePackage, Upload, UploadSource};

/// The maximum number of sources that are read at the same time.
const AT_ONCE: usize = 8;

/// The inspected sources, or their problems, by version.
pub(in crate::cli) type InspectedSources =
    BTreeMap<Identity, Result<SourcePackage, PackageProblem>>;

/// Inspects the sources of these entries. `keep` receives the contents of each. `adjust` changes
/// the settings of the clients of other environments.
pub(in crate::cli) async fn inspect<'a>(
    session: &Session,
    entries: impl IntoIterator<Item = &'a Desired>,
    keep: impl Fn(&PackageContents),
    io: &mut Io,
    adjust: impl Fn(&mut ClientSettings),
) -> Result<InspectedSources, CommandError> {
    let entries = entries.into_iter();
    let sources = entries.filter_map(|entry| Some((&entry.identity, entry.source.as_deref()?)));
    let sources: Vec<(&Identity, &Source)> = sources.collect();
    let all = sources.iter().map(|(_, source)| *source);
    let readers = SourceClients::open(session, all, io, adjust).await?;
    let (readers, keep) = (&readers, &keep);
    let inspected = futures_util::stream::iter(sources)
        .map(|(identity, source)| async move {
            let inspected = match readers.read(source).await {
                Ok(read) => {
                    keep(&read.contents);
                    read.inspected(source).await
                }
                Err(problem) => Err(problem),
            };
            (identity.clone(), inspected)
        })
        .buffer_unordered(AT_ONCE);
    Ok(inspected.collect().await)
}

/// The clients of the environments that packages are transferred from.
pub(super) struct SourceClients<'a> {
    session: &'a Session,
    readers: SourceReaders,
    /// The environments without a client.
    closed: BTreeMap<String, CommandError>,
}

impl<'a> SourceClients<'a> {
    /// Opens the clients that these sources need. `adjust` changes their settings.
    pub(super) async fn open(
        session: &'a Session,
        sources: impl Iterator<Item = &Source>,
        io: &mut Io,
        adjust: impl Fn(&mut ClientSettings),
    ) -> Result<Self, CommandError> {
        let environments = sources.filter_map(|source| match &source.origin {
            SourceOrigin::Environment { name, .. } => Some(name.as_str()),
            SourceOrigin::File(_) => None,
        });
        let closed = session.open_sources(environments.collect(), io, adjust);
        Ok(Self {
            closed: closed.await?,
            readers: session.sources(),
            session,
        })
    }

    /// Reads the contents of a source: of the file that it matches, or of the package in the other
    /// environment, by a few ranges.
    pub(super) async fn read(&self, source: &Source) -> Result<ReadSource, PackageProblem> {
        let (path, file, contents) = match &source.origin {
            SourceOrigin::File(text) => {
                let (path, file) = self.open_file(source, text)?;
                let contents = package::read_contents(&file).await;
                (path, Some(file), contents)
            }
            SourceOrigin::Environment { name, path } => {
                if let Some(error) = self.closed.get(name) {
                    return Err(unreadable(source, &described(error)));
                }
                let reader = self.readers.get(name);
                let reader =
                    reader.ok_or_else(|| unreadable(source, "the environment has no client"))?;
                let contents = package::read_contents(&reader.package(path)).await;
                (source.origin.to_string(), None, contents)
            }
        };
        Ok(ReadSource {
            path,
            contents: contents.map_err(|error| not_inspected(source, &error))?,
            file,
        })
    }

    /// Finds and opens the file of a source.
    fn open_file(
        &self,
        source: &Source,
        text: &str,
    ) -> Result<(String, LocalPackage), PackageProblem> {
        let refused = |why: String| problem(source, why);
        let context = &self.session.context;
        let found = find(&context.folder, text).map_err(refused)?;
        let path = context
            .settings
            .manifest_path(&context.folder, &found)
            .map_err(|error| refused(format!("may not be read: {error}")))?;
        let file = LocalPackage::open(&path);
        let file = file.map_err(|error| unreadable(source, &error.to_string()))?;
        Ok((found.display().to_string(), file))
    }
}

/// The package of a source.
pub(super) struct ReadSource {
    /// The path, relative to the manifest, or with its environment.
    pub(super) path: String,
    pub(super) contents: PackageContents,
    /// The file; none if the package is in another environment.
    file: Option<LocalPackage>,
}

impl ReadSource {
    /// Reads the whole file. None for a package in another environment, which is read only when it
    /// is transferred.
    pub(super) async fn sha256(&self, source: &Source) -> Result<Option<Digest>, PackageProblem> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let digest = package::digest(file, self.contents.size).await;
        Ok(Some(digest.map_err(|error| not_inspected(source, &error))?))
    }

    /// Returns the upload of the package, and what it contains.
    async fn inspected(self, source: &Source) -> Result<SourcePackage, PackageProblem> {
        let sha256 = self.sha256(source).await?;
        let Self { path, contents, .. } = self;
        let upload_source = match (&source.origin, sha256) {
            (SourceOrigin::File(_), Some(sha256)) => {
                if let Some(declared) = source.sha256.clone().filter(|it| *it != sha256) {
                    return Err(PackageProblem::OtherDigest {
                        source_path: path,
                        declared,
                        found: sha256,
                    });
                }
                UploadSource::File { path, sha256 }
            }
            (SourceOrigin::File(_), None) => return Err(unreadable(source, "it is gone")),
            (SourceOrigin::Environment { name, path }, _) => UploadSource::Environment {
                environment: name.clone(),
                path: path.clone(),
                fingerprint: contents.info.fingerprint.clone(),
                sha256: source.sha256.clone(),
            },
        };
        Ok(SourcePackage {
            upload: Upload {
                source: upload_source,
                size: contents.size,
                overwrite: source.overwrite,
            },
            info: contents.info,
        })
    }
}

fn described(error: &CommandError) -> String {
    let mut texts = vec![error.to_string()];
    texts.extend(error.causes());
    texts.join(": ")
}

fn problem(source: &Source, why: String) -> PackageProblem {
    let (source_path, environment) = match &source.origin {
        SourceOrigin::File(path) => (path.clone(), None),
        SourceOrigin::Environment { name, path } => (path.clone(), Some(name.clone())),
    };
    PackageProblem::Source {
        source_path,
        environment,
        why,
    }
}

fn unreadable(source: &Source, why: &str) -> PackageProblem {
    problem(source, format!("cannot be read: {why}"))
}

fn not_inspected(source: &Source, error: &PackageError) -> PackageProblem {
    match (error, &source.origin) {
        (PackageError::Missing, SourceOrigin::File(_)) => unreadable(source, "it is gone"),
        (PackageError::Missing, SourceOrigin::Environment { .. }) => {
            problem(source, "is not on its file system".to_owned())
        }
        (PackageError::Unreadable(Unreadable::Refused(reason)), _) => {
            unreadable(source, &chain(&**reason))
        }
        (PackageError::Unreadable(reason), _) => {
            problem(source, format!("is no package: {}", chain(reason)))
        }
    }
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
        [only] if leaves(folder, only) => {
            Err("crosses a symbolic link out of the manifest's folder".to_owned())
        }
        [only] => Ok(only.clone()),
        [first, second, ..] => Err(format!(
            "matches {} files, such as `{}` and `{}`",
            found.len(),
            first.display(),
            second.display()
        )),
    }
}

/// Returns whether a path inside of a folder leads out of it over a symbolic link. A path that is
/// absolute or goes up says itself that it does.
fn leaves(folder: &Path, path: &Path) -> bool {
    let is_inner = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(is_inner) {
        return false;
    }
    let real = |path: &Path| path.canonicalize().ok();
    match (real(folder), real(&folder.join(path))) {
        (Some(folder), Some(path)) => !path.starts_with(folder),
        // It is gone.
        _ => true,
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_out_of_the_folder_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for folder in ["repo/dist", "other"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["repo/dist/a", "other/b"] {
            std::fs::File::create_new(root.join(file)).unwrap();
        }
        symlink("dist", root.join("repo/inner")).unwrap();
        symlink("../../other/b", root.join("repo/dist/b")).unwrap();
        symlink(root.join("other"), root.join("repo/out")).unwrap();
        let folder = root.join("repo");
        let absolute = root.join("other/b").display().to_string();
        let refused = Err("crosses a symbolic link out of the manifest's folder");
        for (pattern, expected) in [
            ("dist/a", Ok("dist/a")),
            ("inner/a", Ok("inner/a")),
            (
                "./dist/?",
                Err("matches 2 files, such as `./dist/a` and `./dist/b`"),
            ),
            ("dist/b", refused),
            ("out/*", refused),
            ("../other/b", Ok("../other/b")),
            (&absolute, Ok(&*absolute)),
            ("dist/none", Err("matches no file")),
        ] {
            let found = find(&folder, pattern).map(|path| path.display().to_string());
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected, "{pattern}");
        }
    }
}

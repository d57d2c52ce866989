//! The files of a folder that a package is built from.

use std::fs::{DirEntry, Metadata};
use std::path::{Path, PathBuf};

use crate::package::build_error::BuildError;
use crate::package::members::MEMBERS;

/// The files and folders of other tools, which are never a part of a solution.
const LEFT_OUT: [&str; 5] = [".git", ".hg", ".svn", ".DS_Store", "Thumbs.db"];

/// A file that becomes a member.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// The path in the package.
    pub(super) name: String,
    /// The path on the disk, without symbolic links.
    pub(super) path: PathBuf,
}

/// Returns the files of a folder, a canonical path, ordered by the bytes of their names.
pub(super) fn files(folder: &Path) -> Result<Vec<Source>, BuildError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, path)) = folders.pop() {
        let entries = std::fs::read_dir(&path).map_err(|source| io(&path, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| io(&path, source))?;
            let Some(name) = member_name(&entry)? else {
                continue;
            };
            let name = format!("{prefix}{name}");
            let path = entry.path();
            let kind = entry.file_type().map_err(|source| io(&path, source))?;
            if kind.is_dir() {
                folders.push((format!("{name}/"), path));
                continue;
            }
            let path = if kind.is_symlink() {
                followed(path, folder)?
            } else if kind.is_file() {
                path
            } else {
                return Err(BuildError::Special { path });
            };
            if found.len() as u64 >= MEMBERS {
                return Err(BuildError::TooMany { limit: MEMBERS });
            }
            found.push(Source { name, path });
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the name of an entry; none if it is left out.
fn member_name(entry: &DirEntry) -> Result<Option<String>, BuildError> {
    let name = entry.file_name();
    let text = name.to_str().filter(|text| {
        // Some readers of archives treat a backslash as a separator.
        !text.contains(|letter: char| letter.is_control() || letter == '\\')
    });
    match text {
        Some(text) if LEFT_OUT.contains(&text) => Ok(None),
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(BuildError::Name { path: entry.path() }),
    }
}

/// Returns the file that a symbolic link leads to.
fn followed(link: PathBuf, folder: &Path) -> Result<PathBuf, BuildError> {
    let looked = link.canonicalize();
    let target = looked.map_err(|source| io(&link, source))?;
    if !target.starts_with(folder) {
        return Err(BuildError::LinkOutside { path: link, target });
    }
    let metadata: Metadata = std::fs::metadata(&target).map_err(|source| io(&link, source))?;
    if metadata.is_dir() {
        Err(BuildError::LinkToFolder { path: link })
    } else if metadata.is_file() {
        Ok(target)
    } else {
        Err(BuildError::Special { path: link })
    }
}

/// Returns the error of a file or folder that cannot be read.
pub(super) fn io(path: &Path, source: std::io::Error) -> BuildError {
    BuildError::Io {
        path: path.to_owned(),
        source,
    }
}

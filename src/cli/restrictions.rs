//! Restrictions of a manifest while `SOLFORM_ALLOWED_HOSTS` is set.
//!
//! A pipeline plans manifests of branches that were not reviewed, and it has tokens and other
//! secrets. There, a manifest may name only hosts, environment variables and files that the
//! operator allows. Options, the operator's own variables and standard input are not restricted.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::error::{CommandError, Result};
use super::files::folder_of;
use crate::allowed_hosts::AllowedHosts;

/// The hosts and paths that are allowed.
#[derive(Debug, Clone)]
pub(super) struct Restrictions {
    /// `SOLFORM_ALLOWED_HOSTS`.
    pub(super) hosts: AllowedHosts,
    /// `SOLFORM_ALLOWED_PATHS`.
    pub(super) paths: Vec<PathBuf>,
}

impl Restrictions {
    pub(super) fn new(hosts: &str, paths: Vec<String>) -> Self {
        Self {
            hosts: AllowedHosts::new(hosts, Arc::new(proxy_of)),
            paths: paths.into_iter().map(PathBuf::from).collect(),
        }
    }

    /// Returns the real path of a file that the manifest in `folder` names; the file may be
    /// missing.
    pub(super) fn check_path(&self, folder: &Path, path: &Path) -> Result<PathBuf> {
        let named = folder.join(path);
        let refused = || {
            CommandError::failed(format!(
                "`{}` is outside of the working tree, and SOLFORM_ALLOWED_PATHS does not name it",
                named.display()
            ))
            .hint("Add the file or its folder to SOLFORM_ALLOWED_PATHS if the manifest may use it.")
        };
        let real = real_path(&named).ok_or_else(refused)?;
        let tree = working_tree(folder).ok_or_else(refused)?;
        let is_inside = real
            .strip_prefix(&tree)
            // Its configuration may hold the credentials of the pipeline.
            .is_ok_and(|inner| !inner.iter().any(|part| part == ".git"));
        // A folder that a command of the manifest creates may be missing yet.
        let mut allowed = self.paths.iter().filter_map(|path| real_path(path));
        if is_inside || allowed.any(|allowed| real.starts_with(allowed)) {
            Ok(real)
        } else {
            Err(refused())
        }
    }
}

/// Returns the git repository that contains the folder, else the folder.
pub(super) fn working_tree(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let root = folder.ancestors().find(|root| root.join(".git").exists());
    Some(root.unwrap_or(&folder).to_owned())
}

/// Returns a path without symbolic links; a missing part at its end is kept. Returns none for a
/// path that goes up from a missing folder.
fn real_path(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    // A process that creates the file would follow a dangling symbolic link.
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let Some(Component::Normal(name)) = path.components().next_back() else {
        return None;
    };
    Some(real_path(folder_of(path))?.join(name))
}

/// Returns the proxy that the HTTP client uses for a URL, from the usual variables.
fn proxy_of(url: &Url) -> Option<Url> {
    let uri = url.as_str().parse().ok()?;
    let proxy = Matcher::from_system().intercept(&uri)?;
    Url::parse(&proxy.uri().to_string()).ok()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_outside_of_the_tree_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["repo/.git/refs", "repo/sub", "other", "repo2"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            "repo/a",
            "repo/sub/b",
            "other/c",
            "repo2/d",
            "repo/.git/config",
        ] {
            std::fs::File::create_new(root.join(file)).unwrap();
        }
        symlink(root.join("other"), root.join("repo/link")).unwrap();
        symlink(root.join("other/c"), root.join("repo/sub/link")).unwrap();
        symlink(root.join("other/new"), root.join("repo/sub/dangling")).unwrap();
        symlink("../a", root.join("repo/sub/inner")).unwrap();
        let folder = root.join("repo/sub");
        let allowed = ["other", "new"].map(|name| root.join(name).display().to_string());
        for (path, alone, with_other) in [
            ("b", true, true),
            ("../a", true, true),
            ("inner", true, true),
            ("missing", true, true),
            ("missing/deep", true, true),
            ("missing/../b", false, false),
            ("../../repo/a", true, true),
            ("../link/c", false, true),
            ("../link/missing", false, true),
            ("link", false, true),
            ("dangling", false, false),
            ("../../other/c", false, true),
            ("../../repo2/d", false, false),
            ("../.git/config", false, false),
            ("../.git/new", false, false),
            ("/etc/hostname", false, false),
            ("../../new/file", false, true),
            ("/dev/zero", false, false),
            ("/proc/self/environ", false, false),
            ("/proc/self/root/etc/hostname", false, false),
        ] {
            for (paths, expected) in [(&[][..], alone), (&allowed[..], with_other)] {
                let restrictions = Restrictions::new("", paths.to_vec());
                let found = restrictions.check_path(&folder, Path::new(path));
                assert_eq!(found.is_ok(), expected, "{path} with {paths:?}: {found:?}");
            }
        }
    }

    #[test]
    fn without_git_the_tree_is_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sub");
        std::fs::create_dir(&folder).unwrap();
        let restrictions = Restrictions::new("", Vec::new());
        assert!(restrictions.check_path(&folder, Path::new("x")).is_ok());
        assert!(restrictions.check_path(&folder, Path::new("../x")).is_err());
    }
}

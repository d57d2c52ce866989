//! The base of a review: a file, or the manifest in a revision of its git repository.
//!
//! git is started as a process, never through a shell, in the manifest's folder, with limits for
//! its time and its output. Only plumbing commands are used: they run no program that the
//! repository chooses, and they return a file as it was committed.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::context::read_source;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::files::{folder_of, has_no_folder};
use crate::cli::process::{ProcessError, output_of};
use crate::manifest::{self, Problems, SourceFile};
use crate::review::BaseCommit;

/// The timeout of one git command.
const GIT_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum size of git's output, except for the content of a file, in bytes.
const MESSAGE_LIMIT: u64 = 16 * 1024;

/// The reason why there is no base.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum BaseError {
    #[error("it begins with `-`, as no revision does")]
    Dash,
    #[error("no file has that name, and git is not installed")]
    NoGit,
    #[error("no file has that name, and git cannot be started")]
    Git(#[source] std::io::Error),
    #[error("no file has that name, and the manifest is not a file that a revision could contain")]
    NoPath,
    #[error("git did not answer within 30 s")]
    Slow,
    #[error(
        "no file has that name, and `{}` is in no git repository: {message}",
        folder.display()
    )]
    NoRepository { folder: PathBuf, message: String },
    #[error("no file has that name, and git does not know the revision")]
    UnknownRevision,
    #[error("the revision has no commit in common with HEAD, as far as this clone reaches")]
    NoMergeBase,
    #[error("the manifest is not a regular file in that revision")]
    NotAFile,
    #[error("the manifest is a link that leads out of the repository in that revision")]
    LeavesRepository,
    #[error("git failed to show the manifest: {message}")]
    Failed { message: String },
}

impl BaseError {
    /// Returns the hint, as a sentence.
    pub(in crate::cli) fn help(&self) -> &'static str {
        match self {
            Self::Dash => "Name a revision such as `main`, or a file such as `./-old.yaml`.",
            Self::NoGit | Self::Git(_) => "Install git, or name a file.",
            Self::NoPath => "Name the manifest's file with --file, or a file with --base.",
            Self::Slow => "Look whether git works in the manifest's folder, or name a file.",
            Self::NoRepository { .. } => {
                "Name a file, or run this where the manifest is under git."
            }
            Self::UnknownRevision => {
                "Check its spelling. A pipeline's shallow clone lacks most revisions: fetch it \
                 first, for example with `git fetch origin main` and `--base FETCH_HEAD`."
            }
            Self::NoMergeBase => {
                "Fetch more history, for example with `git fetch --unshallow`, or compare with the \
                 revision itself by --base-exact."
            }
            Self::NotAFile | Self::LeavesRepository => {
                "Save that revision of the manifest to a file, and name the file."
            }
            Self::Failed { .. } => {
                "If the clone is a partial one, fetch the revision first: a review never does."
            }
        }
    }
}

/// The base of a review.
pub(in crate::cli) struct Base {
    /// A file, or a revision and a path, as git writes them.
    pub(in crate::cli) name: String,
    /// The commit of a revision.
    pub(in crate::cli) commit: Option<BaseCommit>,
    /// The manifest; none if the revision does not have the file.
    pub(in crate::cli) source: Option<SourceFile>,
}

/// Resolves `--base`: a file, if one has that name, else a revision. The target branch of a pull
/// request can get new commits, so the merge base of the revision and `HEAD` is used unless
/// `is_exact`.
pub(in crate::cli) async fn read_base(
    base: &OsStr,
    file: &Path,
    is_exact: bool,
) -> Result<Base, CommandError> {
    let failed = |source: BaseError| {
        let hint = source.help();
        let base = base.to_string_lossy();
        CommandError::failed(source)
            .context(format!("failed to read the base `{base}`"))
            .hint(hint)
    };
    if base.as_encoded_bytes().starts_with(b"-") {
        return Err(failed(BaseError::Dash));
    }
    let path = Path::new(base);
    // A pipe is read like a file. If a folder has that name, it may be a branch.
    if path.metadata().is_ok_and(|found| !found.is_dir()) {
        let source = read_source(path)?;
        return Ok(Base {
            name: source.name().to_owned(),
            commit: None,
            source: Some(source),
        });
    }
    if has_no_folder(file) {
        return Err(failed(BaseError::NoPath));
    }
    let name = format!("{}:{}", base.to_string_lossy(), file.display());
    let (commit, bytes) = read_revision(base, file, is_exact).await.map_err(failed)?;
    let source = bytes
        .map(|bytes| SourceFile::from_bytes(&name, bytes))
        .transpose()
        .map_err(|problems| reviewed(&format!("the base manifest `{name}`"), problems, &[]))?;
    Ok(Base {
        name,
        commit: Some(commit),
        source,
    })
}

/// Returns the error of a manifest with problems. `variables` are the environment variables that
/// were not replaced by their values.
pub(in crate::cli) fn reviewed(
    what: &str,
    problems: Problems,
    variables: &[String],
) -> CommandError {
    let hint = if variables.is_empty() {
        "Correct it; a base that cannot be corrected is left out by naming a later one.".to_owned()
    } else {
        let options: Vec<String> = variables
            .iter()
            .map(|name| format!("--env {name}"))
            .collect();
        format!(
            "A review reads no environment variables: `${{env:NAME}}` is not replaced. If it needs \
             a value, allow the variable: {}.",
            options.join(" ")
        )
    };
    let kind = ErrorKind::Reviewed(problems);
    CommandError::new(kind, format!("{what} has problems")).hint(hint)
}

/// Returns the commit of the base, and the content of the file in it; none if it does not exist.
async fn read_revision(
    base: &OsStr,
    file: &Path,
    is_exact: bool,
) -> Result<(BaseCommit, Option<Vec<u8>>), BaseError> {
    let folder = folder_of(file);
    let prefix = git(folder, "rev-parse", "--show-prefix", MESSAGE_LIMIT).await?;
    if !prefix.is_success {
        return Err(BaseError::NoRepository {
            message: prefix.message,
            folder: folder.to_owned(),
        });
    }
    let commit = find_commit(folder, base, is_exact).await?;
    let name = file.file_name().unwrap_or(file.as_os_str());
    let mut path = PathBuf::from(os_text(prefix.bytes.trim_ascii_end()));
    path.push(name);
    let Some(blob) = find_blob(folder, &commit.id, path).await? else {
        return Ok((commit, None));
    };
    let shown = git(folder, "cat-file blob", blob, manifest::MAX_BYTES as u64).await?;
    Ok((commit, Some(shown.content()?)))
}

async fn find_commit(folder: &Path, base: &OsStr, is_exact: bool) -> Result<BaseCommit, BaseError> {
    let mut revision = base.to_owned();
    revision.push("^{commit}");
    let verify = "rev-parse --verify --quiet --end-of-options";
    let answer = git(folder, verify, revision, MESSAGE_LIMIT).await?;
    let exact = answer.id().ok_or(BaseError::UnknownRevision)?;
    let id = if is_exact {
        exact.clone()
    } else {
        let answer = git(folder, "merge-base HEAD", &exact, MESSAGE_LIMIT).await?;
        answer.id().ok_or(BaseError::NoMergeBase)?
    };
    Ok(BaseCommit {
        is_merge_base: id != exact,
        id,
    })
}

/// The maximum number of symbolic links from a manifest to its content.
const MOST_LINKS: usize = 10;
/// The modes of a symbolic link and of a folder in git; those of files begin with 100.
const LINK: &str = "120000";
const FOLDER: &str = "040000";

/// Finds a file in a commit by its path from the repository's root. Symbolic links in the
/// repository are followed, in folders too, as on disk.
async fn find_blob(
    folder: &Path,
    commit: &str,
    mut path: PathBuf,
) -> Result<Option<String>, BaseError> {
    let list = format!("ls-tree -z --full-tree {commit} --");
    'links: for _ in 0..=MOST_LINKS {
        let parts: Vec<PathBuf> = path.iter().map(PathBuf::from).collect();
        let mut seen = PathBuf::new();
        for (index, part) in parts.iter().enumerate() {
            seen.push(part);
            let entry = git(folder, &list, &seen, MESSAGE_LIMIT).await?.content()?;
            if entry.is_empty() {
                return Ok(None);
            }
            let is_last = index + 1 == parts.len();
            let (mode, id) = mode_and_id(&entry).ok_or(BaseError::NotAFile)?;
            match mode {
                LINK => {
                    let link = git(folder, "cat-file blob", id, MESSAGE_LIMIT).await?;
                    seen.pop();
                    seen.push(os_text(&link.content()?));
                    seen.extend(&parts[index + 1..]);
                    path = within_repository(&seen).ok_or(BaseError::LeavesRepository)?;
                    continue 'links;
                }
                FOLDER if !is_last => {}
                file if file.starts_with("100") && is_last => return Ok(Some(id.to_owned())),
                _ => return Err(BaseError::NotAFile),
            }
        }
        return Err(BaseError::NotAFile);
    }
    Err(BaseError::NotAFile)
}

/// Returns a path without `.` and `..`; none if it is absolute or leads out of the repository.
fn within_repository(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => clean.pop().then_some(())?,
            Component::Normal(part) => clean.push(part),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

fn os_text(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Returns the mode and the id of an entry of `ls-tree`: `MODE TYPE ID`, a tab, and the name.
fn mode_and_id(entry: &[u8]) -> Option<(&str, &str)> {
    let end = entry.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(&entry[..end]).ok()?.split(' ');
    Some((words.next()?, words.nth(1)?))
}

/// The output of git.
pub(super) struct Answer {
    is_success: bool,
    bytes: Vec<u8>,
    /// The text on standard error, in one line.
    message: String,
}

impl Answer {
    fn content(self) -> Result<Vec<u8>, BaseError> {
        if self.is_success {
            Ok(self.bytes)
        } else {
            Err(BaseError::Failed {
                message: self.message,
            })
        }
    }

    /// Returns the output as a line, if it is one.
    pub(super) fn line(self) -> Option<String> {
        let text = String::from_utf8(self.bytes).ok()?;
        let line = text.trim_end();
        let is_line = !line.is_empty() && !line.contains('\n');
        (self.is_success && is_line).then(|| line.to_owned())
    }

    /// Returns the output as an id.
    fn id(self) -> Option<String> {
        let text = String::from_utf8(self.bytes).ok()?;
        let id = text.trim_end();
        let is_id = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (self.is_success && is_id).then(|| id.to_owned())
    }
}

/// Executes git with the words of `command` and one more argument.
pub(super) async fn git(
    folder: &Path,
    command: &str,
    argument: impl AsRef<OsStr>,
    limit: u64,
) -> Result<Answer, BaseError> {
    let mut git = Command::new("git");
    git.arg("--no-pager")
        .args(command.split(' '))
        .arg(argument)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_LITERAL_PATHSPECS", "1")
        // Without this, a partial clone would fetch missing objects.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0");
    // In a hook, these variables name a repository that may not be the manifest's.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    let output = output_of(git, GIT_TIMEOUT, limit).await;
    let output = output.map_err(|error| match error {
        ProcessError::Slow => BaseError::Slow,
        ProcessError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => BaseError::NoGit,
        ProcessError::Io(error) => BaseError::Git(error),
    })?;
    let message = String::from_utf8_lossy(&output.err);
    let message: Vec<&str> = message.split_whitespace().collect();
    Ok(Answer {
        // Output beyond the limit is not read.
        is_success: output.is_cut || output.status.success(),
        bytes: output.out,
        message: message.join(" ").chars().take(300).collect(),
    })
}

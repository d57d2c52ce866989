//! What a manifest is compared with: a file, or the manifest in a revision of its git repository.
//!
//! git is run as a process and never through a shell, in the manifest's folder, for a bounded time, and
//! what it says is read up to a bounded size. Only plumbing is asked, which runs no program of the
//! repository's choice and shows a file as it was committed.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::error::CommandError;
use super::files::{folder_of, has_no_folder};
use super::session::read_source;
use crate::manifest::{self, SourceFile};

/// The longest that one question to git may take.
const GIT_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that is read of what git says beside a file.
const SAID_BYTES: u64 = 16 * 1024;

/// Why there is no base.
#[derive(Debug, thiserror::Error)]
pub(super) enum BaseError {
    #[error("it begins with `-`, as no revision does")]
    Dash,
    #[error("no file is so called, and git is not installed")]
    NoGit,
    #[error("no file is so called, and git cannot be run")]
    Git(#[source] std::io::Error),
    #[error("no file is so called, and the manifest has no path that a revision could hold")]
    NoPath,
    #[error("git did not answer within 30 s")]
    Slow,
    #[error("no file is so called, and `{}` is in no git repository: {said}", folder.display())]
    NoRepository { folder: PathBuf, said: String },
    #[error("no file is so called, and git knows no such revision")]
    UnknownRevision,
    #[error("the manifest is no plain file in that revision")]
    NotAFile,
    #[error("git failed to show the manifest: {said}")]
    Failed { said: String },
}

impl BaseError {
    /// What to do about it, as a sentence.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Dash => "Name a revision such as `main`, or a file such as `./-old.yaml`.",
            Self::NoGit | Self::Git(_) => "Install git, or name a file.",
            Self::NoPath => "Name the manifest's file with --file, or a file with --base.",
            Self::Slow => "Look whether git works in the manifest's folder, or name a file.",
            Self::NoRepository { .. } => {
                "Name a file, or run this where the manifest is under git."
            }
            Self::UnknownRevision => {
                "Check its spelling. A pipeline's shallow clone lacks most revisions: fetch it first, for example with `git fetch origin main` and `--base FETCH_HEAD`."
            }
            Self::NotAFile => "Save that revision of the manifest to a file, and name the file.",
            Self::Failed { .. } => {
                "If the clone is a partial one, fetch the revision first: a review never does."
            }
        }
    }
}

/// What is compared with.
pub(super) enum BaseSource {
    /// A manifest.
    There(SourceFile),
    /// The revision is there, and has no such file.
    NotThere(String),
}

/// Finds what `--base` means: a file, if one is so called, else a revision.
pub(super) async fn read_base(base: &OsStr, file: &Path) -> Result<BaseSource, CommandError> {
    let failed = |source| CommandError::Base {
        base: base.to_string_lossy().into_owned(),
        source,
    };
    if base.as_encoded_bytes().starts_with(b"-") {
        return Err(failed(BaseError::Dash));
    }
    let path = Path::new(base);
    // A pipe is read as a file is; a folder of that name may be a branch.
    if path.metadata().is_ok_and(|found| !found.is_dir()) {
        return read_source(path).map(BaseSource::There);
    }
    if has_no_folder(file) {
        return Err(failed(BaseError::NoPath));
    }
    let name = format!("{}:{}", base.to_string_lossy(), file.display());
    match read_revision(base, file).await.map_err(failed)? {
        Some(bytes) => SourceFile::from_bytes(&name, bytes)
            .map(BaseSource::There)
            .map_err(|problems| CommandError::Reviewed {
                what: format!("the base manifest `{name}`"),
                problems,
                variables: Vec::new(),
            }),
        None => Ok(BaseSource::NotThere(name)),
    }
}

/// The bytes of a file in a revision; none where the revision does not have it.
async fn read_revision(base: &OsStr, file: &Path) -> Result<Option<Vec<u8>>, BaseError> {
    let folder = folder_of(file);
    let place = ask(
        folder,
        &["rev-parse".as_ref(), "--git-dir".as_ref()],
        SAID_BYTES,
    )
    .await?;
    if !place.is_success {
        return Err(BaseError::NoRepository {
            said: place.said,
            folder: folder.to_owned(),
        });
    }
    let mut revision = base.to_owned();
    revision.push("^{commit}");
    let words: [&OsStr; 5] = [
        "rev-parse".as_ref(),
        "--verify".as_ref(),
        "--quiet".as_ref(),
        "--end-of-options".as_ref(),
        &revision,
    ];
    let commit = ask(folder, &words, SAID_BYTES)
        .await?
        .id()
        .ok_or(BaseError::UnknownRevision)?;
    let name = file.file_name().unwrap_or(file.as_os_str());
    let words: [&OsStr; 5] = [
        "ls-tree".as_ref(),
        "-z".as_ref(),
        commit.as_ref(),
        "--".as_ref(),
        name,
    ];
    let entry = ask(folder, &words, SAID_BYTES).await?;
    if !entry.is_success {
        return Err(BaseError::Failed { said: entry.said });
    }
    if entry.bytes.is_empty() {
        return Ok(None);
    }
    let blob = plain_file(&entry.bytes).ok_or(BaseError::NotAFile)?;
    let words: [&OsStr; 3] = ["cat-file".as_ref(), "blob".as_ref(), blob.as_ref()];
    // One byte more than is taken, so that a file that is too long is seen to be.
    let shown = ask(folder, &words, manifest::MAX_BYTES as u64 + 1).await?;
    if shown.is_success {
        Ok(Some(shown.bytes))
    } else {
        Err(BaseError::Failed { said: shown.said })
    }
}

/// The id of a plain file in an entry of `ls-tree`: `MODE TYPE ID`, a tab, and the name.
fn plain_file(entry: &[u8]) -> Option<String> {
    let end = entry.iter().position(|byte| *byte == b'\t')?;
    let text = std::str::from_utf8(&entry[..end]).ok()?;
    let mut words = text.split(' ');
    let mode = words.next()?;
    let is_file = mode.starts_with("100") && words.next()? == "blob";
    words.next().filter(|_| is_file).map(str::to_owned)
}

/// What git answered.
struct Answer {
    is_success: bool,
    bytes: Vec<u8>,
    /// What it wrote to standard error, in one line.
    said: String,
}

impl Answer {
    /// The id that the answer is.
    fn id(self) -> Option<String> {
        let text = String::from_utf8(self.bytes).ok()?;
        let id = text.trim_end();
        let is_id = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (self.is_success && is_id).then(|| id.to_owned())
    }
}

async fn ask(folder: &Path, words: &[&OsStr], limit: u64) -> Result<Answer, BaseError> {
    let mut command = Command::new("git");
    command
        .arg("--no-pager")
        .args(words)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_LITERAL_PATHSPECS", "1")
        // A partial clone would fetch what it lacks.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Hooks run with the repository named by variables, for another folder than this one.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let answer = async {
        let mut child = command.spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (bytes, said) = tokio::join!(read(out, limit), read(err, SAID_BYTES));
        let (bytes, said) = (bytes?, said?);
        // Whoever has more to say is not listened to any longer.
        let is_cut = bytes.len() as u64 >= limit;
        if is_cut {
            child.start_kill()?;
        }
        let status = child.wait().await?;
        let said = String::from_utf8_lossy(&said);
        let said: Vec<&str> = said.split_whitespace().collect();
        Ok(Answer {
            is_success: is_cut || status.success(),
            bytes,
            said: said.join(" ").chars().take(300).collect(),
        })
    };
    match tokio::time::timeout(GIT_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(no_git(error)),
        Err(_) => Err(BaseError::Slow),
    }
}

fn no_git(error: std::io::Error) -> BaseError {
    if error.kind() == ErrorKind::NotFound {
        BaseError::NoGit
    } else {
        BaseError::Git(error)
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

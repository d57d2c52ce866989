//! The local store: `.solform/` beside the manifest, with a folder for each environment.
//!
//! The lock is the kernel's lock on a file, which the kernel releases when the process ends. The
//! content of that file names the holder for other processes.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge to the file system"
)]

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::backend::{DEPLOYED_LIMIT, Store, StoreKey, deployed_name};
use super::entry::Record;
use super::error::StoreError;
use super::journal::{Journal, LineSink};
use super::lock::{Held, LOCK_LIMIT, Lease, LockOwner};
use crate::ident::SolutionId;
use crate::platform::{self, private_options};
use crate::regular_file::{self, JOURNAL_LIMIT, PLAN_LIMIT};

/// The store of one environment, in a folder.
#[derive(Debug, Clone)]
pub struct LocalStore {
    folder: PathBuf,
}

impl LocalStore {
    /// Returns the store of an environment below `root`.
    pub fn new(root: &Path, key: StoreKey<'_>) -> Self {
        Self {
            folder: root.join(key.folder_name()),
        }
    }

    fn runs_folder(&self) -> PathBuf {
        self.folder.join("runs")
    }

    fn journal_path(&self, apply: &str) -> PathBuf {
        self.runs_folder().join(format!("{apply}.jsonl"))
    }

    fn plan_path(&self, apply: &str) -> PathBuf {
        self.runs_folder().join(format!("{apply}.plan.json"))
    }

    fn deployed_path(&self, id: &SolutionId) -> PathBuf {
        self.folder.join("deployed").join(deployed_name(id))
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let runs = self.runs_folder();
        regular_file::make_private_folder(&runs).map_err(failed("create", &runs))?;
        if let Some(root) = self.folder.parent() {
            keep_out_of_git(root).map_err(failed("write", root))?;
        }
        Ok(())
    }

    /// Flushes the folder of the applies: the name of a file must survive a crash, not only its
    /// lines.
    fn flush_names(&self) -> Result<(), StoreError> {
        let runs = self.runs_folder();
        platform::flush_folder(&runs).map_err(failed("flush", &runs))
    }
}

#[async_trait]
impl Store for LocalStore {
    fn location(&self) -> String {
        self.folder.display().to_string()
    }

    fn is_remote(&self) -> bool {
        false
    }

    async fn applies(&self) -> Result<Vec<String>, StoreError> {
        let folder = self.runs_folder();
        let listing = if_exists(fs::read_dir(&folder)).map_err(failed("list", &folder))?;
        let mut applies = Vec::new();
        for file in listing.into_iter().flatten() {
            let name = file.map_err(failed("list", &folder))?.file_name();
            let apply = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            applies.extend(apply.map(str::to_owned));
        }
        applies.sort();
        Ok(applies)
    }

    async fn read(&self, apply: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.journal_path(apply);
        regular_file::read(&path, JOURNAL_LIMIT).map_err(failed("read", &path))
    }

    async fn plan(&self, apply: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.plan_path(apply);
        if_exists(regular_file::read(&path, PLAN_LIMIT)).map_err(failed("read", &path))
    }

    async fn begin(&self, apply: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError> {
        self.prepare()?;
        let path = self.plan_path(apply);
        private_options()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(plan)?;
                file.sync_data()
            })
            .map_err(|error| {
                // A plan without a journal would never be found or removed.
                if error.kind() != io::ErrorKind::AlreadyExists {
                    let _ = fs::remove_file(&path);
                }
                failed("write", &path)(error)
            })?;
        let path = self.journal_path(apply);
        let part = path.with_extension("part");
        let file = private_options()
            .create_new(true)
            .append(true)
            .open(&part)
            .and_then(|mut file| {
                file.write_all(&first.line())?;
                file.sync_data()?;
                fs::rename(&part, &path)?;
                Ok(file)
            })
            .map_err(failed("create", &path))?;
        self.flush_names()?;
        Ok(journal(&path, file))
    }

    async fn reopen(&self, apply: &str) -> Result<Journal, StoreError> {
        let path = self.journal_path(apply);
        let bytes = regular_file::read(&path, JOURNAL_LIMIT).map_err(failed("read", &path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let length = whole.map_or(0, |end| end as u64 + 1);
        let open =
            |options: &mut fs::OpenOptions| options.open(&path).map_err(failed("open", &path));
        // Windows does not let a file shrink that is open to append.
        open(fs::OpenOptions::new().write(true))?
            .set_len(length)
            .map_err(failed("write", &path))?;
        let file = open(fs::OpenOptions::new().append(true))?;
        Ok(journal(&path, file))
    }

    async fn close(&self, _apply: &str, journal: Journal) -> Result<(), StoreError> {
        journal.close().await
    }

    async fn remove(&self, apply: &str) -> Result<(), StoreError> {
        for path in [self.plan_path(apply), self.journal_path(apply)] {
            if_exists(fs::remove_file(&path)).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    async fn write_deployed(&self, id: &SolutionId, document: &[u8]) -> Result<(), StoreError> {
        let path = self.deployed_path(id);
        if let Some(folder) = path.parent() {
            regular_file::make_private_folder(folder).map_err(failed("create", folder))?;
        }
        // Another process never reads a half-written document.
        let part = path.with_extension("part");
        private_options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&part)
            .and_then(|mut file| file.write_all(document))
            .and_then(|()| fs::rename(&part, &path))
            .map_err(failed("write", &path))
    }

    async fn read_deployed(&self, id: &SolutionId) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.deployed_path(id);
        if_exists(regular_file::read(&path, DEPLOYED_LIMIT)).map_err(failed("read", &path))
    }

    async fn remove_deployed(&self, id: &SolutionId) -> Result<(), StoreError> {
        let path = self.deployed_path(id);
        if_exists(fs::remove_file(&path))
            .map(drop)
            .map_err(failed("remove", &path))
    }

    async fn prove_locks(&self) -> Result<(), StoreError> {
        // `try_lock` finds out whether the file system has locks.
        Ok(())
    }

    async fn try_lock(
        &self,
        owner: &LockOwner,
    ) -> Result<Result<Box<dyn Lease>, Held>, StoreError> {
        self.prepare()?;
        let path = self.lock_path();
        // Opening a pipe at this path would block.
        match fs::metadata(&path) {
            Ok(there) if !there.is_file() => {
                let source = io::Error::other("it is not a regular file");
                return Err(failed("open", &path)(source));
            }
            Ok(_) | Err(_) => {}
        }
        let mut file = private_options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open", &path))?;
        // A file from an earlier version may be readable for other users.
        let _ = platform::allow_owner_only(&file);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Ok(Err(held(read_owner(&path))));
            }
            Err(TryLockError::Error(source)) => return Err(lock_failed(&path, source)),
        }
        write_owner(&path, &mut file, owner).map_err(failed("write", &path))?;
        let lease = LocalLease {
            id: owner.id.clone(),
            path,
            file,
        };
        // The file may have been removed after it was opened and before it was locked.
        if !lease.is_held() {
            return Ok(Err(held(None)));
        }
        // Some network file systems accept every lock.
        if let Ok(other) = File::open(&lease.path)
            && other.try_lock_shared().is_ok()
            && lease.is_held()
        {
            return Err(StoreError::NoFileLocks { path: lease.path });
        }
        Ok(Ok(Box::new(lease)))
    }

    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError> {
        let path = self.lock_path();
        let file = if_exists(regular_file::open(&path)).map_err(failed("open", &path))?;
        let Some(file) = file else {
            return Ok(None);
        };
        match file.try_lock_shared() {
            // The holder's process has ended: the lock is free, although the file still names a
            // holder.
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(
                read_owner(&path).unwrap_or_else(LockOwner::nobody_known),
            )),
            Err(TryLockError::Error(source)) => Err(lock_failed(&path, source)),
        }
    }

    async fn remove_lock(&self) -> Result<(), StoreError> {
        // The holder checks the file before each write, and finds another file, or none.
        let path = self.lock_path();
        fs::remove_file(&path).map_err(failed("remove", &path))
    }
}

/// A kernel lock on a file.
#[derive(Debug)]
struct LocalLease {
    id: String,
    path: PathBuf,
    file: File,
}

#[async_trait]
impl Lease for LocalLease {
    fn is_held(&self) -> bool {
        self.path.exists() && read_owner(&self.path).is_some_and(|owner| owner.id == self.id)
    }

    async fn release(self: Box<Self>) {
        // Closing the file releases the lock; its content has no further use.
        if self.is_held() {
            let _ = self.file.set_len(0);
        }
    }
}

/// Returns a journal that appends to an open file.
fn journal(path: &Path, file: File) -> Journal {
    Journal::new(path.display().to_string(), Arc::new(file))
}

impl LineSink for Arc<File> {
    async fn append(&mut self, lines: Vec<u8>) -> io::Result<()> {
        let file = Self::clone(self);
        let write = move || {
            (&*file).write_all(&lines)?;
            file.sync_data()
        };
        // The wait for the disk must not hold up other steps.
        tokio::task::spawn_blocking(write).await?
    }
}

/// Returns the path of the file that names the holder of a lock: the lock itself, if others can
/// read it.
fn owner_path(lock: &Path) -> PathBuf {
    if platform::LOCKED_FILES_ARE_READABLE {
        lock.to_owned()
    } else {
        lock.with_extension("owner")
    }
}

fn read_owner(lock: &Path) -> Option<LockOwner> {
    let text = regular_file::read(&owner_path(lock), LOCK_LIMIT).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Names the holder of a lock whose file is open.
fn write_owner(lock: &Path, file: &mut File, owner: &LockOwner) -> io::Result<()> {
    let text = serde_json::to_string(owner)?;
    if !platform::LOCKED_FILES_ARE_READABLE {
        return fs::write(owner_path(lock), text);
    }
    // The path may lead to another file by now.
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// Returns the holder of a lock that the kernel reports as held: its process is running.
fn held(owner: Option<LockOwner>) -> Held {
    Held {
        owner: owner.unwrap_or_else(LockOwner::nobody_known),
        is_silent: false,
    }
}

/// Returns the error of a lock request that failed.
fn lock_failed(path: &Path, source: io::Error) -> StoreError {
    if platform::has_no_locks(&source) {
        return StoreError::NoFileLocks {
            path: path.to_owned(),
        };
    }
    failed("lock", path)(source)
}

/// Returns nothing if the file does not exist.
fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

/// Keeps a folder of solform out of the repository that contains the manifest, by a `.gitignore`
/// inside the folder.
pub fn keep_out_of_git(root: &Path) -> io::Result<()> {
    match File::create_new(root.join(".gitignore")) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn missing_lock_support_is_not_a_permission_error() {
        const EACCES: i32 = 13;
        const ENOSYS: i32 = 38;
        const EOPNOTSUPP: i32 = 95;
        for (code, expected) in [
            (37, true),
            (ENOSYS, true),
            (EOPNOTSUPP, true),
            (EACCES, false),
        ] {
            let error = lock_failed(Path::new("lock"), io::Error::from_raw_os_error(code));
            let is_missing = matches!(error, StoreError::NoFileLocks { .. });
            assert_eq!(is_missing, expected, "{code}");
        }
    }
}

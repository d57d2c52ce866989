//! A store in a bucket: journals as numbered objects, the lock as a lease by conditional put.
//!
//! Objects cannot be appended to, so each batch of lines is an object of its own, put only if the
//! number is not used yet. The objects of a closed journal are merged into one. Nothing here
//! depends on the clocks of two machines being equal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, PutMode};
use tokio::sync::OnceCell;

use super::backend::{DEPLOYED_LIMIT, Store, StoreKey, deployed_name};
use super::bucket::{Bucket, BucketError, Names, OBJECT_LIMIT, OpenError, open};
use super::entry::Record;
use super::error::{Lacking, StoreError};
use super::journal::{Journal, LineSink};
use super::lease::{Clock, RemoteLock};
use super::lock::{Held, Lease, LockOwner};
use super::probe::probe;
use crate::allowed_hosts::AllowedHosts;
use crate::ident::SolutionId;
use crate::store_location::BucketUrl;

/// Opens the bucket of a URL, and returns the prefix in it. Credentials and endpoint come from
/// `variables`, which hold those that [`BucketService::has_variable`] selects.
///
/// [`BucketService::has_variable`]: crate::store_location::BucketService::has_variable
pub fn open_bucket(
    url: &BucketUrl,
    variables: &[(String, String)],
    allowed_hosts: Option<&AllowedHosts>,
) -> Result<(Bucket, Path), StoreError> {
    open(url, variables, allowed_hosts).map_err(|error| match error {
        OpenError::Settings(source) => StoreError::Settings {
            location: url.as_str().to_owned(),
            source,
        },
        OpenError::Client(error) => StoreError::remote("open", url.as_str().to_owned(), &error),
    })
}

/// The maximum number of bytes that one command reads from a store.
const STORE_LIMIT: u64 = 1024 * 1024 * 1024;

/// A folder in a bucket.
pub struct RemoteStore {
    bucket: Bucket,
    folder: Path,
    location: String,
    lock: Arc<RemoteLock>,
    /// The number of bytes that may still be read.
    left: AtomicU64,
    /// The result of the probe.
    proof: OnceCell<Option<Lacking>>,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteStore").field(&self.location).finish()
    }
}

impl RemoteStore {
    /// Returns the store of an environment below a prefix of a bucket. Messages show `location`;
    /// `now_ms` is the wall clock.
    pub fn new(
        bucket: Bucket,
        prefix: &Path,
        location: &str,
        key: StoreKey<'_>,
        now_ms: Clock,
    ) -> Self {
        let name = key.folder_name();
        let folder = prefix.clone().join(name.as_str());
        let lock = RemoteLock::new(bucket.clone(), folder.clone().join("lock.json"), now_ms);
        Self {
            bucket,
            folder,
            location: format!("{}/{name}", location.trim_end_matches('/')),
            lock: Arc::new(lock),
            left: AtomicU64::new(STORE_LIMIT),
            proof: OnceCell::new(),
        }
    }

    fn runs_folder(&self) -> Path {
        self.folder.clone().join("runs")
    }

    fn apply_folder(&self, apply: &str) -> Path {
        self.runs_folder().join(apply)
    }

    fn deployed_path(&self, id: &SolutionId) -> Path {
        self.folder.clone().join("deployed").join(deployed_name(id))
    }

    fn failed(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(Error) -> StoreError + use<> {
        // Paths in a bucket begin with the prefix, which the location already contains.
        let object = path.as_ref().strip_prefix(self.folder.as_ref());
        let location = format!("{}{}", self.location, object.unwrap_or_default());
        move |error| StoreError::remote(action, location, &error)
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        self.get_up_to(OBJECT_LIMIT, path).await
    }

    async fn get_up_to(&self, limit: u64, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let left = self.left.load(Ordering::Relaxed);
        let found = self.bucket.read(path, left.min(limit)).await;
        let Some(found) = found.map_err(self.failed("read", path))? else {
            return Ok(None);
        };
        let read = found.bytes.len() as u64;
        self.left.fetch_sub(read.min(left), Ordering::Relaxed);
        Ok(Some(found.bytes))
    }

    /// Writes an object that does not exist yet.
    async fn create(&self, path: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.bucket.put(path, bytes, PutMode::Create).await;
        put.map(drop).map_err(self.failed("write", path))
    }

    async fn list(&self, folder: &Path) -> Result<Names, StoreError> {
        let listed = self.bucket.list(folder).await;
        listed.map_err(self.failed("list", folder))
    }

    /// Lists the pieces of a journal, in order.
    async fn pieces(&self, apply: &str) -> Result<Vec<Piece>, StoreError> {
        let listed = self.list(&self.apply_folder(apply)).await?.objects;
        let mut pieces: Vec<Piece> = listed.into_iter().filter_map(Piece::of).collect();
        pieces.sort_by_key(|piece| (piece.last, !piece.is_whole));
        // A merged piece contains all pieces before it, even if they were not removed.
        if let Some(whole) = pieces.iter().rposition(|piece| piece.is_whole) {
            let last = pieces[whole].last;
            let whole = pieces.remove(whole);
            pieces.retain(|piece| piece.last > last);
            pieces.insert(0, whole);
        }
        Ok(pieces)
    }

    fn open(&self, apply: &str, next: u64) -> Journal {
        let writer = PieceWriter {
            bucket: self.bucket.clone(),
            folder: self.apply_folder(apply),
            next,
        };
        Journal::new(format!("{}/runs/{apply}", self.location), writer)
    }
}

/// An object of a journal: `00000007.jsonl`, or `whole-00000007.jsonl` for all up to the seventh.
struct Piece {
    path: Path,
    last: u64,
    is_whole: bool,
}

impl Piece {
    fn of(path: Path) -> Option<Self> {
        let name = path.filename()?.strip_suffix(".jsonl")?;
        let (is_whole, number) = match name.strip_prefix("whole-") {
            Some(number) => (true, number),
            None => (false, name),
        };
        let last = number.parse().ok()?;
        Some(Self {
            path,
            last,
            is_whole,
        })
    }
}

#[async_trait]
impl Store for RemoteStore {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn applies(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.list(&self.runs_folder()).await?.folders;
        let mut applies: Vec<String> = listed
            .iter()
            .filter_map(|prefix| prefix.filename().map(str::to_owned))
            .collect();
        applies.sort();
        Ok(applies)
    }

    async fn read(&self, apply: &str) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        for piece in self.pieces(apply).await? {
            // The piece was removed in between: a newer merged piece contains it.
            if let Some(piece) = self.get(&piece.path).await? {
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(bytes)
    }

    async fn plan(&self, apply: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.apply_folder(apply).join("plan.json");
        Ok(self.get(&path).await?.map(|plan| plan.to_vec()))
    }

    async fn begin(&self, apply: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError> {
        let folder = self.apply_folder(apply);
        // The journal comes first: a folder without one is damaged.
        self.create(&folder.clone().join("00000001.jsonl"), first.line())
            .await?;
        self.create(&folder.join("plan.json"), plan.to_vec())
            .await?;
        Ok(self.open(apply, 2))
    }

    async fn reopen(&self, apply: &str) -> Result<Journal, StoreError> {
        let last = self
            .pieces(apply)
            .await?
            .last()
            .map_or(0, |piece| piece.last);
        Ok(self.open(apply, last + 1))
    }

    async fn close(&self, apply: &str, journal: Journal) -> Result<(), StoreError> {
        journal.close().await?;
        let pieces = self.pieces(apply).await?;
        let Some(last) = pieces.last().filter(|piece| !piece.is_whole) else {
            return Ok(());
        };
        let bytes = self.read(apply).await?;
        let name = format!("whole-{:08}.jsonl", last.last);
        let path = self.apply_folder(apply).join(name.as_str());
        let put = self.bucket.put(&path, bytes, PutMode::Overwrite).await;
        put.map_err(self.failed("write", &path))?;
        for piece in &pieces {
            // A piece that could not be removed does no harm.
            if let Err(error) = self.bucket.remove(&piece.path).await {
                let path = &piece.path;
                tracing::debug!(%path, %error, "a piece of a journal could not be removed");
            }
        }
        Ok(())
    }

    async fn remove(&self, apply: &str) -> Result<(), StoreError> {
        // The rest of an interrupted removal must read as a journal with an end: the plan is
        // removed first, then the pieces in order.
        let mut paths = self.list(&self.apply_folder(apply)).await?.objects;
        paths.sort_by_key(|path| (path.filename() != Some("plan.json"), path.clone()));
        for path in paths {
            let removed = self.bucket.remove(&path).await;
            removed.map_err(self.failed("remove", &path))?;
        }
        Ok(())
    }

    async fn write_deployed(&self, id: &SolutionId, document: &[u8]) -> Result<(), StoreError> {
        let path = self.deployed_path(id);
        let document = document.to_vec();
        let put = self.bucket.put(&path, document, PutMode::Overwrite).await;
        put.map(drop).map_err(self.failed("write", &path))
    }

    async fn read_deployed(&self, id: &SolutionId) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.deployed_path(id);
        let document = self.get_up_to(DEPLOYED_LIMIT, &path).await?;
        Ok(document.map(|document| document.to_vec()))
    }

    async fn remove_deployed(&self, id: &SolutionId) -> Result<(), StoreError> {
        let path = self.deployed_path(id);
        let removed = self.bucket.remove(&path).await;
        removed.map_err(self.failed("remove", &path))
    }

    async fn prove_locks(&self) -> Result<(), StoreError> {
        let proven = self.proof.get_or_try_init(|| async {
            let (bucket, folder) = (self.bucket.clone(), self.folder.clone());
            // The check is a task of its own, so that an interrupt leaves no object behind.
            tokio::spawn(async move { probe(&bucket, &folder).await })
                .await
                .map_err(|_| StoreError::Io {
                    action: "probe",
                    path: self.location.clone().into(),
                    source: std::io::Error::other("the check was interrupted"),
                })?
                .map_err(self.failed("lock", &self.folder))
        });
        match proven.await? {
            None => Ok(()),
            Some(lacking) => Err(StoreError::Unfit {
                location: self.location.clone(),
                lacking: *lacking,
            }),
        }
    }

    async fn try_lock(
        &self,
        owner: &LockOwner,
    ) -> Result<Result<Box<dyn Lease>, Held>, StoreError> {
        let taken = self.lock.try_take(owner).await;
        taken.map_err(self.failed("lock", self.lock.path()))
    }

    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError> {
        let owner = self.lock.owner().await;
        owner.map_err(self.failed("read", self.lock.path()))
    }

    async fn is_locked_by(&self, id: &str) -> Result<bool, StoreError> {
        let is_renewed = self.lock.is_renewed_by(id).await;
        is_renewed.map_err(self.failed("read", self.lock.path()))
    }

    async fn remove_lock(&self) -> Result<(), StoreError> {
        let removed = self.lock.remove().await;
        removed.map_err(self.failed("remove", self.lock.path()))
    }
}

/// Writes the lines of a journal, each batch as an object.
struct PieceWriter {
    bucket: Bucket,
    folder: Path,
    next: u64,
}

impl LineSink for PieceWriter {
    async fn append(&mut self, lines: Vec<u8>) -> std::io::Result<()> {
        let short = |error| std::io::Error::other(BucketError::of(&error));
        let name = format!("{:08}.jsonl", self.next);
        let path = self.folder.clone().join(name.as_str());
        let lines = Bytes::from(lines);
        match self.bucket.put(&path, lines.clone(), PutMode::Create).await {
            Ok(_) => {}
            // The first attempt of this put was accepted, and its answer was lost; or another
            // process writes this journal.
            Err(Error::AlreadyExists { .. }) => {
                let found = self.bucket.read(&path, OBJECT_LIMIT).await.map_err(short)?;
                if found.is_none_or(|found| found.bytes != lines) {
                    return Err(std::io::Error::other(
                        "somebody else writes this journal at the same time",
                    ));
                }
            }
            Err(error) => return Err(short(error)),
        }
        self.next += 1;
        Ok(())
    }
}

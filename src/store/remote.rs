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
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use tokio::sync::OnceCell;

use super::backend::Store;
use super::bucket::{Bucket, Names, OBJECT_LIMIT, read_object, remove_object};
use super::bucket_error::BucketError;
use super::entry::Record;
use super::error::{Lacking, StoreError};
use super::journal::{Batch, Journal, Lines};
use super::lease::{self, Observation};
use super::local::folder_name;
use super::lock::{Held, Lease, LockOwner};
use super::probe::probe;

/// The maximum number of bytes that one command reads from a store.
const STORE_LIMIT: u64 = 1024 * 1024 * 1024;

/// A folder in a bucket.
pub struct RemoteStore {
    bucket: Bucket,
    folder: Path,
    location: String,
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    observation: Observation,
    /// The number of bytes that may still be read.
    left: AtomicU64,
    /// The result of the probe.
    proof: OnceCell<Option<Lacking>>,
}

/// The key of an environment's folder in the store.
#[derive(Debug, Clone, Copy)]
pub struct StoreKey<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The URL of the server.
    pub url: &'a str,
    /// The context (`IB-Context`).
    pub context: Option<&'a str>,
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
        now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        let name = folder_name(key.environment, key.url, key.context);
        Self {
            bucket,
            folder: prefix.clone().join(name.as_str()),
            location: format!("{}/{name}", location.trim_end_matches('/')),
            now_ms,
            observation: Observation::default(),
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

    fn lock_path(&self) -> Path {
        self.folder.clone().join("lock.json")
    }

    fn failed(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(object_store::Error) -> StoreError + use<> {
        // Paths in a bucket begin with the prefix, which the location already contains.
        let object = path.as_ref().strip_prefix(self.folder.as_ref());
        let location = format!("{}{}", self.location, object.unwrap_or_default());
        move |error| StoreError::remote(action, location, &error)
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let left = self.left.load(Ordering::Relaxed);
        let found = read_object(&self.bucket.objects, path, left.min(OBJECT_LIMIT)).await;
        let Some(found) = found.map_err(self.failed("read", path))? else {
            return Ok(None);
        };
        let read = found.bytes.len() as u64;
        self.left.fetch_sub(read.min(left), Ordering::Relaxed);
        Ok(Some(found.bytes))
    }

    /// Writes an object that does not exist yet.
    async fn create(&self, path: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = put_new(&self.bucket.objects, path, bytes.into()).await;
        put.map_err(self.failed("write", path))
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
            objects: Arc::clone(&self.bucket.objects),
            folder: self.apply_folder(apply),
            next,
        };
        Journal::elsewhere(format!("{}/runs/{apply}", self.location), |lines| {
            writer.write_all(lines)
        })
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
        journal.close().await.map_err(|source| StoreError::Io {
            action: "close",
            path: format!("{}/runs/{apply}", self.location).into(),
            source: std::io::Error::other(source),
        })?;
        let pieces = self.pieces(apply).await?;
        let Some(last) = pieces.last().filter(|piece| !piece.is_whole) else {
            return Ok(());
        };
        let bytes = self.read(apply).await?;
        let name = format!("whole-{:08}.jsonl", last.last);
        let path = self.apply_folder(apply).join(name.as_str());
        self.bucket
            .objects
            .put(&path, PutPayload::from(bytes))
            .await
            .map_err(self.failed("write", &path))?;
        for piece in &pieces {
            // A piece that could not be removed does no harm.
            if let Err(error) = self.bucket.objects.delete(&piece.path).await {
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
            let removed = remove_object(&self.bucket.objects, &path).await;
            removed.map_err(self.failed("remove", &path))?;
        }
        Ok(())
    }

    async fn prove_locks(&self) -> Result<(), StoreError> {
        let proven = self.proof.get_or_try_init(|| async {
            let (objects, folder) = (Arc::clone(&self.bucket.objects), self.folder.clone());
            // The check is a task of its own, so that an interrupt leaves no object behind.
            tokio::spawn(async move { probe(&objects, &folder).await })
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

    async fn try_lock(&self, owner: &LockOwner) -> Result<Result<Lease, Held>, StoreError> {
        let path = self.lock_path();
        lease::try_take(
            &self.bucket.objects,
            &path,
            owner,
            &self.now_ms,
            &self.observation,
        )
        .await
        .map_err(self.failed("lock", &path))
    }

    async fn lock_owner(&self) -> Result<Option<LockOwner>, StoreError> {
        let found = self.get(&self.lock_path()).await?;
        Ok(found.and_then(|bytes| lease::owner_in(&bytes)))
    }

    async fn is_locked_by(&self, id: &str) -> Result<bool, StoreError> {
        let found = self.get(&self.lock_path()).await?;
        Ok(found.is_some_and(|bytes| lease::is_renewed(&bytes, id, (self.now_ms)())))
    }

    async fn force_unlock(&self, id: &str) -> Result<bool, StoreError> {
        if self.lock_owner().await?.is_none_or(|owner| owner.id != id) {
            return Ok(false);
        }
        let path = self.lock_path();
        self.bucket
            .objects
            .delete(&path)
            .await
            .map_err(self.failed("remove", &path))?;
        Ok(true)
    }
}

/// Writes the lines of a journal, each batch as an object.
struct PieceWriter {
    objects: Arc<dyn ObjectStore>,
    folder: Path,
    next: u64,
}

impl PieceWriter {
    async fn write_all(mut self, mut lines: Lines) {
        while let Some(first) = lines.recv().await {
            let batch = Batch::of(first, &mut lines);
            let result = self.put(batch.bytes()).await;
            let is_over = result.is_err();
            batch.report(&result);
            if is_over {
                // It is not known which lines were written: no further request may be sent.
                return;
            }
        }
    }

    async fn put(&mut self, bytes: Vec<u8>) -> std::io::Result<()> {
        let name = format!("{:08}.jsonl", self.next);
        let path = self.folder.clone().join(name.as_str());
        let bytes = Bytes::from(bytes);
        match put_new(&self.objects, &path, bytes.clone()).await {
            Ok(()) => {}
            // The first attempt of this put was accepted, and its answer was lost; or another
            // process writes this journal.
            Err(object_store::Error::AlreadyExists { .. }) => {
                let found = read_object(&self.objects, &path, OBJECT_LIMIT).await;
                let found = found.map_err(|error| short(&error))?;
                if found.is_none_or(|found| found.bytes != bytes) {
                    return Err(std::io::Error::other(
                        "somebody else writes this journal at the same time",
                    ));
                }
            }
            Err(error) => return Err(short(&error)),
        }
        self.next += 1;
        Ok(())
    }
}

async fn put_new(
    objects: &dyn ObjectStore,
    path: &Path,
    bytes: Bytes,
) -> Result<(), object_store::Error> {
    let payload = PutPayload::from(bytes);
    let put = objects
        .put_opts(path, payload, PutMode::Create.into())
        .await;
    put.map(drop)
}

fn short(error: &object_store::Error) -> std::io::Error {
    std::io::Error::other(BucketError::of(error))
}

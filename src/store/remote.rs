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

use super::backend::{Held, Store, StoreError};
use super::bucket::{Bucket, BucketError, Names, OBJECT_LIMIT, bytes_of};
use super::entry::Record;
use super::journal::{Batch, Journal, Lines};
use super::lease::{self, Observation};
use super::local::folder_name;
use super::lock::{Lease, LockOwner};
use super::probe::{Lacking, probe};

/// The maximum number of bytes that one command reads from a store.
const STORE_LIMIT: u64 = 1024 * 1024 * 1024;

/// A folder in a bucket.
pub struct RemoteStore {
    bucket: Bucket,
    objects: Arc<dyn ObjectStore>,
    folder: Path,
    place: String,
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
        f.debug_tuple("RemoteStore").field(&self.place).finish()
    }
}

impl RemoteStore {
    /// Returns the store of an environment below a prefix of a bucket. Messages show `place`;
    /// `now_ms` is the wall clock.
    pub fn new(
        bucket: Bucket,
        prefix: &Path,
        place: &str,
        key: StoreKey<'_>,
        now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        let name = folder_name(key.environment, key.url, key.context);
        Self {
            objects: Arc::clone(&bucket.objects),
            bucket,
            folder: prefix.clone().join(name.as_str()),
            place: format!("{}/{name}", place.trim_end_matches('/')),
            now_ms,
            observation: Observation::default(),
            left: AtomicU64::new(STORE_LIMIT),
            proof: OnceCell::new(),
        }
    }

    fn runs_folder(&self) -> Path {
        self.folder.clone().join("runs")
    }

    fn run_folder(&self, run: &str) -> Path {
        self.runs_folder().join(run)
    }

    fn lock_path(&self) -> Path {
        self.folder.clone().join("lock.json")
    }

    fn failed(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(object_store::Error) -> StoreError + use<> {
        let place = format!("{} ({path})", self.place);
        move |error| StoreError::remote(action, place, &error)
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        match self.objects.get(path).await {
            Ok(found) => {
                let left = self.left.load(Ordering::Relaxed);
                let bytes = bytes_of(found, left.min(OBJECT_LIMIT))
                    .await
                    .map_err(self.failed("read", path))?;
                let read = bytes.len() as u64;
                self.left.fetch_sub(read.min(left), Ordering::Relaxed);
                Ok(Some(bytes))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", path)(error)),
        }
    }

    async fn list(&self, folder: &Path) -> Result<Names, StoreError> {
        let listed = self.bucket.list(folder).await;
        listed.map_err(self.failed("list", folder))
    }

    /// Lists the pieces of a journal, in order.
    async fn pieces(&self, run: &str) -> Result<Vec<Piece>, StoreError> {
        let listed = self.list(&self.run_folder(run)).await?.objects;
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

    fn open(&self, run: &str, next: u64) -> Journal {
        let writer = PieceWriter {
            objects: Arc::clone(&self.objects),
            folder: self.run_folder(run),
            next,
        };
        Journal::elsewhere(format!("{}/runs/{run}", self.place), |lines| {
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
    fn place(&self) -> String {
        self.place.clone()
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn runs(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.list(&self.runs_folder()).await?.folders;
        let mut runs: Vec<String> = listed
            .iter()
            .filter_map(|prefix| prefix.filename().map(str::to_owned))
            .collect();
        runs.sort();
        Ok(runs)
    }

    async fn read(&self, run: &str) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        for piece in self.pieces(run).await? {
            // The piece was removed in between: a newer merged piece contains it.
            if let Some(piece) = self.get(&piece.path).await? {
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(bytes)
    }

    async fn plan(&self, run: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.run_folder(run).join("plan.json");
        Ok(self.get(&path).await?.map(|plan| plan.to_vec()))
    }

    async fn begin(&self, run: &str, plan: &[u8], first: &Record) -> Result<Journal, StoreError> {
        // The journal comes first: a folder without one is damaged.
        let path = self.run_folder(run).join("00000001.jsonl");
        self.objects
            .put_opts(
                &path,
                PutPayload::from(first.line()),
                PutMode::Create.into(),
            )
            .await
            .map_err(self.failed("write", &path))?;
        let path = self.run_folder(run).join("plan.json");
        self.objects
            .put_opts(
                &path,
                PutPayload::from(plan.to_vec()),
                PutMode::Create.into(),
            )
            .await
            .map_err(self.failed("write", &path))?;
        Ok(self.open(run, 2))
    }

    async fn reopen(&self, run: &str) -> Result<Journal, StoreError> {
        let last = self.pieces(run).await?.last().map_or(0, |piece| piece.last);
        Ok(self.open(run, last + 1))
    }

    async fn close(&self, run: &str, journal: Journal) -> Result<(), StoreError> {
        journal.close().await.map_err(|source| StoreError::Io {
            action: "close",
            path: format!("{}/runs/{run}", self.place).into(),
            source: std::io::Error::other(source),
        })?;
        let pieces = self.pieces(run).await?;
        let Some(last) = pieces.last().filter(|piece| !piece.is_whole) else {
            return Ok(());
        };
        let bytes = self.read(run).await?;
        let name = format!("whole-{:08}.jsonl", last.last);
        let path = self.run_folder(run).join(name.as_str());
        self.objects
            .put(&path, PutPayload::from(bytes))
            .await
            .map_err(self.failed("write", &path))?;
        for piece in &pieces {
            // A piece that could not be removed does no harm.
            if let Err(error) = self.objects.delete(&piece.path).await {
                tracing::debug!(path = %piece.path, %error, "a piece of a journal could not be removed");
            }
        }
        Ok(())
    }

    async fn remove(&self, run: &str) -> Result<(), StoreError> {
        // The rest of an interrupted removal must read as a journal with an end: the plan is
        // removed first, then the pieces in order.
        let mut paths = self.list(&self.run_folder(run)).await?.objects;
        paths.sort_by_key(|path| (path.filename() != Some("plan.json"), path.clone()));
        for path in paths {
            match self.objects.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed("remove", &path)(error)),
            }
        }
        Ok(())
    }

    async fn prove_locks(&self) -> Result<(), StoreError> {
        let proven = self.proof.get_or_try_init(|| async {
            let (objects, folder) = (Arc::clone(&self.objects), self.folder.clone());
            // The check is a task of its own, so that an interrupt leaves no object behind.
            tokio::spawn(async move { probe(&objects, &folder).await })
                .await
                .map_err(|_| StoreError::Io {
                    action: "probe",
                    path: self.place.clone().into(),
                    source: std::io::Error::other("the check was interrupted"),
                })?
                .map_err(self.failed("lock", &self.folder))
        });
        match proven.await? {
            None => Ok(()),
            Some(lacking) => Err(StoreError::Unfit {
                place: self.place.clone(),
                lacking: *lacking,
            }),
        }
    }

    async fn try_lock(&self, owner: &LockOwner) -> Result<Result<Lease, Held>, StoreError> {
        let path = self.lock_path();
        lease::try_take(&self.objects, &path, owner, &self.now_ms, &self.observation)
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
        self.objects
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
        let payload = PutPayload::from(bytes.clone());
        match self
            .objects
            .put_opts(&path, payload, PutMode::Create.into())
            .await
        {
            Ok(_) => {}
            // The first attempt of this put was accepted, and its answer was lost; or another
            // process writes this journal.
            Err(object_store::Error::AlreadyExists { .. }) => {
                let found = self
                    .objects
                    .get(&path)
                    .await
                    .map_err(|error| short(&error))?;
                let found = bytes_of(found, OBJECT_LIMIT)
                    .await
                    .map_err(|error| short(&error))?;
                if found != bytes {
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

fn short(error: &object_store::Error) -> std::io::Error {
    std::io::Error::other(BucketError::of(error))
}

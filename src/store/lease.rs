//! The lock of a remote store: an object that names its holder, which renews it.
//!
//! A holder renews the lock every 10 s. Another process takes it over when it was not renewed for
//! 60 s. Two observations prove that: the object did not change for 60 s, or its own time is that
//! old and it did not change for longer than two renewals take. The object's own time alone would
//! depend on two clocks being equal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{Error, PutMode, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::bucket::{Bucket, BucketError, Object};
use super::lock::{Held, LOCK_LIMIT, Lease, LockOwner};

/// The time between two renewals.
const RENEWAL: Duration = Duration::from_secs(10);
/// The pause after a failed renewal.
const RENEWAL_RETRY: Duration = Duration::from_secs(2);
/// The time without a renewal after which a lock has expired.
const GONE: Duration = Duration::from_mins(1);
/// The time for which a lock with an expired time is watched before it is taken over.
pub(super) const WATCHED: Duration = Duration::from_secs(21);
/// The time after a renewal for which a holder trusts its own lock: shorter than the time for which
/// others wait.
const TRUSTED: Duration = Duration::from_secs(45);

/// The wall clock, in milliseconds since 1970.
pub(super) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The content of the lock object.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LockObject {
    v: u32,
    owner: LockOwner,
    renewed_at_ms: u64,
}

/// The lock of a remote store.
pub(super) struct RemoteLock {
    bucket: Bucket,
    path: Path,
    now_ms: Clock,
    /// The last observed version of another process's lock, and the time since which it has not
    /// changed.
    observed: Mutex<Option<(UpdateVersion, Instant)>>,
}

impl RemoteLock {
    pub(super) fn new(bucket: Bucket, path: Path, now_ms: Clock) -> Self {
        Self {
            bucket,
            path,
            now_ms,
            observed: Mutex::default(),
        }
    }

    /// Returns the path of the lock object.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the version and the content of the lock object; no content if it is not readable.
    async fn read(&self) -> Result<Option<(UpdateVersion, Option<LockObject>)>, Error> {
        let found = self.bucket.read(&self.path, LOCK_LIMIT).await?;
        Ok(found.map(|Object { bytes, version }| (version, serde_json::from_slice(&bytes).ok())))
    }

    async fn put(&self, owner: &LockOwner, mode: PutMode) -> Result<UpdateVersion, Error> {
        let object = LockObject {
            v: 1,
            owner: owner.clone(),
            renewed_at_ms: (self.now_ms)(),
        };
        let text = serde_json::to_vec(&object).expect("invariant: a lock's keys are strings");
        self.bucket.put(&self.path, text, mode).await
    }

    /// Returns the time since the last renewal, by two clocks.
    fn age(&self, object: &LockObject) -> Duration {
        Duration::from_millis((self.now_ms)().saturating_sub(object.renewed_at_ms))
    }

    /// Returns the holder.
    pub(super) async fn owner(&self) -> Result<Option<LockOwner>, Error> {
        let found = self.read().await?;
        Ok(found.and_then(|(_, object)| Some(object?.owner)))
    }

    /// Returns whether the object shows a recent renewal by this holder.
    pub(super) async fn is_renewed_by(&self, id: &str) -> Result<bool, Error> {
        let object = self.read().await?.and_then(|(_, object)| object);
        Ok(object.is_some_and(|object| object.owner.id == id && self.age(&object) < GONE))
    }

    /// Returns the version of the lock object, if it still names this holder: a renewal can be
    /// accepted although its answer is lost.
    async fn own_version(&self, id: &str) -> Result<Option<UpdateVersion>, Error> {
        let found = self.read().await?;
        Ok(found.and_then(|(version, object)| (object?.owner.id == id).then_some(version)))
    }

    /// Removes the lock object.
    pub(super) async fn remove(&self) -> Result<(), Error> {
        self.bucket.remove(&self.path).await
    }

    /// Returns the time for which the object has not changed.
    fn unchanged_for(&self, version: &UpdateVersion) -> Duration {
        let mut observed = self
            .observed
            .lock()
            .expect("invariant: no thread panics while it holds the observation");
        match &*observed {
            Some((known, since)) if known == version => since.elapsed(),
            Some(_) | None => {
                *observed = Some((version.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Takes the lock if it is free or expired.
    pub(super) async fn try_take(
        self: &Arc<Self>,
        owner: &LockOwner,
    ) -> Result<Result<Box<dyn Lease>, Held>, Error> {
        let begun = Instant::now();
        let taken = |version| Ok(Ok(self.hold(owner, version, begun)));
        let held = |owner, is_silent| Ok(Err(Held { owner, is_silent }));
        match self.put(owner, PutMode::Create).await {
            Ok(version) => return taken(version),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Err(error) => return Err(error),
        }
        let Some((version, object)) = self.read().await? else {
            // The lock was released in between.
            return held(LockOwner::nobody_known(), false);
        };
        let claimed = object.as_ref().map_or(GONE, |object| self.age(object));
        let holder = object.map_or_else(LockOwner::nobody_known, |object| object.owner);
        if holder.id == owner.id {
            // Our own put was accepted, and its answer was lost.
            return taken(version);
        }
        let unchanged = self.unchanged_for(&version);
        let is_silent = claimed >= GONE;
        if unchanged < GONE && !(is_silent && unchanged >= WATCHED) {
            return held(holder, is_silent);
        }
        match self.put(owner, PutMode::Update(version)).await {
            Ok(version) => taken(version),
            // The lock was renewed, or another process was faster.
            Err(
                Error::Precondition { .. } | Error::NotFound { .. } | Error::AlreadyExists { .. },
            ) => held(holder, false),
            Err(error) => Err(error),
        }
    }

    /// Starts the renewal of a lock that was written at `begun`.
    fn hold(
        self: &Arc<Self>,
        owner: &LockOwner,
        version: UpdateVersion,
        begun: Instant,
    ) -> Box<dyn Lease> {
        let (sender, trusted) = watch::channel(Some(begun + TRUSTED));
        let renewal = Arc::clone(self).renew(owner.clone(), version, sender);
        Box::new(RemoteLease {
            lock: Arc::clone(self),
            id: owner.id.clone(),
            trusted,
            renewing: tokio::spawn(renewal),
        })
    }

    /// Renews the lock until it is lost. `trusted` receives the time until which it is trusted;
    /// none after it was lost.
    async fn renew(
        self: Arc<Self>,
        owner: LockOwner,
        mut version: UpdateVersion,
        trusted: watch::Sender<Option<Instant>>,
    ) {
        let mut after = RENEWAL;
        loop {
            tokio::time::sleep(after).await;
            let begun = Instant::now();
            let renewed = match self.put(&owner, PutMode::Update(version.clone())).await {
                Ok(version) => Ok(Some(version)),
                Err(Error::Precondition { .. } | Error::NotFound { .. }) => {
                    self.own_version(&owner.id).await
                }
                Err(error) => Err(error),
            };
            match renewed {
                Ok(Some(renewed)) => {
                    version = renewed;
                    trusted.send_replace(Some(begun + TRUSTED));
                    after = RENEWAL;
                }
                Ok(None) => {
                    trusted.send_replace(None);
                    return;
                }
                Err(error) => {
                    let error = BucketError::of(&error);
                    tracing::warn!(%error, "the lock could not be renewed");
                    after = RENEWAL_RETRY;
                }
            }
        }
    }
}

/// A lock that is held, and the task that renews it.
struct RemoteLease {
    lock: Arc<RemoteLock>,
    id: String,
    /// The time until which it is trusted; none after it was lost.
    trusted: watch::Receiver<Option<Instant>>,
    renewing: JoinHandle<()>,
}

#[async_trait]
impl Lease for RemoteLease {
    fn is_held(&self) -> bool {
        let trusted = *self.trusted.borrow();
        trusted.is_some_and(|until| Instant::now() < until)
    }

    async fn release(self: Box<Self>) {
        self.renewing.abort();
        if let Ok(Some(_)) = self.lock.own_version(&self.id).await
            && let Err(error) = self.lock.remove().await
        {
            let error = BucketError::of(&error);
            tracing::warn!(%error, "the lock could not be released; it expires after 60 s");
        }
    }
}

impl Drop for RemoteLease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

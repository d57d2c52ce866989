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
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::bucket::{Object, read_object};
use super::bucket_error::BucketError;
use super::lock::{Held, LOCK_LIMIT, Lease, LeaseKeeper, LockOwner};

/// The time between two renewals.
const RENEWAL: Duration = Duration::from_secs(10);
/// The pause after a failed renewal.
const RENEWAL_RETRY: Duration = Duration::from_secs(2);
/// The time without a renewal after which a lock has expired.
pub(super) const GONE: Duration = Duration::from_mins(1);
/// The time for which a lock with an expired time is watched before it is taken over.
pub(super) const WATCHED: Duration = Duration::from_secs(21);
/// The time after a renewal for which a holder trusts its own lock: shorter than the time for which
/// others wait.
const TRUSTED: Duration = Duration::from_secs(45);

/// The content of the lock object.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LockObject {
    v: u32,
    owner: LockOwner,
    renewed_at_ms: u64,
}

/// Returns the holder of the lock, as the object names it.
pub(super) fn owner_in(bytes: &[u8]) -> Option<LockOwner> {
    let object: LockObject = serde_json::from_slice(bytes).ok()?;
    Some(object.owner)
}

/// Returns whether the object shows a recent renewal by this holder.
pub(super) fn is_renewed(bytes: &[u8], id: &str, now_ms: u64) -> bool {
    let object: Option<LockObject> = serde_json::from_slice(bytes).ok();
    object.is_some_and(|object| {
        let age = Duration::from_millis(now_ms.saturating_sub(object.renewed_at_ms));
        object.owner.id == id && age < GONE
    })
}

/// The last observed version of another process's lock, and the time since which it has not
/// changed.
#[derive(Debug, Default)]
pub(super) struct Observation(Mutex<Option<(String, Instant)>>);

impl Observation {
    /// Returns the time for which the object has not changed.
    fn unchanged_for(&self, version: &str) -> Duration {
        let mut seen = self
            .0
            .lock()
            .expect("invariant: no thread panics while it holds the observation");
        match &*seen {
            Some((known, since)) if known == version => since.elapsed(),
            Some(_) | None => {
                *seen = Some((version.to_owned(), Instant::now()));
                Duration::ZERO
            }
        }
    }
}

/// Returns the version of the lock object, if it still names this holder: a renewal can be accepted
/// although its answer is lost.
async fn own_version(
    objects: &dyn ObjectStore,
    path: &Path,
    id: &str,
) -> Result<Option<UpdateVersion>, Error> {
    let found = read_object(objects, path, LOCK_LIMIT).await?;
    let own = found.filter(|found| owner_in(&found.bytes).is_some_and(|owner| owner.id == id));
    Ok(own.map(|found| found.version))
}

type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

fn payload(owner: &LockOwner, now_ms: u64) -> PutPayload {
    let object = LockObject {
        v: 1,
        owner: owner.clone(),
        renewed_at_ms: now_ms,
    };
    let text = serde_json::to_vec(&object).expect("invariant: a lock's keys are strings");
    PutPayload::from(text)
}

/// Takes the lock if it is free or expired.
pub(super) async fn try_take(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    owner: &LockOwner,
    now_ms: &Clock,
    observation: &Observation,
) -> Result<Result<Lease, Held>, Error> {
    let begun = Instant::now();
    let put = |mode: PutMode| {
        let payload = payload(owner, now_ms());
        async move { objects.put_opts(path, payload, mode.into()).await }
    };
    let hold = |version: UpdateVersion| {
        let lease = RemoteLease::hold(objects, path, owner, now_ms, version, begun);
        Lease::new(Box::new(lease))
    };
    match put(PutMode::Create).await {
        Ok(done) => return Ok(Ok(hold(done.into()))),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(error) => return Err(error),
    }
    let found = read_object(objects, path, LOCK_LIMIT).await?;
    let Some(Object { bytes, version }) = found else {
        // The lock was released in between.
        return Ok(Err(Held {
            owner: LockOwner::nobody_known(),
            is_silent: false,
        }));
    };
    let object: Option<LockObject> = serde_json::from_slice(&bytes).ok();
    let holder = object
        .as_ref()
        .map_or_else(LockOwner::nobody_known, |object| object.owner.clone());
    if holder.id == owner.id {
        // Our own put was accepted, and its answer was lost.
        return Ok(Ok(hold(version)));
    }
    let claimed = object.map_or(GONE, |object| {
        Duration::from_millis(now_ms().saturating_sub(object.renewed_at_ms))
    });
    let seen = version.e_tag.clone().unwrap_or_default();
    let unchanged = observation.unchanged_for(&format!("{seen} {}", bytes.len()));
    let is_silent = claimed >= GONE;
    if unchanged < GONE && !(is_silent && unchanged >= WATCHED) {
        return Ok(Err(Held {
            owner: holder,
            is_silent,
        }));
    }
    match put(PutMode::Update(version)).await {
        Ok(done) => Ok(Ok(hold(done.into()))),
        // The lock was renewed, or another process was faster.
        Err(Error::Precondition { .. } | Error::NotFound { .. } | Error::AlreadyExists { .. }) => {
            Ok(Err(Held {
                owner: holder,
                is_silent: false,
            }))
        }
        Err(error) => Err(error),
    }
}

/// A lock that is held, and the task that renews it.
#[derive(Debug)]
struct RemoteLease {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    id: String,
    /// The time until which it is trusted; none after it was lost.
    trusted: Arc<Mutex<Option<Instant>>>,
    renewing: JoinHandle<()>,
}

impl RemoteLease {
    fn hold(
        objects: &Arc<dyn ObjectStore>,
        path: &Path,
        owner: &LockOwner,
        now_ms: &Clock,
        version: UpdateVersion,
        begun: Instant,
    ) -> Self {
        let trusted = Arc::new(Mutex::new(Some(begun + TRUSTED)));
        let renewal = Renewal {
            objects: Arc::clone(objects),
            path: path.clone(),
            owner: owner.clone(),
            now_ms: Arc::clone(now_ms),
            version,
            trusted: Arc::clone(&trusted),
        };
        Self {
            objects: Arc::clone(objects),
            path: path.clone(),
            id: owner.id.clone(),
            trusted,
            renewing: tokio::spawn(renewal.renew()),
        }
    }
}

#[async_trait]
impl LeaseKeeper for RemoteLease {
    fn is_held(&self) -> bool {
        self.trusted
            .lock()
            .expect("invariant: no thread panics while it holds the lease")
            .is_some_and(|until| Instant::now() < until)
    }

    async fn release(self: Box<Self>) {
        self.renewing.abort();
        let found = own_version(&self.objects, &self.path, &self.id).await;
        if let Ok(Some(_)) = found
            && let Err(error) = self.objects.delete(&self.path).await
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

struct Renewal {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    owner: LockOwner,
    now_ms: Clock,
    version: UpdateVersion,
    trusted: Arc<Mutex<Option<Instant>>>,
}

impl Renewal {
    async fn renew(mut self) {
        let mut after = RENEWAL;
        loop {
            tokio::time::sleep(after).await;
            let begun = Instant::now();
            let put = self
                .objects
                .put_opts(
                    &self.path,
                    payload(&self.owner, (self.now_ms)()),
                    PutMode::Update(self.version.clone()).into(),
                )
                .await;
            let renewed = match put {
                Ok(done) => Some(done.into()),
                Err(Error::Precondition { .. } | Error::NotFound { .. }) => {
                    match own_version(&self.objects, &self.path, &self.owner.id).await {
                        Ok(Some(version)) => Some(version),
                        Ok(None) => {
                            self.trust(None);
                            return;
                        }
                        Err(_) => None,
                    }
                }
                Err(error) => {
                    let error = BucketError::of(&error);
                    tracing::warn!(%error, "the lock could not be renewed");
                    None
                }
            };
            match renewed {
                Some(version) => {
                    self.version = version;
                    self.trust(Some(begun + TRUSTED));
                    after = RENEWAL;
                }
                None => after = RENEWAL_RETRY,
            }
        }
    }

    fn trust(&self, until: Option<Instant>) {
        *self
            .trusted
            .lock()
            .expect("invariant: no thread panics while it holds the lease") = until;
    }
}

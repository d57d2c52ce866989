//! A check that a bucket has the conditional writes that the lock needs.
//!
//! The lock is an object that is written only if there is none (`If-None-Match: *`), and renewed
//! only if it is still the version that was read (`If-Match`). A service that ignores these headers
//! would give the lock to two applies at once. The check uses an object of its own, and removes it
//! again.

use object_store::path::Path;
use object_store::{Error, PutMode, UpdateVersion};

use super::bucket::Bucket;
use super::error::Lacking;
use super::lock::LOCK_LIMIT;

/// Tries conditional writes on an object of its own below a folder. Returns the guarantee that the
/// bucket does not give, if any.
pub(super) async fn probe(bucket: &Bucket, folder: &Path) -> Result<Option<Lacking>, Error> {
    let id = uuid::Uuid::new_v4().to_string();
    let name = format!("probe-{id}.json");
    let probe = Probe {
        bucket,
        path: folder.clone().join(name.as_str()),
        id,
    };
    // A server that is unreachable or refuses the credentials fails here, once.
    bucket.read(&probe.path, LOCK_LIMIT).await?;
    let found = probe.run().await;
    let removed = bucket.remove(&probe.path).await;
    let found = found?;
    removed?;
    Ok(found)
}

struct Probe<'b> {
    bucket: &'b Bucket,
    path: Path,
    id: String,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Option<Lacking>, Error> {
        let first = match self.put("first", PutMode::Create).await {
            Ok(version) => version,
            // Only this probe uses the object: an earlier attempt was accepted, and its answer was
            // lost.
            Err(Error::AlreadyExists { .. }) => self.read().await?.1,
            Err(error) => {
                // If the write also fails without the condition, the cause is not the condition.
                let Ok(version) = self.put("first", PutMode::Overwrite).await else {
                    return Err(error);
                };
                match self.put("again", PutMode::Create).await {
                    Err(Error::AlreadyExists { .. }) => version,
                    Ok(_) => return Ok(Some(Lacking::CreateIgnored)),
                    Err(_) => return Ok(Some(Lacking::CreateRefused)),
                }
            }
        };
        match self.put("second", PutMode::Create).await {
            Err(Error::AlreadyExists { .. }) => {}
            Ok(_) => return Ok(Some(Lacking::CreateIgnored)),
            Err(error) => return Err(error),
        }
        match self.put("third", PutMode::Update(first.clone())).await {
            Ok(_) => {}
            Err(error) => {
                let (text, _) = self.read().await?;
                // As above: an earlier attempt was accepted.
                if text != self.text("third") {
                    let is_writable = self.put("third", PutMode::Overwrite).await.is_ok();
                    return if is_writable {
                        Ok(Some(Lacking::MatchRefused))
                    } else {
                        Err(error)
                    };
                }
            }
        }
        match self.put("fourth", PutMode::Update(first)).await {
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {}
            Ok(_) => return Ok(Some(Lacking::MatchIgnored)),
            Err(error) => return Err(error),
        }
        let (text, _) = self.read().await?;
        Ok((text != self.text("third")).then_some(Lacking::Stale))
    }

    fn text(&self, word: &str) -> String {
        format!("{{\"probe\":\"{}\",\"write\":\"{word}\"}}", self.id)
    }

    async fn put(&self, word: &str, mode: PutMode) -> Result<UpdateVersion, Error> {
        self.bucket.put(&self.path, self.text(word), mode).await
    }

    async fn read(&self) -> Result<(String, UpdateVersion), Error> {
        let found = self.bucket.read(&self.path, LOCK_LIMIT).await?;
        let found = found.ok_or_else(|| Error::NotFound {
            path: self.path.to_string(),
            source: "the object of the probe is gone".into(),
        })?;
        Ok((
            String::from_utf8_lossy(&found.bytes).into_owned(),
            found.version,
        ))
    }
}

//! Uploads the package of a deploy: compares the path with the file, sends the file, and reads it
//! back.
//!
//! A file up to 64 MiB is sent as a whole. A larger one is sent in parts to another path, whose
//! name contains the file's digest, and is moved when its bytes are proven: an interrupted upload
//! is continued there, and nothing incomplete has the final name. An upload may be repeated, so its
//! effect needs no long wait: only bytes that are the beginning of the file are ever replaced
//! unasked (docs/platform.md, "Files").

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::event::ApplyEvent;
use super::super::report::{Outcome, Uploaded};
use super::super::step::{Step, refused};
use super::super::step_error::StepError;
use super::super::write::Sent;
use crate::api::{ApiError, FileContent, FilePart, ReadError, WriteError};
use crate::ident::Digest;
use crate::outcome::WriteKind;
use crate::package::{LocalPackage, Part, RangeSource as _, SourceError};
use crate::plan::Upload;
use crate::store::{ChangeRef, Entry};

/// The maximum size of a file that is sent as a whole, in bytes.
const WHOLE: u64 = 64 * 1024 * 1024;

/// The size of a part of a larger file, in bytes, which is that of the documented clients.
const PART: u64 = 10 * 1024 * 1024;

/// The size of one read, in bytes.
const READ: u64 = 4 * 1024 * 1024;

/// The maximum number of sendings of a file that another program writes at the same time.
const ATTEMPTS: usize = 3;

/// The bytes at a path on the platform, compared with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The beginning of the file, of this length: an upload was cut there.
    Beginning(u64),
    Same,
    Other,
}

/// The file of an upload, whose bytes are the planned ones.
struct Package<'a> {
    file: Arc<LocalPackage>,
    upload: &'a Upload,
}

impl<'a> Package<'a> {
    /// Opens the file, and checks that its bytes are the planned ones.
    async fn open(context: &ApplyContext<'_>, upload: &'a Upload) -> Result<Self, Outcome> {
        let unreadable = |source: SourceError| {
            Outcome::Failed(StepError::SourceNotRead {
                file: upload.source.clone(),
                source,
            })
        };
        let path = context.folder.join(&upload.source);
        let file = LocalPackage::open(&path).map_err(|error| unreadable(error.into()))?;
        let this = Self {
            file: Arc::new(file),
            upload,
        };
        let found = this.digest(upload.size).await.map_err(unreadable)?;
        if found.as_ref() == Some(&upload.sha256) {
            return Ok(this);
        }
        Err(Outcome::Failed(StepError::SourceChanged {
            file: upload.source.clone(),
        }))
    }

    /// Returns the digest of the first bytes of the file; `None` if it has another size now.
    async fn digest(&self, length: u64) -> Result<Option<Digest>, SourceError> {
        let total = self.upload.size;
        digest(length, async |range| {
            let part = self.file.read(range).await?;
            Ok(part.filter(|part| part.total == Some(total)).map(of_file))
        })
        .await
    }

    fn content(&self, range: Range<u64>) -> FileContent {
        let file = Arc::clone(&self.file);
        FileContent::new(range, move |range| {
            let file = Arc::clone(&file);
            Box::pin(async move {
                let part = file.read(range).await?;
                Ok(part.map(|part| part.bytes).unwrap_or_default())
            })
        })
    }

    /// Returns the path of the parts of the file that is moved to this path.
    fn part_path(&self, path: &str) -> String {
        let digest = self.upload.sha256.to_string();
        format!("{path}.solform-{}.part", &digest[..16])
    }
}

fn of_file(part: Part) -> FilePart {
    FilePart {
        start: part.start,
        bytes: part.bytes,
        total: part.total,
    }
}

/// Returns the digest of the first bytes of a file; `None` if there are fewer.
async fn digest<E>(
    length: u64,
    read: impl AsyncFn(Range<u64>) -> Result<Option<FilePart>, E>,
) -> Result<Option<Digest>, E> {
    let mut digest = Digest::builder();
    let mut position = 0;
    while position < length {
        let end = (position + READ).min(length);
        let Some(part) = read(position..end).await? else {
            return Ok(None);
        };
        // A server without support for ranges sends the whole file.
        let skipped = usize::try_from(position.saturating_sub(part.start)).unwrap_or(usize::MAX);
        let rest = part.bytes.get(skipped..).unwrap_or_default();
        let wanted = usize::try_from(length - position).unwrap_or(usize::MAX);
        let fresh = &rest[..rest.len().min(wanted)];
        if fresh.is_empty() || part.start > position {
            return Ok(None);
        }
        digest.push(fresh);
        position += fresh.len() as u64;
    }
    Ok(Some(digest.finish()))
}

impl ApplyContext<'_> {
    /// Returns the size of a file on the platform; `None` if there is none.
    async fn size_of(&self, path: &str) -> Result<Option<u64>, ApiError> {
        let head = self.files.read(path, 0..1).await?;
        Ok(head.map(|head| head.total.unwrap_or(head.bytes.len() as u64)))
    }

    /// Compares the bytes at a path on the platform with the file.
    async fn compare(&self, path: &str, package: &Package<'_>) -> Result<Found, ReadError> {
        let Some(size) = self.size_of(path).await? else {
            return Ok(Found::Nothing);
        };
        let upload = package.upload;
        if size > upload.size {
            return Ok(Found::Other);
        }
        let there = digest(size, async |range| self.files.read(path, range).await).await?;
        let same = if size == upload.size {
            Some(upload.sha256.clone())
        } else {
            // The file was read before, so that a failure now means another file.
            package.digest(size).await.ok().flatten()
        };
        Ok(match (there, same) {
            (Some(there), Some(same)) if there == same && size == upload.size => Found::Same,
            (Some(there), Some(same)) if there == same => Found::Beginning(size),
            _ => Found::Other,
        })
    }

    /// Returns a value if the bytes at a path are those of the file.
    async fn shows(&self, path: &str, package: &Package<'_>) -> Result<Option<()>, ReadError> {
        let found = self.compare(path, package).await?;
        Ok((found == Found::Same).then_some(()))
    }

    /// Returns a value if there is no file at a path.
    async fn misses(&self, path: &str) -> Result<Option<()>, ReadError> {
        Ok(self.size_of(path).await?.is_none().then_some(()))
    }

    /// Waits until the bytes at a path are those of the file.
    async fn is_shown(&self, path: &str, package: &Package<'_>) -> Result<bool, Outcome> {
        let look = async || Ok(self.shows(path, package).await?);
        Ok(self.until_shown(look, None).await?.is_some())
    }

    fn emit_upload(&self, step: &Step<'_>, done: u64, total: u64) {
        self.emit(&ApplyEvent::Uploading {
            address: step.change.address.clone(),
            done,
            total,
        });
    }
}

impl Step<'_> {
    /// Uploads the package, unless its bytes are at the path already. Returns whether something was
    /// sent.
    pub(in crate::apply) async fn upload(
        &mut self,
        path: &str,
        upload: &Upload,
    ) -> Result<bool, Outcome> {
        let context = self.context;
        let was_already = !self.bring(path, upload).await?;
        let uploaded = Uploaded {
            bytes: upload.size,
            was_already,
        };
        self.uploaded = Some(uploaded);
        let entry = Entry::Uploaded {
            change: ChangeRef::of(self.change),
            sha256: upload.sha256.clone(),
            was_already,
        };
        // The upload stays valid if its journal entry cannot be written.
        if let Err(error) = context.journal.record((context.now_ms)(), entry).await {
            let address = &self.change.address;
            tracing::warn!(%address, %error, "the upload could not be journalled");
        }
        Ok(!was_already)
    }

    /// Brings the bytes of the package to the path. Returns false if they were there.
    async fn bring(&mut self, path: &str, upload: &Upload) -> Result<bool, Outcome> {
        let context = self.context;
        let package = Package::open(context, upload).await?;
        for _ in 0..ATTEMPTS {
            let must_be_new = match context.compare(path, &package).await? {
                Found::Same => return Ok(false),
                Found::Nothing => true,
                Found::Beginning(_) => false,
                Found::Other if upload.overwrite => false,
                Found::Other => break,
            };
            context.emit_upload(self, 0, upload.size);
            let is_written = if upload.size <= WHOLE {
                self.send_whole(path, &package, must_be_new).await?
            } else {
                self.send_in_parts(path, &package, must_be_new).await?
            };
            if !is_written {
                // Another program has created the file meanwhile.
                continue;
            }
            if context.is_shown(path, &package).await? {
                context.emit_upload(self, upload.size, upload.size);
                return Ok(true);
            }
            return Err(self.not_confirmed(WriteKind::Upload));
        }
        Err(Outcome::Failed(StepError::PackageExists {
            path: path.to_owned(),
        }))
    }

    /// Sends a write to a file that has no precondition, until the result is known.
    async fn send_to_file<T>(
        &mut self,
        send: impl AsyncFn() -> Result<T, WriteError>,
        look: impl AsyncFn() -> Result<Option<()>, ReadError>,
    ) -> Result<Sent<T, ()>, Outcome> {
        let deadline = Instant::now() + self.context.settings.deploy;
        let check = async || Ok(());
        self.send(WriteKind::Upload, deadline, send, look, check)
            .await
    }

    /// Sends the file as a whole. Returns false if it must be new and exists.
    async fn send_whole(
        &mut self,
        path: &str,
        package: &Package<'_>,
        must_be_new: bool,
    ) -> Result<bool, Outcome> {
        let context = self.context;
        let whole = package.content(0..package.upload.size);
        let sent = self
            .send_to_file(
                async || {
                    let writer = context.writer();
                    writer.put_file(path, whole.clone(), must_be_new).await
                },
                async || context.shows(path, package).await,
            )
            .await?;
        match sent {
            Sent::Accepted(is_written) => Ok(is_written),
            Sent::Found(()) => Ok(true),
            Sent::Refused(error) => Err(refused(WriteKind::Upload, error)),
        }
    }

    /// Sends the file in parts to another path, and moves it when it is complete.
    async fn send_in_parts(
        &mut self,
        path: &str,
        package: &Package<'_>,
        must_be_new: bool,
    ) -> Result<bool, Outcome> {
        let context = self.context;
        let size = package.upload.size;
        let part_path = package.part_path(path);
        let begun = match context.compare(&part_path, package).await? {
            Found::Nothing => 0,
            Found::Beginning(length) => length,
            Found::Same => size,
            Found::Other => {
                self.remove(&part_path).await?;
                0
            }
        };
        let position = Cell::new(begun);
        while position.get() < size {
            let end = (position.get() + PART).min(size);
            let sent = self
                .send(
                    WriteKind::Upload,
                    Instant::now() + context.settings.deploy,
                    async || {
                        let start = position.get();
                        let part = package.content(start..end);
                        let writer = context.writer();
                        writer.append_file(&part_path, part, start == 0).await
                    },
                    async || {
                        let there = context.size_of(&part_path).await?;
                        Ok((there == Some(end)).then_some(()))
                    },
                    async || {
                        // A request that was cut may have added a part of its bytes.
                        let there = context.size_of(&part_path).await?.unwrap_or(0);
                        position.set(there.min(end));
                        Ok(())
                    },
                )
                .await?;
            if let Sent::Refused(error) = sent {
                return Err(refused(WriteKind::Upload, error));
            }
            position.set(end);
            context.emit_upload(self, end, size);
        }
        if !context.is_shown(&part_path, package).await? {
            self.remove(&part_path).await?;
            return Err(self.not_confirmed(WriteKind::Upload));
        }
        if must_be_new && context.size_of(path).await?.is_some() {
            self.remove(&part_path).await?;
            return Ok(false);
        }
        let sent = self
            .send_to_file(
                async || context.writer().move_file(&part_path, path).await,
                async || context.shows(path, package).await,
            )
            .await?;
        if let Sent::Refused(_) = sent {
            self.remove(&part_path).await?;
            return self.send_whole(path, package, must_be_new).await;
        }
        Ok(true)
    }

    /// Deletes the parts of an upload, and waits until they are gone.
    async fn remove(&mut self, part_path: &str) -> Result<(), Outcome> {
        let context = self.context;
        let sent = self
            .send_to_file(
                async || context.writer().delete_file(part_path).await,
                async || context.misses(part_path).await,
            )
            .await?;
        if let Sent::Refused(error) = sent {
            return Err(refused(WriteKind::Upload, error));
        }
        let look = async || Ok(context.misses(part_path).await?);
        match context.until_shown(look, None).await? {
            Some(()) => Ok(()),
            None => Err(self.not_confirmed(WriteKind::Upload)),
        }
    }
}

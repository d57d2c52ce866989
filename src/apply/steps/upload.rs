//! Uploads the package of a deploy: compares the path with the package, sends it, and reads it
//! back.
//!
//! A file up to 64 MiB is sent as a whole if nothing is at the path. Any other one is sent in parts
//! to another path, whose name contains what the plan knows of its bytes, and is moved when its
//! bytes are proven: an interrupted upload is continued there, and nothing incomplete has the final
//! name, unless the server refuses the move. An upload may be repeated, so its effect needs no long
//! wait: only bytes that are the beginning of the file are ever replaced unasked
//! (docs/platform.md, "Files").

use std::cell::Cell;

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::event::ApplyEvent;
use super::super::report::{Outcome, Uploaded};
use super::super::source::PlatformPackage;
use super::super::step::{Step, refused};
use super::super::step_error::StepError;
use super::package::{Package, WHOLE};
use crate::api::{ApiError, ReadError, WriteError};
use crate::delivery::Sent;
use crate::outcome::WriteKind;
use crate::package::{self, PackageError, Unreadable};
use crate::plan::Upload;
use crate::store::{ChangeRef, Entry};

/// The size of a part of a larger file, in bytes, which is that of the documented clients.
const PART: u64 = 10 * 1024 * 1024;

/// The maximum number of sendings of a file that another program writes at the same time.
const ATTEMPTS: usize = 3;

/// The bytes at a path on the platform, compared with the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The beginning of the package, of this length: an upload was cut there.
    Beginning(u64),
    Same,
    Other,
}

/// The result of sending a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The server accepted it.
    Accepted,
    /// Its bytes were read back.
    Proven,
    /// Another program has created the file meanwhile.
    Occupied,
}

impl Arrival {
    fn of<T>(sent: &Sent<T, ()>) -> Self {
        match sent {
            Sent::Found(()) => Self::Proven,
            Sent::Accepted(_) | Sent::Refused(_) => Self::Accepted,
        }
    }
}

/// The reason why a path was not compared with a package.
enum NotCompared {
    /// The platform could not be read.
    Platform(ReadError),
    /// The source could not be read.
    Source(PackageError),
}

impl<E: Into<ReadError>> From<E> for NotCompared {
    fn from(error: E) -> Self {
        Self::Platform(error.into())
    }
}

impl NotCompared {
    fn outcome(self, package: &Package<'_>) -> Outcome {
        match self {
            Self::Platform(error) => error.into(),
            Self::Source(error) => package.failed(error),
        }
    }
}

impl ApplyContext<'_> {
    /// Returns the size of a file on the platform; `None` if there is none.
    pub(super) async fn size_of(&self, path: &str) -> Result<Option<u64>, ApiError> {
        let head = self.files.read(path, 0..1).await?;
        Ok(head.map(|head| head.total.unwrap_or(head.bytes.len() as u64)))
    }

    fn at<'b>(&'b self, path: &'b str) -> PlatformPackage<'b> {
        PlatformPackage {
            files: &self.files,
            path,
        }
    }

    /// Compares the bytes at a path on the platform with the package.
    async fn compare(&self, path: &str, package: &Package<'_>) -> Result<Found, NotCompared> {
        let Some(size) = self.size_of(path).await? else {
            return Ok(Found::Nothing);
        };
        if size > package.upload.size {
            return Ok(Found::Other);
        }
        let there = match package::digest(&self.at(path), size).await {
            Ok(there) => there,
            Err(PackageError::Unreadable(Unreadable::Refused(error))) => {
                return match error.downcast::<ApiError>() {
                    Ok(error) => Err((*error).into()),
                    Err(_) => Ok(Found::Other),
                };
            }
            // Another program is writing the file.
            Err(_) => return Ok(Found::Other),
        };
        let same = package.digest(size).await.map_err(NotCompared::Source)?;
        Ok(if there != same {
            Found::Other
        } else if size == package.upload.size {
            Found::Same
        } else {
            Found::Beginning(size)
        })
    }

    /// Returns a value if the bytes at a path are those of the package.
    async fn shows(&self, path: &str, package: &Package<'_>) -> Result<Option<()>, ReadError> {
        match self.compare(path, package).await {
            Ok(found) => Ok((found == Found::Same).then_some(())),
            Err(NotCompared::Platform(error)) => Err(error),
            Err(NotCompared::Source(_)) => Ok(None),
        }
    }

    /// Returns the result of an upload if another program has meanwhile created a file at the path
    /// that may not be replaced.
    async fn taken(&self, path: &str, package: &Package<'_>) -> Result<Option<Arrival>, Outcome> {
        if package.upload.overwrite {
            return Ok(None);
        }
        let found = self.compare(path, package).await;
        Ok(match found.map_err(|error| error.outcome(package))? {
            Found::Same => Some(Arrival::Proven),
            Found::Other => Some(Arrival::Occupied),
            Found::Nothing | Found::Beginning(_) => None,
        })
    }

    /// Returns a value if there is no file at a path.
    async fn misses(&self, path: &str) -> Result<Option<()>, ReadError> {
        Ok(self.size_of(path).await?.is_none().then_some(()))
    }

    /// Waits until the bytes at a path are those of the package.
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
        let package = Package::open(context, upload).await?;
        let was_already = !self.bring(path, &package).await?;
        let sha256 = package.digest(upload.size).await;
        let sha256 = sha256.map_err(|error| package.failed(error))?;
        let uploaded = Uploaded {
            bytes: upload.size,
            was_already,
        };
        self.uploaded = Some(uploaded);
        let entry = Entry::Uploaded {
            change: ChangeRef::of(self.change),
            sha256,
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
    async fn bring(&mut self, path: &str, package: &Package<'_>) -> Result<bool, Outcome> {
        let (context, upload) = (self.context, package.upload);
        for _ in 0..ATTEMPTS {
            let found = context.compare(path, package).await;
            let must_be_new = match found.map_err(|error| error.outcome(package))? {
                Found::Same => {
                    // The bytes of a larger package are known only now.
                    package.check_digest().await?;
                    return Ok(false);
                }
                Found::Nothing => true,
                Found::Beginning(_) => false,
                Found::Other if upload.overwrite => false,
                Found::Other => break,
            };
            context.emit_upload(self, 0, upload.size);
            let arrival = if must_be_new && upload.size <= WHOLE {
                self.send_whole(path, package, must_be_new).await?
            } else {
                self.send_in_parts(path, package, must_be_new).await?
            };
            let is_there = match arrival {
                Arrival::Occupied => continue,
                Arrival::Proven => true,
                Arrival::Accepted => context.is_shown(path, package).await?,
            };
            if is_there {
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

    /// Sends the package as a whole.
    async fn send_whole(
        &mut self,
        path: &str,
        package: &Package<'_>,
        must_be_new: bool,
    ) -> Result<Arrival, Outcome> {
        let context = self.context;
        let whole = package.content(0..package.upload.size);
        let sent = self
            .send_to_file(
                async || {
                    let writer = context.writer();
                    let put = writer.put_file(path, whole.clone(), must_be_new).await;
                    package.of_body(put)
                },
                async || context.shows(path, package).await,
            )
            .await?;
        let failure = package.failure();
        if let Sent::Accepted(false) = sent {
            return Ok(Arrival::Occupied);
        }
        if let Some(failure) = failure {
            if must_be_new {
                self.discard_beginning(path, package).await;
            }
            return Err(failure);
        }
        match sent {
            Sent::Refused(error) => Err(refused(WriteKind::Upload, error)),
            sent => Ok(Arrival::of(&sent)),
        }
    }

    /// Sends the package in parts to another path, and moves it when it is complete.
    async fn send_in_parts(
        &mut self,
        path: &str,
        package: &Package<'_>,
        must_be_new: bool,
    ) -> Result<Arrival, Outcome> {
        let context = self.context;
        let part_path = package.part_path(path);
        self.send_parts(&part_path, package).await?;
        if !context.is_shown(&part_path, package).await? {
            self.discard(&part_path).await;
            let checked = package.check_source().await;
            checked.map_err(|error| package.failed(error))?;
            return Err(self.not_confirmed(WriteKind::Upload));
        }
        if let Err(changed) = package.check_copy(&context.at(&part_path)).await {
            self.discard(&part_path).await;
            return Err(changed);
        }
        if let Some(arrival) = context.taken(path, package).await? {
            self.remove(&part_path).await?;
            return Ok(arrival);
        }
        let sent = self
            .send_to_file(
                async || context.writer().move_file(&part_path, path).await,
                async || context.shows(path, package).await,
            )
            .await?;
        if let Sent::Refused(_) = sent {
            self.remove(&part_path).await?;
            return match context.taken(path, package).await? {
                Some(arrival) => Ok(arrival),
                None => self.send_whole(path, package, must_be_new).await,
            };
        }
        Ok(Arrival::of(&sent))
    }

    /// Sends the parts that are missing at a path.
    async fn send_parts(&mut self, part_path: &str, package: &Package<'_>) -> Result<(), Outcome> {
        let context = self.context;
        let size = package.upload.size;
        let found = context.compare(part_path, package).await;
        let begun = match found.map_err(|error| error.outcome(package))? {
            Found::Nothing => 0,
            Found::Beginning(length) => length,
            Found::Same => size,
            Found::Other => {
                self.remove(part_path).await?;
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
                        let appended = writer.append_file(part_path, part, start == 0).await;
                        package.of_body(appended)
                    },
                    async || {
                        let there = context.size_of(part_path).await?;
                        Ok((there == Some(end)).then_some(()))
                    },
                    async || {
                        // A request that was cut may have added a part of its bytes.
                        let there = context.size_of(part_path).await?.unwrap_or(0);
                        position.set(there.min(end));
                        Ok(())
                    },
                )
                .await?;
            if let Some(failure) = package.failure() {
                if let Outcome::Failed(StepError::SourceChanged { .. }) = failure {
                    // No later upload continues these parts.
                    self.discard(part_path).await;
                }
                return Err(failure);
            }
            if let Sent::Refused(error) = sent {
                return Err(refused(WriteKind::Upload, error));
            }
            position.set(end);
            if end < size {
                // The upload is complete when its bytes are read back.
                context.emit_upload(self, end, size);
            }
        }
        Ok(())
    }

    /// Deletes what a failed request has left at a path where nothing was before, if its bytes are
    /// the beginning of the package. Any other file may be that of another program.
    async fn discard_beginning(&mut self, path: &str, package: &Package<'_>) {
        match self.context.compare(path, package).await {
            Ok(Found::Beginning(_)) => self.discard(path).await,
            Ok(Found::Nothing | Found::Same) => {}
            Ok(Found::Other) | Err(_) => self.left_file = Some(path.to_owned()),
        }
    }

    /// Deletes what this upload has sent to a path. The cause of a failure is only logged: the
    /// error that ended the upload is the one to report.
    async fn discard(&mut self, path: &str) {
        if let Err(outcome) = self.remove(path).await {
            let address = &self.change.address;
            tracing::warn!(%address, %path, ?outcome, "the sent file could not be deleted");
        }
    }

    /// Deletes what this upload has sent to a path, and waits until it is gone.
    async fn remove(&mut self, path: &str) -> Result<(), Outcome> {
        self.left_file = Some(path.to_owned());
        self.remove_sent(path).await?;
        self.left_file = None;
        Ok(())
    }

    async fn remove_sent(&mut self, path: &str) -> Result<(), Outcome> {
        let context = self.context;
        let sent = self
            .send_to_file(
                async || context.writer().delete_file(path).await,
                async || context.misses(path).await,
            )
            .await?;
        if let Sent::Refused(error) = sent {
            return Err(refused(WriteKind::Upload, error));
        }
        let look = async || Ok(context.misses(path).await?);
        match context.until_shown(look, None).await? {
            Some(()) => Ok(()),
            None => Err(self.not_confirmed(WriteKind::Upload)),
        }
    }
}

//! The body of a request as it arrives. A file beyond a block goes to disk, so that the emulator
//! needs little memory for files of any size.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;

use super::refusal::Refusal;
use super::state::content::{ChunkBytes, NewBytes};
use super::state::disk::{BLOCK, DiskSpace};

/// The maximum pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// The number of bytes beyond the limit that are read and discarded, so that the client can read
/// the refusal before the connection closes.
const DRAIN_LIMIT: usize = 256 << 20;

/// The number of bytes of a large file that stay in memory while the request is handled.
const HEAD: usize = 64 << 10;

/// The body of a request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// All of a body in memory, or the beginning of a large file.
    pub(crate) head: Bytes,
    /// The bytes of a file.
    pub(crate) file: NewBytes,
}

/// Reads a body of at most `limit` bytes. The bytes of a large file go to `space`, without which
/// the whole body stays in memory. Fails if the body pauses for too long.
pub(crate) async fn read_body(
    body: Body,
    limit: usize,
    space: Option<&Arc<DiskSpace>>,
) -> Result<Received, Refusal> {
    let mut arriving = Arriving::default();
    let mut pieces = body.into_data_stream();
    let mut length = 0;
    loop {
        let next = tokio::time::timeout(BODY_PAUSE, pieces.next());
        let piece = match next.await.map_err(|_| Refusal::TooSlow)? {
            None if length > limit => return Err(Refusal::TooLong(limit)),
            None => return arriving.end(space).await,
            Some(piece) => piece.map_err(|_| Refusal::Malformed("the body broke off"))?,
        };
        length += piece.len();
        if length <= limit {
            arriving.push(piece, space).await?;
        } else if length > limit.saturating_add(DRAIN_LIMIT) {
            return Err(Refusal::TooLong(limit));
        } else {
            arriving = Arriving::default();
        }
    }
}

/// The part of a body that has arrived.
#[derive(Default)]
struct Arriving {
    /// The bytes that are not on disk yet.
    pieces: Vec<Bytes>,
    length: usize,
    head: Bytes,
    blocks: Vec<ChunkBytes>,
    /// The block that is being written, while the next one arrives.
    writing: Option<JoinHandle<std::io::Result<ChunkBytes>>>,
}

impl Arriving {
    async fn push(
        &mut self,
        mut piece: Bytes,
        space: Option<&Arc<DiskSpace>>,
    ) -> Result<(), Refusal> {
        if let Some(space) = space {
            // A body of exactly one block stays in memory.
            while self.length + piece.len() > BLOCK {
                let rest = piece.split_off(BLOCK - self.length);
                self.pieces.push(piece);
                self.write(space).await?;
                piece = rest;
            }
        }
        self.length += piece.len();
        self.pieces.push(piece);
        Ok(())
    }

    /// Writes the pieces that have arrived as a block.
    async fn write(&mut self, space: &Arc<DiskSpace>) -> Result<(), Refusal> {
        let pieces = std::mem::take(&mut self.pieces);
        self.length = 0;
        if self.head.is_empty() {
            self.head = pieces.concat().into();
            self.head = Bytes::copy_from_slice(&self.head[..self.head.len().min(HEAD)]);
        }
        self.finish_block().await?;
        let space = Arc::clone(space);
        let write = move || ChunkBytes::on_disk(&pieces, &space);
        self.writing = Some(tokio::task::spawn_blocking(write));
        Ok(())
    }

    async fn finish_block(&mut self) -> Result<(), Refusal> {
        if let Some(writing) = self.writing.take() {
            let block = writing.await.map_err(std::io::Error::other)??;
            self.blocks.push(block);
        }
        Ok(())
    }

    /// Returns the body, of which nothing more will arrive.
    async fn end(mut self, space: Option<&Arc<DiskSpace>>) -> Result<Received, Refusal> {
        if let (Some(_), Some(space)) = (&self.writing, space) {
            self.write(space).await?;
            self.finish_block().await?;
            return Ok(Received {
                head: self.head,
                file: NewBytes(self.blocks),
            });
        }
        let head = match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([only]) => only,
            Err(pieces) => pieces.concat().into(),
        };
        Ok(Received {
            file: head.clone().into(),
            head,
        })
    }
}

//! The content of a file that is sent as the body of a request.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::sync::mpsc;

/// The size of a piece of a body, in bytes.
const PIECE: u64 = 1024 * 1024;

/// The reason why a part of the content could not be read.
pub(in crate::api) type ContentError = Box<dyn std::error::Error + Send + Sync>;

/// The function that reads a range of a file.
type Read = dyn Fn(Range<u64>) -> BoxFuture<'static, Result<Bytes, ContentError>> + Send + Sync;

/// A part of a file, which is never in memory as a whole. A request that is sent again reads it
/// again.
#[derive(Clone)]
pub struct FileContent {
    read: Arc<Read>,
    start: u64,
    /// The number of bytes.
    pub(in crate::api) size: u64,
}

impl FileContent {
    /// Returns the content of a range of the file that `read` reads.
    pub fn new(
        range: Range<u64>,
        read: impl Fn(Range<u64>) -> BoxFuture<'static, Result<Bytes, ContentError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            read: Arc::new(read),
            start: range.start,
            size: range.end.saturating_sub(range.start),
        }
    }

    /// Returns the bytes, piece by piece. A piece of another length than requested ends the stream
    /// with an error: the file has changed. The next piece is read, in order, while one is sent.
    pub(in crate::api) fn stream(
        &self,
    ) -> impl Stream<Item = Result<Bytes, ContentError>> + Send + 'static {
        let (content, (pieces, received)) = (self.clone(), mpsc::channel(1));
        // The task ends when nobody receives the pieces any more.
        tokio::spawn(async move {
            let end = content.start + content.size;
            let mut position = content.start;
            while position < end {
                let next = (position + PIECE).min(end);
                let piece = content.piece(position..next).await;
                let is_last = piece.is_err();
                if pieces.send(piece).await.is_err() || is_last {
                    break;
                }
                position = next;
            }
        });
        stream::unfold(received, async |mut received| {
            let piece = received.recv().await?;
            Some((piece, received))
        })
    }

    async fn piece(&self, range: Range<u64>) -> Result<Bytes, ContentError> {
        let piece = (self.read)(range.clone()).await?;
        if piece.len() as u64 == range.end - range.start {
            Ok(piece)
        } else {
            Err("the file has another size now".into())
        }
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileContent")
            .field("start", &self.start)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

//! The content of a file that is sent as the body of a request.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The size of a piece of a body, in bytes.
const PIECE: u64 = 1024 * 1024;

/// The reason why a part of the content could not be read.
pub(in crate::api) type ContentError = Box<dyn std::error::Error + Send + Sync>;

/// The function that reads a range of a file.
type Read = dyn Fn(Range<u64>) -> BoxFuture<'static, Result<Bytes, ContentError>> + Send + Sync;

/// The function that begins the reads of one request.
type Open = dyn Fn() -> Box<Read> + Send + Sync;

/// A part of a file, which is never in memory as a whole. A request that is sent again reads it
/// again.
#[derive(Clone)]
pub struct FileContent {
    open: Arc<Open>,
    start: u64,
    /// The number of bytes.
    pub(in crate::api) size: u64,
}

impl FileContent {
    /// Returns the content of a range of a file. `open` is called once for each request that sends
    /// it, and returns the function that reads the file for this request.
    pub fn new<R>(range: Range<u64>, open: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Fn(Range<u64>) -> BoxFuture<'static, Result<Bytes, ContentError>>
            + Send
            + Sync
            + 'static,
    {
        Self {
            open: Arc::new(move || -> Box<Read> { Box::new(open()) }),
            start: range.start,
            size: range.end.saturating_sub(range.start),
        }
    }

    /// Returns the bytes, piece by piece. A piece of another length than requested ends the stream
    /// with an error: the file has changed. The next piece is read, in order, while one is sent.
    pub(in crate::api) fn stream(
        &self,
    ) -> impl Stream<Item = Result<Bytes, ContentError>> + Send + 'static {
        let (read, (pieces, received)) = ((self.open)(), mpsc::channel(1));
        let (mut position, end) = (self.start, self.start + self.size);
        // The task ends with the stream.
        let mut task = JoinSet::new();
        task.spawn(async move {
            while position < end {
                let next = (position + PIECE).min(end);
                let piece = piece(&*read, position..next).await;
                let is_last = piece.is_err();
                if pieces.send(piece).await.is_err() || is_last {
                    break;
                }
                position = next;
            }
        });
        stream::unfold((received, task), async |(mut received, task)| {
            let piece = received.recv().await?;
            Some((piece, (received, task)))
        })
    }
}

async fn piece(read: &Read, range: Range<u64>) -> Result<Bytes, ContentError> {
    let piece = read(range.clone()).await?;
    if piece.len() as u64 == range.end - range.start {
        Ok(piece)
    } else {
        Err("the file has another size now".into())
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

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    /// A read that never ends: the stream of a request that was cut does not wait for it.
    #[tokio::test]
    async fn the_reads_end_with_their_stream() {
        let (reads, mut seen) = mpsc::channel(9);
        let content = FileContent::new(0..2 * PIECE, move || {
            let reads = reads.clone();
            move |range: Range<u64>| {
                let reads = reads.clone();
                Box::pin(async move {
                    reads.send(range.start).await?;
                    if range.start > 0 {
                        std::future::pending::<()>().await;
                    }
                    Ok(vec![7; usize::try_from(PIECE)?].into())
                })
            }
        });
        for _ in 0..2 {
            let mut stream = Box::pin(content.stream());
            assert!(stream.next().await.unwrap().is_ok());
            assert_eq!(
                (seen.recv().await, seen.recv().await),
                (Some(0), Some(PIECE))
            );
        }
        drop(content);
        assert_eq!(seen.recv().await, None);
    }
}

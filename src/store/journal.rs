//! The write-ahead journal: a line is on disk before the call that it announces is sent.
//!
//! Steps run concurrently, and each waits for the disk before it writes to the platform. One task
//! writes all waiting lines together, so that fifty steps cost the disk little more than one step.

use std::io;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::entry::{Entry, Record};
use super::error::StoreError;

/// The reason why a line could not be written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk, or the remote store, refused the write.
    #[error("failed to write `{path}`")]
    Write {
        /// The path or URL of the journal.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An earlier line could not be written, so no later line may be written.
    #[error("the journal `{path}` is closed after an earlier failure")]
    Closed {
        /// The journal's file.
        path: String,
    },
}

impl JournalError {
    /// The fix, as a sentence.
    pub const HELP: &str = "Make the folder `.solform` beside the manifest writable.";
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: String,
    lines: mpsc::UnboundedSender<Lines>,
    writer: JoinHandle<()>,
}

/// The location to which a journal's lines are written.
pub(super) trait LineSink: Send + 'static {
    /// Appends whole lines; returns when they survive a crash.
    fn append(&mut self, lines: Vec<u8>) -> impl Future<Output = io::Result<()>> + Send;
}

/// Lines that belong together, and the caller that waits for them.
#[derive(Debug)]
struct Lines {
    text: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

impl Journal {
    /// Creates a journal, and the task that writes its lines.
    pub(super) fn new(path: String, sink: impl LineSink) -> Self {
        let (lines, receiver) = mpsc::unbounded_channel();
        Self {
            path,
            lines,
            writer: tokio::spawn(write_all(sink, receiver)),
        }
    }

    /// Closes the journal: every line is written, and no further line is accepted.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        let Self {
            path,
            lines,
            writer,
        } = self;
        drop(lines);
        writer.await.map_err(|_| StoreError::Io {
            action: "close",
            path: path.clone().into(),
            source: io::Error::other(JournalError::Closed { path }),
        })
    }

    /// Writes an entry; returns when it is on disk.
    pub async fn record(&self, at_ms: u64, entry: Entry) -> Result<(), JournalError> {
        self.record_all(at_ms, [entry]).await
    }

    /// Writes entries together, in order; returns when they are on disk.
    pub async fn record_all(
        &self,
        at_ms: u64,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<(), JournalError> {
        let mut text = Vec::new();
        for entry in entries {
            text.extend(Record::new(at_ms, entry).line());
        }
        let (written, answer) = oneshot::channel();
        // After a failure there is no writer: the lines are dropped, and so is `written`.
        let _ = self.lines.send(Lines { text, written });
        let path = self.path.clone();
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(JournalError::Write { path, source }),
            Err(_) => Err(JournalError::Closed { path }),
        }
    }
}

/// Writes the lines of a journal, all waiting lines together.
async fn write_all(mut sink: impl LineSink, mut lines: mpsc::UnboundedReceiver<Lines>) {
    while let Some(first) = lines.recv().await {
        let mut batch = vec![first];
        while let Ok(next) = lines.try_recv() {
            batch.push(next);
        }
        let text = batch.iter().flat_map(|lines| &lines.text).copied();
        let result = sink.append(text.collect()).await;
        for lines in batch {
            let copy = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // A step that was dropped meanwhile needs no answer.
            let _ = lines.written.send(copy);
        }
        if result.is_err() {
            // It is not known which lines were written: no further request may be sent.
            return;
        }
    }
}

//! The write-ahead journal: a line is on disk before the call that it announces is sent.
//!
//! Steps run concurrently, and each waits for the disk before it writes to the platform. One thread
//! owns the file and writes all waiting lines together, so that fifty steps cost the disk little
//! more than one step.

use std::fs::File;
use std::io::{self, Write};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::entry::{Entry, Record};

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
    lines: Option<mpsc::UnboundedSender<Line>>,
    writer: Option<Sink>,
}

/// The writer of the lines.
#[derive(Debug)]
enum Sink {
    /// A thread, which may wait for the disk.
    Thread(JoinHandle<()>),
    /// A task, which waits for the network.
    Task(tokio::task::JoinHandle<()>),
}

/// Lines that wait to be written.
pub(super) type Lines = mpsc::UnboundedReceiver<Line>;

/// A group of lines that belong together, and the callers that wait for them.
#[derive(Debug)]
pub(super) struct Line {
    text: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

impl Journal {
    /// Creates a journal that appends to an open file.
    pub(super) fn new(path: String, file: File) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        let writer = std::thread::spawn(move || write_lines(file, lines));
        Self {
            path,
            lines: Some(sender),
            writer: Some(Sink::Thread(writer)),
        }
    }

    /// Creates a journal that passes its lines to a task, which writes them to another location.
    pub(super) fn elsewhere<F: Future<Output = ()> + Send + 'static>(
        path: String,
        write: impl FnOnce(Lines) -> F,
    ) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        Self {
            path,
            lines: Some(sender),
            writer: Some(Sink::Task(tokio::spawn(write(lines)))),
        }
    }

    /// Closes the journal: every line is written, and no further line is accepted.
    pub async fn close(mut self) -> Result<(), JournalError> {
        drop(self.lines.take());
        let is_joined = match self.writer.take() {
            Some(Sink::Thread(thread)) => {
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                matches!(joined, Ok(Ok(())))
            }
            Some(Sink::Task(task)) => task.await.is_ok(),
            None => true,
        };
        if !is_joined {
            return Err(JournalError::Closed {
                path: self.path.clone(),
            });
        }
        Ok(())
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
        let closed = || JournalError::Closed {
            path: self.path.clone(),
        };
        self.lines
            .as_ref()
            .and_then(|lines| lines.send(Line { text, written }).ok())
            .ok_or_else(closed)?;
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(JournalError::Write {
                path: self.path.clone(),
                source,
            }),
            Err(_) => Err(closed()),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The writer ends when the last sender is gone, with every line written.
        drop(self.lines.take());
        if let Some(Sink::Thread(thread)) = self.writer.take() {
            let _ = thread.join();
        }
    }
}

/// Lines that are written in one go.
pub(super) struct Batch(Vec<Line>);

impl Batch {
    /// Returns the first line, and all lines that wait behind it.
    pub(super) fn of(first: Line, lines: &mut Lines) -> Self {
        let mut batch = vec![first];
        while let Ok(line) = lines.try_recv() {
            batch.push(line);
        }
        Self(batch)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|line| &line.text).copied().collect()
    }

    /// Sends the result to every waiting step. A step that was dropped meanwhile needs no answer.
    pub(super) fn report(self, result: &io::Result<()>) {
        for line in self.0 {
            let copy = match result {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            let _ = line.written.send(copy);
        }
    }
}

fn write_lines(mut file: File, mut lines: Lines) {
    while let Some(first) = lines.blocking_recv() {
        let batch = Batch::of(first, &mut lines);
        let result = file
            .write_all(&batch.bytes())
            .and_then(|()| file.sync_data());
        batch.report(&result);
        if result.is_err() {
            // After a failed write the end of the file is not known: no further request may be
            // sent.
            return;
        }
    }
}

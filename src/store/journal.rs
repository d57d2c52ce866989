//! The write-ahead journal: a line is on disk before the call that it announces is sent.
//!
//! Steps run side by side, and each waits for the disk before it writes to the platform. One
//! thread owns the file and takes all lines that wait at that moment in one go, so that fifty steps
//! cost the disk little more than one.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::entry::{ENTRY_VERSION, Entry, Record};

/// Why a line could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refused.
    #[error("failed to write `{path}`")]
    Write {
        /// The journal's file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An earlier line could not be written, so that none after it may be.
    #[error("the journal `{path}` is closed after an earlier failure")]
    Closed {
        /// The journal's file.
        path: String,
    },
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: String,
    lines: Option<mpsc::Sender<Line>>,
    writer: Option<JoinHandle<()>>,
}

struct Line {
    text: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

impl Journal {
    /// Appends to a file that is open for it.
    pub(super) fn new(path: String, file: File) -> Self {
        let (sender, lines) = mpsc::channel();
        let writer = std::thread::spawn(move || write_lines(file, &lines));
        Self {
            path,
            lines: Some(sender),
            writer: Some(writer),
        }
    }

    /// Writes an entry; returns once it is on disk.
    pub async fn record(&self, at_ms: u64, entry: Entry) -> Result<(), JournalError> {
        let record = Record {
            v: ENTRY_VERSION,
            at_ms,
            entry,
        };
        let mut text = serde_json::to_vec(&record).expect("invariant: an entry's keys are strings");
        text.push(b'\n');
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
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_lines(mut file: File, lines: &mpsc::Receiver<Line>) {
    while let Ok(first) = lines.recv() {
        let batch: Vec<Line> = std::iter::once(first).chain(lines.try_iter()).collect();
        let bytes: Vec<u8> = batch.iter().flat_map(|line| line.text.clone()).collect();
        let result = file.write_all(&bytes).and_then(|()| file.sync_data());
        match result {
            Ok(()) => {
                for line in batch {
                    // A step that was dropped meanwhile needs no answer.
                    let _ = line.written.send(Ok(()));
                }
            }
            Err(error) => {
                // After a failed write the file's end is not known: nothing more may be sent.
                for line in batch {
                    let copy = io::Error::new(error.kind(), error.to_string());
                    let _ = line.written.send(Err(copy));
                }
                return;
            }
        }
    }
}

//! The progress of reads: on a terminal one line that is updated in place, elsewhere one line soon
//! and then one every half minute.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar};
use tokio::time::Instant;

use super::event_stream::Stream;
use super::progress::{HEARTBEAT, spinner};
use super::redaction::{SharedErr, lock};
use super::streams::Io;
use crate::api::{ReadEvent, ReadSink};
use crate::live::grouped;
use crate::render::{StreamMessage, words};

/// The delay before anything is shown: most reads are shorter.
const QUIET: Duration = Duration::from_secs(2);
/// The pause after which the next read counts as a new one.
const PAUSE: Duration = Duration::from_secs(1);
/// The interval between updates of the line.
const TICK: Duration = Duration::from_millis(500);

/// The status line of one client.
struct Status {
    /// The environment, if several are read.
    environment: Option<String>,
    state: Mutex<State>,
    bars: Option<MultiProgress>,
    err: SharedErr,
    stream: Option<Stream>,
}

#[derive(Default)]
struct State {
    /// The number of snapshots that are being read.
    reading: usize,
    /// The number of file parts that are being read.
    files: usize,
    /// The number of file parts that were read.
    files_read: u64,
    /// The number of reads that wait for a retry.
    retrying: usize,
    since: Option<Instant>,
    /// The time since which no read is in progress.
    idle_since: Option<Instant>,
    written_at: Option<Instant>,
    records: u64,
    visibilities: u64,
    expected: Option<u64>,
    names: Option<(usize, usize)>,
    /// The reason for the retry.
    retry: Option<String>,
    bar: Option<ProgressBar>,
}

/// Starts a status line, and returns the sink of its events. It ends with the last sink.
pub(in crate::cli) fn read_sink(io: &Io) -> ReadSink {
    let status = Arc::new(Status {
        environment: io.environment().map(str::to_owned),
        state: Mutex::default(),
        bars: io.bars.clone(),
        err: SharedErr::new(&io.secrets),
        stream: io.stream.clone(),
    });
    tokio::spawn(tick(Arc::downgrade(&status)));
    ReadSink::new(move |event| status.take(event))
}

/// Updates the line until all event senders are dropped.
async fn tick(status: Weak<Status>) {
    while let Some(status) = status.upgrade() {
        status.show(Instant::now());
        drop(status);
        tokio::time::sleep(TICK).await;
    }
}

impl Status {
    fn take(&self, event: &ReadEvent<'_>) {
        let mut state = lock(&self.state);
        state.take(event, Instant::now());
        if state.idle_since.is_some()
            && let Some(bar) = state.bar.take()
        {
            // At once, because the next output is written at the position of this line.
            bar.finish_and_clear();
        }
    }

    fn show(&self, now: Instant) {
        let mut state = lock(&self.state);
        let is_idle = state.idle_since.is_some();
        let since = state
            .since
            .filter(|since| !is_idle && now >= *since + QUIET);
        let Some(since) = since else {
            return;
        };
        let mut line = state.line(now - since);
        if let Some(environment) = &self.environment {
            line = format!("{environment}: {line}");
        }
        if let Some(bars) = &self.bars {
            let new = || bars.add(spinner("{spinner} {wide_msg}"));
            let bar = state.bar.get_or_insert_with(new);
            bar.set_message(line);
            bar.tick();
            return;
        }
        if !state.is_due(now) {
            return;
        }
        match &self.stream {
            Some(stream) => stream.send(StreamMessage::log(line)),
            None => self.err.write(|out| writeln!(out, "{line}")),
        }
    }
}

impl State {
    fn take(&mut self, event: &ReadEvent<'_>, now: Instant) {
        if self.idle_since.is_some_and(|since| now >= since + PAUSE) {
            *self = Self::default();
        }
        match event {
            ReadEvent::Began => self.reading += 1,
            ReadEvent::Ended => self.reading = self.reading.saturating_sub(1),
            ReadEvent::Records {
                is_visibility: true,
                records,
                ..
            } => self.visibilities += records,
            ReadEvent::Records {
                records, expected, ..
            } => {
                self.records += records;
                self.expected = *expected;
            }
            ReadEvent::Names { done, total } => self.names = Some((*done, *total)),
            ReadEvent::Retrying {
                error,
                after,
                tried,
            } => {
                self.retrying += 1;
                self.retry = Some(format!(
                    "{error}; sending again in {} after {}",
                    words::duration(*after),
                    words::count(usize::try_from(*tried).unwrap_or(usize::MAX), "attempt")
                ));
            }
            ReadEvent::FileBegan => self.files += 1,
            ReadEvent::FileEnded => {
                self.files = self.files.saturating_sub(1);
                self.files_read += 1;
            }
            ReadEvent::Resumed => self.retrying = self.retrying.saturating_sub(1),
        }
        if self.retrying == 0 {
            self.retry = None;
        }
        let is_idle = self.reading + self.files + self.retrying == 0;
        self.idle_since = is_idle.then_some(now);
        if !is_idle {
            self.since.get_or_insert(now);
        }
    }

    /// Returns true if a line is due without a terminal; it then counts as written.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self
            .written_at
            .is_none_or(|written_at| now >= written_at + HEARTBEAT);
        if is_due {
            self.written_at = Some(now);
        }
        is_due
    }

    fn line(&self, elapsed: Duration) -> String {
        let received = |what: &str, number| format!("{what}: {} received", grouped(number));
        let line = match (self.names, self.expected) {
            _ if self.reading == 0 && self.files > 0 => {
                let count = grouped(self.files_read);
                format!("Inspecting packages: {count} parts of files received")
            }
            _ if self.reading == 0 => "Waiting for the server".to_owned(),
            _ if self.visibilities > 0 => received("Reading visibilities", self.visibilities),
            (Some((done, total)), _) => {
                format!("Reading live solutions by name: {done} of {total} names")
            }
            (None, Some(expected)) if expected > self.records => {
                let (count, expected) = (grouped(self.records), grouped(expected));
                format!("Reading live solutions: {count} of about {expected}")
            }
            (None, _) => received("Reading live solutions", self.records),
        };
        let line = format!("{line} [{}]", words::duration(elapsed));
        match &self.retry {
            Some(retry) => format!("{line}; {}", words::escaped(retry)),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_appear_every_30_seconds() {
        let mut state = State::default();
        let start = Instant::now();
        let due: Vec<u64> = (0..100)
            .filter(|second| state.is_due(start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(due, [0, 30, 60, 90]);
    }

    #[test]
    fn the_line_shows_the_progress_of_each_read() {
        let now = Instant::now();
        let records = |records, expected| ReadEvent::Records {
            is_visibility: false,
            records,
            expected,
        };
        let mut state = State::default();
        for (event, expected) in [
            (
                ReadEvent::Began,
                "Reading live solutions: 0 received [5.0s]",
            ),
            (
                records(1_000, Some(10_000)),
                "Reading live solutions: 1,000 of about 10,000 [5.0s]",
            ),
            (
                records(11_000, Some(10_000)),
                "Reading live solutions: 12,000 received [5.0s]",
            ),
            (
                ReadEvent::Names { done: 3, total: 40 },
                "Reading live solutions by name: 3 of 40 names [5.0s]",
            ),
            (
                ReadEvent::Records {
                    is_visibility: true,
                    records: 7,
                    expected: None,
                },
                "Reading visibilities: 7 received [5.0s]",
            ),
        ] {
            state.take(&event, now);
            assert_eq!(state.line(Duration::from_secs(5)), expected);
        }
        assert!(state.since.is_some());
        state.take(&ReadEvent::Ended, now);
        assert_eq!(state.idle_since, Some(now));
        // A read that follows soon continues the same wait; a later one starts a new wait.
        state.take(&ReadEvent::FileBegan, now + PAUSE / 2);
        assert_eq!((state.since, state.idle_since), (Some(now), None));
        let line = state.line(Duration::from_secs(5));
        assert_eq!(
            line,
            "Inspecting packages: 0 parts of files received [5.0s]"
        );
        state.take(&ReadEvent::FileEnded, now + PAUSE);
        state.take(&ReadEvent::Began, now + PAUSE * 2);
        assert_eq!(state.since, Some(now + PAUSE * 2));
        assert_eq!((state.records, state.names), (0, None));
    }
}

//! The event stream of `--json`: whole lines on standard output, and nothing else there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::redaction::{lock, neutralize, redact_json};
use crate::api::Redactor;
use crate::apply::ApplyEvent;
use crate::ident::{Address, Identity};
use crate::plan::ActionKind;
use crate::render::StreamMessage;

/// The interval of the lines about a change in progress, as in Terraform.
const PROGRESS: Duration = Duration::from_secs(10);
/// The interval of the checks for such a line.
const TICK: Duration = Duration::from_secs(1);

/// The event stream. Clones write to the same output.
#[derive(Clone)]
pub(in crate::cli) struct Stream {
    lines: Arc<Mutex<Lines>>,
    secrets: Arc<Redactor>,
    now_ms: fn() -> u64,
    /// The environment of every line, if this is the stream of one of several.
    environment: Option<Arc<str>>,
}

struct Lines {
    to: Box<dyn Write + Send>,
    /// The reason why nothing more is written.
    failure: Option<io::ErrorKind>,
}

impl Stream {
    pub(in crate::cli) fn new(
        to: Box<dyn Write + Send>,
        secrets: &Arc<Redactor>,
        now_ms: fn() -> u64,
    ) -> Self {
        Self {
            lines: Arc::new(Mutex::new(Lines { to, failure: None })),
            secrets: Arc::clone(secrets),
            now_ms,
            environment: None,
        }
    }

    /// Returns the same stream, whose lines name this environment.
    pub(in crate::cli) fn in_environment(&self, name: &str) -> Self {
        Self {
            environment: Some(name.into()),
            ..self.clone()
        }
    }

    /// Writes a line. [`Stream::check`] returns any error.
    pub(in crate::cli) fn send(&self, message: StreamMessage) {
        self.write(&mut lock(&self.lines), message);
    }

    /// Writes the last line: later lines are dropped.
    pub(in crate::cli) fn close(&self, message: StreamMessage) {
        let mut lines = lock(&self.lines);
        self.write(&mut lines, message);
        lines.failure.get_or_insert(io::ErrorKind::BrokenPipe);
    }

    /// Returns an error if a line could not be written.
    pub(in crate::cli) fn check(&self) -> io::Result<()> {
        let failure = lock(&self.lines).failure;
        failure.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn write(&self, lines: &mut Lines, message: StreamMessage) {
        if lines.failure.is_some() {
            return;
        }
        let message = match &self.environment {
            Some(name) => message.in_environment(name),
            None => message,
        };
        let written = serde_json::to_value(message.at((self.now_ms)()))
            .map_err(io::Error::from)
            .and_then(|mut line| {
                redact_json(&self.secrets, &mut line);
                let line = format!("{}\n", neutralize(&line.to_string()));
                lines.to.write_all(line.as_bytes())?;
                lines.to.flush()
            });
        if let Err(error) = written {
            lines.failure = Some(error.kind());
        }
    }
}

/// The events of an apply in the stream.
#[derive(Clone)]
pub(in crate::cli) struct StreamProgress {
    stream: Stream,
    identities: Arc<BTreeMap<Address, Identity>>,
    running: Arc<Mutex<BTreeMap<Address, Work>>>,
}

struct Work {
    kind: ActionKind,
    since: Instant,
    /// The number of lines that reported it as in progress.
    reported: u32,
}

impl StreamProgress {
    pub(in crate::cli) fn new(stream: &Stream, identities: BTreeMap<Address, Identity>) -> Self {
        Self {
            stream: stream.clone(),
            identities: Arc::new(identities),
            running: Arc::default(),
        }
    }

    pub(in crate::cli) fn take(&self, event: &ApplyEvent<'_>) {
        let address = match event {
            ApplyEvent::StepStarted { address, kind } => {
                let work = Work {
                    kind: *kind,
                    since: Instant::now(),
                    reported: 0,
                };
                lock(&self.running).insert(address.clone(), work);
                Some(address)
            }
            ApplyEvent::StepFinished(step) => {
                lock(&self.running).remove(&step.address);
                Some(&step.address)
            }
            ApplyEvent::Uploading { .. }
            | ApplyEvent::JobStarted { .. }
            | ApplyEvent::JobAnswered { .. }
            | ApplyEvent::RunStarted { .. }
            | ApplyEvent::RunAnswered { .. }
            | ApplyEvent::RunEnded { .. }
            | ApplyEvent::WaitingForRuns { .. }
            | ApplyEvent::Retrying { .. }
            | ApplyEvent::Draining { .. } => None,
        };
        let identity = address.and_then(|address| self.identities.get(address));
        self.stream.send(StreamMessage::event(event, identity));
    }

    /// Reports each change in progress every 10 s. Never returns.
    pub(in crate::cli) async fn beat(&self) -> Infallible {
        loop {
            tokio::time::sleep(TICK).await;
            for (address, work) in lock(&self.running).iter_mut() {
                let elapsed = work.since.elapsed();
                if elapsed < PROGRESS * (work.reported + 1) {
                    continue;
                }
                work.reported += 1;
                let identity = self.identities.get(address);
                let line = StreamMessage::progress(address, identity, work.kind, elapsed);
                self.stream.send(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::apply::{Outcome, StepReport};
    use crate::manifest::Severity;
    use crate::plan::testing::identity;
    use crate::render::Diagnostic;

    /// A writer that keeps its input, or fails if the flag is set.
    #[derive(Clone, Default)]
    struct SharedWriter(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for SharedWriter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl SharedWriter {
        fn lines(&self) -> Vec<Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'));
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    fn stream(sink: &SharedWriter) -> Stream {
        Stream::new(Box::new(sink.clone()), &Arc::default(), || {
            1_683_159_463_986
        })
    }

    #[tokio::test(start_paused = true)]
    async fn running_changes_are_reported_every_10_s() {
        let sink = SharedWriter::default();
        let progress = StreamProgress::new(&stream(&sink), BTreeMap::new());
        let started = |address: &str| ApplyEvent::StepStarted {
            address: Address::parse(address).unwrap(),
            kind: ActionKind::Create,
        };
        let beat = async |seconds| {
            let time = Duration::from_secs(seconds);
            let _ = tokio::time::timeout(time, progress.beat()).await;
        };
        progress.take(&started("A@1"));
        beat(15).await;
        progress.take(&started("B@1"));
        beat(18).await;
        progress.take(&ApplyEvent::StepFinished(&StepReport {
            address: Address::parse("A@1").unwrap(),
            identity: identity("A@1"),
            kind: ActionKind::Create,
            outcome: Outcome::Cancelled,
            began_at_ms: None,
            jobs: Vec::new(),
            sent_twice: Vec::new(),
            uploaded: None,
            verified: None,
            left_file: None,
            deleted: false,
            deployed: None,
            took: Duration::from_secs(33),
        }));
        beat(15).await;
        let reported: Vec<(String, u64)> = sink
            .lines()
            .iter()
            .filter(|line| line["type"] == "apply_progress")
            .map(|line| {
                let hook = &line["hook"];
                let elapsed = hook["elapsed_seconds"].as_f64().unwrap();
                let address = hook["resource"]["addr"].as_str().unwrap().to_owned();
                (address, Duration::from_secs_f64(elapsed).as_secs())
            })
            .collect();
        let expected = [
            ("A@1", 10),
            ("A@1", 20),
            ("B@1", 10),
            ("A@1", 30),
            ("B@1", 20),
        ];
        let expected = expected.map(|(address, elapsed)| (address.to_owned(), elapsed));
        for line in &expected {
            assert!(reported.contains(line), "{line:?} in {reported:?}");
        }
        // B continues when A has ended.
        assert!(reported.contains(&("B@1".to_owned(), 30)), "{reported:?}");
        assert!(!reported.contains(&("A@1".to_owned(), 40)), "{reported:?}");
        assert_eq!(reported.len(), 6, "{reported:?}");
    }

    #[test]
    fn redaction_keeps_lines_whole() {
        let sink = SharedWriter::default();
        let stream = stream(&sink);
        // In the text of a line, this secret would match a quote and its neighbours.
        let secret = r#"hush"},{"x":1"#;
        stream.secrets.add(&secrecy::SecretString::from(secret));
        let summary = format!("the server says {secret}");
        let diagnostic = Diagnostic::new(Severity::Error, summary.as_str());
        stream.send(StreamMessage::diagnostic(diagnostic));
        stream.send(StreamMessage::log(
            "##[error] is a command anywhere in a line",
        ));
        let lines = sink.lines();
        assert_eq!(
            lines[0]["diagnostic"]["summary"],
            "the server says [redacted]"
        );
        assert_eq!(lines[0]["@timestamp"], "2023-05-04T00:17:43.986Z");
        assert_eq!(
            lines[1]["@message"],
            "##[error] is a command anywhere in a line"
        );
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("##["), "{text}");
    }

    #[test]
    fn a_closed_stream_sends_nothing() {
        let sink = SharedWriter::default();
        let closed = stream(&sink);
        closed.check().unwrap();
        closed.close(StreamMessage::log("the last"));
        closed.send(StreamMessage::log("one more"));
        assert_eq!(sink.lines().len(), 1);
        let left = stream(&SharedWriter(Arc::default(), true));
        left.send(StreamMessage::version());
        assert_eq!(left.check().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

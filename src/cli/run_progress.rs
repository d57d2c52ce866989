//! The progress of a wait for one run or job: a bar on a terminal, lines elsewhere.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use indicatif::ProgressBar;
use tokio::time::Instant;

use super::io::{Io, SharedErr};
use super::progress::{HEARTBEAT, bar_with};
use crate::ident::JobId;
use crate::render::words;
use crate::run::{RunEvent, RunEventSink};

/// The progress of one run or job.
#[derive(Clone)]
pub(super) struct RunProgress {
    id: String,
    since: Instant,
    bar: Option<ProgressBar>,
    last: Arc<Mutex<String>>,
    err: SharedErr,
}

impl RunProgress {
    pub(super) fn new(id: &JobId, io: &Io) -> Self {
        let id = words::escaped(id.as_str());
        let bar = io.bars.as_ref().map(|bars| bars.add(bar_with(&id)));
        Self {
            id,
            since: Instant::now(),
            bar,
            last: Arc::default(),
            err: SharedErr::new(&io.secrets),
        }
    }

    /// Handles an event.
    pub(super) fn sink(&self) -> RunEventSink {
        let progress = self.clone();
        Arc::new(move |event| progress.take(event))
    }

    fn take(&self, event: &RunEvent) {
        let line = line(event);
        if let Ok(mut last) = self.last.lock() {
            last.clone_from(&line);
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => self.say(&line),
        }
    }

    fn say(&self, line: &str) {
        let took = words::duration(self.since.elapsed());
        self.err
            .say(|out| writeln!(out, "{}: {line} [{took}]", self.id));
    }

    /// Writes a heartbeat every half minute. Never returns.
    pub(super) async fn beat(&self) -> Infallible {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let (None, Ok(last)) = (&self.bar, self.last.lock()) {
                self.say(&format!("still {last}"));
            }
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(event: &RunEvent) -> String {
    match event {
        RunEvent::Retrying {
            after,
            is_ambiguous: true,
            why,
        } => format!(
            "the answer is lost, looking for the run for {}: {}",
            words::duration(*after),
            words::escaped(why)
        ),
        RunEvent::Retrying { after, why, .. } => format!(
            "sending again in {}: {}",
            words::duration(*after),
            words::escaped(why)
        ),
        RunEvent::Answered {
            word,
            progress: Some(share),
        } => format!("{} {:.0} %", words::escaped(word), share * 100.0),
        RunEvent::Answered { word, .. } => words::escaped(word),
    }
}

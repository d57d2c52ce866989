//! What an apply shows while it works: bars on a terminal, lines elsewhere.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::io::{Io, SharedErr};
use super::stream::StreamProgress;
use crate::apply::{ApplyEvent, EventSink};
use crate::ident::{Address, Identity};
use crate::render::{Styles, render_event, words};

/// How often a line tells that work goes on, where there are no bars (design 7).
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
/// How many addresses a heartbeat names.
const NAMED: usize = 5;

/// The progress of one apply.
#[derive(Clone)]
pub(super) struct Progress {
    state: Arc<Mutex<State>>,
    err: SharedErr,
    styles: Styles,
    /// Where a stream tells it all, and standard error nothing.
    stream: Option<StreamProgress>,
}

struct State {
    total: usize,
    finished: usize,
    at_work: BTreeMap<Address, Work>,
    bars: Option<MultiProgress>,
}

struct Work {
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// The progress of so many changes; identities where they are known.
    pub(super) fn new(total: usize, identities: BTreeMap<Address, Identity>, io: &Io) -> Self {
        let stream = io.stream.as_ref();
        let stream = stream.map(|stream| StreamProgress::new(stream, identities));
        let bars = io.bars.clone().filter(|_| stream.is_none());
        Self {
            state: Arc::new(Mutex::new(State {
                total,
                finished: 0,
                at_work: BTreeMap::new(),
                bars,
            })),
            err: SharedErr::new(&io.secrets),
            styles: io.err_styles,
            stream,
        }
    }

    /// Takes the executor's events.
    pub(super) fn sink(&self) -> EventSink {
        let progress = self.clone();
        Arc::new(move |event| progress.take(event))
    }

    fn take(&self, event: &ApplyEvent) {
        if let Some(stream) = &self.stream {
            return stream.take(event);
        }
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        match event {
            ApplyEvent::StepStarted { address, .. } => {
                let bar = state.bars.as_ref().map(|bars| {
                    // It may only draw once it has its place among the others.
                    let bar = bars.add(bar_with(&words::address(address)));
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar
                });
                let since = Instant::now();
                state.at_work.insert(address.clone(), Work { since, bar });
            }
            ApplyEvent::JobStarted { address, job, .. } => {
                let job = job.as_ref().map_or_else(
                    || "no job".to_owned(),
                    |job| format!("job {}", words::escaped(job.as_str())),
                );
                state.show(address, job);
            }
            ApplyEvent::JobAnswered { address, word, .. } => {
                state.show(address, words::escaped(word));
            }
            ApplyEvent::Retrying { address, why, .. } => {
                state.show(address, words::escaped(why));
            }
            ApplyEvent::StepFinished { address, .. } => {
                state.finished += 1;
                if let Some(Work { bar: Some(bar), .. }) = state.at_work.remove(address) {
                    bar.finish_and_clear();
                }
            }
            ApplyEvent::Draining { .. } => {}
        }
        let say = || {
            self.err.say(|out| render_event(event, &self.styles, out));
        };
        match &state.bars {
            // The bars show what is at work; lines above them tell what ended.
            Some(bars) => {
                let is_line = matches!(
                    event,
                    ApplyEvent::StepFinished { .. }
                        | ApplyEvent::Draining { .. }
                        | ApplyEvent::Retrying { .. }
                );
                if is_line {
                    bars.suspend(say);
                }
            }
            None => say(),
        }
    }

    /// Tells every half minute that work goes on; a stream more often. Never returns.
    pub(super) async fn beat(&self) -> Infallible {
        if let Some(stream) = &self.stream {
            return stream.beat().await;
        }
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let line = match self.state.lock() {
                Ok(state) if state.bars.is_none() => state.line(),
                Ok(_) | Err(_) => continue,
            };
            self.err.say(|out| writeln!(out, "{line}"));
        }
    }
}

impl State {
    fn show(&self, address: &Address, message: String) {
        if let Some(Work { bar: Some(bar), .. }) = self.at_work.get(address) {
            bar.set_message(message);
        }
    }

    fn line(&self) -> String {
        let mut named: Vec<String> = self
            .at_work
            .iter()
            .take(NAMED)
            .map(|(address, work)| {
                format!(
                    "{} ({})",
                    words::address(address),
                    words::duration(work.since.elapsed())
                )
            })
            .collect();
        if self.at_work.len() > NAMED {
            named.push(format!("{} more", self.at_work.len() - NAMED));
        }
        format!(
            "Still working: {} of {} done; at work: {}",
            self.finished,
            self.total,
            named.join(", ")
        )
    }
}

/// A spinner with a name, the time that has passed, and a message.
pub(super) fn bar_with(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner()
        .with_style(style)
        .with_prefix(name.to_owned())
}

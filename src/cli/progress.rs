//! The progress of an apply: bars on a terminal, lines elsewhere.

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
use crate::plan::SUMMARISED_ABOVE;
use crate::render::{Styles, render_event, words};

/// The interval of the heartbeat lines, if there are no bars.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
/// The maximum number of addresses in a heartbeat line.
const NAMED: usize = 5;

/// The progress of one apply.
#[derive(Clone)]
pub(super) struct Progress {
    state: Arc<Mutex<State>>,
    err: SharedErr,
    styles: Styles,
    /// No output, because the event stream contains everything.
    stream: Option<StreamProgress>,
}

struct State {
    total: usize,
    finished: usize,
    since: Instant,
    at_work: BTreeMap<Address, Work>,
    bars: Option<Bars>,
}

/// The lines of a terminal that are updated in place.
struct Bars {
    all: MultiProgress,
    /// The last line, with the counts of the apply.
    total: ProgressBar,
}

struct Work {
    since: Instant,
    is_retrying: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Creates the progress of a number of changes; with identities, if they are known.
    pub(super) fn new(total: usize, identities: BTreeMap<Address, Identity>, io: &Io) -> Self {
        let stream = io.stream.as_ref();
        let stream = stream.map(|stream| StreamProgress::new(stream, identities));
        let bars = io.bars.clone().filter(|_| stream.is_none());
        let bars = bars.map(|all| {
            let total = all.add(total_bar());
            Bars { all, total }
        });
        let state = State {
            total,
            finished: 0,
            since: Instant::now(),
            at_work: BTreeMap::new(),
            bars,
        };
        state.show_total();
        Self {
            state: Arc::new(Mutex::new(state)),
            err: SharedErr::new(&io.secrets),
            styles: io.err_styles,
            stream,
        }
    }

    /// Handles an event of the executor.
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
                    // A bar must have its position among the others before it draws.
                    let bar = bar_with(&words::address(address));
                    let bar = bars.all.insert_before(&bars.total, bar);
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar
                });
                let work = Work {
                    since: Instant::now(),
                    is_retrying: false,
                    bar,
                };
                state.at_work.insert(address.clone(), work);
            }
            ApplyEvent::JobStarted { address, job, .. } => {
                let job = job.as_ref().map_or_else(
                    || "no job".to_owned(),
                    |job| format!("job {}", words::escaped(job.as_str())),
                );
                state.show(address, false, job);
            }
            ApplyEvent::JobAnswered { address, word, .. } => {
                state.show(address, false, words::escaped(word));
            }
            ApplyEvent::Retrying { address, why, .. } => {
                state.show(address, true, words::escaped(why));
            }
            ApplyEvent::StepFinished { address, .. } => {
                state.finished += 1;
                if let Some(Work { bar: Some(bar), .. }) = state.at_work.remove(address) {
                    bar.finish_and_clear();
                }
            }
            ApplyEvent::Draining { .. } => {}
        }
        state.show_total();
        let count = (state.finished, state.total);
        let say = || {
            self.err
                .say(|out| render_event(event, count, &self.styles, out));
        };
        // Bars show the changes in progress; in a big apply, one line counts them. Lines show the
        // changes that have ended.
        let is_big = state.total > SUMMARISED_ABOVE;
        let is_line = match event {
            ApplyEvent::StepFinished { .. } | ApplyEvent::Draining { .. } => true,
            ApplyEvent::Retrying { .. } => !is_big,
            ApplyEvent::StepStarted { .. }
            | ApplyEvent::JobStarted { .. }
            | ApplyEvent::JobAnswered { .. } => !is_big && state.bars.is_none(),
        };
        match &state.bars {
            _ if !is_line => {}
            Some(bars) => bars.all.suspend(say),
            None => say(),
        }
    }

    /// Removes the bars.
    pub(super) fn end(&self) {
        if let Ok(state) = self.state.lock()
            && let Some(bars) = &state.bars
        {
            bars.total.finish_and_clear();
        }
    }

    /// Writes a heartbeat every half minute; to a stream more often. Never returns.
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
    fn show(&mut self, address: &Address, is_retrying: bool, message: String) {
        if let Some(work) = self.at_work.get_mut(address) {
            work.is_retrying = is_retrying;
            if let Some(bar) = &work.bar {
                bar.set_message(message);
            }
        }
    }

    fn show_total(&self) {
        if let Some(bars) = &self.bars {
            bars.total.set_message(self.counts());
        }
    }

    /// Returns the counts of the apply and its estimated remaining time.
    fn counts(&self) -> String {
        let mut parts = vec![
            format!(
                "{} of {} done",
                self.finished,
                words::count(self.total, "change")
            ),
            format!("{} in progress", self.at_work.len()),
        ];
        let retrying = self.at_work.values().filter(|work| work.is_retrying);
        match retrying.count() {
            0 => {}
            retrying => parts.push(format!("{retrying} to be sent again")),
        }
        if self.finished > 0 && self.finished < self.total {
            let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let elapsed = self.since.elapsed();
            let left = elapsed.saturating_mul(number(self.total - self.finished));
            let left = words::duration(left / number(self.finished));
            parts.push(format!("about {left} left"));
        }
        parts.join(", ")
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
        let named = match named.as_slice() {
            [] => String::new(),
            named => format!(": {}", named.join(", ")),
        };
        let took = words::duration(self.since.elapsed());
        format!("{}{named} [{took}]", self.counts())
    }
}

/// Creates the line with the counts of the apply.
fn total_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Creates a spinner with a name, the elapsed time, and a message.
pub(super) fn bar_with(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner()
        .with_style(style)
        .with_prefix(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_counts_all_changes() {
        let mut state = State {
            total: 800,
            finished: 0,
            since: Instant::now(),
            at_work: BTreeMap::new(),
            bars: None,
        };
        assert_eq!(state.line(), "0 of 800 changes done, 0 in progress [0.0s]");
        for nth in 0..7 {
            let work = Work {
                since: Instant::now(),
                is_retrying: nth < 2,
                bar: None,
            };
            let address = Address::parse(&format!("A{nth}@1")).unwrap();
            state.at_work.insert(address, work);
        }
        state.finished = 200;
        tokio::time::advance(Duration::from_secs(150)).await;
        assert_eq!(
            state.line(),
            "200 of 800 changes done, 7 in progress, 2 to be sent again, about 7m30s left: \
             A0@1 (2m30s), A1@1 (2m30s), A2@1 (2m30s), A3@1 (2m30s), A4@1 (2m30s), 2 more [2m30s]"
        );
    }
}

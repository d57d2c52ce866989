//! The progress of an apply, or of the wait for one run or job: bars on a terminal, lines
//! elsewhere.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::event_stream::StreamProgress;
use super::redaction::{SharedErr, lock};
use super::streams::Io;
use crate::apply::{ApplyEvent, EventSink};
use crate::ident::{Address, Identity, JobId};
use crate::plan::{SUMMARISED_ABOVE, Verdict};
use crate::render::{Styles, render_event, words};
use crate::run::{RunEvent, RunEventSink};

/// The interval of the heartbeat lines, if there are no bars.
pub(in crate::cli) const HEARTBEAT: Duration = Duration::from_secs(30);
/// The maximum number of addresses in a heartbeat line.
const NAMED: usize = 5;

/// The progress of one apply, or of one run or job.
#[derive(Clone)]
pub(in crate::cli) struct Progress {
    state: Arc<Mutex<State>>,
    err: SharedErr,
    styles: Styles,
    /// No output, because the event stream contains everything.
    stream: Option<StreamProgress>,
}

struct State {
    /// The number of changes; none for a run or job.
    total: Option<usize>,
    finished: usize,
    since: Instant,
    /// The expected duration of all changes, if earlier applies show it.
    expected: Option<Duration>,
    running: BTreeMap<String, Work>,
    /// The lines of a terminal that are updated in place.
    bars: Option<MultiProgress>,
    /// The last of them, with the counts of the apply.
    total_bar: Option<ProgressBar>,
}

struct Work {
    since: Instant,
    is_retrying: bool,
    /// The last state.
    message: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Creates the progress of a number of changes; with identities, if they are known, and with
    /// the duration that earlier applies let expect.
    pub(in crate::cli) fn new(
        total: usize,
        identities: BTreeMap<Address, Identity>,
        expected: Option<Duration>,
        io: &Io,
    ) -> Self {
        let stream = io.stream.as_ref();
        let stream = stream.map(|stream| StreamProgress::new(stream, identities));
        let progress = Self::started(Some(total), stream, io);
        lock(&progress.state).expected = expected;
        progress
    }

    /// Creates the progress of one run or job.
    pub(in crate::cli) fn of_run(id: &JobId, io: &Io) -> Self {
        let progress = Self::started(None, None, io);
        lock(&progress.state).start(words::escaped(id.as_str()));
        progress
    }

    fn started(total: Option<usize>, stream: Option<StreamProgress>, io: &Io) -> Self {
        let bars = io.bars.as_ref().filter(|_| total.is_some());
        let total_bar = bars.map(|bars| {
            let bar = bars.add(spinner("{spinner} {msg} [{elapsed}]"));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let state = State {
            total,
            finished: 0,
            since: Instant::now(),
            expected: None,
            running: BTreeMap::new(),
            bars: io.bars.clone(),
            total_bar,
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
    pub(in crate::cli) fn sink(&self) -> EventSink {
        let progress = self.clone();
        Arc::new(move |event| progress.take(event))
    }

    /// Handles an event of a run or job.
    pub(in crate::cli) fn run_sink(&self) -> RunEventSink {
        let progress = self.clone();
        Arc::new(move |event| progress.take_run_event(event))
    }

    fn take_run_event(&self, event: &RunEvent) {
        let mut state = lock(&self.state);
        for work in state.running.values_mut() {
            work.show(false, run_message(event));
        }
        if state.bars.is_none() {
            self.err.write(|out| state.write_runs("", out));
        }
    }

    fn take(&self, event: &ApplyEvent<'_>) {
        if let Some(stream) = &self.stream {
            return stream.take(event);
        }
        let mut state = lock(&self.state);
        match event {
            ApplyEvent::StepStarted { address, .. } => state.start(words::address(address)),
            ApplyEvent::Uploading {
                address,
                done,
                total,
            } => {
                let done = words::bytes(*done);
                let progress = format!("uploaded {done} of {}", words::bytes(*total));
                state.show(address, false, progress);
            }
            ApplyEvent::JobStarted { address, job, .. } => {
                let job = job.as_ref().map_or_else(
                    || "no job".to_owned(),
                    |job| format!("job {}", words::escaped(job.as_str())),
                );
                state.show(address, false, job);
            }
            ApplyEvent::RunStarted { address, name, .. } => {
                state.show(
                    address,
                    false,
                    format!("verifying with {}", words::escaped(name)),
                );
            }
            ApplyEvent::RunEnded { address, run } => {
                let is_bad = run.verdict != Verdict::Passed;
                let name = words::escaped(&run.name);
                state.show(address, is_bad, format!("{name} {}", run.verdict.phrase()));
            }
            ApplyEvent::JobAnswered { address, word, .. }
            | ApplyEvent::RunAnswered { address, word, .. } => {
                state.show(address, false, words::escaped(word));
            }
            ApplyEvent::WaitingForRuns { address, runs } => {
                let runs = words::count(*runs, "run");
                state.show(address, false, format!("waits for {runs}"));
            }
            ApplyEvent::Retrying { address, why, .. } => {
                state.show(address, true, words::escaped(why));
            }
            ApplyEvent::StepFinished(step) => {
                state.finished += 1;
                let work = state.running.remove(&words::address(&step.address));
                if let Some(Work { bar: Some(bar), .. }) = work {
                    bar.finish_and_clear();
                }
            }
            ApplyEvent::Draining { .. } => {}
        }
        state.show_total();
        let total = state.total.unwrap_or_default();
        let count = (state.finished, total);
        let write_line = || {
            self.err
                .write(|out| render_event(event, count, &self.styles, out));
        };
        // Bars show the changes in progress; in a big apply, one line counts them. Lines show the
        // changes that have ended.
        let is_big = total > SUMMARISED_ABOVE;
        let is_line = match event {
            ApplyEvent::StepFinished(_) | ApplyEvent::Draining { .. } => true,
            ApplyEvent::Retrying { .. } => !is_big,
            // The parts of an upload are too many for lines.
            ApplyEvent::Uploading { done, total, .. } if *done != 0 && done != total => false,
            ApplyEvent::StepStarted { .. }
            | ApplyEvent::Uploading { .. }
            | ApplyEvent::JobStarted { .. }
            | ApplyEvent::JobAnswered { .. }
            | ApplyEvent::RunStarted { .. }
            | ApplyEvent::RunAnswered { .. }
            | ApplyEvent::RunEnded { .. }
            | ApplyEvent::WaitingForRuns { .. } => !is_big && state.bars.is_none(),
        };
        match &state.bars {
            _ if !is_line => {}
            Some(bars) => bars.suspend(write_line),
            None => write_line(),
        }
    }

    /// Removes the bars.
    pub(in crate::cli) fn end(&self) {
        let state = lock(&self.state);
        let each = state.running.values().filter_map(|work| work.bar.as_ref());
        let all = each.chain(&state.total_bar);
        all.for_each(ProgressBar::finish_and_clear);
    }

    /// Writes a heartbeat every half minute; to a stream more often. Never returns.
    pub(in crate::cli) async fn beat(&self) -> Infallible {
        if let Some(stream) = &self.stream {
            return stream.beat().await;
        }
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let state = lock(&self.state);
            if state.bars.is_some() {
                continue;
            }
            self.err.write(|out| match state.total {
                Some(total) => writeln!(out, "{}", state.line(total)),
                None => state.write_runs("still ", out),
            });
        }
    }
}

impl State {
    fn start(&mut self, name: String) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar =
                spinner("{spinner} {prefix} [{elapsed}] {wide_msg}").with_prefix(name.clone());
            let Some(total) = &self.total_bar else {
                return bars.add(bar);
            };
            // A bar must have its position among the others before it draws.
            let bar = bars.insert_before(total, bar);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let work = Work {
            since: Instant::now(),
            is_retrying: false,
            message: String::new(),
            bar,
        };
        self.running.insert(name, work);
    }

    fn show(&mut self, address: &Address, is_retrying: bool, message: String) {
        if let Some(work) = self.running.get_mut(&words::address(address)) {
            work.show(is_retrying, message);
        }
    }

    fn show_total(&self) {
        if let (Some(bar), Some(total)) = (&self.total_bar, self.total) {
            bar.set_message(self.counts(total));
        }
    }

    /// Writes the line of the run or job.
    fn write_runs(&self, prefix: &str, out: &mut dyn Write) -> io::Result<()> {
        for (name, work) in &self.running {
            let took = words::duration(work.since.elapsed());
            writeln!(out, "{name}: {prefix}{} [{took}]", work.message)?;
        }
        Ok(())
    }

    /// Returns the counts of the apply and its estimated remaining time.
    fn counts(&self, total: usize) -> String {
        let mut parts = vec![
            format!(
                "{} of {} done",
                self.finished,
                words::count(total, "change")
            ),
            format!("{} in progress", self.running.len()),
        ];
        let retrying = self.running.values().filter(|work| work.is_retrying);
        match retrying.count() {
            0 => {}
            retrying => parts.push(format!("{retrying} to be sent again")),
        }
        if let Some(left) = self.left(total) {
            parts.push(format!("about {} left", words::duration(left)));
        }
        parts.join(", ")
    }

    /// Returns the remaining time: that of the expected duration, until it is exceeded; else the
    /// one that follows from the changes that are done.
    fn left(&self, total: usize) -> Option<Duration> {
        let elapsed = self.since.elapsed();
        let left = self.expected.and_then(|whole| whole.checked_sub(elapsed));
        if self.finished == total || left.is_some() {
            return left.filter(|_| self.finished < total);
        }
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let left = elapsed.saturating_mul(number(total - self.finished));
        (self.finished > 0).then(|| left / number(self.finished))
    }

    fn line(&self, total: usize) -> String {
        let mut named: Vec<String> = self
            .running
            .iter()
            .take(NAMED)
            .map(|(name, work)| format!("{name} ({})", words::duration(work.since.elapsed())))
            .collect();
        if self.running.len() > NAMED {
            named.push(format!("{} more", self.running.len() - NAMED));
        }
        let named = match named.as_slice() {
            [] => String::new(),
            named => format!(": {}", named.join(", ")),
        };
        let took = words::duration(self.since.elapsed());
        format!("{}{named} [{took}]", self.counts(total))
    }
}

impl Work {
    fn show(&mut self, is_retrying: bool, message: String) {
        self.is_retrying = is_retrying;
        self.message.clone_from(&message);
        if let Some(bar) = &self.bar {
            bar.set_message(message);
            bar.tick();
        }
    }
}

/// Creates a line with a spinner.
pub(super) fn spinner(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}

/// Returns the state that an event reports.
fn run_message(event: &RunEvent) -> String {
    match event {
        RunEvent::Retrying {
            after,
            is_ambiguous,
            why,
        } => {
            let action = if *is_ambiguous {
                "the answer is lost, looking for the run for"
            } else {
                "sending again in"
            };
            format!(
                "{action} {}: {}",
                words::duration(*after),
                words::escaped(why)
            )
        }
        RunEvent::Answered { word, progress } => match progress {
            Some(share) => format!("{} {:.0} %", words::escaped(word), share * 100.0),
            None => words::escaped(word),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_counts_all_changes() {
        let mut state = State {
            total: Some(800),
            finished: 0,
            since: Instant::now(),
            expected: Some(Duration::from_secs(100)),
            running: BTreeMap::new(),
            bars: None,
            total_bar: None,
        };
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(
            state.line(800),
            "0 of 800 changes done, 0 in progress, about 1m00s left [40s]"
        );
        // It takes longer than expected.
        state.expected = Some(Duration::from_secs(30));
        state.since = Instant::now();
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(
            state.line(800),
            "0 of 800 changes done, 0 in progress [31s]"
        );
        state.since = Instant::now();
        state.expected = None;
        assert_eq!(
            state.line(800),
            "0 of 800 changes done, 0 in progress [0.0s]"
        );
        for nth in 0..7 {
            let work = Work {
                since: Instant::now(),
                is_retrying: nth < 2,
                message: String::new(),
                bar: None,
            };
            state.running.insert(format!("A{nth}@1"), work);
        }
        state.finished = 200;
        tokio::time::advance(Duration::from_secs(150)).await;
        assert_eq!(
            state.line(800),
            "200 of 800 changes done, 7 in progress, 2 to be sent again, about 7m30s left: \
             A0@1 (2m30s), A1@1 (2m30s), A2@1 (2m30s), A3@1 (2m30s), A4@1 (2m30s), 2 more [2m30s]"
        );
    }
}

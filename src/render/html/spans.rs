//! The times of the steps of an apply, and of their jobs.

use crate::render::json::{JobTimes, ReportChange};
use crate::render::words::count;

/// The maximum number of steps in a timeline.
const MAX_BARS: usize = 200;

/// The steps of an apply with their times, in the order of their start.
pub(super) struct Timeline<'a> {
    pub(super) bars: Vec<Bar<'a>>,
    /// The time between the first start and the last end, in milliseconds.
    pub(super) length_ms: u64,
    /// The number of steps that were started.
    started: usize,
    /// The number of changes that were not started, or whose start is not recorded.
    not_started: usize,
}

/// A step.
pub(super) struct Bar<'a> {
    pub(super) change: &'a ReportChange,
    pub(super) span: Span,
    pub(super) jobs: Vec<JobBar<'a>>,
}

/// A job within a step.
pub(super) struct JobBar<'a> {
    pub(super) job: &'a JobTimes,
    pub(super) span: Span,
    /// True if the end is not known: the span then ends with the step.
    pub(super) is_open: bool,
}

/// A span of time, in milliseconds since the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
}

impl Span {
    /// Returns the duration in milliseconds.
    pub(super) fn length_ms(self) -> u64 {
        self.to_ms.saturating_sub(self.from_ms)
    }
}

impl<'a> Timeline<'a> {
    /// Returns the timeline of the changes of a report.
    pub(super) fn of(changes: &'a [ReportChange]) -> Self {
        let started = changes
            .iter()
            .filter_map(|change| Some((change, span(change)?)));
        let mut started: Vec<(&ReportChange, Span)> = started.collect();
        let began = started.iter().map(|(_, span)| span.from_ms).min();
        let began = began.unwrap_or(0);
        let ended = started.iter().map(|(_, span)| span.to_ms).max();
        let number = started.len();
        // Changes that are not done come first, then the longest ones.
        started.sort_by_key(|(change, span)| (change.is_done(), u64::MAX - span.length_ms()));
        started.truncate(MAX_BARS);
        started.sort_by_key(|(_, span)| (span.from_ms, span.to_ms));
        let bars = started.into_iter();
        Self {
            bars: bars
                .map(|(change, span)| bar(change, span, began))
                .collect(),
            length_ms: ended.unwrap_or(0).saturating_sub(began),
            started: number,
            not_started: changes.len() - number,
        }
    }

    /// Returns the sentences about the changes that the timeline does not show.
    pub(super) fn cut(&self) -> Vec<String> {
        let shown = self.bars.len();
        let cut = (shown < self.started).then(|| {
            let all = count(self.started, "step");
            format!("{shown} of {all} are shown: those that are not done, and the longest ones.")
        });
        let not_started = (self.not_started > 0).then(|| {
            let verb = if self.not_started == 1 { "has" } else { "have" };
            format!("{} {verb} no times.", count(self.not_started, "change"))
        });
        cut.into_iter().chain(not_started).collect()
    }

    /// Returns true if the end of a job is not known.
    pub(super) fn has_open_jobs(&self) -> bool {
        let mut jobs = self.bars.iter().flat_map(|bar| &bar.jobs);
        jobs.any(|job| job.is_open)
    }
}

/// Returns the span of a step, in milliseconds since 1970.
fn span(change: &ReportChange) -> Option<Span> {
    let from_ms = change.started_at_ms?;
    Some(Span {
        from_ms,
        to_ms: from_ms.saturating_add(change.took_ms()?),
    })
}

fn bar<'a>(change: &'a ReportChange, span: Span, began: u64) -> Bar<'a> {
    let since = |ms: u64| ms.clamp(span.from_ms, span.to_ms).saturating_sub(began);
    let job = |job: &'a JobTimes| {
        Some(JobBar {
            job,
            span: Span {
                from_ms: since(job.started_at_ms?),
                to_ms: since(job.ended_at_ms.unwrap_or(span.to_ms)),
            },
            is_open: job.ended_at_ms.is_none(),
        })
    };
    Bar {
        change,
        span: Span {
            from_ms: since(span.from_ms),
            to_ms: since(span.to_ms),
        },
        jobs: change.job_times.iter().filter_map(job).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(
        started_at_ms: Option<u64>,
        took_seconds: f64,
        outcome: &'static str,
    ) -> ReportChange {
        ReportChange {
            started_at_ms,
            took_seconds: Some(took_seconds),
            outcome,
            job_times: vec![JobTimes {
                job: "j".to_owned(),
                write: "deploy",
                started_at_ms: started_at_ms.map(|ms| ms + 100),
                ended_at_ms: None,
            }],
            ..ReportChange::default()
        }
    }

    #[test]
    fn times_start_at_the_first_step() {
        let changes = [
            change(Some(5_000), 2.0, "done"),
            change(Some(4_000), 1.5, "failed"),
            change(None, 0.0, "skipped"),
        ];
        let timeline = Timeline::of(&changes);
        let spans: Vec<(u64, u64)> = timeline
            .bars
            .iter()
            .map(|bar| (bar.span.from_ms, bar.span.to_ms))
            .collect();
        assert_eq!(spans, [(0, 1_500), (1_000, 3_000)]);
        assert_eq!(timeline.length_ms, 3_000);
        let job = &timeline.bars[0].jobs[0];
        assert_eq!((job.span.from_ms, job.span.to_ms), (100, 1_500));
        assert!(timeline.has_open_jobs());
        assert_eq!(timeline.cut(), ["1 change has no times."]);
    }

    #[test]
    fn steps_that_are_not_done_are_kept() {
        let mut changes: Vec<ReportChange> =
            (0..300).map(|at| change(Some(at), 9.0, "done")).collect();
        changes.push(change(Some(1_000), 0.1, "failed"));
        let timeline = Timeline::of(&changes);
        assert_eq!(timeline.bars.len(), MAX_BARS);
        assert_eq!(timeline.bars.last().unwrap().change.outcome, "failed");
        assert_eq!(
            timeline.cut(),
            ["200 of 301 steps are shown: those that are not done, and the longest ones."]
        );
    }
}

//! The times of an apply: a bar for each step, with its jobs inside.

use std::time::Duration;

use maud::{Markup, html};

use super::page::{Tone, section};
use super::spans::{Bar, JobBar, Span, Timeline};
use super::text::{brief, shown};
use crate::render::json::ReportChange;
use crate::render::words;

/// The height of a row, in pixels.
const HEIGHT: u8 = 22;

/// The shape of a bar.
enum Shape {
    Step,
    Job,
    /// A job whose end is not known.
    OpenJob,
}

/// Returns the section with the timeline of a report; nothing if no step has times.
pub(super) fn timeline(changes: &[ReportChange], level: u8) -> Markup {
    let timeline = Timeline::of(changes);
    if timeline.bars.is_empty() {
        return html! {};
    }
    let cut = timeline.cut();
    let body = html! {
        p.why {
            "Each bar is a step, and the filled part of it is its job."
            @if timeline.has_open_jobs() {
                " A dashed part is a job whose end was not recorded."
            }
        }
        (axis(timeline.length_ms))
        ol.timeline { @for bar in &timeline.bars { (row(bar, timeline.length_ms)) } }
        @if !cut.is_empty() { p.why { (cut.join(" ")) } }
    };
    section(level, "Timeline", &body)
}

/// Returns a part of the whole width, in percent.
fn percent(part: u64, whole: u64) -> String {
    // Thousandths are less than a pixel.
    let part = part.saturating_mul(100_000) / whole.max(1);
    format!("{}.{:03}%", part / 1_000, part % 1_000)
}

fn time(ms: u64) -> String {
    words::duration(Duration::from_millis(ms))
}

/// Returns the times at which the grid has its lines.
fn axis(length: u64) -> Markup {
    html! {
        div.axis aria-hidden="true" {
            span {}
            svg width="100%" height="16" {
                @for quarter in 0..=4_u64 {
                    @let anchor = match quarter { 0 => "start", 4 => "end", _ => "middle" };
                    @let x = percent(quarter, 4);
                    text.half[quarter % 2 == 1] x=(x) y="12" text-anchor=(anchor) {
                        (time(length * quarter / 4))
                    }
                }
            }
        }
    }
}

fn row(bar: &Bar<'_>, length: u64) -> Markup {
    let change = bar.change;
    let tone = Tone::of_outcome(change.outcome);
    let times = format!("{} to {}", time(bar.span.from_ms), time(bar.span.to_ms));
    html! {
        li {
            div.label {
                code { (brief(&change.address)) }
                span.why {
                    (shown(change.outcome)) ", " (time(bar.span.length_ms()))
                }
            }
            svg role="img" aria-label=(times) width="100%" height=(HEIGHT) {
                @for quarter in 0..=4_u64 {
                    @let at = percent(quarter, 4);
                    line.grid x1=(at) x2=(at) y1="0" y2=(HEIGHT) {}
                }
                (piece(bar.span, length, &Shape::Step, tone, &times))
                @for job in &bar.jobs {
                    @let shape = if job.is_open { Shape::OpenJob } else { Shape::Job };
                    (piece(job.span, length, &shape, tone, &job_title(job)))
                }
            }
        }
    }
}

fn job_title(JobBar { job, span, .. }: &JobBar<'_>) -> String {
    let id = words::escaped(&job.job);
    format!("{} job {id}, {}", job.write, time(span.length_ms()))
}

/// Returns the bar of a step or a job, in the middle of its row.
fn piece(span: Span, length: u64, shape: &Shape, tone: Tone, title: &str) -> Markup {
    let (class, height) = match shape {
        Shape::Step => ("step", 16),
        Shape::Job => ("job", 8),
        Shape::OpenJob => ("job open", 8),
    };
    let class = format!("{class} {}", tone.class());
    let x = percent(span.from_ms, length);
    let width = percent(span.length_ms(), length);
    html! {
        rect class=(class) x=(x) width=(width) y=((HEIGHT - height) / 2) height=(height) rx="3" {
            title { (title) }
        }
    }
}

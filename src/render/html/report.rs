//! The page of a report: the verdict, errors, what needs attention, what is not done, the timeline,
//! and what is done.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Page, Tone, heading, notice, section, tiles, verdict};
use super::text::{code, prose, shown};
use super::timeline::timeline;
use crate::outcome::OutcomeKind;
use crate::plan::{ActionKind, SUMMARISED_ABOVE};
use crate::render::json::{Diagnostic, ReportChange, ReportDocument, past_report_document};
use crate::render::markdown::{notes, urgency};
use crate::render::view::past;
use crate::render::view::report::ResultWord;
use crate::render::words;
use crate::store::PastApply;

/// The maximum number of completed changes that are listed.
const MAX_DONE: usize = 1_000;

/// Writes the page of a report.
pub(in crate::render) fn render_report_html(
    report: &ReportDocument,
    out: &mut dyn Write,
) -> io::Result<()> {
    let environment = report.environment.as_deref().unwrap_or_default();
    let page = Page {
        kind: report.operation(),
        subject: shown(environment),
        title: words::escaped(environment),
        facts: report.url.iter().map(|url| code(url)).collect(),
        body: body(report, 2),
        foot: foot(report),
    };
    page.write(out)
}

/// Writes the page of an earlier apply, from its journal.
pub(in crate::render) fn render_past_apply_html(
    environment: &str,
    apply: &PastApply,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = past_report_document(apply);
    let result = html! { "Apply " (code(&apply.id)) ": " (past::result(apply)) "." };
    let page = Page {
        kind: "history",
        subject: shown(environment),
        title: format!(
            "{}, apply {}",
            words::escaped(environment),
            words::escaped(&apply.id)
        ),
        facts: report
            .url
            .iter()
            .map(|url| code(url))
            .chain([result])
            .collect(),
        body: body(&report, 2),
        foot: foot(&report),
    };
    page.write(out)
}

/// Returns all of a report; `level` is that of its headings.
pub(super) fn body(report: &ReportDocument, level: u8) -> Markup {
    let tone = match report.result {
        ResultWord::Complete if report.interrupted => Tone::Warning,
        ResultWord::Complete => Tone::Good,
        ResultWord::Incomplete | ResultWord::NotApplied => Tone::Bad,
    };
    let errors: Vec<Markup> = report.errors.iter().map(error).collect();
    let notes: Vec<Markup> = notes(report).iter().map(|note| prose(note)).collect();
    let mut failures: Vec<&ReportChange> = report.changes.iter().collect();
    failures.retain(|change| !change.is_done());
    failures.sort_by_key(|change| urgency(change));
    let not_done = html! { @for change in failures { (step(change, level + 1)) } };
    let done: Vec<&ReportChange> = report
        .changes
        .iter()
        .filter(|change| change.is_done())
        .collect();
    html! {
        (verdict(tone, &report.verdict(), "", &counts(report)))
        (next(report.result == ResultWord::Complete, report.resume_command.as_deref()))
        (notice(level, "Errors", Tone::Bad, &errors))
        (notice(level, "Needs attention", Tone::Warning, &notes))
        (section(level, "Not done", &not_done))
        (timeline(&report.changes, level))
        @if !done.is_empty() { (all_done(&done, level)) }
    }
}

/// Returns the number of changes for each outcome that occurs.
fn counts(report: &ReportDocument) -> Markup {
    let order = OutcomeKind::ALL.into_iter().map(OutcomeKind::as_str);
    let others = report.outcomes.keys().copied();
    let others = others.filter(|word| OutcomeKind::of_word(word).is_none());
    let numbers: Vec<(usize, &str, Tone)> = order
        .chain(others)
        .filter_map(|outcome| {
            let number = report.outcomes.get(outcome).copied().unwrap_or(0);
            (number > 0).then(|| (number, outcome, Tone::of_outcome(outcome)))
        })
        .collect();
    html! { @if !numbers.is_empty() { (tiles(&numbers)) } }
}

/// Returns the next command: one that checks a complete apply, or continues another one.
pub(super) fn next(is_complete: bool, command: Option<&str>) -> Markup {
    let label = if is_complete { "To check" } else { "To go on" };
    html! { @if let Some(command) = command { p.next { (label) ", run: " (code(command)) } } }
}

/// Returns an error with its position, causes and help.
pub(super) fn error(error: &Diagnostic) -> Markup {
    html! {
        (prose(&error.summary))
        @for cause in &error.x_solution.causes { ": " (prose(cause)) }
        @if let Some(range) = &error.range {
            @let start = range.start;
            " · " (code(&format!("{}:{}:{}", range.filename, start.line, start.column)))
        }
        @if let Some(help) = &error.x_solution.help { p.help { (prose(help)) } }
    }
}

/// Returns the sign of an action, or nothing if it is not recorded.
fn sign(action: Option<&str>) -> Markup {
    let kind = action.and_then(ActionKind::of_word);
    html! { @if let Some(kind) = kind { (super::change::sign(kind)) } }
}

/// Returns a change with its outcome, and the reason.
fn step(change: &ReportChange, level: u8) -> Markup {
    let title = html! { (code(&change.address)) " " span { (change.outcome) } };
    html! {
        article.(Tone::of_outcome(change.outcome).class()) {
            div.head { (sign(change.action)) (heading(level, &title)) }
            (details(change))
        }
    }
}

/// Returns the facts about the outcome of a change.
fn details(change: &ReportChange) -> Markup {
    let position = change.position.as_ref();
    let position = position.map(|found| format!("{}:{}:{}", found.file, found.line, found.column));
    let took = change.took_ms().filter(|ms| *ms > 0);
    let took = took.map(|ms| words::duration(std::time::Duration::from_millis(ms)));
    html! {
        @if let Some(detail) = &change.detail { p { (prose(detail)) } }
        @if let Some(help) = &change.help { p.help { (prose(help)) } }
        @if !change.sent_twice.is_empty() {
            p { (change.sent_twice.join(", ")) " sent more than once" }
        }
        @if let Some(upload) = &change.upload {
            p {
                (words::bytes(upload.bytes))
                @if upload.was_already { " were uploaded before" } @else { " uploaded" }
            }
        }
        @for run in change.verified_runs() {
            p {
                "Verification with " (run.phrase())
                @if let Some(id) = &run.run { " (" (code(id)) ")" }
            }
        }
        dl.facts {
            @if let Some(took) = took { div { dt { "took" } dd { (took) } } }
            @if let Some(id) = &change.id { div { dt { "id" } dd { (code(id)) } } }
            @for job in &change.jobs { div { dt { "job" } dd { (code(job)) } } }
            @if let Some(position) = position {
                div { dt { "declared in" } dd { (code(&position)) } }
            }
        }
    }
}

/// Returns the completed changes; many are folded.
fn all_done(done: &[&ReportChange], level: u8) -> Markup {
    let number = done.len();
    let rest = number.saturating_sub(MAX_DONE);
    html! {
        section {
            (heading(level, &html! { "Done" }))
            details open[number <= SUMMARISED_ABOVE] {
                summary { (words::count(number, "change")) " done" }
                ul.lines.done {
                    @for change in done.iter().take(MAX_DONE) {
                        li {
                            (sign(change.action))
                            div { (code(&change.address)) (details(change)) }
                        }
                    }
                    @if rest > 0 { li { "and " (words::count(rest, "more change")) } }
                }
            }
        }
    }
}

/// Returns the id and the times of the apply.
pub(super) fn foot(report: &ReportDocument) -> Vec<Markup> {
    let apply = report
        .run
        .as_ref()
        .map(|id| html! { "Apply " (code(id)) "." });
    let times = report.started_at.as_ref().map(|began| {
        html! {
            "Began " (code(began))
            @if let Some(ended) = &report.ended_at { ", ended " (code(ended)) }
            "."
        }
    });
    let provenance = report.provenance_line.as_ref();
    let provenance = provenance.map(|line| html! { (prose(line)) });
    apply.into_iter().chain(times).chain(provenance).collect()
}

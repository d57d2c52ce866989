//! Earlier runs, as a table or one by one.

use std::io::{self, Write};
use std::time::Duration;

use super::table::{Rows, render_rows, render_table, time};
use crate::apply::OutcomeWord;
use crate::render::words;
use crate::store::{PastRun, PastStep};

/// Writes a table of runs, the newest first.
pub fn render_history(runs: &[PastRun], out: &mut dyn Write) -> io::Result<()> {
    let header = [
        "RUN", "BEGAN", "TOOK", "RESULT", "CHANGES", "DONE", "NOT DONE",
    ];
    let rows = runs.iter().rev().map(|run| {
        let done = count_done(run);
        [
            Some(run.id.clone()),
            run.began_at_ms.and_then(at),
            took(run),
            Some(result(run).to_owned()),
            Some(run.changes.to_string()),
            Some(done.to_string()),
            Some(run.changes.saturating_sub(done).to_string()),
        ]
    });
    render_table(header, rows, out)
}

/// Writes all that is kept of one run.
pub fn render_past_run(run: &PastRun, out: &mut dyn Write) -> io::Result<()> {
    let subject = run.subject.as_ref();
    let rows: Rows = vec![
        ("run", Some(run.id.clone())),
        ("began", run.began_at_ms.and_then(at)),
        ("took", took(run)),
        ("result", Some(result(run).to_owned())),
        (
            "environment",
            subject.map(|subject| subject.environment.clone()),
        ),
        ("url", subject.map(|subject| subject.url.clone())),
        (
            "manifest",
            subject.map(|subject| subject.manifest.to_string()),
        ),
        ("plan", run.plan.clone()),
    ];
    render_rows(&rows, out)?;
    writeln!(out)?;
    let header = ["CHANGE", "ACTION", "OUTCOME", "ID", "JOBS", "BECAUSE"];
    let rows = run.steps.iter().map(|step| {
        let outcome = step.outcome.as_ref();
        [
            Some(step.address.to_string()),
            step.action
                .as_ref()
                .map(|action| words::legend(action.kind()).to_owned()),
            Some(word_of(step).to_owned()),
            outcome.and_then(|outcome| outcome.id.as_ref().map(ToString::to_string)),
            jobs_of(step),
            outcome.and_then(|outcome| outcome.detail.clone()),
        ]
    });
    render_table(header, rows, out)
}

fn jobs_of(step: &PastStep) -> Option<String> {
    let jobs: Vec<&str> = step
        .sendings
        .iter()
        .filter_map(|sent| sent.job.as_ref())
        .map(crate::ident::JobId::as_str)
        .collect();
    Some(jobs.join(", ")).filter(|text| !text.is_empty())
}

/// How a step ended; one without a word was cut off.
pub(in crate::render) fn word_of(step: &PastStep) -> &'static str {
    match &step.outcome {
        Some(outcome) => outcome.word.as_str(),
        None if step.sendings.is_empty() => "not sent",
        None => "unknown",
    }
}

pub(in crate::render) fn count_done(run: &PastRun) -> usize {
    run.steps
        .iter()
        .filter_map(|step| step.outcome.as_ref())
        .filter(|outcome| outcome.word == OutcomeWord::Done && !outcome.unfinished)
        .count()
}

/// How a run ended.
pub(in crate::render) fn result(run: &PastRun) -> &'static str {
    match run.complete {
        Some(true) => "complete",
        Some(false) => "incomplete",
        None => "interrupted",
    }
}

fn at(ms: u64) -> Option<String> {
    time(i64::try_from(ms).ok()?)
}

fn took(run: &PastRun) -> Option<String> {
    let ms = run.last_at_ms?.checked_sub(run.began_at_ms?)?;
    Some(words::duration(Duration::from_millis(ms)))
}

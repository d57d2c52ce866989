//! Runs of solutions and jobs, as a table or one by one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::table::{Rows, render_rows, render_table};
use crate::ident::{Address, SolutionId};
use crate::job::{RunList, RunState};
use crate::render::words;
use crate::run::JobReport;

/// Writes a table of runs. A solution is shown by its address if it is known, otherwise by its id.
pub fn render_runs(
    list: &RunList,
    names: &BTreeMap<SolutionId, Address>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let header = ["ID", "STATE", "STARTED", "TOOK", "SOLUTION", "OUTPUT"];
    let rows = list.runs.iter().map(|run| {
        let solution = run.solution_id.as_ref().map(|id| {
            names
                .get(id)
                .map_or_else(|| id.to_string(), ToString::to_string)
        });
        [
            Some(run.id.to_string()),
            run.state.as_ref().map(RunState::as_str).map(str::to_owned),
            run.started_at_ms.and_then(words::brief_time),
            run.time_taken_ms.and_then(took),
            solution,
            run.output_folder.clone(),
        ]
    });
    render_table(header, rows, out)
}

/// Writes the state of a run or job.
pub fn render_job(report: &JobReport, out: &mut dyn Write) -> io::Result<()> {
    let JobReport {
        id,
        outcome,
        state,
        progress,
        message,
        started_at_ms,
        time_taken_ms,
        output_folder,
        solution_ids,
        sent_twice,
    } = report;
    let mut rows: Rows = vec![
        ("id", Some(id.to_string())),
        ("outcome", Some(outcome.label().to_owned())),
    ];
    let why = outcome.reason();
    let solutions: Vec<&str> = solution_ids.iter().map(SolutionId::as_str).collect();
    let optional = [
        ("state", state.clone()),
        ("because", why.cloned()),
        ("message", message.clone().filter(|text| why != Some(text))),
        (
            "progress",
            progress.map(|share| format!("{:.0} %", share * 100.0)),
        ),
        ("started", started_at_ms.and_then(words::time)),
        ("time taken", time_taken_ms.and_then(took)),
        (
            "solution",
            Some(solutions.join(", ")).filter(|text| !text.is_empty()),
        ),
        ("output folder", output_folder.clone()),
        (
            "note",
            sent_twice.then(|| "sent twice, because the first answer was lost".to_owned()),
        ),
    ];
    rows.extend(optional.into_iter().filter(|(_, value)| value.is_some()));
    render_rows(&rows, out)
}

fn took(ms: i64) -> Option<String> {
    let ms = u64::try_from(ms).ok()?;
    Some(words::duration(Duration::from_millis(ms)))
}

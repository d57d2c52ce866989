//! The report of an apply of several environments in Markdown: the matrix of the plans, the verdict
//! of each environment, and the changes of all. It never exceeds the size of a comment.

use std::io::{self, Write};

use super::budget::{Row, Section, Tables, listed, quotes, strong};
use super::escape::{NAME_LIMIT, code, short_code, shortened};
use super::matrix::{matrix_tables, several_head};
use super::report::{LONGEST_DETAIL, errors, foot, notes, row, urgency};
use crate::render::json::{EnvironmentReport, ReportsView};
use crate::render::view::reports::ReportsVerdict;
use crate::render::words;

const HEADER: &str = "| environment | | version | outcome | detail | jobs |\n\
                      |---|---|---|---|---|---|\n";

/// Writes the report of an apply of several environments.
pub(in crate::render) fn render_reports_markdown(
    reports: &ReportsView<'_>,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let environments = reports.environments;
    let verdict = reports.verdict();
    let names = environments.iter().map(|one| one.name.as_str());
    let mut head = several_head((" report", "apply"), names, &verdict.sentence());
    let eighth = max_bytes / 8;
    let mut all_errors = errors(reports.errors);
    let mut all_notes = Vec::new();
    let (mut failures, mut done) = (Vec::new(), Vec::new());
    for environment in environments {
        let prefixed = |text: String| format!("{}: {text}", environment.name);
        all_errors.extend(errors(environment.errors()).into_iter().map(prefixed));
        let Some(document) = environment.document() else {
            continue;
        };
        all_errors.extend(errors(&document.errors).into_iter().map(prefixed));
        all_notes.extend(notes(document).into_iter().map(prefixed));
        for change in &document.changes {
            let rows = if change.is_done() {
                &mut done
            } else {
                &mut failures
            };
            rows.push((urgency(change), in_environment(&row(change), environment)));
        }
    }
    // The order of the environments stays within the same urgency.
    failures.sort_by_key(|(urgency, _)| *urgency);
    let failures: Vec<Row> = failures.into_iter().map(|(_, row)| row).collect();
    let done: Vec<Row> = done.into_iter().map(|(_, row)| row).collect();
    let verdicts: Vec<String> = environments.iter().map(verdict_line).collect();
    let verdicts = listed(&verdicts, eighth);
    head.push_str(&quotes("Error", &all_errors, eighth));
    head.push_str(&quotes("Needs attention", &all_notes, eighth));
    let foot = next_line(&verdict);
    let used = head.len() + verdicts.len() + foot.len();
    let budget = max_bytes.saturating_sub(used);
    let matrix = if reports.plans.is_empty() {
        String::new()
    } else {
        matrix_tables(reports.plans, "report", budget / 3)
    };
    let line = format!("{} done", words::count(done.len(), "change"));
    let tables = Tables {
        header: HEADER,
        document: "report",
        sections: [
            Section::titled("Not done", &failures, "change"),
            Section::folded(&line, &done, "change"),
        ],
    };
    let tables = tables.within(budget.saturating_sub(matrix.len()));
    for part in [head, matrix, verdicts, tables, foot] {
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

fn in_environment(row: &Row, environment: &EnvironmentReport) -> Row {
    let name = short_code(&environment.name, NAME_LIMIT);
    Row {
        whole: format!("| {name} {}", row.whole),
        brief: format!("| {name} {}", row.brief),
        rank: row.rank,
    }
}

/// Returns the verdict of an environment, with the id and the times of its apply.
fn verdict_line(environment: &EnvironmentReport) -> String {
    let verdict = environment.verdict();
    let name = short_code(verdict.name, NAME_LIMIT);
    let document = environment.document();
    let foot = document.map_or_else(String::new, |document| format!(" {}", foot(document)));
    let (sentence, rest) = match verdict.sentence.split_once(": ") {
        // An error may contain any text.
        Some((head, error)) if document.is_none() => (head, format!(": {}", code(error))),
        _ => (verdict.sentence.as_str(), String::new()),
    };
    format!("{name}: {}{rest}{foot}", strong(sentence))
}

fn next_line(verdict: &ReportsVerdict<'_>) -> String {
    let line = verdict.next_line(|command| code(&shortened(command, LONGEST_DETAIL)));
    line.map_or_else(String::new, |line| format!("\n<sub>{line}</sub>\n"))
}

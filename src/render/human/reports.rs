//! The report of an apply of several environments as text.

use std::io::{self, Write};

use super::matrix::render_plan_rows;
use super::plan::PlanDetail;
use crate::render::json::{Diagnostic, EnvironmentEnd, ReportsView};
use crate::render::styles::StyledWriter;
use crate::render::view::report::ResultWord;
use crate::render::view::reports::EnvironmentVerdict;
use crate::render::words;

/// Writes the line in front of the output of one of several environments.
pub fn render_environment(
    name: &str,
    url: Option<&str>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let name = words::quoted(name);
    let line = match url {
        Some(url) => format!("Environment {name} at {}.", words::escaped(url)),
        None => format!("Environment {name}."),
    };
    out.line(out.styles.strong, line)
}

/// Writes the whole report: the matrix of the plans, the report of each environment, and the
/// verdicts.
pub(in crate::render) fn render_reports(
    reports: &ReportsView<'_>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    render_plan_rows(reports.plans, PlanDetail::Verbose, out)?;
    for environment in reports.environments {
        render_environment(&environment.name, environment.url.as_deref(), out)?;
        match &environment.end {
            EnvironmentEnd::Begun(_, text) => out.write_all(text.as_bytes())?,
            EnvironmentEnd::NotBegun(errors) => {
                render_errors(errors, out)?;
                writeln!(out, "{}", words::escaped(&environment.verdict().sentence))?;
            }
        }
        writeln!(out)?;
    }
    render_errors(reports.errors, out)?;
    render_reports_verdict(reports, out)
}

/// Writes the last lines: the verdict of each environment, that of all of them, and the next
/// command if something is left.
pub fn render_reports_verdict(
    reports: &ReportsView<'_>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let verdict = reports.verdict();
    for EnvironmentVerdict { name, sentence, .. } in &verdict.environments {
        writeln!(
            out,
            "{}: {}",
            words::escaped(name),
            words::escaped(sentence)
        )?;
    }
    let style = match verdict.result() {
        ResultWord::Complete => out.styles.add,
        ResultWord::Incomplete | ResultWord::NotApplied => out.styles.destroy,
    };
    out.line(style, verdict.sentence())?;
    match verdict.next_line(str::to_owned) {
        Some(line) => writeln!(out, "{line}"),
        None => Ok(()),
    }
}

/// Writes errors with their causes, one a line.
pub(in crate::render) fn render_errors(
    errors: &[Diagnostic],
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let mut lines = errors.iter().map(Diagnostic::in_one_line);
    lines.try_for_each(|line| writeln!(out, "Error: {}", words::escaped(&line)))
}

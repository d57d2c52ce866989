//! The report of an apply of several environments as text.

use std::io::{self, Write};

use super::matrix::render_plan_rows;
use super::plan::PlanDetail;
use crate::render::json::{EnvironmentEnd, EnvironmentReport, ReportsView};
use crate::render::styles::StyledWriter;
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
            EnvironmentEnd::NotBegun(_) => {
                writeln!(out, "{}", words::escaped(&environment.verdict()))?;
            }
        }
        writeln!(out)?;
    }
    for error in reports.errors {
        writeln!(out, "Error: {}", words::escaped(&error.summary))?;
    }
    render_reports_verdict(reports, out)
}

/// Writes the last lines: the verdict of each environment, that of all of them, and the next
/// command if something is left.
pub fn render_reports_verdict(
    reports: &ReportsView<'_>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    for environment in reports.environments {
        render_environment_verdict(environment, out)?;
    }
    let (style, next) = if reports.is_complete() {
        (out.styles.add, "To check")
    } else {
        (out.styles.destroy, "To go on")
    };
    out.line(style, reports.verdict())?;
    match reports.next {
        Some(command) => writeln!(out, "{next}, run: {command}"),
        None => Ok(()),
    }
}

fn render_environment_verdict(
    environment: &EnvironmentReport,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let name = words::escaped(&environment.name);
    writeln!(out, "{name}: {}", words::escaped(&environment.verdict()))
}

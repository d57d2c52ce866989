//! Several environments as text: the matrix, then each environment.

use std::io::{self, Write};

use super::plan::{PlanDetail, render_body};
use super::table::Table;
use crate::plan::{Plan, SUMMARISED_ABOVE};
use crate::render::json::{EnvironmentResult, ListResult, PlanResult, lists, plans};
use crate::render::styles::StyledWriter;
use crate::render::view::matrix::{
    Matrix, MatrixRow, MatrixVersion, NO_VERSION, NOT_READ, verdict,
};
use crate::render::words;
use crate::review::Review;

/// Writes the plans of several environments: the matrix, and below it every change of each.
pub fn render_plan_matrix(
    environments: &[EnvironmentResult<PlanResult>],
    detail: PlanDetail,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    render_plan_rows(environments, detail, out)?;
    for environment in environments {
        match &environment.result {
            Ok(result) => {
                let line = format!(
                    "Environment {} at {}.",
                    words::quoted(&environment.name),
                    words::escaped(&result.plan.subject.url)
                );
                out.line(out.styles.strong, line)?;
                let detail = body_detail(&result.plan, detail);
                render_body(&result.plan, (detail, &result.abandon), out)?;
            }
            Err(_) => render_error(environment, "no plan", out)?,
        }
        writeln!(out)?;
    }
    out.line(out.styles.strong, verdict(plans(environments)))
}

/// Writes the matrix of plans, without the environments below it.
pub(super) fn render_plan_rows(
    environments: &[EnvironmentResult<PlanResult>],
    detail: PlanDetail,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let matrix = Matrix::of_plans(plans(environments));
    let shown = shown_rows(&matrix, detail);
    if !shown.is_empty() {
        render_rows(&matrix, &shown, names(environments), out)?;
    }
    let more = matrix.rows.len() - shown.len();
    if more > 0 {
        let more = words::count(more, "more solution");
        writeln!(out, "{more}; --verbose shows all of them.")?;
    }
    if !matrix.rows.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the lists of several environments, without the first `offset` solutions and with at most
/// `limit`.
pub fn render_list_matrix(
    environments: &[EnvironmentResult<ListResult>],
    (offset, limit): (usize, usize),
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let matrix = Matrix::of_lists(lists(environments), (offset, limit));
    if matrix.rows.is_empty() {
        writeln!(out, "No live versions.")?;
    } else {
        let rows: Vec<_> = matrix.rows.iter().collect();
        render_rows(&matrix, &rows, names(environments), out)?;
    }
    let failed = environments.iter().filter(|one| one.result.is_err());
    for (index, environment) in failed.enumerate() {
        if index == 0 {
            writeln!(out)?;
        }
        render_error(environment, "not listed", out)?;
    }
    Ok(())
}

/// Writes the solutions whose declared versions change: at most as many as a summary has.
pub(super) fn render_review_rows(review: &Review, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let matrix = Matrix::of_review(review);
    let rows: Vec<_> = matrix.rows.iter().take(SUMMARISED_ABOVE).collect();
    if rows.is_empty() {
        return Ok(());
    }
    render_rows(
        &matrix,
        &rows,
        review.environments.iter().map(String::as_str),
        out,
    )?;
    let more = matrix.rows.len() - rows.len();
    if more > 0 {
        let more = words::count(more, "more solution");
        writeln!(out, "{more}; --format json shows all of them.")?;
    }
    writeln!(out)
}

fn names<T>(environments: &[EnvironmentResult<T>]) -> impl Iterator<Item = &str> {
    environments.iter().map(|one| one.name.as_str())
}

/// Returns the rows to write. In a summary they are limited: rows with a loss come first.
fn shown_rows<'m, 'a>(matrix: &'m Matrix<'a>, detail: PlanDetail) -> Vec<&'m MatrixRow<'a>> {
    let rows = matrix.rows.iter();
    let changed = || matrix.rows.iter().filter(|row| row.is_changed());
    match detail {
        PlanDetail::Verbose => rows.collect(),
        PlanDetail::Concise => changed().collect(),
        PlanDetail::Summarised if matrix.rows.len() <= SUMMARISED_ABOVE => rows.collect(),
        PlanDetail::Summarised => changed().take(SUMMARISED_ABOVE).collect(),
    }
}

/// Returns the detail of the changes below the matrix, which has their fields already.
fn body_detail(plan: &Plan, detail: PlanDetail) -> PlanDetail {
    match detail {
        PlanDetail::Summarised if plan.to_do().count() <= SUMMARISED_ABOVE => PlanDetail::Concise,
        other => other,
    }
}

fn render_error<T>(
    environment: &EnvironmentResult<T>,
    what: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let name = words::quoted(&environment.name);
    let line = format!(
        "Environment {name}: {what}: {}",
        words::escaped(&environment.error())
    );
    out.line(out.styles.warning, line)
}

/// Writes the table: a line for each version, and for each solution as many lines as its fullest
/// cell needs. The meaning of the symbols follows.
fn render_rows<'n>(
    matrix: &Matrix<'_>,
    rows: &[&MatrixRow<'_>],
    environments: impl Iterator<Item = &'n str>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let header = std::iter::once("SOLUTION".to_owned()).chain(environments.map(words::escaped));
    let table = Table::new(header, rows.iter().map(|row| cells(row)));
    table.write(out.width, out)?;
    let legend = matrix.legend().into_iter();
    let legend: Vec<String> = legend
        .map(|(symbol, what)| format!("{symbol} {what}"))
        .collect();
    if legend.is_empty() {
        return Ok(());
    }
    out.line(out.styles.faint, format!("Symbols: {}.", legend.join(", ")))
}

/// Returns the cells of a solution, its name first.
fn cells(row: &MatrixRow<'_>) -> Vec<Vec<String>> {
    let has_owner = row.has_several_owners();
    let cells = row.cells.iter().map(|versions| match versions {
        None => vec![NOT_READ.to_owned()],
        Some(versions) if versions.is_empty() => vec![NO_VERSION.to_owned()],
        Some(versions) => versions
            .iter()
            .map(|version| version_text(version, has_owner))
            .collect(),
    });
    std::iter::once(vec![words::escaped(row.name)])
        .chain(cells)
        .collect()
}

fn version_text(version: &MatrixVersion<'_>, has_owner: bool) -> String {
    let symbol = version.change.map(|kind| format!("{:>3}", kind.symbol()));
    let blocked = (!version.blocks.is_empty()).then(|| "(blocked)".to_owned());
    let parts = [
        symbol,
        Some(version.label(has_owner, words::escaped)),
        version.state.text(words::escaped),
        version.visibility.text(words::escaped),
        version.verified.map(|mark| format!("({mark})")),
        blocked,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

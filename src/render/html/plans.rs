//! The page of the plans of several environments: the matrix, then each plan.

use std::io::{self, Write};

use maud::{Markup, html};

use super::change::sign;
use super::page::{Page, Tone, heading, marks, section, verdict};
use super::plan::{body, foot};
use super::report::error;
use super::text::{brief, code, shown};
use crate::escape::escaped;
use crate::plan::ActionKind;
use crate::render::json::{EnvironmentResult, PlanResult, plans};
use crate::render::view::matrix::{self as view, Matrix, MatrixRow, MatrixVersion};
use crate::render::words;

/// The maximum number of rows of a matrix without a change.
const MAX_UNCHANGED: usize = 1_000;

/// Writes the page of the plans of several environments.
pub(in crate::render) fn render_plans_html(
    environments: &[EnvironmentResult<PlanResult>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
    let has_error = environments.iter().any(|one| one.result.is_err());
    let tone = if has_error { Tone::Bad } else { Tone::Warning };
    let matrix = matrix_section(environments);
    let page = Page {
        kind: "plan",
        subject: subject(&names),
        title: escaped(&names.join(", ")),
        facts: Vec::new(),
        body: html! {
            (verdict(tone, &view::verdict(plans(environments)), "", &html! {}))
            (contents(&names))
            (matrix)
            @for (index, environment) in environments.iter().enumerate() {
                @let url = environment.url.as_deref();
                (in_environment(index, &environment.name, url, &of(environment)))
            }
        },
        foot: Vec::new(),
    };
    page.write(out)
}

fn of(environment: &EnvironmentResult<PlanResult>) -> Markup {
    match &environment.result {
        Ok(PlanResult {
            plan,
            refusals,
            abandon,
        }) => html! {
            (body(plan, refusals, abandon, 3))
            p.why { (foot(plan)) }
        },
        Err(errors) => html! {
            div.verdict.bad {
                p.line { strong { "No plan." } }
                ul { @for found in errors { li { (error(found)) } } }
            }
        },
    }
}

/// Returns the names of environments as a title.
pub(super) fn subject(names: &[&str]) -> Markup {
    html! {
        @for (index, name) in names.iter().enumerate() {
            @if index > 0 { ", " }
            (shown(name))
        }
    }
}

/// Returns the links to the environments of the page.
pub(super) fn contents(names: &[&str]) -> Markup {
    html! {
        nav aria-label="Environments" {
            ul { @for (index, name) in names.iter().enumerate() {
                li { a href={ "#environment-" (index) } { (shown(name)) } }
            } }
        }
    }
}

/// Returns the part of a page about one environment.
pub(super) fn in_environment(index: usize, name: &str, url: Option<&str>, body: &Markup) -> Markup {
    html! {
        section.environment id={ "environment-" (index) } {
            (heading(2, &html! { (shown(name)) }))
            @if let Some(url) = url { p.fact { (code(url)) } }
            (body)
        }
    }
}

/// Returns the matrix of the plans of several environments.
pub(super) fn matrix_section(environments: &[EnvironmentResult<PlanResult>]) -> Markup {
    let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
    table("Solutions", &Matrix::of_plans(plans(environments)), &names)
}

/// Returns a matrix under a title: rows without a change are folded.
pub(super) fn table(title: &str, matrix: &Matrix<'_>, names: &[&str]) -> Markup {
    let (changed, same): (Vec<_>, Vec<_>) = matrix.rows.iter().partition(|row| row.is_changed());
    let rest = same.len().saturating_sub(MAX_UNCHANGED);
    section(
        2,
        title,
        &html! {
            @if !changed.is_empty() { (rows("Solutions with changes", &changed, names)) }
            @if !same.is_empty() {
                details {
                    summary { (words::count(same.len(), "solution")) " without changes" }
                    (rows("Solutions without changes", &same[..same.len() - rest], names))
                    @if rest > 0 { p { "and " (words::count(rest, "more solution")) } }
                }
            }
        },
    )
}

fn rows(label: &str, rows: &[&MatrixRow<'_>], names: &[&str]) -> Markup {
    html! {
        // A wide table is scrolled within itself, by keyboard too.
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table.matrix {
                thead { tr {
                    th scope="col" { "Solution" }
                    @for name in names { th scope="col" { (shown(name)) } }
                } }
                tbody {
                    @for row in rows {
                        @let has_owner = row.has_several_owners();
                        tr {
                            th scope="row" { (brief(row.name)) }
                            @for cell in &row.cells {
                                td { (versions(cell.as_deref(), has_owner)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn versions(cell: Option<&[MatrixVersion<'_>]>, has_owner: bool) -> Markup {
    html! {
        @match cell {
            None => span.none { "not known" },
            Some([]) => span.none { "none" },
            Some(versions) => ul { @for found in versions { li { (version(found, has_owner)) } } },
        }
    }
}

fn version(version: &MatrixVersion<'_>, has_owner: bool) -> Markup {
    let kind = version.change.filter(|kind| *kind != ActionKind::NoOp);
    let blocks = version
        .blocks
        .iter()
        .map(|block| (block.clone(), Tone::Bad));
    let risks = version.risks.iter().map(|(mark, is_high)| {
        let tone = if *is_high { Tone::Bad } else { Tone::Warning };
        (mark.to_string(), tone)
    });
    let found: Vec<(String, Tone)> = blocks.chain(risks).collect();
    let values = [
        version.state.text(escaped),
        version.visibility.text(escaped),
        version.verified.map(str::to_owned),
    ];
    html! {
        @if let Some(kind) = kind { (sign(kind)) }
        strong { (version.label(has_owner, escaped)) }
        @for text in values.into_iter().flatten() { " " (text) }
        (marks(&found))
    }
}

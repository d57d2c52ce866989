//! The page of an apply of several environments: the verdict of all, the matrix of the plans, then
//! the report of each environment.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Page, Tone, notice, verdict};
use super::plans::{contents, in_environment, matrix_section, subject};
use super::report::{body, error, foot, next};
use crate::escape::escaped;
use crate::render::json::{EnvironmentReport, ReportsView};
use crate::render::view::report::ResultWord;

/// Writes the page of an apply of several environments.
pub(in crate::render) fn render_reports_html(
    reports: &ReportsView<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let environments = reports.environments;
    let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
    let end = reports.verdict();
    let is_complete = end.result() == ResultWord::Complete;
    let tone = if is_complete { Tone::Good } else { Tone::Bad };
    let errors: Vec<Markup> = reports.errors.iter().map(error).collect();
    let page = Page {
        kind: "apply",
        subject: subject(&names),
        title: escaped(&names.join(", ")),
        facts: Vec::new(),
        body: html! {
            (verdict(tone, &end.sentence(), "", &html! {}))
            (next(is_complete, end.next))
            (notice(2, "Errors", Tone::Bad, &errors))
            (contents(&names))
            (matrix_section(reports.plans))
            @for (index, environment) in environments.iter().enumerate() {
                @let url = environment.url.as_deref();
                (in_environment(index, &environment.name, url, &of(environment)))
            }
        },
        foot: Vec::new(),
    };
    page.write(out)
}

fn of(environment: &EnvironmentReport) -> Markup {
    let errors: Vec<Markup> = environment.errors().iter().map(error).collect();
    html! {
        @match environment.document() {
            Some(document) => {
                (body(document, 3))
                @for line in foot(document) { p.why { (line) } }
            }
            None => {
                (verdict(Tone::Bad, &environment.verdict().sentence, "", &html! {}))
                (notice(3, "Errors", Tone::Bad, &errors))
            }
        }
    }
}

//! The page of the earlier applies of an environment, the newest first.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Page, Tone, heading, section, verdict};
use super::text::{code, prose, shown};
use crate::render::view::past::{PastRow, number_of, rows};
use crate::render::words;
use crate::store::PastApply;

/// Writes the page.
pub(in crate::render) fn render_history_html(
    environment: &str,
    applies: &[PastApply],
    out: &mut dyn Write,
) -> io::Result<()> {
    let list = html! { @for row in rows(applies) { (apply(&row)) } };
    let page = Page {
        kind: "history",
        subject: shown(environment),
        title: words::escaped(environment),
        facts: Vec::new(),
        body: html! {
            (verdict(Tone::Plain, &number_of(applies), "", &html! {}))
            (section(2, "Applies", &list))
        },
        foot: Vec::new(),
    };
    page.write(out)
}

fn apply(row: &PastRow) -> Markup {
    let tone = if row.is_complete {
        Tone::Good
    } else {
        Tone::Bad
    };
    let title = html! { (code(&row.id)) " " span { (row.result) } };
    html! {
        article.(tone.class()) {
            div.head { (heading(3, &title)) }
            @if let Some(line) = &row.provenance { p { (prose(line)) } }
            dl.facts {
                @if let Some(began) = &row.began { div { dt { "began" } dd { (began) } } }
                @if let Some(took) = &row.took { div { dt { "took" } dd { (took) } } }
                div { dt { "done" } dd { (row.done) } }
            }
        }
    }
}

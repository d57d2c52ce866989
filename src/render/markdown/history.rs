//! The earlier applies of an environment in Markdown, the newest first.

use std::io::{self, Write};

use super::budget::{Row, Section, Tables};
use super::escape::{NAME_LIMIT, code, short_code, shortened};
use super::report::LONGEST_DETAIL;
use crate::render::view::past::{PastRow, number_of, rows};
use crate::store::PastApply;

const HEADER: &str =
    "| | apply | began | took | result | provenance |\n|---|---|---|---|---|---|\n";

/// Writes the list of applies.
pub(in crate::render) fn render_history_markdown(
    environment: &str,
    applies: &[PastApply],
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = short_code(environment, NAME_LIMIT);
    let head = format!(
        "### solform history: {name}\n\n**{}**\n",
        number_of(applies)
    );
    let applies: Vec<Row> = rows(applies).enumerate().map(row).collect();
    let tables = Tables {
        header: HEADER,
        document: "history",
        sections: [
            Section::titled("Applies", &applies, "apply"),
            Section::titled("", &[], "apply"),
        ],
    };
    let tables = tables.within(max_bytes.saturating_sub(head.len()));
    out.write_all((head + &tables).as_bytes())
}

/// Returns an apply as a row. The oldest rows are cut first.
fn row((rank, apply): (usize, PastRow)) -> Row {
    let facts = format!(
        "| {} | {} | {} | {} | {} |",
        apply.done,
        code(&apply.id),
        apply.began.unwrap_or_default(),
        apply.took.map(|took| code(&took)).unwrap_or_default(),
        apply.result,
    );
    let provenance = apply
        .provenance
        .map(|line| code(&shortened(&line, LONGEST_DETAIL)));
    Row {
        whole: format!("{facts} {} |\n", provenance.unwrap_or_default()),
        brief: format!("{facts} |\n"),
        rank,
    }
}

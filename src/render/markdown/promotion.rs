//! A promotion in Markdown: the verdict, what is promoted, then the other solutions, folded.

use std::io::{self, Write};

use super::budget::{Row, Section, Tables, strong};
use super::escape::{code, comment, shortened};
use crate::ident::Digest;
use crate::promotion::{Decision, Promotion, PromotionRow};
use crate::render::view::promotion as view;
use crate::render::words;

const HEADER: &str = "| solution | in service in the source | in service in the target | \
    declared | new |\n|---|---|---|---|---|\n";

/// The maximum length of a name in the header, in characters. The header itself is never cut.
const MAX_NAME: usize = 200;

/// Writes a promotion.
pub fn render_promotion_markdown(
    promotion: &Promotion,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Promotion {
        from,
        to,
        manifest,
        rows,
        is_written: _,
    } = promotion;
    let key = Digest::of(format!("{from}\n{to}\n{manifest}").as_bytes());
    let mut head = Vec::new();
    // A wrapper script finds its comment by this line, so it must not change with the content.
    writeln!(
        head,
        "<!-- solform promotion from={} to={} id={} -->",
        comment(&shortened(from, MAX_NAME)),
        comment(&shortened(to, MAX_NAME)),
        &key.as_str()[..12]
    )?;
    writeln!(
        head,
        "### solform promotion: {} to {} in {}\n",
        code(&shortened(from, MAX_NAME)),
        code(&shortened(to, MAX_NAME)),
        code(&shortened(manifest, MAX_NAME))
    )?;
    writeln!(head, "{}", strong(&view::verdict(promotion)))?;
    let is_promoted = |row: &&PromotionRow| matches!(row.decision, Decision::Promote(..));
    let (promoted, rest): (Vec<&PromotionRow>, Vec<_>) = rows.iter().partition(is_promoted);
    let [promoted, rest] =
        [promoted, rest].map(|rows| rows.into_iter().map(table_row).collect::<Vec<Row>>());
    let others = words::count(rest.len(), "other solution");
    let tables = Tables {
        header: HEADER,
        document: "promotion",
        sections: [
            Section::titled("Promoted", &promoted, "promoted solution"),
            Section::folded(&others, &rest, "solution"),
        ],
    };
    let tables = tables.within(max_bytes.saturating_sub(head.len()));
    out.write_all(&head)?;
    out.write_all(tables.as_bytes())
}

fn table_row(row: &PromotionRow) -> Row {
    let cell = |text: Option<String>| text.map_or_else(String::new, |text| code(&text));
    let new = view::new_version(row).map(|version| format!("{} ", code(version.as_str())));
    let new = format!("{}{}", new.unwrap_or_default(), view::result(row));
    let name = code(row.name.as_str());
    Row {
        whole: format!(
            "| {name} | {} | {} | {} | {new} |\n",
            cell(view::versions(&row.from)),
            cell(view::target_versions(row)),
            cell(view::declared(row)),
        ),
        brief: format!("| {name} | | | | {new} |\n"),
        rank: 0,
    }
}

//! Tables and lists of fields. An unknown value is a dash; all text is escaped.

use std::io::{self, Write};

use textwrap::core::display_width;

use crate::render::words;

/// Fields with their names.
pub(super) type Rows = Vec<(&'static str, Option<String>)>;

/// The maximum width of a column. A longer cell moves only the rest of its own row to the right.
const COLUMN_LIMIT: usize = 40;

/// Writes a table without borders; other programs can split its rows at two spaces.
pub(super) fn render_table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [Option<String>; N]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let lines: Vec<[String; N]> = std::iter::once(header.map(str::to_owned))
        .chain(rows.map(|row| row.map(|cell| shown(cell.as_deref()))))
        .collect();
    let widths: [usize; N] =
        std::array::from_fn(|index| column_width(lines.iter().map(|line| line[index].as_str())));
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(&padded(cell, width));
            text.push_str("  ");
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Returns the width of the widest cell, without cells wider than [`COLUMN_LIMIT`].
pub(super) fn column_width<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
    cells
        .map(display_width)
        .filter(|width| *width <= COLUMN_LIMIT)
        .max()
        .unwrap_or(0)
}

/// Returns a text with spaces behind it up to this width.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(display_width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Writes one field per line.
pub(super) fn render_rows(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    for (key, value) in rows {
        writeln!(out, "{key:<14} {}", shown(value.as_deref()))?;
    }
    Ok(())
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), words::escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_show_missing_values() {
        let rows = [
            [Some("a\u{1b}b".to_owned()), None],
            [Some("longer name".to_owned()), Some("x".to_owned())],
        ];
        let mut out = Vec::new();
        render_table(["NAME", "STATE"], rows.into_iter(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "NAME         STATE\na\\u{1b}b     -\nlonger name  x\n"
        );
    }

    #[test]
    fn a_long_cell_pushes_its_own_row_aside() {
        let long = "x".repeat(60);
        let rows = [["表", "1"], [&long, "2"], ["short", "3"]]
            .map(|row| row.map(|cell| Some(cell.to_owned())));
        let mut out = Vec::new();
        render_table(["NAME", "N"], rows.into_iter(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, format!("NAME   N\n表     1\n{long}  2\nshort  3\n"));
    }
}

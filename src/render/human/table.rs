//! Tables and lists of fields. An unknown value is a dash; all text is escaped.

use std::io::{self, Write};

use textwrap::core::display_width;

use crate::render::words;

/// Fields with their names.
pub(super) type Rows = Vec<(&'static str, Option<String>)>;

/// The maximum width of a column. A longer cell moves only the rest of its own row to the right.
const COLUMN_LIMIT: usize = 40;

/// The indentation of a cell below the first cell of its row.
const INDENT: usize = 2;

/// A table without borders; other programs can split its rows at two spaces.
pub(super) struct Table {
    header: Vec<String>,
    /// The rows; each cell has any number of lines.
    rows: Vec<Vec<Vec<String>>>,
}

impl Table {
    /// Creates a table of escaped texts.
    pub(super) fn new(
        header: impl IntoIterator<Item = String>,
        rows: impl IntoIterator<Item = Vec<Vec<String>>>,
    ) -> Self {
        Self {
            header: header.into_iter().collect(),
            rows: rows.into_iter().collect(),
        }
    }

    /// Creates a table whose cells have one line each. An unknown value is a dash.
    pub(super) fn of_values<const N: usize>(
        header: [&str; N],
        rows: impl Iterator<Item = [Option<String>; N]>,
    ) -> Self {
        let row = |cells: [Option<String>; N]| {
            let cells = cells.iter().map(|cell| vec![shown(cell.as_deref())]);
            cells.collect()
        };
        Self::new(header.map(str::to_owned), rows.map(row))
    }

    /// Writes the table: as columns if they fit into the width, otherwise with a line for each
    /// cell, and if that does not fit either, with a line for its label and one for its text.
    pub(super) fn write(&self, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let is_too_wide = |lines: &[String]| {
            let widest = lines.iter().map(|line| display_width(line)).max();
            width.is_some_and(|width| widest > Some(width))
        };
        let mut lines = self.column_lines();
        if is_too_wide(&lines) {
            lines = self.stacked_lines(false);
        }
        if is_too_wide(&lines) {
            lines = self.stacked_lines(true);
        }
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    }

    /// Returns the table as columns: each row has as many lines as its fullest cell needs.
    fn column_lines(&self) -> Vec<String> {
        let mut lines = vec![self.header.clone()];
        for row in &self.rows {
            let height = row.iter().map(Vec::len).max().unwrap_or(0);
            lines.extend((0..height).map(|index| {
                let cells = row.iter();
                let cells = cells.map(|cell| cell.get(index).cloned().unwrap_or_default());
                cells.collect()
            }));
        }
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| column_width(lines.iter().map(|line| line[column].as_str())))
            .collect();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&widths);
            let cells: Vec<String> = cells.map(|(cell, width)| padded(cell, *width)).collect();
            cells.join("  ").trim_end().to_owned()
        };
        lines.iter().map(line).collect()
    }

    /// Returns the first cell of each row, and below it a line for each line of the other cells.
    /// Their labels are before them, or have lines of their own.
    fn stacked_lines(&self, have_labels_lines: bool) -> Vec<String> {
        let (_, labels) = self.header.split_at(1);
        let labels: Vec<String> = labels.iter().map(|label| format!("{label}:")).collect();
        let width = column_width(labels.iter().map(String::as_str));
        let mut lines = Vec::new();
        for row in &self.rows {
            let mut cells = row.iter();
            lines.extend(cells.next().into_iter().flatten().cloned());
            for (label, cell) in labels.iter().zip(cells) {
                if have_labels_lines {
                    lines.push(format!("{:INDENT$}{label}", ""));
                    let texts = cell.iter().map(|text| text.trim_start());
                    lines.extend(texts.map(|text| format!("{:1$}{text}", "", 2 * INDENT)));
                    continue;
                }
                for (index, text) in cell.iter().enumerate() {
                    let label = padded(if index == 0 { label } else { "" }, width);
                    lines.push(format!("{:INDENT$}{label}  {text}", ""));
                }
            }
        }
        lines
    }
}

/// Writes a table without a limit of its width.
pub(super) fn render_table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [Option<String>; N]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    Table::of_values(header, rows).write(None, out)
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
    fn a_table_wider_than_the_terminal_is_stacked() {
        let lines = |cells: &[&[&str]]| -> Vec<Vec<String>> {
            let cells = cells.iter();
            let cells = cells.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect());
            cells.collect()
        };
        let header = ["SOLUTION", "dev", "prod"].map(str::to_owned);
        let rows = [
            lines(&[
                &["Form W-2"],
                &["~ 1 INACTIVE", "+ 2 ACTIVE"],
                &["2 ACTIVE"],
            ]),
            lines(&[&["Paystub"], &["(none)"], &["?"]]),
        ];
        let table = Table::new(header, rows);
        let text = |width| {
            let mut out = Vec::new();
            table.write(width, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let columns = "\
            SOLUTION  dev           prod\n\
            Form W-2  ~ 1 INACTIVE  2 ACTIVE\n          \
                      + 2 ACTIVE\n\
            Paystub   (none)        ?\n";
        assert_eq!(text(None), columns);
        assert_eq!(text(Some(32)), columns);
        assert_eq!(
            text(Some(31)),
            "Form W-2\n  dev:   ~ 1 INACTIVE\n         + 2 ACTIVE\n  prod:  2 ACTIVE\n\
             Paystub\n  dev:   (none)\n  prod:  ?\n"
        );
        assert_eq!(
            text(Some(20)),
            "Form W-2\n  dev:\n    ~ 1 INACTIVE\n    + 2 ACTIVE\n  prod:\n    2 ACTIVE\nPaystub\n  \
             dev:\n    (none)\n  prod:\n    ?\n"
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

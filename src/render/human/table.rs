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

/// The cells of a row; each has any number of lines.
type Cells = Vec<Vec<String>>;

/// A table without borders; other programs can split its rows at two spaces. A row is made whenever
/// it is needed, so that a long table is never in memory as a whole.
pub(super) struct Table<R> {
    header: Vec<String>,
    rows: R,
}

impl<R: Iterator<Item = Cells> + Clone> Table<R> {
    /// Creates a table of escaped texts.
    pub(super) fn new(header: impl IntoIterator<Item = String>, rows: R) -> Self {
        let header = header.into_iter().collect();
        Self { header, rows }
    }

    /// Writes the table: as columns if they fit into the width, otherwise with a line for each
    /// cell, and if that does not fit either, with a line for its label and one for its text.
    pub(super) fn write(&self, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        fn fits(width: Option<usize>, mut lines: impl Iterator<Item = String>) -> bool {
            width.is_none_or(|width| lines.all(|line| display_width(&line) <= width))
        }
        fn write(lines: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
            for line in lines {
                writeln!(out, "{line}")?;
            }
            Ok(())
        }
        let widths = self.column_widths();
        if fits(width, self.column_lines(&widths)) {
            write(self.column_lines(&widths), out)
        } else {
            let have_labels_lines = !fits(width, self.stacked_lines(false));
            write(self.stacked_lines(have_labels_lines), out)
        }
    }

    /// Returns the header and the rows.
    fn all_rows(&self) -> impl Iterator<Item = Cells> {
        let header = self.header.iter().map(|text| vec![text.clone()]);
        std::iter::once(header.collect()).chain(self.rows.clone())
    }

    fn column_widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.header.len()];
        for cells in self.all_rows() {
            for (width, cell) in widths.iter_mut().zip(&cells) {
                *width = column_width(cell.iter().map(String::as_str)).max(*width);
            }
        }
        widths
    }

    /// Returns the table as columns: each row has as many lines as its fullest cell needs.
    fn column_lines(&self, widths: &[usize]) -> impl Iterator<Item = String> {
        self.all_rows().flat_map(move |cells| {
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            let line = |index| {
                let mut line = String::new();
                for (cell, width) in cells.iter().zip(widths) {
                    let text = cell.get(index).map_or("", String::as_str);
                    push_padded(&mut line, text, *width);
                    line.push_str("  ");
                }
                line.truncate(line.trim_end().len());
                line
            };
            (0..height).map(line).collect::<Vec<String>>()
        })
    }

    /// Returns the first cell of each row, and below it a line for each line of the other cells.
    /// Their labels are before them, or have lines of their own.
    fn stacked_lines(&self, have_labels_lines: bool) -> impl Iterator<Item = String> {
        let labels = self.header.iter().skip(1);
        let labels: Vec<String> = labels.map(|label| format!("{label}:")).collect();
        let width = column_width(labels.iter().map(String::as_str));
        self.rows.clone().flat_map(move |cells| {
            let mut cells = cells.into_iter();
            let mut lines = cells.next().unwrap_or_default();
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
            lines
        })
    }
}

/// Creates a table whose cells have one line each. An unknown value is a dash.
pub(super) fn table_of_values<const N: usize, T: AsRef<str>>(
    header: [&str; N],
    rows: impl Iterator<Item = [Option<T>; N]> + Clone,
) -> Table<impl Iterator<Item = Cells> + Clone> {
    let cell = |value: &Option<T>| vec![shown(value.as_ref().map(AsRef::as_ref))];
    let rows = rows.map(move |values| values.iter().map(cell).collect());
    Table::new(header.map(str::to_owned), rows)
}

/// Writes a table without a limit of its width.
pub(super) fn render_table<const N: usize, T: AsRef<str>>(
    header: [&str; N],
    rows: impl Iterator<Item = [Option<T>; N]> + Clone,
    out: &mut dyn Write,
) -> io::Result<()> {
    table_of_values(header, rows).write(None, out)
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
    let mut padded = String::with_capacity(text.len().max(width));
    push_padded(&mut padded, text, width);
    padded
}

fn push_padded(line: &mut String, text: &str, width: usize) {
    line.push_str(text);
    line.extend(std::iter::repeat_n(
        ' ',
        width.saturating_sub(display_width(text)),
    ));
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
    use std::cell::Cell;

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
        let table = Table::new(header, rows.into_iter());
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

    /// A list may have a hundred thousand rows: they are not in memory at once.
    #[test]
    fn a_row_is_made_when_it_is_written() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let made = Cell::new(0);
        let rows = (0..100).map(|row: usize| {
            made.set(made.get() + 1);
            [Some(row.to_string())]
        });
        render_table(["N"], rows, &mut Full).unwrap_err();
        assert_eq!(made.get(), 100, "only for the width of the column");
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

//! Tables and lists of fields. What is not known is a dash; all text is made harmless.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::render::words;

/// Fields with their names.
pub(super) type Rows = Vec<(&'static str, Option<String>)>;

/// Writes a table without lines, which other programs can cut at two spaces.
pub(super) fn render_table<const N: usize>(
    header: [&'static str; N],
    rows: impl Iterator<Item = [Option<String>; N]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in rows {
        table.add_row(row.map(|cell| shown(cell.as_deref())));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim())?;
    }
    Ok(())
}

/// Writes one field a line.
pub(super) fn render_rows(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    for (key, value) in rows {
        writeln!(out, "{key:<14} {}", shown(value.as_deref()))?;
    }
    Ok(())
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), words::escaped)
}

/// A time for people, such as `2023-05-04T00:17:43.986Z`; none for one outside of the calendar.
pub(super) fn time(ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_show_what_is_missing() {
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
    fn times_are_readable() {
        assert_eq!(time(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_683_159_463_986).unwrap(), "2023-05-04T00:17:43.986Z");
        assert_eq!(time(i64::MAX), None);
    }
}

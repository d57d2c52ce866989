//! Tables that never take more than a comment may hold: what must not be overlooked whole, the rest
//! folded, and the middle cut where it is too long.

use crate::render::words;

/// What is kept for the lines that say what was cut.
pub(super) const RESERVE: usize = 200;

/// A mark that stands out.
pub(super) fn strong(text: &str) -> String {
    format!("**{text}**")
}

/// How the tables of a document look. All have five columns.
pub(super) struct Layout {
    /// The head of a table.
    pub(super) header: &'static str,
    /// What a row is.
    pub(super) row: &'static str,
    /// What a row of the folded table is.
    pub(super) rest: &'static str,
    /// What the rows are of.
    pub(super) document: &'static str,
}

impl Layout {
    /// Two tables. The first is served first; the rest, which is folded, gets what is left.
    pub(super) fn tables(
        &self,
        title: &str,
        first: &[String],
        rest: &[String],
        budget: usize,
    ) -> String {
        let mut tables = self.table(&format!("\n#### {title}\n\n"), first, budget, "");
        let left = budget.saturating_sub(tables.len());
        let opening = format!(
            "\n<details><summary>{}</summary>\n\n",
            words::count(rest.len(), self.rest)
        );
        tables.push_str(&self.table(&opening, rest, left, "\n</details>\n"));
        tables
    }

    /// A table whose middle is cut where it is too long.
    fn table(&self, opening: &str, rows: &[String], budget: usize, closing: &str) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let frame = opening.len() + self.header.len() + closing.len();
        let whole: usize = rows.iter().map(String::len).sum();
        let mut text = String::from(opening);
        text.push_str(self.header);
        if frame + whole <= budget {
            text.extend(rows.iter().map(String::as_str));
        } else {
            let half = budget.saturating_sub(frame + RESERVE / 2) / 2;
            let first = fitting(rows.iter(), half);
            let last = fitting(rows.iter().rev(), half).min(rows.len() - first);
            let cut = rows.len() - first - last;
            text.extend(rows[..first].iter().map(String::as_str));
            let told = format!(
                "| | *{} cut: the whole {} is in the job's output* | | | |\n",
                words::count(cut, self.row),
                self.document
            );
            text.push_str(&told);
            text.extend(rows[rows.len() - last..].iter().map(String::as_str));
        }
        text.push_str(closing);
        text
    }
}

/// How many rows fit.
fn fitting<'a>(rows: impl Iterator<Item = &'a String>, budget: usize) -> usize {
    rows.scan(0, |used, row| {
        *used += row.len();
        Some(*used)
    })
    .take_while(|used| *used <= budget)
    .count()
}

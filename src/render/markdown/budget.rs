//! Tables and quotes within a budget of bytes: rows are shortened before rows are cut, the most
//! dangerous rows are cut last, and the cut rows are counted.

use std::fmt::Write as _;

use super::escape::code_in_text;
use crate::render::words;

/// The maximum size of a sentence about cut rows, in bytes; so much is reserved for it.
pub(super) const IN_WORDS: usize = 120;

/// Returns a text in bold.
pub(super) fn strong(text: &str) -> String {
    format!("**{text}**")
}

/// Returns the mark of a risk, in bold if the risk is high.
pub(super) fn mark(text: &str, is_high: bool) -> String {
    if is_high {
        strong(text)
    } else {
        text.to_owned()
    }
}

/// Returns the values of a field on both sides; `shown` escapes a value.
pub(super) fn values(
    name: &str,
    before: Option<&str>,
    after: Option<&str>,
    shown: impl Fn(&str) -> String,
) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{name} {} → {}", shown(before), shown(after)),
        (None, Some(after)) => format!("{name} {}", shown(after)),
        (Some(before), None) => format!("~~{name}~~ {}", shown(before)),
        (None, None) => name.to_owned(),
    }
}

/// A row in full, and shortened to the facts that a reviewer must see.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) whole: String,
    pub(super) brief: String,
    /// The rank; rows with the lowest rank are cut last.
    pub(super) rank: usize,
}

/// The tables of a document, with the same columns.
pub(super) struct Tables<'a> {
    /// The head of each table.
    pub(super) header: &'a str,
    /// The kind of document, such as `plan`.
    pub(super) document: &'static str,
    /// The tables, in the order of the document.
    pub(super) sections: [Section<'a>; 2],
}

/// The number of rows that are kept, by rank: the first ones whole, the next ones brief.
#[derive(Clone, Copy)]
struct Kept {
    whole: usize,
    all: usize,
}

impl Tables<'_> {
    /// Returns the tables within a budget of bytes, or within [`IN_WORDS`] for each table if the
    /// budget is smaller.
    ///
    /// Rows are taken by rank, then in their order. The first rows are whole, up to a quarter of
    /// the budget, or more if no row is cut. The next rows are brief; the others are counted.
    pub(super) fn within(&self, budget: usize) -> String {
        let mut order: Vec<(usize, usize)> = (0..self.sections.len())
            .flat_map(|section| {
                (0..self.sections[section].rows.len()).map(move |row| (section, row))
            })
            .collect();
        order.sort_by_key(|&(section, row)| self.sections[section].rows[row].rank);
        let fits = |kept| self.text(&order, kept).len() <= budget;
        let most = |fits: &dyn Fn(usize) -> bool| {
            let numbers: Vec<usize> = (0..=order.len()).collect();
            numbers.partition_point(|number| fits(*number)).max(1) - 1
        };
        let lengths = order.iter().scan(0, |length, &(section, row)| {
            *length += self.sections[section].rows[row].whole.len();
            Some(*length)
        });
        let quarter = lengths.take_while(|length| *length <= budget / 4).count();
        let up_to_quarter = |all| Kept {
            whole: quarter.min(all),
            all,
        };
        let all = order.len();
        let kept = if fits(up_to_quarter(all)) {
            // No row is cut, so the rest of the budget is used for more whole rows.
            let whole = most(&|whole| fits(Kept { whole, all }));
            Kept { whole, all }
        } else {
            up_to_quarter(most(&|all| fits(up_to_quarter(all))))
        };
        self.text(&order, kept)
    }

    /// Returns the tables with the first rows of an order.
    fn text(&self, order: &[(usize, usize)], kept: Kept) -> String {
        let mut shown = self
            .sections
            .each_ref()
            .map(|section| vec![None; section.rows.len()]);
        for (index, &(section, row)) in order.iter().take(kept.all).enumerate() {
            let texts = &self.sections[section].rows[row];
            shown[section][row] = Some(if index < kept.whole {
                &*texts.whole
            } else {
                &*texts.brief
            });
        }
        let sections = self.sections.iter().zip(&shown);
        sections
            .map(|(section, rows)| self.section(section, rows))
            .collect()
    }

    /// Returns a section: the kept rows, and the number of cut rows.
    fn section(&self, section: &Section<'_>, rows: &[Option<&str>]) -> String {
        let cut = rows.iter().filter(|row| row.is_none()).count();
        let sentence = format!(
            "*{} cut: the whole {} is in the job's output*",
            words::count(cut, section.what),
            self.document
        );
        if rows.is_empty() {
            return String::new();
        }
        if cut == rows.len() {
            return format!("\n{sentence}\n");
        }
        let mut text = format!("{}{}", section.opening, self.header);
        text.extend(rows.iter().flatten().copied());
        if cut > 0 {
            let heads = self.header.lines().next().unwrap_or_default();
            let columns = heads.matches(" |").count();
            let others = " |".repeat(columns.saturating_sub(2));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| | {sentence} |{others}");
        }
        text + section.closing
    }
}

/// A table with the text before and after it.
pub(super) struct Section<'a> {
    opening: String,
    rows: &'a [Row],
    closing: &'static str,
    /// The noun for a row, in the singular.
    what: &'static str,
}

impl<'a> Section<'a> {
    /// Returns a section under a title.
    pub(super) fn titled(title: &str, rows: &'a [Row], what: &'static str) -> Self {
        Self {
            opening: format!("\n#### {title}\n\n"),
            rows,
            closing: "",
            what,
        }
    }

    /// Returns a section that is folded under a line.
    pub(super) fn folded(line: &str, rows: &'a [Row], what: &'static str) -> Self {
        Self {
            opening: format!("\n<details><summary>{line}</summary>\n\n"),
            rows,
            closing: "\n</details>\n",
            what,
        }
    }
}

/// Returns texts as quotes behind a bold word: as many as fit, and the number of the others.
pub(super) fn quotes(word: &str, texts: &[impl ToString], budget: usize) -> String {
    let mut quotes = String::new();
    for (index, text) in texts.iter().enumerate() {
        let quote = format!("\n> **{word}:** {}\n", code_in_text(&text.to_string()));
        let left = texts.len() - index;
        // No count follows the last quote.
        let room = if left == 1 { 0 } else { IN_WORDS };
        if quotes.len() + quote.len() + room > budget {
            return quotes + &format!("\n> **{word}:** *{left} more*\n");
        }
        quotes.push_str(&quote);
    }
    quotes
}

/// Returns lines as a list: as many as fit, and the number of the others.
pub(super) fn listed(lines: &[String], budget: usize) -> String {
    const REST: usize = 40;
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if text.len() + line.len() + REST > budget {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n- and {} more", lines.len() - index);
            return text;
        }
        let _ = write!(text, "\n- {line}");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(nth: usize, rank: usize) -> Row {
        Row {
            whole: format!("| {nth} | {} |\n", "x".repeat(100)),
            brief: format!("| {nth} | {} |\n", "y".repeat(20)),
            rank,
        }
    }

    fn tables<'a>(first: &'a [Row], rest: &'a [Row]) -> Tables<'a> {
        Tables {
            header: "| | version | what changes | why | risks |\n|---|---|---|---|---|\n",
            document: "plan",
            sections: [
                Section::titled("Open", first, "destroyed version"),
                Section::folded("closed", rest, "change"),
            ],
        }
    }

    #[test]
    fn rows_are_shortened_then_cut_and_counted() {
        let rows: Vec<Row> = (0..10).map(|nth| row(nth, 0)).collect();
        let tables = tables(&rows, &[]);
        let kept = |text: &str| (text.matches("| xx").count(), text.matches("| yy").count());
        let mut seen = Vec::new();
        for budget in (0..1_400).rev() {
            let text = tables.within(budget);
            assert_eq!(text, tables.within(budget));
            assert!(text.len() <= budget.max(IN_WORDS), "{budget}: {text}");
            let (whole, brief) = kept(&text);
            let cut = 10 - whole - brief;
            let sentence = format!("*{} cut: ", words::count(cut, "destroyed version"));
            assert_eq!(text.contains(&sentence), cut > 0, "{budget}: {text}");
            if seen.last() != Some(&(whole, brief, cut)) {
                seen.push((whole, brief, cut));
            }
        }
        // As the budget gets smaller, first each row is shortened, then each row is cut.
        assert_eq!(seen.first(), Some(&(10, 0, 0)));
        assert_eq!(seen.last(), Some(&(0, 0, 10)));
        assert!(seen.contains(&(5, 5, 0)), "{seen:?}");
        assert!(
            seen.iter()
                .any(|(whole, brief, cut)| *whole > 0 && *brief > 0 && *cut > 0)
        );
    }

    #[test]
    fn the_most_dangerous_rows_are_cut_last() {
        let first: Vec<Row> = (0..5).map(|nth| row(nth, 1)).collect();
        let rest: Vec<Row> = (5..10)
            .map(|nth| row(nth, if nth == 8 { 0 } else { 2 }))
            .collect();
        let tables = tables(&first, &rest);
        let names = |text: &str| -> Vec<usize> {
            (0..10)
                .filter(|nth| text.contains(&format!("| {nth} | ")))
                .collect()
        };
        // Rows are kept by rank, then in their order; they are shown in the document's order.
        let ranked = [8, 0, 1, 2, 3, 4, 5, 6, 7, 9];
        for budget in 0..2_000 {
            let text = tables.within(budget);
            let kept = names(&text);
            let mut expected = ranked[..kept.len()].to_vec();
            expected.sort_unstable();
            assert_eq!(kept, expected, "{budget}: {text}");
            assert!(text.len() <= budget.max(2 * IN_WORDS), "{budget}: {text}");
        }
        assert!(names(&tables.within(1_600)).len() == 10);
    }

    #[test]
    fn quotes_show_bars_as_they_are() {
        let quotes = quotes("Error", &["a|b"], 1_000);
        assert_eq!(quotes, "\n> **Error:** `a|b`\n");
    }

    #[test]
    fn quotes_count_the_texts_that_do_not_fit() {
        let texts: Vec<String> = (0..5).map(|nth| format!("reason {nth}")).collect();
        assert!(quotes("Error", &texts, 1_000).ends_with("> **Error:** `reason 4`\n"));
        let some = quotes("Error", &texts, 180);
        assert!(some.len() <= 180, "{some}");
        assert!(
            some.ends_with("> **Error:** `reason 1`\n\n> **Error:** *3 more*\n"),
            "{some}"
        );
    }
}

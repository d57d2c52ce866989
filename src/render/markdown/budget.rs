//! Tables and quotes within a budget of bytes: rows are shortened before rows are cut, the most
//! dangerous rows are cut last, and the cut rows are counted.

use super::escape::code;
use crate::render::words;

/// The maximum size of a sentence about cut rows, in bytes; so much is reserved for it.
pub(super) const IN_WORDS: usize = 120;

/// Returns a text in bold.
pub(super) fn strong(text: &str) -> String {
    format!("**{text}**")
}

/// A row in full, and shortened to the facts that a reviewer must see.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) whole: String,
    pub(super) brief: String,
    /// The rank; rows with the lowest rank are cut last.
    pub(super) rank: usize,
}

/// The tables of a document. All have five columns.
pub(super) struct Tables<'a> {
    /// The head of each table.
    pub(super) header: &'static str,
    /// The kind of document, such as `plan`.
    pub(super) document: &'static str,
    /// The tables, in the order of the document.
    pub(super) sections: [Section<'a>; 2],
}

/// The number of rows that are kept, by rank: the first ones whole, the next ones brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    whole: usize,
    all: usize,
}

/// The sizes of the parts of a section without its rows, in bytes.
struct Frame {
    rows: usize,
    without_rows: usize,
    around_rows: usize,
    cut: usize,
}

impl Frame {
    /// Returns the size with this number of rows, in bytes.
    fn length(&self, kept: usize) -> usize {
        match kept {
            _ if self.rows == 0 => 0,
            0 => self.without_rows,
            _ if kept < self.rows => self.around_rows + self.cut,
            _ => self.around_rows,
        }
    }
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
        let kept = self.kept(&order, budget);
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

    /// Returns the numbers of whole rows and of all rows that fit.
    fn kept(&self, order: &[(usize, usize)], budget: usize) -> Kept {
        let row = |index: usize| {
            let (section, row) = order[index];
            &self.sections[section].rows[row]
        };
        // The sizes of the first rows if each is whole, and if each is brief.
        let mut whole = vec![0];
        let mut brief = vec![0];
        // The number of rows of each section among the first rows.
        let mut counts = vec![[0; 2]];
        for (index, &(section, _)) in order.iter().enumerate() {
            whole.push(whole[index] + row(index).whole.len());
            brief.push(brief[index] + row(index).brief.len());
            let mut count = counts[index];
            count[section] += 1;
            counts.push(count);
        }
        let frames = self.sections.each_ref().map(|section| self.frame(section));
        let size = |kept: Kept| {
            let rows = whole[kept.whole] + brief[kept.all] - brief[kept.whole];
            let frames = frames.iter().zip(counts[kept.all]);
            rows + frames
                .map(|(frame, kept)| frame.length(kept))
                .sum::<usize>()
        };
        let quarter = whole.partition_point(|length| *length <= budget / 4) - 1;
        let all = (0..=order.len())
            .rev()
            .find(|all| {
                let whole = quarter.min(*all);
                size(Kept { whole, all: *all }) <= budget
            })
            .unwrap_or(0);
        // If no row is cut, the rest of the budget is used for more whole rows.
        let most = (quarter.min(all)..=all).rev();
        let whole = most
            .filter(|_| all == order.len())
            .find(|&whole| size(Kept { whole, all }) <= budget);
        Kept {
            whole: whole.unwrap_or(quarter.min(all)),
            all,
        }
    }

    fn frame(&self, section: &Section<'_>) -> Frame {
        // The sentence is longest if all rows are cut.
        let sentence = self.cut_sentence(section, section.rows.len());
        Frame {
            rows: section.rows.len(),
            without_rows: paragraph(&sentence).len(),
            around_rows: section.opening.len() + self.header.len() + section.closing.len(),
            cut: cut_row(&sentence).len(),
        }
    }

    /// Returns a section: the kept rows, and the number of cut rows.
    fn section(&self, section: &Section<'_>, rows: &[Option<&str>]) -> String {
        let cut = rows.iter().filter(|row| row.is_none()).count();
        let sentence = self.cut_sentence(section, cut);
        if rows.is_empty() {
            return String::new();
        }
        if cut == rows.len() {
            return paragraph(&sentence);
        }
        let mut text = format!("{}{}", section.opening, self.header);
        text.extend(rows.iter().flatten().copied());
        if cut > 0 {
            text.push_str(&cut_row(&sentence));
        }
        text + section.closing
    }

    /// Returns the sentence about the number of cut rows.
    fn cut_sentence(&self, section: &Section<'_>, cut: usize) -> String {
        format!(
            "*{} cut: the whole {} is in the job's output*",
            words::count(cut, section.what),
            self.document
        )
    }
}

fn paragraph(sentence: &str) -> String {
    format!("\n{sentence}\n")
}

fn cut_row(sentence: &str) -> String {
    format!("| | {sentence} | | | |\n")
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
pub(super) fn quotes(word: &str, texts: &[String], budget: usize) -> String {
    let mut quotes = String::new();
    for (index, text) in texts.iter().enumerate() {
        let quote = format!("\n> **{word}:** {}\n", code(text));
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

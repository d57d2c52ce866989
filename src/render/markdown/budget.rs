//! Tables and quotes within a budget of bytes: rows are shortened before any is cut, and what is cut is
//! said.

use super::escape::code;
use crate::render::words;

/// The most bytes that a sentence about what was cut takes, for what is reserved.
pub(super) const IN_WORDS: usize = 120;

/// A mark that stands out.
pub(super) fn strong(text: &str) -> String {
    format!("**{text}**")
}

/// A row, whole and with nothing but what must be seen.
pub(super) struct Row {
    pub(super) whole: String,
    pub(super) brief: String,
}

impl From<String> for Row {
    /// A row that is never shortened.
    fn from(text: String) -> Self {
        Self {
            whole: text.clone(),
            brief: text,
        }
    }
}

/// The tables of a document. All have five columns.
pub(super) struct Tables<'a> {
    /// The head of each table.
    pub(super) header: &'static str,
    /// What the rows are of.
    pub(super) document: &'static str,
    /// What must not be overlooked.
    pub(super) first: Section<'a>,
    /// The rest, which gets the room that is left, and none while a row of the first is cut.
    pub(super) rest: Section<'a>,
}

impl Tables<'_> {
    /// Both in so many bytes.
    pub(super) fn within(&self, budget: usize) -> String {
        let reserved = if self.rest.rows.is_empty() {
            0
        } else {
            IN_WORDS
        };
        let (first, is_cut) = self.section(&self.first, budget.saturating_sub(reserved));
        let left = if is_cut {
            reserved
        } else {
            budget.saturating_sub(first.len())
        };
        first + &self.section(&self.rest, left).0
    }

    /// A section in so many bytes at most, which are [`IN_WORDS`] at least: whole rows, else brief
    /// rows, else the first and the last of them, else a sentence. Says whether any row is cut.
    fn section(&self, section: &Section<'_>, budget: usize) -> (String, bool) {
        let Section {
            opening,
            rows,
            closing,
            what,
        } = section;
        if rows.is_empty() {
            return (String::new(), false);
        }
        let framed = |rows: &str| [opening, self.header, rows, closing].concat();
        let told = |cut: usize| {
            format!(
                "*{} cut: the whole {} is in the job's output*",
                words::count(cut, what),
                self.document
            )
        };
        let room = budget.saturating_sub(framed("").len());
        let whole = || rows.iter().map(|row| row.whole.as_str());
        let brief = || rows.iter().map(|row| row.brief.as_str());
        if whole().map(str::len).sum::<usize>() <= room {
            return (framed(&whole().collect::<String>()), false);
        }
        if brief().map(str::len).sum::<usize>() <= room {
            return (framed(&brief().collect::<String>()), false);
        }
        let row = |told: &str| format!("| | {told} | | | |\n");
        // The sentence never gets longer when fewer are cut.
        let half = room.saturating_sub(row(&told(rows.len())).len()) / 2;
        let first = fitting(brief(), half);
        let last = fitting(brief().rev(), half).min(rows.len() - first);
        if first + last == 0 {
            return (format!("\n{}\n", told(rows.len())), true);
        }
        let cut = rows.len() - first - last;
        let mut kept: String = brief().take(first).collect();
        kept.push_str(&row(&told(cut)));
        kept.extend(brief().skip(first + cut));
        (framed(&kept), true)
    }
}

/// A table with what stands before and behind it.
pub(super) struct Section<'a> {
    opening: String,
    rows: &'a [Row],
    closing: &'static str,
    /// What a row is, in the singular.
    what: &'static str,
}

impl<'a> Section<'a> {
    /// One under a title.
    pub(super) fn titled(title: &str, rows: &'a [Row], what: &'static str) -> Self {
        Self {
            opening: format!("\n#### {title}\n\n"),
            rows,
            closing: "",
            what,
        }
    }

    /// One that is folded under a line.
    pub(super) fn folded(line: &str, rows: &'a [Row], what: &'static str) -> Self {
        Self {
            opening: format!("\n<details><summary>{line}</summary>\n\n"),
            rows,
            closing: "\n</details>\n",
            what,
        }
    }
}

/// How many rows fit.
fn fitting<'a>(rows: impl Iterator<Item = &'a str>, budget: usize) -> usize {
    rows.scan(0, |used, row| {
        *used += row.len();
        Some(*used)
    })
    .take_while(|used| *used <= budget)
    .count()
}

/// Texts as quotes behind a bold word: as many as fit, and how many more there are.
pub(super) fn quotes(word: &str, texts: &[String], budget: usize) -> String {
    let mut quotes = String::new();
    for (place, text) in texts.iter().enumerate() {
        let quote = format!("\n> **{word}:** {}\n", code(text));
        let left = texts.len() - place;
        // The last one needs no room for a count behind it.
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

    #[test]
    fn rows_are_shortened_then_cut_then_counted() {
        let rows: Vec<Row> = (0..10)
            .map(|nth| Row {
                whole: format!("| {nth} | {} |\n", "x".repeat(100)),
                brief: format!("| {nth} | {} |\n", "y".repeat(20)),
            })
            .collect();
        let tables = Tables {
            header: "| | version | what changes | why | risks |\n|---|---|---|---|---|\n",
            document: "plan",
            first: Section::titled("Open", &rows, "change"),
            rest: Section::folded("closed", &[], "change"),
        };
        let some =
            "yy |\n| | *8 changes cut: the whole plan is in the job's output* | | | |\n| 9 |";
        let none = "\n*10 changes cut: the whole plan is in the job's output*\n";
        for (budget, has, has_not, expected) in [
            (2_000, "| 5 | xx", "cut", false),
            (410, "| 5 | yy", "xx", false),
            (230, some, "| 5 |", true),
            (IN_WORDS, none, "Open", true),
            (0, none, "Open", true),
        ] {
            let (text, is_cut) = tables.section(&tables.first, budget);
            assert_eq!(is_cut, expected, "{budget}: {text}");
            assert!(text.len() <= budget.max(IN_WORDS), "{budget}: {text}");
            assert!(text.contains(has), "{budget}: {text}");
            assert!(!text.contains(has_not), "{budget}: {text}");
        }
    }

    #[test]
    fn the_rest_is_counted_while_anything_before_it_is_cut() {
        let row = |nth: usize| Row::from(format!("| {nth} | {} |\n", "x".repeat(100)));
        let (first, rest): (Vec<Row>, Vec<Row>) = ((0..9).map(row).collect(), vec![row(9)]);
        let tables = Tables {
            header: "",
            document: "plan",
            first: Section::titled("First", &first, "destroyed version"),
            rest: Section::folded("1 more", &rest, "change"),
        };
        let text = tables.within(900);
        assert!(text.len() <= 900, "{text}");
        assert!(
            text.contains(" destroyed versions cut: the whole plan"),
            "{text}"
        );
        assert!(text.ends_with("*1 change cut: the whole plan is in the job's output*\n"));
        let text = tables.within(2_000);
        assert!(text.contains("| 9 | xx"), "{text}");
        assert!(!text.contains(" cut"), "{text}");
    }

    #[test]
    fn quotes_say_how_many_more_there_are() {
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

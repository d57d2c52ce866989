//! Wraps lines for a terminal, between words only, so that an id, a path or an address is never
//! broken.

use std::borrow::Cow;

use textwrap::core::display_width;

/// The maximum width of a paragraph, because longer lines are hard to read. Tables and plans use
/// the full width of the terminal.
pub const PROSE_WIDTH: usize = 100;

/// The additional indentation of a continuation line.
const HANG: usize = 2;

/// Wraps each line that is wider than the terminal, except for lines that must stay whole.
pub fn wrapped(text: &str, width: usize) -> Cow<'_, str> {
    if text.lines().all(|line| display_width(line) <= width) {
        return Cow::Borrowed(text);
    }
    let mut wrapped = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        let (line, end) = line
            .strip_suffix('\n')
            .map_or((line, ""), |line| (line, "\n"));
        if is_whole(line) {
            wrapped.push_str(line);
        } else {
            push_wrapped(line, width, leading(line) + HANG, &mut wrapped);
        }
        wrapped.push_str(end);
    }
    Cow::Owned(wrapped)
}

/// Returns true if a line must not be broken: other programs search for Terraform's literals, which
/// start with `  # `, and a path in the excerpt of a manifest must stay one word.
fn is_whole(line: &str) -> bool {
    let plain = without_styles(line);
    let behind_number = plain.trim_start_matches(|char: char| char == ' ' || char.is_ascii_digit());
    plain.starts_with("  # ") || behind_number.starts_with(['╭', '│', '·', '├', '╰'])
}

/// Returns a line without the codes of its styles, which start with an escape and end with `m`.
fn without_styles(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    first.into_iter().chain(rest).collect()
}

/// Adds a line to `out`, wrapped at `width`; continuation lines are indented by `hang`.
pub(super) fn push_wrapped(line: &str, width: usize, hang: usize, out: &mut String) {
    if display_width(line) <= width {
        out.push_str(line);
        return;
    }
    let hang = hang.min(width / 2);
    let start = leading(line);
    out.push_str(&line[..start]);
    let mut column = start;
    let mut is_first = true;
    for (gap, unit) in units(&line[start..], width - hang) {
        let unit_width = display_width(unit);
        if is_first {
            is_first = false;
        } else if column + gap + unit_width > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', hang));
            column = hang;
        } else {
            out.extend(std::iter::repeat_n(' ', gap));
            column += gap;
        }
        out.push_str(unit);
        column += unit_width;
    }
}

fn leading(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Splits a line into pieces that are never broken, each with the number of spaces before it: table
/// cells and quoted texts that fit into a line, otherwise words.
fn units(line: &str, limit: usize) -> Vec<(usize, &str)> {
    let mut units = Vec::new();
    let mut rest = line;
    let mut gap = 0;
    while !rest.is_empty() {
        let (cell, after) = rest.split_at(rest.find("  ").unwrap_or(rest.len()));
        if display_width(cell) <= limit {
            units.push((gap, cell));
        } else {
            push_words(cell, gap, limit, &mut units);
        }
        rest = after.trim_start_matches(' ');
        gap = after.len() - rest.len();
    }
    units
}

fn push_words<'a>(cell: &'a str, gap: usize, limit: usize, units: &mut Vec<(usize, &'a str)>) {
    let mut rest = cell;
    let mut gap = gap;
    while !rest.is_empty() {
        let quoted = quoted_end(rest).filter(|end| display_width(&rest[..*end]) <= limit);
        let end = quoted.unwrap_or_else(|| rest.find(' ').unwrap_or(rest.len()));
        units.push((gap, &rest[..end]));
        rest = &rest[end..];
        gap = leading(rest);
        rest = &rest[gap..];
    }
}

/// Returns the end of the quoted text at the start of `text`, including the punctuation after it.
fn quoted_end(text: &str) -> Option<usize> {
    let bare = text.trim_start_matches('(');
    let start = text.len() - bare.len();
    let quote = bare.chars().next().filter(|first| "\"`".contains(*first))?;
    let mut is_escaped = false;
    let (close, _) = bare.char_indices().skip(1).find(|(_, letter)| {
        let closes = *letter == quote && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        closes
    })?;
    let behind = start + close + 1;
    Some(
        text[behind..]
            .find(' ')
            .map_or(text.len(), |end| behind + end),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6b1f2c1e-0c37-4f0a-9f6e-0d9be1f3a001";

    #[test]
    fn lines_break_between_words_only() {
        for (width, line, expected) in [
            (80, "short", "short".to_owned()),
            (
                10,
                "one two three four",
                "one two\n  three\n  four".to_owned(),
            ),
            // A word that is wider than the terminal has a line of its own.
            (
                20,
                &*format!("the id {ID} is gone"),
                format!("the id\n  {ID}\n  is gone"),
            ),
            // The cells of a table stay whole where they fit.
            (
                44,
                &*format!("Form W-2  0.0.1  svc  {ID}"),
                format!("Form W-2  0.0.1  svc\n  {ID}"),
            ),
            // Quoted texts with blanks too.
            (
                40,
                "      path = \"drive/Form W-2 x.ibsolution\", new",
                "      path =\n        \"drive/Form W-2 x.ibsolution\",\n        new".to_owned(),
            ),
            (
                12,
                "a \"b c d e f g h\"",
                "a \"b c d e f\n  g h\"".to_owned(),
            ),
            // Styles have no width, and wide letters have two columns.
            (
                9,
                "\u{1b}[1mone two\u{1b}[0m x",
                "\u{1b}[1mone two\u{1b}[0m x".to_owned(),
            ),
            (
                8,
                "\u{1b}[1mone two\u{1b}[0m x",
                "\u{1b}[1mone two\u{1b}[0m\n  x".to_owned(),
            ),
            (6, "表表 表", "表表\n  表".to_owned()),
        ] {
            assert_eq!(wrapped(line, width), expected, "{width}: {line}");
        }
    }

    #[test]
    fn literals_and_excerpts_stay_whole() {
        for line in [
            "  # A very long name of a solution@1.0 will be destroyed",
            "  \u{1b}[1m# A very long name of a solution@1.0 will be destroyed\u{1b}[0m",
            "  # (superseded by A@2, solform.yaml:1:3; waits for A@2)",
            "   ╭─[a folder/another folder/solform.yaml:6:25]",
            " 10 │     path: a folder/another folder/a form.ibsolution",
            " \u{1b}[2m10\u{1b}[0m │     path: a folder/another folder/a form.ibsolution",
            "    ·                   ──────┬──────",
            "    ·                         ╰── a package ends with `.ibsolution`",
            "    ╰────                                                       x",
        ] {
            let text = format!("{line}\none two three four five six seven eight\n");
            let expected = format!("{line}\none two three four five six seven\n  eight\n");
            assert_eq!(wrapped(&text, 34), expected);
        }
        let other = "# A name of a solution@1.0 is in a comment";
        assert_eq!(
            wrapped(other, 34),
            "# A name of a solution@1.0 is in a\n  comment"
        );
    }

    #[test]
    fn no_word_is_lost_or_broken_at_any_width() {
        let text = format!(
            "  done      -/+ Form W-2@0.0.1  0.3s, id {ID}\nError: `a b` is (\"c d\") \
             wrong\n\n      ! x\n"
        );
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for width in 20..120 {
            let broken = wrapped(&text, width);
            assert_eq!(words(&broken), words(&text), "{width}: {broken}");
            for line in broken.lines() {
                let is_one_word = !line.trim_start().contains(' ');
                assert!(
                    display_width(line) <= width || is_one_word,
                    "{width}: {broken}"
                );
            }
        }
    }
}
